"""The parameters of a policy under one binding.

Source: apiserver/pkg/admission/plugin/policy/generic/policy_dispatcher.go (CollectParams).
"""

from __future__ import annotations

from typing import Any, Protocol

from statelab.controlplane.apiserver.registry.policies.matching import Reader
from statelab.controlplane.kinds import Kind, Object, Objects
from statelab.controlplane.labels import selector_of

Fields = dict[str, Any]


class ConfigurationError(Exception):
    """A policy (or its binding, as `of_binding` says) that cannot be followed. Its text is what the user is told."""

    def __init__(self, message: str, *, of_binding: bool = True) -> None:
        what = "binding" if of_binding else "policy"
        super().__init__(f"failed to configure {what}: {message}")
        self.of_binding = of_binding


class Kinds(Protocol):
    """The kinds that are served."""

    def named(self, api_version: str, name: str) -> Kind | None: ...


def kind_of_params(policy: Object, kinds: Kinds) -> Kind | None:
    """The kind a policy takes its parameters from, None where it has none. Raises ConfigurationError."""
    wanted = policy["spec"].get("paramKind")
    if wanted is None:
        return None
    version, name = wanted["apiVersion"], wanted["kind"]
    found = kinds.named(version, name)
    if found is None:
        shown = f"{version if '/' in version else '/' + version}, Kind={name}"
        problem = f"failed to find resource referenced by paramKind: '{shown}'"
        raise ConfigurationError(problem, of_binding=False)
    return found


def collect(kind: Kind | None, binding: Object, namespace: str, cluster: Reader) -> list[Object | None]:
    """The parameters a policy is asked with, one after the other; [None] where it is asked without.

    Raises ConfigurationError.
    """
    reference = binding["spec"].get("paramRef")
    if kind is None or reference is None:
        return [None]
    where = ""
    if kind.namespaced:
        where = reference.get("namespace") or namespace
        if not where:
            problem = "cannot use namespaced paramRef in policy binding that matches cluster-scoped resources"
            raise ConfigurationError(problem)
    elif reference.get("namespace"):
        raise ConfigurationError("paramRef.namespace must not be provided for a cluster-scoped `paramKind`")
    found = _found(kind, reference, where, cluster)
    if not found and reference.get("parameterNotFoundAction") != "Allow":
        raise ConfigurationError("no params found for policy binding with `Deny` parameterNotFoundAction")
    return list(found)


def _found(kind: Kind, reference: Fields, namespace: str, cluster: Reader) -> Objects:
    if reference.get("name"):
        key = f"{namespace}/{reference['name']}" if namespace else reference["name"]
        one = cluster.get(kind.plural, key)
        return [] if one is None else [one]
    selects = selector_of(reference["selector"])
    if not reference["selector"]:
        return cluster.list(kind.plural, namespace)
    return [each for each in cluster.list(kind.plural, namespace) if selects(each["metadata"].get("labels") or {})]
