"""Who asks: a name, groups, and what else an authenticator knows. Source: apiserver/pkg/authentication/user."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from statelab.controlplane.kinds import Object

MASTERS = "system:masters"
AUTHENTICATED, UNAUTHENTICATED = "system:authenticated", "system:unauthenticated"
ACCOUNTS = "system:serviceaccounts"
_ACCOUNT = "system:serviceaccount:"


@dataclass(frozen=True, slots=True)
class User:
    """One user. `extra` as TokenReview shows it: keys with lists of words."""

    name: str
    groups: tuple[str, ...] = ()
    uid: str = ""
    extra: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)

    @property
    def may_everything(self) -> bool:
        """A member of system:masters is never refused, whatever roles there are."""
        return MASTERS in self.groups

    def info(self) -> Object:
        """As a SelfSubjectReview and a TokenReview show a user."""
        shown: Object = {"username": self.name}
        if self.uid:
            shown["uid"] = self.uid
        if self.groups:
            shown["groups"] = list(self.groups)
        if self.extra:
            shown["extra"] = {key: list(self.extra[key]) for key in sorted(self.extra)}
        return shown


# Whom the kubeconfig's token belongs to, named as kind names its own.
ADMIN = User("kubernetes-admin", (MASTERS, AUTHENTICATED))
ANONYMOUS = User("system:anonymous", (UNAUTHENTICATED,))


def account_name(namespace: str, name: str) -> str:
    """The user name of a ServiceAccount."""
    return f"{_ACCOUNT}{namespace}:{name}"


def account_groups(namespace: str) -> tuple[str, ...]:
    """The groups every ServiceAccount of a namespace is in, system:authenticated aside."""
    return (ACCOUNTS, f"{ACCOUNTS}:{namespace}")


def account_of(user_name: str) -> tuple[str, str] | None:
    """Namespace and name of the ServiceAccount that a user name stands for, if it stands for one."""
    if not user_name.startswith(_ACCOUNT):
        return None
    parts = user_name.removeprefix(_ACCOUNT).split(":")
    return (parts[0], parts[1]) if len(parts) == 2 and all(parts) else None


def groups_of(user_name: str, asked: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The groups of whoever is acted as, by name and perhaps with groups.

    Source: apiserver/pkg/endpoints/filters/impersonation.
    """
    account = account_of(user_name)
    if not asked and account is not None:
        asked = account_groups(account[0])
    if user_name == ANONYMOUS.name:
        return asked if UNAUTHENTICATED in asked else (*asked, UNAUTHENTICATED)
    return asked if any(group in (AUTHENTICATED, UNAUTHENTICATED) for group in asked) else (*asked, AUTHENTICATED)
