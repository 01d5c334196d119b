"""Nodes, Namespaces and Events: rows of a table. Source: pkg/printers/internalversion/printers.go."""

from __future__ import annotations

from typing import Any

from statelab.controlplane.apiserver.printing.cells import AGE, NAME, Printer, Since, age, name, part
from statelab.controlplane.kinds import Object

_CORE = "io.k8s.api.core.v1."


def _node(obj: Object, since: Since) -> list[Any]:
    status = part(obj, "status")
    info = part(status, "nodeInfo")
    ready = next((each["status"] for each in status.get("conditions") or () if each["type"] == "Ready"), None)
    state = "Unknown" if ready is None else "Ready" if ready == "True" else "NotReady"
    if part(obj, "spec").get("unschedulable"):
        state += ",SchedulingDisabled"
    addresses = [
        next((each["address"] for each in status.get("addresses") or () if each["type"] == kind), "<none>")
        for kind in ("InternalIP", "ExternalIP")
    ]
    known = [info.get(name) or "<unknown>" for name in ("osImage", "kernelVersion", "containerRuntimeVersion")]
    return [name(obj), state, _roles(obj), age(obj, since), info.get("kubeletVersion", ""), *addresses, *known]


def _roles(obj: Object) -> str:
    labels: dict[str, str] = part(obj["metadata"], "labels")
    prefix = "node-role.kubernetes.io/"
    roles = {key.removeprefix(prefix) for key in labels if key.startswith(prefix)}
    roles.add(labels.get("kubernetes.io/role", ""))
    return ",".join(sorted(roles - {""})) or "<none>"


def _namespace(obj: Object, since: Since) -> list[Any]:
    return [name(obj), part(obj, "status").get("phase", ""), age(obj, since)]


def _event(obj: Object, since: Since) -> list[Any]:
    involved, source = part(obj, "involvedObject"), part(obj, "source")
    first = since(obj.get("firstTimestamp") or obj.get("eventTime"))
    last = since(obj["lastTimestamp"]) if obj.get("lastTimestamp") else first
    count = obj.get("count") or 1
    if obj.get("series"):
        last, count = since(obj["series"].get("lastObservedTime")), obj["series"].get("count", 0)
    kind = str(involved.get("kind", "")).lower()
    component = source.get("component") or obj.get("reportingComponent") or ""
    instance = source.get("host") or obj.get("reportingInstance") or ""
    return [
        last,
        obj.get("type", ""),
        obj.get("reason", ""),
        f"{kind}/{involved['name']}" if involved.get("name") else kind,
        involved.get("fieldPath", ""),
        f"{component}, {instance}" if instance else component,
        str(obj.get("message", "")).strip(),
        first,
        count,
        name(obj),
    ]


PRINTERS = {
    "nodes": Printer(
        (
            NAME,
            ("Status", "string", 0, "The status of the node"),
            ("Roles", "string", 0, "The roles of the node"),
            AGE,
            ("Version", "string", 0, _CORE + "NodeSystemInfo#kubeletVersion"),
            ("Internal-IP", "string", 1, _CORE + "NodeStatus#addresses"),
            ("External-IP", "string", 1, _CORE + "NodeStatus#addresses"),
            ("OS-Image", "string", 1, _CORE + "NodeSystemInfo#osImage"),
            ("Kernel-Version", "string", 1, _CORE + "NodeSystemInfo#kernelVersion"),
            ("Container-Runtime", "string", 1, _CORE + "NodeSystemInfo#containerRuntimeVersion"),
        ),
        _node,
    ),
    "namespaces": Printer((NAME, ("Status", "string", 0, "The status of the namespace"), AGE), _namespace),
    "events": Printer(
        (
            ("Last Seen", "string", 0, _CORE + "Event#lastTimestamp"),
            ("Type", "string", 0, _CORE + "Event#type"),
            ("Reason", "string", 0, _CORE + "Event#reason"),
            ("Object", "string", 0, _CORE + "Event#involvedObject"),
            ("Subobject", "string", 1, _CORE + "ObjectReference#fieldPath"),
            ("Source", "string", 1, _CORE + "Event#source"),
            ("Message", "string", 0, _CORE + "Event#message"),
            ("First Seen", "string", 1, _CORE + "Event#firstTimestamp"),
            ("Count", "string", 1, _CORE + "Event#count"),
            ("Name", "string", 1, NAME[3]),
        ),
        _event,
    ),
}
