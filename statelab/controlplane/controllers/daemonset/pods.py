"""A DaemonSet's Pods: made for one node each, known by the node they are for.

Source: pkg/controller/daemon/util/daemonset_util.go, pkg/controller/daemon/daemon_controller.go.
"""

from __future__ import annotations

from statelab.controlplane.controllers.common.pods import is_finished, is_terminating, pod_from_template
from statelab.controlplane.kinds import Object, Objects
from statelab.controlplane.scheduling.nodematch import matches_node, untolerated

HASH_LABEL = "controller-revision-hash"
_GENERATION_LABEL = "pod-template-generation"
GENERATION = "deprecated.daemonset.template.generation"
_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
# What a node may suffer from without its daemons leaving.
_TOLERATIONS = (
    ("not-ready", "NoExecute"),
    ("unreachable", "NoExecute"),
    ("disk-pressure", "NoSchedule"),
    ("memory-pressure", "NoSchedule"),
    ("pid-pressure", "NoSchedule"),
    ("unschedulable", "NoSchedule"),
)


def new_pod(daemon_set: Object, node_name: str, hash: str) -> Object:
    """The Pod for one node, as the template says and with what makes it a daemon."""
    pod = pod_from_template(daemon_set["spec"]["template"], daemon_set)
    metadata, spec = pod["metadata"], pod["spec"]
    metadata["labels"][HASH_LABEL] = hash
    generation = (daemon_set["metadata"].get("annotations") or {}).get(GENERATION)
    if generation:
        metadata["labels"][_GENERATION_LABEL] = generation
    spec["tolerations"] = _tolerations(spec)
    affinity = dict(spec.get("affinity") or {})
    term = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node_name]}]}
    affinity["nodeAffinity"] = {
        **(affinity.get("nodeAffinity") or {}),
        _REQUIRED: {"nodeSelectorTerms": [term]},
    }
    spec["affinity"] = affinity
    return pod


def _tolerations(spec: Object) -> Objects:
    added = list(_TOLERATIONS)
    if spec.get("hostNetwork"):
        added.append(("network-unavailable", "NoSchedule"))
    found = list(spec.get("tolerations") or ())
    for name, effect in added:
        toleration = {"key": f"node.kubernetes.io/{name}", "operator": "Exists", "effect": effect}
        same = ("key", "operator", "effect", "value")
        found = [each for each in found if any(each.get(key) != toleration.get(key) for key in same)]
        found.append(toleration)
    return found


def should_run(daemon_set: Object, node: Object) -> tuple[bool, bool]:
    """Whether a Pod should be started on the node, and whether one that is there may stay."""
    template = daemon_set["spec"]["template"]["spec"]
    pod = {"spec": {**template, "tolerations": _tolerations(template)}}
    name = node["metadata"]["name"]
    if template.get("nodeName") not in (None, "", name) or not matches_node(pod, node):
        return False, False
    if untolerated(pod, node, ("NoSchedule", "NoExecute")) is None:
        return True, True
    return False, untolerated(pod, node, ("NoExecute",)) is None


def node_of(pod: Object) -> str:
    """The node a Pod is on, or is for."""
    if pod["spec"].get("nodeName"):
        return str(pod["spec"]["nodeName"])
    required = ((pod["spec"].get("affinity") or {}).get("nodeAffinity") or {}).get(_REQUIRED) or {}
    for term in required.get("nodeSelectorTerms") or ():
        for field in term.get("matchFields") or ():
            if field["key"] == "metadata.name" and len(field.get("values") or ()) == 1:
                return str(field["values"][0])
    return ""


def by_node(pods: Objects) -> dict[str, Objects]:
    """The Pods of each node, the oldest first. Those that have ended and are being deleted count no longer."""
    found: dict[str, Objects] = {}
    for pod in sorted(pods, key=_age):
        if not (is_finished(pod) and is_terminating(pod)):
            found.setdefault(node_of(pod), []).append(pod)
    return found


def _age(pod: Object) -> tuple[bool, str, str]:
    return not pod["spec"].get("nodeName"), pod["metadata"]["creationTimestamp"], pod["metadata"]["name"]


def is_updated(pod: Object, hash: str) -> bool:
    return bool((pod["metadata"].get("labels") or {}).get(HASH_LABEL) == hash)
