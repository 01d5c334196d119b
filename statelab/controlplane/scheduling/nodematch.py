"""NodeName, NodeUnschedulable, TaintToleration, NodeAffinity: does the Pod want this node, and does it let the Pod in.

Source: pkg/scheduler/framework/plugins/{nodename,nodeunschedulable,tainttoleration,nodeaffinity},
component-helpers/scheduling/corev1.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from statelab.controlplane.controllers.common.taints import tolerates
from statelab.controlplane.kinds import Object

NO_AFFINITY = "node(s) didn't match Pod's node affinity/selector"
NO_NAME = "node(s) didn't match the requested node name"
UNSCHEDULABLE = "node(s) were unschedulable"
# Since 1.34.2 the message names no taint: keys and values were not meant for a Pod's owner.
UNTOLERATED = "node(s) had untolerated taint(s)"


def reason(pod: Object, node: Object) -> tuple[str, str] | None:
    """`(plugin, why)` the Pod cannot be on this node whatever else runs there, or None. In the plugins' order."""
    if node["spec"].get("unschedulable") and not _tolerates_unschedulable(pod):
        return "NodeUnschedulable", UNSCHEDULABLE
    if pod["spec"].get("nodeName") not in (None, "", node["metadata"]["name"]):
        return "NodeName", NO_NAME
    if untolerated(pod, node, ("NoSchedule", "NoExecute")) is not None:
        return "TaintToleration", UNTOLERATED
    return None if matches_node(pod, node) else ("NodeAffinity", NO_AFFINITY)


# ---- taints


def untolerated(pod: Object, node: Object, effects: Sequence[str]) -> Object | None:
    """The first taint of these effects that the Pod does not tolerate."""
    tolerations = pod["spec"].get("tolerations") or ()
    for taint in node["spec"].get("taints") or ():
        if taint["effect"] in effects and not any(tolerates(each, taint) for each in tolerations):
            return dict(taint)
    return None


def _tolerates_unschedulable(pod: Object) -> bool:
    taint = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}
    return any(tolerates(each, taint) for each in pod["spec"].get("tolerations") or ())


# ---- node selectors


def matches_node(pod: Object, node: Object) -> bool:
    """`nodeSelector` and required node affinity."""
    labels = node["metadata"].get("labels") or {}
    if any(labels.get(key) != value for key, value in (pod["spec"].get("nodeSelector") or {}).items()):
        return False
    affinity = ((pod["spec"].get("affinity") or {}).get("nodeAffinity") or {}).get(
        "requiredDuringSchedulingIgnoredDuringExecution"
    )
    return affinity is None or matches_selector(affinity, node)


def matches_selector(selector: Object, node: Object) -> bool:
    """A v1.NodeSelector: its terms are alternatives; one that is empty matches nothing."""
    return any(matches_term(term, node) for term in selector.get("nodeSelectorTerms") or ())


def matches_term(term: Object, node: Object) -> bool:
    expressions, fields = term.get("matchExpressions") or (), term.get("matchFields") or ()
    if not expressions and not fields:
        return False
    labels = node["metadata"].get("labels") or {}
    names = {"metadata.name": node["metadata"]["name"]}
    return _all_match(expressions, labels) and _all_match(fields, names)


def _all_match(requirements: Iterable[Object], labels: Mapping[str, str]) -> bool:
    return all(_matches(each, labels) for each in requirements)


def _matches(requirement: Object, labels: Mapping[str, str]) -> bool:
    value, values = labels.get(requirement["key"]), requirement.get("values") or []
    match requirement["operator"]:
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case "Gt" | "Lt" as operator:
            try:
                have, limit = int(value or ""), int(values[0])
            except (ValueError, IndexError):
                return False
            return have > limit if operator == "Gt" else have < limit
    return False


def dislike(pod: Object, node: Object) -> int:
    """How many PreferNoSchedule taints of the node the Pod does not tolerate."""
    tolerations = pod["spec"].get("tolerations") or ()
    soft = [each for each in node["spec"].get("taints") or () if each["effect"] == "PreferNoSchedule"]
    return sum(not any(tolerates(each, taint) for each in tolerations) for taint in soft)


def preference(pod: Object, node: Object) -> int:
    """The weight of the preferred node affinity terms this node matches."""
    affinity = (pod["spec"].get("affinity") or {}).get("nodeAffinity") or {}
    terms = affinity.get("preferredDuringSchedulingIgnoredDuringExecution") or ()
    return sum(each["weight"] for each in terms if matches_term(each["preference"], node))
