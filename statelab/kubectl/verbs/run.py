"""kubectl run. Source: pkg/cmd/run/run.go."""

from __future__ import annotations

import re

from statelab.kubectl.api import Object, Steps
from statelab.kubectl.builder import Info
from statelab.kubectl.call import Call
from statelab.kubectl.documents import value_of
from statelab.kubectl.gotext import quote
from statelab.kubectl.printing import result
from statelab.kubectl.problems import Ended, Fail, UsageFail
from statelab.kubectl.verbs.common import bounded, until_gone, until_object
from statelab.kubectl.verbs.creating.cluster import labels_of
from statelab.kubectl.verbs.creating.making import create, metadata

_IMAGE = re.compile(r"[a-z0-9]+(?:[._/:-]+[a-zA-Z0-9_]+)*(?:@sha256:[0-9a-f]{64})?\Z")
_POLICIES = ("Always", "OnFailure", "Never")


def run(call: Call) -> Steps[None]:
    flags = call.flags
    before = len(call.args) if call.dash < 0 else call.dash
    if not before:
        raise Fail("NAME is required for run")
    name, words = call.args[0], call.args[1:]
    image = flags.text("image")
    if not image:
        raise Fail("--image is required")
    if not _IMAGE.match(image):
        raise Fail(f"invalid image name {quote(image)}: invalid reference format")
    interactive = flags.on("stdin") or flags.on("attach")
    if flags.on("tty") and not flags.on("stdin"):
        raise Fail("-i/--stdin is required for containers with -t/--tty=true")
    if flags.on("rm") and not interactive:
        raise Fail("--rm should only be used for attached containers")
    if flags.on("expose") and not flags.text("port"):
        raise Fail("--port must be set when exposing a service")
    restart = flags.text("restart")
    if restart not in _POLICIES:
        raise Fail(f"invalid restart policy: {restart}, valid values are: Always, OnFailure, Never")
    pod = _pod(call, name, words, restart)
    if interactive and not call.dry_run:
        yield from _attached(call, pod)
        return
    made = create(call, "pods", pod, operation="created")
    if flags.on("expose"):
        _service(call, made, name)


def _pod(call: Call, name: str, words: list[str], restart: str) -> Object:
    flags = call.flags
    labels = labels_of(flags.text("labels")) if flags.text("labels") else {"run": name}
    container: Object = {"name": name, "image": flags.text("image")}
    if words:
        container["command" if flags.on("command") else "args"] = words
    if flags.text("port"):
        if not flags.text("port").isdigit():
            raise Fail(f"strconv.Atoi: parsing {quote(flags.text('port'))}: invalid syntax")
        container["ports"] = [{"containerPort": int(flags.text("port"))}]
    variables = []
    for each in flags.all("env"):
        key, equals, value = each.partition("=")
        if not equals or not key:
            raise Fail(f"invalid env: {each}")
        variables.append({"name": key, **({"value": value} if value else {})})
    if variables:
        container["env"] = variables
    container["resources"] = {}
    if flags.text("image-pull-policy"):
        container["imagePullPolicy"] = flags.text("image-pull-policy")
    if flags.on("privileged"):
        container["securityContext"] = {"privileged": True}
    if flags.on("stdin"):
        container["stdin"] = True
    if flags.on("stdin") and not flags.on("leave-stdin-open"):
        container["stdinOnce"] = True
    about = metadata(call, name, {key: labels[key] for key in sorted(labels)})
    annotations = dict(each.split("=", 1) for each in flags.all("annotations") if "=" in each)
    if annotations:
        about["annotations"] = annotations
    spec: Object = {"containers": [container], "restartPolicy": restart, "dnsPolicy": "ClusterFirst"}
    pod: Object = {"kind": "Pod", "apiVersion": "v1", "metadata": about, "spec": spec, "status": {}}
    return overridden(call, pod)


def overridden(call: Call, obj: Object) -> Object:
    """With what --overrides says laid over it. Raises Fail."""
    said = call.flags.text("overrides")
    if not said:
        return obj
    from statelab.controlplane.apiserver.patch.patch import merge_patch

    if call.flags.text("override-type") not in ("merge", "strategic"):
        raise Fail("--override-type=json is not simulated here: write the overrides as a merge")
    try:
        change = value_of(said)
    except ValueError as error:
        raise Fail(f"invalid overrides: {error}") from None
    if not isinstance(change, dict):
        raise Fail("overrides have to be a JSON object")
    if call.flags.text("override-type") == "strategic":
        from statelab.controlplane.apiserver.patch.strategic_merge import strategic_merge

        return strategic_merge(obj, change, "io.k8s.api.core.v1.Pod")
    merged: Object = merge_patch(obj, change)
    return merged


def _service(call: Call, pod: Object, name: str) -> None:
    port = int(call.flags.text("port"))
    create(call, "services", {
        "kind": "Service",
        "apiVersion": "v1",
        "metadata": metadata(call, name),
        "spec": {
            "ports": [{"protocol": "TCP", "port": port, "targetPort": port}],
            "selector": pod["metadata"].get("labels") or {"run": name},
        },
        "status": {"loadBalancer": {}},
    })  # fmt: skip


def _attached(call: Call, pod: Object) -> Steps[None]:
    """-i: create it, let it run to its end, show what it printed; --rm takes it away then."""
    resource = call.mapper.find("pods")
    made = call.request("POST", resource.path(call.namespace), call.write_params(), pod)
    info = Info(resource, call.namespace, made["metadata"]["name"], made)

    def is_over(obj: Object | None) -> bool:
        return obj is None or (obj.get("status") or {}).get("phase") in ("Succeeded", "Failed")

    over, now = yield from until_object(
        call, info, is_over, bounded(0) if call.flags.text("restart") == "Never" else 60
    )
    path = info.resource.path(info.namespace, info.name, "log")
    reply = call.api.request("GET", path)
    if reply.code < 400:
        call.out(str(reply.body or ""))
    if not over:
        call.err(f"(pod/{info.name} goes on: nobody can type into it here. kubectl exec runs a command in it)\n")
    if call.flags.on("rm"):
        call.request("DELETE", info.path, None, {"propagationPolicy": "Background"})
        where = f" from {info.namespace} namespace"
        if not call.flags.on("quiet"):
            call.out(f'pod "{info.name}" deleted{where}\n')
        yield from until_gone(call, [info], {info.path: made["metadata"]["uid"]}, 0)
    code = _exit_code(now)
    if code:
        raise Ended(f"pod {info.namespace}/{info.name} terminated (Error)\n", code)


def _exit_code(pod: Object | None) -> int:
    for each in ((pod or {}).get("status") or {}).get("containerStatuses") or ():
        ended = (each.get("state") or {}).get("terminated")
        if ended:
            return int(ended.get("exitCode") or 0)
    return 0


__all__ = ["UsageFail", "overridden", "result", "run"]
