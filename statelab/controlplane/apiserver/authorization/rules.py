"""RBAC's rules: what one allows, whether some cover others, and how they are written in a message.

Source: pkg/apis/rbac/v1 (evaluation_helpers.go, helpers.go), component-helpers/auth/rbac/validation
(policy_comparator.go), pkg/registry/rbac/validation (policy_compact.go).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from statelab.controlplane.apiserver.authorization.attributes import Attributes
from statelab.controlplane.apiserver.encoding.go_json import go_quote

GROUP = "rbac.authorization.k8s.io"
Rule = dict[str, Any]
_LISTS = (
    ("apiGroups", "APIGroups"), ("resources", "Resources"), ("nonResourceURLs", "NonResourceURLs"),
    ("resourceNames", "ResourceNames"), ("verbs", "Verbs"),
)  # fmt: skip
_COUNTED = ("apiGroups", "nonResourceURLs", "resources", "resourceNames", "verbs")
_MOST_SINGLES = 200_000


def allows(rule: Rule, asked: Attributes) -> bool:
    """Whether a rule allows what is asked."""
    verbs = rule.get("verbs") or ()
    if asked.verb not in verbs and "*" not in verbs:
        return False
    if asked.path:
        return any(_path_matches(pattern, asked.path) for pattern in rule.get("nonResourceURLs") or ())
    groups = rule.get("apiGroups") or ()
    if asked.group not in groups and "*" not in groups:
        return False
    if not _resource_matches(rule.get("resources") or (), asked):
        return False
    names = rule.get("resourceNames") or ()
    return not names or asked.name in names


def _resource_matches(resources: Sequence[str], asked: Attributes) -> bool:
    full = asked.full_resource
    if full in resources or "*" in resources:
        return True
    return bool(asked.subresource) and f"*/{asked.subresource}" in resources


def _path_matches(pattern: str, path: str) -> bool:
    return pattern in ("*", path) or (pattern.endswith("*") and path.startswith(pattern.rstrip("*")))


# ---- covering


class TooMany(Exception):
    """Rules that spell out more single rights than anybody means."""


def uncovered(owned: Iterable[Rule], wanted: Sequence[Rule]) -> list[Rule]:
    """Of the wanted rights, broken down to single ones, those that no owned rule gives. Raises TooMany."""
    if sum(map(_count, wanted)) > _MOST_SINGLES:
        raise TooMany
    index = _Owned(owned)
    return [single for rule in wanted for single in _singles(rule) if not index.cover(single)]


class _Owned:
    """Owned rules by group, so that many of them are asked quickly."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._by_group: dict[str, list[Rule]] = {}
        self._of_paths: list[Rule] = []
        for rule in rules:
            for group in rule.get("apiGroups") or ():
                self._by_group.setdefault(group, []).append(rule)
            if rule.get("nonResourceURLs"):
                self._of_paths.append(rule)

    def cover(self, single: Rule) -> bool:
        if "nonResourceURLs" in single:
            return any(_covers(rule, single) for rule in self._of_paths)
        groups = (single["apiGroups"][0], "*")
        return any(_covers(rule, single) for group in dict.fromkeys(groups) for rule in self._by_group.get(group, ()))


def _singles(rule: Rule) -> Iterator[Rule]:
    """One rule as many of one group, resource, name and verb each."""
    for url in rule.get("nonResourceURLs") or ():
        for verb in rule.get("verbs") or ():
            yield {"nonResourceURLs": [url], "verbs": [verb]}
    for group in rule.get("apiGroups") or ():
        for resource in rule.get("resources") or ():
            for verb in rule.get("verbs") or ():
                single = {"apiGroups": [group], "resources": [resource], "verbs": [verb]}
                names = rule.get("resourceNames") or ()
                yield from ({**single, "resourceNames": [name]} for name in names)
                if not names:
                    yield single


def _count(rule: Rule) -> int:
    groups, urls, resources, names, verbs = (len(rule.get(key) or ()) for key in _COUNTED)
    return verbs * (urls + groups * resources * max(names, 1))


def _covers(owner: Rule, single: Rule) -> bool:
    verbs, verb = owner.get("verbs") or (), single["verbs"][0]
    if verb not in verbs and "*" not in verbs:
        return False
    if "nonResourceURLs" in single:
        url = single["nonResourceURLs"][0]
        return any(_url_covers(pattern, url) for pattern in owner.get("nonResourceURLs") or ())
    groups = owner.get("apiGroups") or ()
    if single["apiGroups"][0] not in groups and "*" not in groups:
        return False
    resource, resources = single["resources"][0], owner.get("resources") or ()
    if resource not in resources and "*" not in resources:
        _, slash, subresource = resource.partition("/")
        if not slash or f"*/{subresource}" not in resources:
            return False
    names = owner.get("resourceNames") or ()
    return not names or bool(single.get("resourceNames") and single["resourceNames"][0] in names)


def _url_covers(owner: str, url: str) -> bool:
    return owner in ("*", url) or (owner.endswith("*") and url.startswith(owner.rstrip("*")))


# ---- telling


def compact(rules: Iterable[Rule]) -> list[Rule]:
    """Rules of one group and one resource that differ only in their verbs, put together."""
    together: dict[tuple[Any, ...], Rule] = {}
    rest: list[Rule] = []
    for rule in rules:
        groups, resources, names = (rule.get(key) or [] for key in ("apiGroups", "resources", "resourceNames"))
        if rule.get("nonResourceURLs") or len(groups) != 1 or len(resources) != 1 or len(names) > 1:
            rest.append(rule)
            continue
        key = (groups[0], resources[0], *names)
        if key in together:
            together[key]["verbs"] = [*together[key]["verbs"], *rule["verbs"]]
        else:
            together[key] = {**rule, "verbs": list(rule["verbs"])}
    return rest + list(together.values())


def described(rule: Rule) -> str:
    """`{APIGroups:[""], Resources:["pods"], Verbs:["get" "list"]}`, as the real server writes a rule."""
    parts = [f"{name}:{quoted(rule[key])}" for key, name in _LISTS if rule.get(key)]
    return "{" + ", ".join(parts) + "}"


def quoted(words: Iterable[str]) -> str:
    """`["a" "b"]`: a list as Go's %q writes it."""
    return "[" + " ".join(go_quote(word) for word in words) + "]"
