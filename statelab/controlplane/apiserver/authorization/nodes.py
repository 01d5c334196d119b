"""The Node authorizer: what the kubelet of a node may, of the Pods there and of what they need, and nothing else.

A kubelet is who is called `system:node:NAME` and is in the group system:nodes. Relations are read from the store when
somebody asks, which is seldom. Source: plugin/pkg/auth/authorizer/node/node_authorizer.go, graph.go;
pkg/auth/nodeidentifier; pkg/api/v1/pod (VisitPodSecretNames).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from statelab.controlplane.apiserver.authorization import default_roles, rules
from statelab.controlplane.apiserver.authorization.attributes import Attributes
from statelab.controlplane.apiserver.authorization.rbac import Decision, Reader
from statelab.controlplane.apiserver.encoding.go_json import go_quote
from statelab.controlplane.kinds import Object
from statelab.controlplane.users import User

GROUP, PREFIX = "system:nodes", "system:node:"
MIRROR = "kubernetes.io/config.mirror"
_ROLE = "system:node"
_LEASES = "kube-node-lease"
_OWN_VERBS = ("get", "create", "update", "patch", "delete")
_OWN_WORDS = "can only get, create, update, patch, or delete a "
_ALLOWED, _NO = Decision(True), Decision(False)
_CONFIG_MAPS = ("configMap", "configMapRef", "configMapKeyRef")
_SECRETS = ("secret", "secretRef", "secretKeyRef", "nodePublishSecretRef", "nodeStageSecretRef", "nodeExpandSecretRef")


def node_of(user: User) -> str | None:
    """The node whose kubelet a user is ("": of no node); None for all other users."""
    if not user.name.startswith(PREFIX) or GROUP not in user.groups:
        return None
    return user.name.removeprefix(PREFIX)


def authorize(user: User, asked: Attributes, cluster: Reader) -> Decision | None:
    """Whether a kubelet may; None for who is none. What it may not, RBAC may still allow."""
    node = node_of(user)
    if node is None:
        return None
    if not node:
        return Decision(False, f"unknown node for user {go_quote(user.name)}")
    judge = _JUDGES.get((asked.group, asked.resource))
    if judge is not None and not asked.path:
        said: str | bool = judge(node, asked, cluster)
        return _ALLOWED if said is True else Decision(False, said or "")
    return _ALLOWED if any(rules.allows(rule, asked) for rule in _rules()) else _NO


def _rules() -> tuple[rules.Rule, ...]:
    """The rights that are not looked at more closely: those of the role system:node as it came."""
    role = next(obj for plural, obj in default_roles.objects() if obj["metadata"]["name"] == _ROLE)
    return tuple(role["rules"])


# ---- one answer for each kind of resource: True, or why not


def _read(node: str, asked: Attributes, cluster: Reader) -> str | bool:
    if asked.verb not in ("get", "list", "watch"):
        return "can only read resources of this type"
    if asked.subresource:
        return "cannot read subresource"
    if not asked.namespace:
        return "can only read namespaced object of this type"
    return _if_related(node, asked, cluster)


def _get(node: str, asked: Attributes, cluster: Reader) -> str | bool:
    if asked.verb != "get":
        return "can only get individual resources of this type"
    if asked.subresource:
        return "cannot get subresource"
    return _if_related(node, asked, cluster)


def _claim(node: str, asked: Attributes, cluster: Reader) -> str | bool:
    if asked.subresource != "status":
        return _get(node, asked, cluster)
    if asked.verb not in ("update", "patch"):
        return "can only update the status of this type"
    return _if_related(node, asked, cluster)


def _account(node: str, asked: Attributes, cluster: Reader) -> str | bool:
    if asked.verb == "get" and not asked.subresource:
        return _if_related(node, asked, cluster)
    if asked.verb != "create" or not asked.name:
        return "can only create tokens for individual service accounts"
    if asked.subresource != "token":
        return "can only create token subresource of serviceaccount"
    return _if_related(node, asked, cluster)


def _lease(node: str, asked: Attributes, cluster: Reader) -> str | bool:
    if asked.verb not in _OWN_VERBS:
        return f"{_OWN_WORDS}node lease"
    if asked.namespace != _LEASES:
        return f"can only access leases in the {go_quote(_LEASES)} system namespace"
    if asked.verb != "create" and asked.name != node:  # of a new one the name is not known yet
        return "can only access node lease with the same name as the requesting node"
    return True


def _csi_node(node: str, asked: Attributes, cluster: Reader) -> str | bool:
    if asked.verb not in _OWN_VERBS:
        return f"{_OWN_WORDS}CSINode"
    if asked.subresource:
        return "cannot authorize CSINode subresources"
    if asked.verb != "create" and asked.name != node:
        return "can only access CSINode with the same name as the requesting node"
    return True


def _node(node: str, asked: Attributes, cluster: Reader) -> str | bool:
    if asked.subresource == "status":
        return asked.verb in ("update", "patch")
    if asked.subresource:
        return False
    if asked.verb in ("get", "list", "watch") and asked.name != node:
        what = f"'{asked.name}'" if asked.name else "all nodes"
        return f"node '{node}' cannot read {what}, only its own Node object"
    return asked.verb in ("create", "update", "patch", "get", "list", "watch")


def _pod(node: str, asked: Attributes, cluster: Reader) -> str | bool:
    if asked.subresource:
        return (asked.subresource, asked.verb) in (("status", "update"), ("status", "patch"), ("eviction", "create"))
    if asked.verb == "get":
        return _get(node, asked, cluster)
    if asked.verb in ("list", "watch"):
        if asked.on_node == node:
            return True
        unscoped = "can only list/watch pods with spec.nodeName field selector"
        return _if_related(node, asked, cluster) if asked.name else unscoped
    return asked.verb in ("create", "delete")


_JUDGES = {
    ("", "secrets"): _read,
    ("", "configmaps"): _read,
    ("", "persistentvolumeclaims"): _claim,
    ("", "persistentvolumes"): _get,
    ("resource.k8s.io", "resourceclaims"): _get,
    ("storage.k8s.io", "volumeattachments"): _get,
    ("", "serviceaccounts"): _account,
    ("coordination.k8s.io", "leases"): _lease,
    ("storage.k8s.io", "csinodes"): _csi_node,
    ("", "nodes"): _node,
    ("", "pods"): _pod,
}


# ---- what belongs to a node


def _if_related(node: str, asked: Attributes, cluster: Reader) -> str | bool:
    if not asked.name:
        return "No Object name found"
    if _is_related(node, asked, cluster):
        return True
    return f"no relationship found between node '{node}' and this object"


def _is_related(node: str, asked: Attributes, cluster: Reader) -> bool:
    if asked.resource == "volumeattachments":
        attachment = cluster.get("volumeattachments", asked.name)
        return attachment is not None and attachment["spec"].get("nodeName") == node
    if asked.resource == "persistentvolumes":
        volume = cluster.get("persistentvolumes", asked.name)
        claim = ((volume or {}).get("spec") or {}).get("claimRef") or {}
        pods = _pods(node, claim.get("namespace", ""), cluster) if claim else []
        return any(claim.get("name") in _claims(pod) for pod in pods)
    pods = _pods(node, asked.namespace, cluster)
    if asked.resource == "pods":
        return any(pod["metadata"]["name"] == asked.name for pod in pods)
    pods = [pod for pod in pods if MIRROR not in (pod["metadata"].get("annotations") or {})]
    match asked.resource:
        case "secrets":
            wanted = (name for pod in pods for name in _secrets(pod, cluster))
        case "configmaps":
            wanted = (name for pod in pods for name in _named(pod["spec"], _CONFIG_MAPS))
        case "persistentvolumeclaims":
            wanted = (name for pod in pods for name in _claims(pod))
        case "serviceaccounts":
            wanted = (pod["spec"].get("serviceAccountName", "") for pod in pods)
        case _:
            return False
    return asked.name in wanted


def _pods(node: str, namespace: str, cluster: Reader) -> list[Object]:
    return [pod for pod in cluster.list("pods", namespace) if pod["spec"].get("nodeName") == node]


def _claims(pod: Object) -> set[str]:
    found = set()
    for volume in pod["spec"].get("volumes") or ():
        if volume.get("ephemeral"):
            found.add(f"{pod['metadata']['name']}-{volume['name']}")
        elif volume.get("persistentVolumeClaim"):
            found.add(volume["persistentVolumeClaim"].get("claimName", ""))
    return found


def _secrets(pod: Object, cluster: Reader) -> Iterator[str]:
    for each in pod["spec"].get("imagePullSecrets") or ():
        yield each.get("name", "")
    yield from _named(pod["spec"], _SECRETS)
    for name in _claims(pod):
        claim = cluster.get("persistentvolumeclaims", f"{pod['metadata']['namespace']}/{name}")
        volume = cluster.get("persistentvolumes", ((claim or {}).get("spec") or {}).get("volumeName", ""))
        yield from _named((volume or {}).get("spec"), _SECRETS)


def _named(value: Any, keys: tuple[str, ...]) -> Iterator[str]:
    """The names that these keys hold, however deep."""
    if isinstance(value, list):
        for each in value:
            yield from _named(each, keys)
    elif isinstance(value, dict):
        for key, each in value.items():
            if key in keys and isinstance(each, dict):
                yield each.get("secretName") or each.get("name") or ""
            yield from _named(each, keys)
