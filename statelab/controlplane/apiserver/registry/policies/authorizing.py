"""`authorizer` in an expression: whether somebody may do something. Source: apiserver/pkg/cel/library/authz.go."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from statelab.controlplane.apiserver.authorization.attributes import Attributes
from statelab.controlplane.apiserver.authorization.authorizer import Authorizer
from statelab.controlplane.apiserver.authorization.rbac import Decision
from statelab.controlplane.apiserver.registry.policies.request import Asked
from statelab.controlplane.apiserver.validation.custom.cel import CelError, Extension
from statelab.controlplane.users import AUTHENTICATED, User, account_groups, account_name


@dataclass(frozen=True)
class CelAuthorizer(Extension):
    """For one user; `asked`: the request at hand, whose resource `requestResource` is."""

    authorizer: Authorizer
    user: User
    asked: Asked

    def member(self, name: str) -> Any:
        if name != "requestResource":
            raise CelError(f"no such key: {name}")
        asked = self.asked
        of = Attributes("", asked.kind.group, asked.kind.resource, asked.subresource, asked.namespace, asked.name)
        return _Check(self, of)

    def call(self, name: str, arguments: list[Any]) -> Any:
        match name, arguments:
            case "path", [str() as path] if path:
                return _Check(self, Attributes("", path=path))
            case "group", [str() as group]:
                return _Check(self, Attributes("", group))
            case "serviceAccount", [str() as namespace, str() as account]:
                user = User(account_name(namespace, account), (*account_groups(namespace), AUTHENTICATED))
                return replace(self, user=user)
        raise CelError("no such overload")


@dataclass(frozen=True)
class _Check(Extension):
    """`authorizer.group("").resource("pods")…`, up to what is done: `check("get")`."""

    owner: CelAuthorizer
    of: Attributes

    def call(self, name: str, arguments: list[Any]) -> Any:
        match name, arguments:
            case (("resource" | "subresource" | "namespace" | "name"), [str() as value]):
                return replace(self, of=replace(self.of, **{name: value}))
            case (("fieldSelector" | "labelSelector"), [str()]):
                return self  # RBAC does not look at selectors
            case "check", [str() as verb] if verb:
                return _Answer(self.owner.authorizer.authorize(self.owner.user, replace(self.of, verb=verb)))
        raise CelError("no such overload")


@dataclass(frozen=True)
class _Answer(Extension):
    decision: Decision

    def call(self, name: str, arguments: list[Any]) -> Any:
        found = {
            "allowed": self.decision.allowed,
            "reason": self.decision.reason,
            "errored": False,
            "error": "",
        }
        if arguments or name not in found:
            raise CelError("no such overload")
        return found[name]
