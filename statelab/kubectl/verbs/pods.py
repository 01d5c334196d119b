"""Which Pod and which container a line means. Source: pkg/polymorphichelpers/{attachablepodforobject,logsforobject}.go,
pkg/util/podcmd."""

from __future__ import annotations

from statelab.controlplane.labels import selector_text
from statelab.kubectl.api import Object
from statelab.kubectl.builder import Info
from statelab.kubectl.call import Call
from statelab.kubectl.gotext import quote
from statelab.kubectl.problems import Fail

_DEFAULT = "kubectl.kubernetes.io/default-container"


def pods_of(call: Call, info: Info) -> list[Object]:
    """The Pods behind an object, most useful first. Raises Fail."""
    if info.resource.kind == "Pod":
        return [info.object]
    spec = info.object.get("spec") or {}
    selector = spec.get("selector")
    if info.resource.kind == "Service":
        if not selector:
            raise Fail(f"invalid service '{info.name}': Service is defined without a selector")
        text = ",".join(f"{key}={value}" for key, value in sorted(selector.items()))
    elif isinstance(selector, dict):
        text = selector_text(selector)
    else:
        raise Fail(f"cannot get the logs from {_type(info)}: selector for {_type(info)} not implemented")
    found = call.list(call.mapper.find("pods"), info.namespace, labelSelector=text)
    return sorted(found, key=_usefulness)


def _type(info: Info) -> str:
    return f"*{info.resource.version}.{info.resource.kind}"


def _usefulness(pod: Object) -> tuple[object, ...]:
    """Assigned, running, Ready, longest Ready, fewest restarts first. Source: kubernetes' ByLogging, ActivePods."""
    status = pod.get("status") or {}
    phase = {"Running": 0, "Unknown": 1, "Pending": 2}.get(status.get("phase", ""), 3)
    ready: Object = next((each for each in status.get("conditions") or () if each["type"] == "Ready"), {})
    is_ready = ready.get("status") == "True"
    restarts = sum(each.get("restartCount", 0) for each in status.get("containerStatuses") or ())
    return (
        not pod["spec"].get("nodeName"), phase, not is_ready, -restarts,
        ready.get("lastTransitionTime", "") if is_ready else "", pod["metadata"].get("creationTimestamp", ""),
    )  # fmt: skip


def container_of(call: Call, pod: Object, wanted: str, *, tell: bool = True) -> str:
    """The container that is meant: as it is named, as an annotation says, or the first. Raises Fail."""
    spec = pod["spec"]
    names = [
        each["name"]
        for field in ("containers", "initContainers", "ephemeralContainers")
        for each in spec.get(field) or ()
    ]
    if wanted:
        if wanted not in names:
            raise Fail(f"container {wanted} is not valid for pod {pod['metadata']['name']} out of: {told(pod)}")
        return wanted
    said = (pod["metadata"].get("annotations") or {}).get(_DEFAULT)
    if said and said in names:
        return str(said)
    if said:
        call.err(f"Warning: default container name {quote(said)} not found in pod {pod['metadata']['name']}\n")
    first = str(spec["containers"][0]["name"])
    if tell and len(names) > 1:
        call.err(f"Defaulted container {quote(first)} out of: {told(pod)}\n")
    return first


def told(pod: Object) -> str:
    """A Pod's containers, as kubectl lists them."""
    spec = pod["spec"]
    names = [each["name"] for each in spec.get("containers") or ()]
    names += [f"{each['name']} (init)" for each in spec.get("initContainers") or ()]
    names += [f"{each['name']} (ephem)" for each in spec.get("ephemeralContainers") or ()]
    return ", ".join(names)
