"""kubectl version, cluster-info, api-versions, api-resources, and top, for which there are no metrics."""

from __future__ import annotations

import json
import platform
import sys

from statelab.kubectl import goyaml
from statelab.kubectl.api import DISCOVERY, Object
from statelab.kubectl.call import Call
from statelab.kubectl.gotext import aligned
from statelab.kubectl.printing import printer
from statelab.kubectl.problems import Fail, UsageFail
from statelab.kubectl.resources import Resource, told_versions

VERSION = "v1.37.1"  # of the kubectl whose words these are
_KUSTOMIZE = "v5.8.1"


def version(call: Call) -> None:
    flags = call.flags
    if call.args:
        raise Fail(f"extra arguments: [{' '.join(call.args)}]")
    form = flags.text("output")
    if form not in ("", "yaml", "json"):
        raise Fail("--output must be 'yaml' or 'json'")
    server: Object | None = None if flags.on("client") else call.request("GET", "/version")
    if not form:
        call.out(f"Client Version: {VERSION}\nKustomize Version: {_KUSTOMIZE}\n")
        if server is not None:
            call.out(f"Server Version: {server['gitVersion']}\n")
        return
    major, minor, _ = VERSION.removeprefix("v").split(".")
    client = {
        "major": major, "minor": minor, "gitVersion": VERSION, "gitCommit": "", "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z", "goVersion": "none", "compiler": f"python{platform.python_version()}",
        "platform": f"{sys.platform}/{platform.machine()}",
    }  # fmt: skip
    told: Object = {"clientVersion": client, "kustomizeVersion": _KUSTOMIZE}
    if server is not None:
        told["serverVersion"] = server
    call.out(goyaml.written(told) + "\n" if form == "yaml" else json.dumps(told, indent=2) + "\n")


def cluster_info(call: Call) -> None:
    server = call.session.server
    call.out(f"Kubernetes control plane is running at {server}\n")
    services = call.list(
        call.mapper.find("services"), "kube-system", labelSelector="kubernetes.io/cluster-service=true"
    )
    for each in services:
        name = (each["metadata"].get("labels") or {}).get("kubernetes.io/name") or each["metadata"]["name"]
        port = each["spec"]["ports"][0]
        ending = f":{port['name']}" if port.get("name") else ""
        path = f"/api/v1/namespaces/kube-system/services/{each['metadata']['name']}{ending}/proxy"
        call.out(f"{name} is running at {server}{path}\n")
    call.out("\nTo further debug and diagnose cluster problems, use 'kubectl cluster-info dump'.\n")


def api_versions(call: Call) -> None:
    if call.args:
        raise UsageFail(f"unexpected arguments: [{' '.join(call.args)}]", "api-versions")
    found: set[str] = set()
    for path in ("/api", "/apis"):
        for group in call.request("GET", path, accept=DISCOVERY).get("items") or ():
            name = (group.get("metadata") or {}).get("name") or ""
            found |= {f"{name}/{each['version']}" if name else each["version"] for each in told_versions(group)}
    for each in sorted(found):
        call.out(f"{each}\n")


def api_resources(call: Call) -> None:
    flags = call.flags
    if call.args:
        raise UsageFail(f"unexpected arguments: [{' '.join(call.args)}]", "api-resources")
    if flags.text("sort-by") not in ("", "name", "kind"):
        raise Fail("--sort-by accepts only name or kind")
    form = flags.text("output")
    if form not in ("", "wide", "name"):
        printer(call)
        raise Fail(f"--output {form} is not simulated here: wide and name are")
    chosen = [each for each in call.mapper.all if _is_wanted(call, each)]
    key = {"name": lambda each: each.plural, "kind": lambda each: each.kind}.get(flags.text("sort-by"))
    chosen.sort(key=key or (lambda each: (each.group, each.plural)))
    if form == "name":
        for each in chosen:
            call.out(f"{each.group_resource}\n")
        return
    rows = []
    if not flags.on("no-headers"):
        head = ["NAME", "SHORTNAMES", "APIVERSION", "NAMESPACED", "KIND"]
        rows.append("\t".join([*head, "VERBS", "CATEGORIES"] if form == "wide" else head))
    for each in chosen:
        cells = [
            each.plural,
            ",".join(each.short_names),
            each.api_version,
            "true" if each.namespaced else "false",
            each.kind,
        ]
        if form == "wide":
            cells += [",".join(sorted(each.verbs)), ",".join(each.categories)]
        rows.append("\t".join(cells))
    call.out(aligned(rows))


def _is_wanted(call: Call, resource: Resource) -> bool:
    flags = call.flags
    if flags.has("api-group") and resource.group != flags.text("api-group"):
        return False
    if flags.has("namespaced") and resource.namespaced != flags.on("namespaced"):
        return False
    if not resource.verbs or not set(flags.all("verbs")) <= set(resource.verbs):
        return False
    return set(flags.all("categories")) <= set(resource.categories)


def top_node(call: Call) -> None:
    _top(call)


def top_pod(call: Call) -> None:
    _top(call)


def _top(call: Call) -> None:
    """There is no metrics server; kubectl says so, and so does this."""
    raise Fail("Metrics API not available")
