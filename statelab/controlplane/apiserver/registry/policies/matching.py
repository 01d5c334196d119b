"""Which requests a policy, a binding or a webhook is about. Source: apiserver/pkg/admission/plugin/policy/matching."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from statelab.controlplane.apiserver.registry.policies.request import Asked
from statelab.controlplane.kinds import OTHER_VERSIONS, Object, Objects
from statelab.controlplane.labels import selector_of

Fields = dict[str, Any]


class Reader(Protocol):
    """What is looked up to decide."""

    def get(self, plural: str, key: str) -> Object | None: ...

    def list(self, plural: str, namespace: str = "") -> Objects: ...


def matches(resources: Fields | None, asked: Asked, cluster: Reader) -> bool:
    """Whether `matchConstraints` or `matchResources` mean a request. None means all; so do no rules."""
    if resources is None:
        return True
    if not selected(resources, asked, cluster):
        return False
    exact = resources.get("matchPolicy") == "Exact"
    if any(rule_matches(each, asked, exact=exact) for each in resources.get("excludeResourceRules") or ()):
        return False
    rules = resources.get("resourceRules") or ()
    return not rules or any(rule_matches(each, asked, exact=exact) for each in rules)


def selected(selectors: Fields, asked: Asked, cluster: Reader) -> bool:
    """Whether namespaceSelector and objectSelector let a request through."""
    of_namespace, of_object = selectors.get("namespaceSelector"), selectors.get("objectSelector")
    return _in_namespace(of_namespace, asked, cluster) and _selects_object(of_object, asked)


def _in_namespace(selector: Object | None, asked: Asked, cluster: Reader) -> bool:
    if not selector:
        return True
    if asked.kind.plural == "namespaces":
        found = asked.obj if asked.obj is not None and not asked.subresource else asked.old
    elif not asked.namespace:
        return True  # what lives in no namespace is never left out by its namespace's labels
    else:
        found = cluster.get("namespaces", asked.namespace)
    return found is not None and selector_of(selector)(found["metadata"].get("labels") or {})


def _selects_object(selector: Object | None, asked: Asked) -> bool:
    if not selector:
        return True
    wanted = selector_of(selector)
    both = (each for each in (asked.obj, asked.old) if each is not None)
    return any(wanted((each.get("metadata") or {}).get("labels") or {}) for each in both)


def rule_matches(rule: Fields, asked: Asked, *, exact: bool) -> bool:
    """Whether one rule means a request, in the version asked for or (not `exact`) in any it is served in."""
    if not _has(rule.get("operations"), asked.operation) or not _has_scope(rule.get("scope", "*"), asked):
        return False
    names = rule.get("resourceNames")
    if names and asked.name not in names:
        return False
    if not any(_is_resource(each, asked) for each in rule.get("resources") or ()):
        return False
    versions = [(asked.kind.group, asked.kind.version)] if exact else _versions(asked)
    groups = rule.get("apiGroups")
    return any(_has(groups, group) and _has(rule.get("apiVersions"), version) for group, version in versions)


def _versions(asked: Asked) -> list[tuple[str, str]]:
    """Every group and version in which the resource can be asked for."""
    kind = asked.kind
    found = [(kind.group, kind.version)]
    if kind.custom is not None:
        found += [(kind.group, each) for each in kind.custom.served]
    else:
        found += [(each.group, each.version) for (_, plural), each in OTHER_VERSIONS.items() if plural == kind.plural]
    return found


def _has(listed: Iterable[str] | None, wanted: str) -> bool:
    return any(each in ("*", wanted) for each in listed or ())


def _has_scope(scope: str, asked: Asked) -> bool:
    # A Namespace is of the cluster, though its requests name a namespace.
    return scope == "*" or (scope == "Namespaced") == asked.kind.namespaced


def _is_resource(pattern: str, asked: Asked) -> bool:
    resource, _, sub = pattern.partition("/")
    if pattern == "*/*":
        return True
    return resource in ("*", asked.kind.resource) and sub in (asked.subresource, *(("*",) if asked.subresource else ()))


def version_of(rule: Fields, asked: Asked) -> str:
    """The version in which a rule that matches means the resource: that asked for, if it is one of the rule's."""
    wanted = rule.get("apiVersions")
    if _has(wanted, asked.kind.version):
        return asked.kind.version
    same_group = (version for group, version in _versions(asked) if group == asked.kind.group)
    return next((each for each in same_group if _has(wanted, each)), asked.kind.version)
