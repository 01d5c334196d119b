"""A request as admission sees it: what is done to what, by whom. Source: apiserver/pkg/admission/attributes.go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from statelab.controlplane.apiserver.validation.custom.cel import Budget
from statelab.controlplane.kinds import Kind, Object
from statelab.controlplane.users import AUTHENTICATED, User, account_groups, account_name

BUDGET = 500_000  # steps of CEL that one request may cost: a second or two
Operation = Literal["CREATE", "UPDATE", "DELETE", "CONNECT"]


@dataclass
class Asked:
    """One request. `obj` is None of a deletion, `old` of a creation; `obj` changes as it is mutated.

    `object_kind` is what `obj` is where that is not the kind of the resource (a Scale, an Eviction).
    """

    kind: Kind
    operation: Operation
    namespace: str
    name: str
    obj: Object | None
    old: Object | None
    user: User
    subresource: str = ""
    object_kind: tuple[str, str, str] | None = None  # group, version, kind
    options: Mapping[str, Any] = field(default_factory=dict)
    dry_run: bool = False
    warnings: list[str] = field(default_factory=list)
    budget: Budget = field(default_factory=lambda: Budget(BUDGET))  # of all policies and webhooks together

    @property
    def full_resource(self) -> str:
        return f"{self.kind.resource}/{self.subresource}" if self.subresource else self.kind.resource

    def gvk(self) -> Object:
        group, version, kind = self.object_kind or (self.kind.group, self.kind.version, self.kind.name)
        return {"group": group, "version": version, "kind": kind}

    def gvr(self) -> Object:
        return {"group": self.kind.group, "version": self.kind.version, "resource": self.kind.resource}

    @cached_property
    def review(self) -> Object:
        """`request` of a CEL expression; with a uid and the objects, of an AdmissionReview."""
        made: Object = {
            "kind": self.gvk(),
            "resource": self.gvr(),
            "requestKind": self.gvk(),
            "requestResource": self.gvr(),
            "operation": self.operation,
            "userInfo": {"groups": [], "username": "", **self.user.info()},
            "dryRun": self.dry_run,
            "options": dict(self.options),
        }
        if self.subresource:
            made["subResource"] = made["requestSubResource"] = self.subresource
        if self.name:
            made["name"] = self.name
        if self.namespace:
            made["namespace"] = self.namespace
        return made


def component(actor: str) -> User:
    """Whom a component of the control plane would be on a real cluster."""
    name = actor.partition("/")[0]
    return User(account_name("kube-system", name), (*account_groups("kube-system"), AUTHENTICATED))
