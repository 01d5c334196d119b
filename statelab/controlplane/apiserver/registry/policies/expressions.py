"""The expressions of one policy, asked of one request: what they may speak of, what they may cost, what they come to.

Source: apiserver/pkg/admission/plugin/cel (condition.go, composition.go), plugin/webhook/matchconditions/matcher.go.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from statelab.controlplane.apiserver.registry.policies.request import Asked
from statelab.controlplane.apiserver.validation.custom import cel
from statelab.controlplane.kinds import Object

Fields = dict[str, Any]

BUDGET = 200_000  # steps for all expressions of a policy with one binding and one parameter
_OUT_OF_BUDGET = "validation failed due to running out of cost budget, no further validation rules will be run"
_OF_NAMESPACE = (
    "name",
    "generateName",
    "namespace",
    "labels",
    "annotations",
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "generation",
    "resourceVersion",
    "finalizers",
)


class Failed(Exception):
    """An expression that came to nothing. Its text is what the user is told."""


class OutOfBudget(Failed):
    """No expression of this policy is asked any more."""

    def __init__(self) -> None:
        super().__init__(_OUT_OF_BUDGET)


class Expressions:
    """What the expressions of a policy see: the request, its objects, a parameter, and the policy's variables."""

    def __init__(
        self,
        asked: Asked,
        *,
        namespace: Object | None = None,
        params: Object | None = None,
        variables: Sequence[Fields] = (),
        authorizer: cel.Extension | None = None,
    ) -> None:
        self._budget = cel.Budget(BUDGET, asked.budget)
        self._names: dict[str, Any] = {
            "object": asked.obj,
            "oldObject": asked.old,
            "request": asked.review,
            "namespaceObject": _shown(namespace),
            "params": params,
        }
        if authorizer is not None:
            self._names["authorizer"] = authorizer
        self._names["variables"] = _Variables({each["name"]: each["expression"] for each in variables}, self.value)

    def value(self, text: str) -> Any:
        """What an expression comes to. Raises Failed."""
        try:
            return cel.evaluate(cel.parse(text), self._names, self._budget)
        except cel.TooCostly:
            raise OutOfBudget from None
        except cel.CelError as error:
            raise Failed(f"expression '{text}' resulted in error: {error}") from None
        except cel.CelSyntaxError as error:
            raise Failed(f"compilation error: compilation failed: {error}") from None

    def hold(self, conditions: Sequence[Fields], failure_policy: str) -> bool:
        """Whether all match conditions hold. One that does not decides, whatever is wrong with the others.

        Raises Failed where that cannot be told and the failure policy is Fail.
        """
        problems: list[str] = []
        for condition in conditions:
            try:
                if self.value(condition["expression"]) is not True:
                    return False
            except OutOfBudget:
                if failure_policy == "Ignore":
                    return False
                raise
            except Failed as failed:
                problems.append(str(failed))
        if problems and failure_policy == "Ignore":
            return False
        if problems:
            raise Failed(problems[0] if len(problems) == 1 else f"[{', '.join(problems)}]")
        return True


class _Variables(dict[str, Any]):
    """A policy's variables: each is asked when somebody first speaks of it, and then remembered."""

    def __init__(self, expressions: dict[str, str], value: Callable[[str], Any]) -> None:
        super().__init__()
        self._expressions = expressions
        self._value = value
        self._asking: set[str] = set()

    def __contains__(self, name: object) -> bool:
        return name in self._expressions

    def __getitem__(self, name: str) -> Any:
        if not super().__contains__(name):
            if name in self._asking:
                raise cel.CelError(f"no such key: {name}")  # of itself: no policy with one is taken
            self._asking.add(name)
            try:
                self[name] = self._value(self._expressions[name])
            except OutOfBudget:
                raise cel.TooCostly from None
            except Failed as failed:
                raise cel.CelError(f"composited variable {name!r} fails to evaluate: {failed}") from None
        return super().__getitem__(name)


def as_json(value: Any) -> Any:
    """What an expression came to, where it is to stand in an object. Raises Failed for what JSON does not have."""
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise Failed("a key of an object must be a string")
        return {key: as_json(each) for key, each in value.items()}
    if isinstance(value, list):
        return [as_json(each) for each in value]
    if value is None or isinstance(value, str | int | float | bool):
        return value
    raise Failed(f"a value of type {cel.type_name(value)} cannot stand in an object")


def _shown(namespace: Object | None) -> Object | None:
    """A Namespace as `namespaceObject` shows it."""
    if namespace is None:
        return None
    metadata = namespace["metadata"]
    return {
        "metadata": {key: metadata[key] for key in _OF_NAMESPACE if key in metadata},
        "spec": namespace.get("spec") or {},
        "status": namespace.get("status") or {},
    }
