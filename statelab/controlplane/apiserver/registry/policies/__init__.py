"""Admission that people define: policies in CEL and webhooks, asked of every request that one of them is about.

Where there are none, nothing is looked at: `active` is False. Source: apiserver/pkg/admission/plugin/policy.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from statelab.controlplane.apiserver.encoding import strict
from statelab.controlplane.apiserver.registry import admission, defaults
from statelab.controlplane.apiserver.registry.copying import fresh
from statelab.controlplane.apiserver.registry.policies import mutating, validating, webhooks
from statelab.controlplane.apiserver.registry.policies.mutating import Accept
from statelab.controlplane.apiserver.registry.policies.request import Asked, Operation, component
from statelab.controlplane.apiserver.registry.policies.validating import Policy
from statelab.controlplane.apiserver.registry.policies.webhooks import Webhook
from statelab.controlplane.kinds import Kind, Object
from statelab.controlplane.store import Cause, Revision, Store
from statelab.controlplane.users import ADMIN, User

_VALIDATING = ("validatingadmissionpolicies", "validatingadmissionpolicybindings")
_MUTATING = ("mutatingadmissionpolicies", "mutatingadmissionpolicybindings")
_HOOKS = ("mutatingwebhookconfigurations", "validatingwebhookconfigurations")
KINDS = (*_VALIDATING, *_MUTATING, *_HOOKS)
# What a kubelet or the scheduler writes is not asked about: on a real cluster a policy can stop a node, too.
_NOT_ASKED = ("kubelet", "scheduler", "default-scheduler")
_OWN_GROUP = "admissionregistration.k8s.io"
_OF_THE_SERVER = ("events", "leases")  # written by components all the time


class Writing(Protocol):
    """How something is asked for (writing.WriteOptions)."""

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


@dataclass(frozen=True)
class _Defined:
    """What there is: what changes requests, and what refuses them."""

    mutating: list[Policy]
    mutating_hooks: list[Webhook]
    validating: list[Policy]
    validating_hooks: list[Webhook]

    @property
    def mutates(self) -> bool:
        return bool(self.mutating or self.mutating_hooks)

    @property
    def is_any(self) -> bool:
        return bool(self.mutates or self.validating or self.validating_hooks)


class Policies:
    """The policies and webhooks of one store. `call` is how a webhook is reached, where there is a network."""

    def __init__(self, store: Store, cluster: validating.Cluster, new_uid: Callable[[], str]) -> None:
        self._store = store
        self._cluster = cluster
        self._new_uid = new_uid
        self._known: _Defined | None = None  # None: to be read again
        self.call: webhooks.Call = _no_network
        for plural in KINDS:
            store.subscribe(self._forget, plural)

    def _forget(self, _revision: Revision) -> None:
        self._known = None

    @property
    def _defined(self) -> _Defined:
        if self._known is None:
            mutating_hooks, validating_hooks = (_hooks(self._store, each) for each in _HOOKS)
            bound = _bound(self._store, *_MUTATING), _bound(self._store, *_VALIDATING)
            self._known = _Defined(bound[0], mutating_hooks, bound[1], validating_hooks)
        return self._known

    @property
    def active(self) -> bool:
        """Whether there is anything that may have a say."""
        return self._defined.is_any

    @property
    def mutates(self) -> bool:
        """Whether there is anything that may change what is asked for."""
        return self._defined.mutates

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

    def mutated(
        self, kind: Kind, operation: Operation, obj: Object, old: Object | None, writing: Writing, sub: str = ""
    ) -> Object:
        """What an object becomes that somebody writes. Raises ApiError."""
        asked = self.asked(kind, operation, obj, old, writing, sub)
        if asked is None:
            return obj

        def accept(changed: Object) -> Object:
            taken, _ = strict.check(fresh(changed), kind, "Ignore")
            defaults.apply(kind, taken)
            if kind.plural == "pods" and not sub:  # what is built in looks again at what has changed
                admission.mutate("pods", taken, "CREATE" if old is None else "UPDATE", old, self._cluster)
            return taken

        self._mutate(asked, accept)
        return asked.obj if asked.obj is not None else obj

    def ask(
        self,
        kind: Kind,
        operation: Operation,
        obj: Object | None,
        old: Object | None,
        writing: Writing,
        subresource: str = "",
        **more: Any,
    ) -> None:
        """Let those that validate have their say (`more`: as `asked` takes it), where there are any.

        Where nothing can be changed, those that mutate are asked here, too. Raises ApiError.
        """
        asked = self.asked(kind, operation, obj, old, writing, subresource, **more) if self.active else None
        if asked is None:
            return
        if operation in ("DELETE", "CONNECT"):
            self._mutate(asked, lambda changed: changed)
        self.check(asked)

    def connect(self, kind: Kind, about: Object, subresource: str, obj: Object, writing: Writing) -> None:
        """Ask whether somebody may attach to what is named by the metadata `about`. Raises ApiError."""
        self.ask(kind, "CONNECT", obj, None, writing, subresource, about=about, object_kind=("", "v1", obj["kind"]))

    def _mutate(self, asked: Asked, accept: Accept) -> None:
        """Let those that mutate change the object of a request."""
        defined = self._defined
        mutating.mutate(defined.mutating, asked, self._cluster, accept)
        if defined.mutating_hooks:
            before = asked.obj
            webhooks.mutate(defined.mutating_hooks, asked, self._caller(), accept)
            if asked.obj != before:
                again = [each for each in defined.mutating if each.policy["spec"]["reinvocationPolicy"] == "IfNeeded"]
                mutating.mutate(again, asked, self._cluster, accept)

    def check(self, asked: Asked) -> None:
        """Let those that validate have their say. Raises ApiError."""
        validating.check(self._defined.validating, asked, self._cluster)
        webhooks.check(self._defined.validating_hooks, asked, self._caller())

    def _caller(self) -> webhooks.Caller:
        return webhooks.Caller(self.call, self._new_uid, self._cluster)


def _no_network(config: Mapping[str, Any], body: bytes, timeout_s: int) -> bytes:
    raise webhooks.CallFailed("this server has no network")


def _hooks(store: Store, plural: str) -> list[Webhook]:
    """Every webhook, by its configuration's name and then in the order it stands there."""
    return [
        Webhook(configuration["metadata"]["name"], each)
        for configuration in store.list(plural)
        for each in configuration.get("webhooks") or ()
    ]


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


def _bound(store: Store, policies: str, bindings: str) -> list[Policy]:
    """The policies that have a binding, by name."""
    by_policy: dict[str, list[Object]] = {}
    for binding in store.list(bindings):
        by_policy.setdefault(binding["spec"]["policyName"], []).append(binding)
    return [
        Policy(policy, tuple(found))
        for policy in store.list(policies)
        if (found := by_policy.get(policy["metadata"]["name"]))
    ]


__all__ = ["KINDS", "Asked", "Policies"]
