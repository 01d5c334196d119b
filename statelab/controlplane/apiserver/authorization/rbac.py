"""RBAC: which rules hold for a user, and through which binding. What it found it remembers until a role changes.

Roles and bindings are read from the store as they stand. Their indexes are made anew after a change, once for all
users, so thousands of bindings are looked at once and not at every request.
Source: plugin/pkg/auth/authorizer/rbac/rbac.go, pkg/registry/rbac/validation/rule.go.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from statelab.controlplane import users
from statelab.controlplane.apiserver.authorization import rules
from statelab.controlplane.apiserver.authorization.attributes import Attributes
from statelab.controlplane.apiserver.authorization.rules import Rule
from statelab.controlplane.apiserver.encoding.go_json import go_quote
from statelab.controlplane.kinds import Object, Objects
from statelab.controlplane.users import User

KINDS = ("clusterroles", "clusterrolebindings", "roles", "rolebindings")
_MOST_REMEMBERED = 4096


class Reader(Protocol):
    """Where roles and bindings are read."""

    def get(self, plural: str, key: str) -> Object | None: ...
    def list(self, plural: str, namespace: str = "") -> Objects: ...


@dataclass(frozen=True, slots=True)
class Decision:
    """`reason` tells which binding allowed it; of what is not allowed, what went wrong while looking."""

    allowed: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Grant:
    """The rules of one role, bound to a user. `error` when there is no such role."""

    source: str
    rules: tuple[Rule, ...] = ()
    error: str = ""


class Rbac:
    """RBAC over one store. `forget` is to be called when anything of KINDS has changed."""

    def __init__(self, cluster: Reader) -> None:
        self._cluster = cluster
        self._by_subject: dict[str, dict[tuple[str, str], list[tuple[Object, Object]]]] = {}  # namespace → subject
        self._decisions: OrderedDict[tuple[User, Attributes], Decision] = OrderedDict()

    def forget(self) -> None:
        self._by_subject.clear()
        self._decisions.clear()

    # ---- asking

    def authorize(self, user: User, asked: Attributes) -> Decision:
        """Whether the roles bound to a user allow something."""
        key = (user, asked)
        found = self._decisions.get(key)
        if found is None:
            found = self._decisions[key] = self._decide(user, asked)
            if len(self._decisions) > _MOST_REMEMBERED:
                self._decisions.popitem(last=False)
        return found

    def _decide(self, user: User, asked: Attributes) -> Decision:
        errors = []
        for grant in self.grants(user, asked.namespace):
            if grant.error:
                errors.append(grant.error)
            if any(rules.allows(rule, asked) for rule in grant.rules):
                return Decision(True, f"RBAC: allowed by {grant.source}")
        return Decision(False, f"RBAC: {aggregate(errors)}" if errors else "")

    def rules_of(self, user: User, namespace: str) -> tuple[list[Rule], list[str]]:
        """All rules that hold for a user in a namespace ("": cluster-wide ones), and what could not be resolved."""
        grants = list(self.grants(user, namespace))
        return [rule for grant in grants for rule in grant.rules], [grant.error for grant in grants if grant.error]

    def grants(self, user: User, namespace: str) -> Iterator[Grant]:
        """What is bound to a user: cluster-wide first, each kind of binding by name."""
        for scope in ("", namespace) if namespace else ("",):
            for binding, subject in self._bindings(user, scope):
                found = self.role_rules(binding["roleRef"], scope)
                if isinstance(found, str):
                    yield Grant("", error=found)
                else:
                    yield Grant(_described(binding, subject, scope), found)

    def role_rules(self, reference: Object, namespace: str) -> tuple[Rule, ...] | str:
        """The rules of the role that a binding in this namespace refers to, or why there are none."""
        kind, name = reference.get("kind", ""), reference.get("name", "")
        if kind not in ("Role", "ClusterRole"):
            return f"unsupported role reference kind: {go_quote(kind)}"
        plural, key = ("roles", f"{namespace}/{name}") if kind == "Role" else ("clusterroles", name)
        role = self._cluster.get(plural, key)
        if role is None:
            return f"{kind.lower()}.rbac.authorization.k8s.io {go_quote(name)} not found"
        return tuple(role.get("rules") or ())

    # ---- bindings by subject

    def _bindings(self, user: User, namespace: str) -> list[tuple[Object, Object]]:
        """The bindings of one namespace ("": cluster-wide) that name the user, each with the subject that does."""
        index = self._by_subject.get(namespace)
        if index is None:
            index = self._by_subject[namespace] = self._indexed(namespace)
        found: dict[str, tuple[Object, Object]] = {}
        for key in (("User", user.name), *(("Group", group) for group in user.groups)):
            for binding, subject in index.get(key, ()):
                name = binding["metadata"]["name"]
                before = found.get(name)
                if before is None or _place(binding, subject) < _place(*before):
                    found[name] = (binding, subject)
        return [found[name] for name in sorted(found)]

    def _indexed(self, namespace: str) -> dict[tuple[str, str], list[tuple[Object, Object]]]:
        index: dict[tuple[str, str], list[tuple[Object, Object]]] = {}
        for binding in self._cluster.list("rolebindings" if namespace else "clusterrolebindings", namespace):
            for subject in binding.get("subjects") or ():
                key = _key(subject, namespace)
                if key is not None:
                    index.setdefault(key, []).append((binding, subject))
        return index


def aggregate(errors: list[str]) -> str:
    """Several errors as Go's aggregate tells them: each once, in brackets when there are more."""
    once = list(dict.fromkeys(errors))
    return once[0] if len(once) == 1 else f"[{', '.join(once)}]"


def _place(binding: Object, subject: Object) -> int:
    return next(index for index, each in enumerate(binding["subjects"]) if each is subject)


def _key(subject: Object, namespace: str) -> tuple[str, str] | None:
    kind, name = subject.get("kind", ""), subject.get("name", "")
    if kind != "ServiceAccount":
        return (kind, name)
    where = subject.get("namespace") or namespace
    return ("User", users.account_name(where, name)) if where else None


def _described(binding: Object, subject: Object, namespace: str) -> str:
    reference, name = binding["roleRef"], binding["metadata"]["name"]
    kind = "RoleBinding" if namespace else "ClusterRoleBinding"
    shown = f"{name}/{namespace}" if namespace else name
    who = subject["name"]
    if subject["kind"] == "ServiceAccount":
        who = f"{who}/{subject.get('namespace') or namespace}"
    of_what = f"{reference['kind']} {go_quote(reference['name'])}"
    return f"{kind} {go_quote(shown)} of {of_what} to {subject['kind']} {go_quote(who)}"
