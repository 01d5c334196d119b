"""Admission plugin NodeRestriction: of what the Node authorizer lets a kubelet write, only what is its node's own.

Source: plugin/pkg/admission/noderestriction/admission.go, k8s.io/kubelet/pkg/apis/well_known_labels.go.
"""

from __future__ import annotations

from typing import Any

from statelab.controlplane.apiserver.authorization.nodes import MIRROR
from statelab.controlplane.apiserver.authorization.rbac import Reader
from statelab.controlplane.apiserver.encoding.go_json import go_quote
from statelab.controlplane.errors import forbidden
from statelab.controlplane.kinds import KINDS, Kind, Object

_RESTRICTED = "node-restriction.kubernetes.io"
_KUBELETS = frozenset({
    "kubernetes.io/hostname", "kubernetes.io/os", "kubernetes.io/arch",
    "topology.kubernetes.io/zone", "topology.kubernetes.io/region",
    "failure-domain.beta.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/region",
    "beta.kubernetes.io/instance-type", "beta.kubernetes.io/os", "beta.kubernetes.io/arch",
})  # fmt: skip
_KUBELETS_OWN = ("kubelet.kubernetes.io", "node.kubernetes.io")


def check(node: str, kind: Kind, operation: str, obj: Object | None, old: Object | None, part: str) -> None:
    """Whether the kubelet of a node may write this. `old`: what is there. Raises ApiError 403."""
    about = (obj or old or {}).get("metadata") or {}
    why = ""
    if kind.plural == "pods":
        why = _pod(go_quote(node), node, operation, obj or {}, old or {}, part)
    elif kind.plural == "nodes":
        why = _node(node, obj, old, about.get("name", ""))
    elif kind.plural == "csinodes" and about.get("name") != node:
        why = "can only access CSINode with the same name as the requesting node"
    if why:
        raise forbidden(kind, about.get("name", ""), why)


def check_token(node: str, account: str, bound: Object | None, cluster: Reader, namespace: str) -> None:
    """A kubelet asks for tokens that are bound to a Pod of its node. Raises ApiError 403."""
    bound = bound or {}
    why = ""
    if (bound.get("apiVersion"), bound.get("kind")) != ("v1", "Pod") or not bound.get("name"):
        why = "node requested token not bound to a pod"
    elif not bound.get("uid"):
        why = "node requested token with a pod binding without a uid"
    else:
        pod = cluster.get("pods", f"{namespace}/{bound['name']}")
        if pod is not None and pod["spec"].get("nodeName") != node:
            why = "node requested token bound to a pod scheduled on a different node"
    if why:
        raise forbidden(KINDS["serviceaccounts"], account, why)


def _pod(quoted: str, node: str, operation: str, obj: Object, old: Object, part: str) -> str:
    place = ((old or obj).get("spec") or {}).get("nodeName")
    if part == "eviction":
        return "" if place == node else f"node {node} can only evict pods with spec.nodeName set to itself"
    if part == "status":
        if place != node:
            return f"node {quoted} can only update pod status for pods with spec.nodeName set to itself"
        is_relabelled = (obj["metadata"].get("labels") or {}) != (old["metadata"].get("labels") or {})
        return f"node {quoted} cannot update labels through pod status" if is_relabelled else ""
    if operation == "DELETE":
        return "" if place == node else f"node {quoted} can only delete pods with spec.nodeName set to itself"
    if operation != "CREATE":
        return f"unexpected operation {go_quote(operation)}, node {quoted} can only create and delete mirror pods"
    if MIRROR not in (obj["metadata"].get("annotations") or {}):
        return f"pod does not have {go_quote(MIRROR)} annotation, node {quoted} can only create mirror pods"
    return "" if place == node else f"node {quoted} can only create pods with spec.nodeName set to itself"


def _node(node: str, obj: Object | None, old: Object | None, name: str) -> str:
    quoted = go_quote(node)
    if name != node:
        return f"node {quoted} is not allowed to modify node {go_quote(name)}"
    if obj is None:
        return ""
    new, before = obj["metadata"], (old or {}).get("metadata") or {}
    wrong = ", ".join(sorted(filter(_is_forbidden, _changed(new.get("labels") or {}, before.get("labels") or {}))))
    if old is None:
        return f"node {quoted} is not allowed to set the following labels: {wrong}" if wrong else ""
    if (obj.get("spec") or {}).get("taints") != (old.get("spec") or {}).get("taints"):
        return f"node {quoted} is not allowed to modify taints"
    if wrong:
        return f"node {quoted} is not allowed to modify labels: {wrong}"
    if new.get("ownerReferences") != before.get("ownerReferences"):
        return f"node {quoted} is not allowed to modify ownerReferences"
    return ""


def _changed(new: dict[str, Any], old: dict[str, Any]) -> set[str]:
    return {key for key in {*new, *old} if new.get(key) != old.get(key)}


def _is_forbidden(label: str) -> bool:
    prefix = label.rpartition("/")[0]
    if _under(prefix, _RESTRICTED):
        return True
    if not any(_under(prefix, domain) for domain in ("kubernetes.io", "k8s.io")) or label in _KUBELETS:
        return False
    return not any(_under(prefix, domain) for domain in _KUBELETS_OWN)


def _under(prefix: str, domain: str) -> bool:
    return prefix == domain or prefix.endswith(f".{domain}")
