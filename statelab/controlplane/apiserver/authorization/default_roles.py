"""The roles and bindings that every cluster comes with, and how the server keeps them whole.

Read from `default_roles.tsv`, once, when somebody first asks for a role: most clusters that are made for a test are
never asked. Source: plugin/pkg/auth/authorizer/rbac/bootstrappolicy, pkg/registry/rbac/reconciliation.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from importlib.resources import files
from typing import Any

from statelab.controlplane.apiserver.authorization.rules import GROUP, Rule
from statelab.controlplane.kinds import Object

COUNT = 135  # how many there are; known before they are read
NAMESPACES = ("", "kube-public", "kube-system")
AUTOUPDATE = "rbac.authorization.kubernetes.io/autoupdate"
_AGGREGATE = "rbac.authorization.k8s.io/aggregate-to-"
_PLURALS = {
    "ClusterRole": "clusterroles",
    "Role": "roles",
    "ClusterRoleBinding": "clusterrolebindings",
    "RoleBinding": "rolebindings",
}


@lru_cache(maxsize=1)
def objects() -> tuple[tuple[str, Object], ...]:
    """Each default object with its plural; without what a store gives it. They must not be changed."""
    found: list[tuple[str, Object]] = []
    for line in files(__package__).joinpath("default_roles.tsv").read_text().splitlines():
        if line.startswith("#"):
            continue
        columns = line.split("\t")
        if columns[0]:
            found.append((_PLURALS[columns[0]], _head(*columns)))
        elif "roleRef" in found[-1][1]:
            found[-1][1].setdefault("subjects", []).append(_subject(*columns[1:]))
        else:
            found[-1][1]["rules"].append(_rule(*columns[1:]))
    roles = {obj["metadata"]["name"]: obj for plural, obj in found if plural == "clusterroles"}
    for role in roles.values():
        if "aggregationRule" in role:
            role["rules"] = list(_aggregated(role, roles))
    return tuple((plural, _ordered(obj)) for plural, obj in found)


def _head(kind: str, name: str, namespace: str = "", first: str = "", second: str = "") -> Object:
    metadata: dict[str, Any] = {"name": name}
    if namespace:
        metadata["namespace"] = namespace
    labels = metadata["labels"] = {"kubernetes.io/bootstrapping": "rbac-defaults"}
    metadata["annotations"] = {AUTOUPDATE: "true"}
    obj: Object = {"kind": kind, "apiVersion": f"{GROUP}/v1", "metadata": metadata}
    if kind.endswith("Binding"):
        return {**obj, "roleRef": {"apiGroup": GROUP, "kind": first, "name": second}}
    labels |= {_AGGREGATE + each: "true" for each in first.split(",") if each}
    obj["rules"] = []
    if second:
        selectors = [{"matchLabels": {_AGGREGATE + each: "true"}} for each in second.split(",")]
        obj["aggregationRule"] = {"clusterRoleSelectors": selectors}
    return obj


def _rule(verbs: str, groups: str, resources: str = "", names: str = "") -> Rule:
    rule: Rule = {"verbs": verbs.split(",")}
    if not resources:
        return {**rule, "nonResourceURLs": groups.split(",")}
    rule["apiGroups"] = ["" if each == "core" else each for each in groups.split(",")]
    rule["resources"] = resources.split(",")
    return {**rule, "resourceNames": names.split(",")} if names else rule


def _subject(kind: str, name: str, namespace: str = "") -> Object:
    if kind == "ServiceAccount":
        return {"kind": kind, "name": name, "namespace": namespace}
    return {"kind": kind, "apiGroup": GROUP, "name": name}


def _aggregated(role: Object, roles: dict[str, Object]) -> Iterator[Rule]:
    """The rules of the roles that are aggregated to one, each once. They do not go in a circle here."""
    labels = {label for each in role["aggregationRule"]["clusterRoleSelectors"] for label in each["matchLabels"]}
    told: list[Rule] = []
    for name in sorted(roles):
        other = roles[name]
        if other is not role and not labels.isdisjoint(other["metadata"]["labels"]):
            for rule in _aggregated(other, roles) if "aggregationRule" in other else other["rules"]:
                if rule not in told:
                    told.append(rule)
                    yield rule


def _ordered(obj: Object) -> Object:
    """The fields in the order in which the server writes them."""
    order = ("kind", "apiVersion", "metadata", "rules", "aggregationRule", "subjects", "roleRef")
    return {key: obj[key] for key in order if key in obj}


def mended(obj: Object, default: Object) -> Object | None:
    """`obj` with what it lacks of a default, or None where nothing is lacking or nobody wants it mended.

    More rules and subjects than the default's are left; so is one whose annotation says no.
    """
    if (obj["metadata"].get("annotations") or {}).get(AUTOUPDATE) == "false":
        return None
    found = dict(obj)
    for key in ("rules", "subjects"):
        missing = [each for each in default.get(key) or () if each not in (obj.get(key) or ())]
        if missing and "aggregationRule" not in default:
            found[key] = [*(obj.get(key) or ()), *missing]
    if "aggregationRule" in default and obj.get("aggregationRule") != default["aggregationRule"]:
        found["aggregationRule"] = default["aggregationRule"]
    return found if found != obj else None
