"""Admission that people define: policies in CEL, asked of every request that one of them is about.

Where there are none, nothing is looked at: `active` is False. Source: apiserver/pkg/admission/plugin/policy.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from statelab.controlplane.apiserver.registry.policies import validating
from statelab.controlplane.apiserver.registry.policies.request import Asked, Operation, component
from statelab.controlplane.kinds import Kind, Object
from statelab.controlplane.store import Cause, Revision, Store
from statelab.controlplane.users import ADMIN, User

_POLICIES, _BINDINGS = "validatingadmissionpolicies", "validatingadmissionpolicybindings"
KINDS = (_POLICIES, _BINDINGS)
# What a kubelet or the scheduler writes is not asked about: on a real cluster a policy can stop a node, too.
_NOT_ASKED = ("kubelet", "scheduler", "default-scheduler")
_OWN_GROUP = "admissionregistration.k8s.io"
_OF_THE_SERVER = ("events", "leases")  # written by components all the time


class Writing(Protocol):
    """How something is asked for (resources.WriteOptions)."""

    @property
    def cause(self) -> Cause: ...
    @property
    def dry_run(self) -> bool: ...
    @property
    def field_manager(self) -> str: ...
    @property
    def internal(self) -> bool: ...
    @property
    def warnings(self) -> list[str]: ...
    @property
    def user(self) -> User | None: ...


class Policies:
    """The policies of one store."""

    def __init__(self, store: Store, cluster: validating.Cluster) -> None:
        self._store = store
        self._cluster = cluster
        self._validating: list[validating.Policy] | None = None  # None: to be read again
        for plural in KINDS:
            store.subscribe(self._forget, plural)

    def _forget(self, _revision: Revision) -> None:
        self._validating = None

    @property
    def active(self) -> bool:
        """Whether there is anything that may have a say."""
        return bool(self._of_validation())

    def _of_validation(self) -> list[validating.Policy]:
        if self._validating is None:
            self._validating = _bound(self._store, _POLICIES, _BINDINGS)
        return self._validating

    def asked(
        self,
        kind: Kind,
        operation: Operation,
        obj: Object | None,
        old: Object | None,
        writing: Writing,
        subresource: str = "",
        *,
        about: Mapping[str, Any] | None = None,
        object_kind: tuple[str, str, str] | None = None,
        said: Mapping[str, Any] | None = None,
    ) -> Asked | None:
        """The request as policies see it; None where nobody is to be asked about it.

        `about`: the metadata of what is asked for, where `obj` is something else; `said`: the options of a deletion.
        """
        if not self.active or kind.group == _OWN_GROUP:  # a mistake there must not keep anybody from mending it
            return None
        if writing.internal and (kind.plural in _OF_THE_SERVER or writing.cause.actor.partition("/")[0] in _NOT_ASKED):
            return None
        metadata = about if about is not None else (obj or old or {}).get("metadata") or {}
        user = writing.user or (component(writing.cause.actor) if writing.internal else ADMIN)
        return Asked(
            kind,
            operation,
            str(metadata.get("namespace") or "") if kind.namespaced else "",
            str(metadata.get("name") or ""),
            obj,
            old,
            user,
            subresource,
            object_kind,
            _options_of(operation, writing, said),
            writing.dry_run,
            writing.warnings,
        )

    def check(self, asked: Asked) -> None:
        """Let those that validate have their say. Raises ApiError."""
        validating.check(self._of_validation(), asked, self._cluster)


def _options_of(operation: Operation, writing: Writing, said: Mapping[str, Any] | None) -> dict[str, Any]:
    """The options of a request, as an AdmissionReview shows them."""
    if operation == "CONNECT":
        return {}
    made = {"kind": f"{operation.capitalize()}Options", "apiVersion": "meta.k8s.io/v1", **(said or {})}
    if operation != "DELETE" and writing.field_manager:
        made["fieldManager"] = writing.field_manager
    if writing.dry_run:
        made["dryRun"] = ["All"]
    return made


def _bound(store: Store, policies: str, bindings: str) -> list[validating.Policy]:
    """The policies that have a binding, by name."""
    by_policy: dict[str, list[Object]] = {}
    for binding in store.list(bindings):
        by_policy.setdefault(binding["spec"]["policyName"], []).append(binding)
    return [
        validating.Policy(policy, tuple(found))
        for policy in store.list(policies)
        if (found := by_policy.get(policy["metadata"]["name"]))
    ]


__all__ = ["KINDS", "Asked", "Policies"]
