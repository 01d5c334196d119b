"""A function that a learner calls answers a slip in its call with a sentence: a name it does not have, a wrong type.

Python says such things with a traceback through our code, which helps nobody who has only mistyped a line.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import cache, wraps
from pathlib import Path
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from statelab.cluster.problem import Problem

F = TypeVar("F", bound=Callable[..., Any])
C = TypeVar("C", bound=type)

_TOLD = {
    "call": "{name}() was called wrongly: {reason}.",
    "type": "{name}() takes {parameter} as {wanted}; {value} is {type}.",
    "next": "It is called so: {name}{signature}\nMore about it: {name}?",
}
_CALLED = {"str": "text", "int": "a whole number", "float": "a number", "bool": "True or False", "NoneType": "None"}
_LONGEST_VALUE = 60


def plainly(function: F, owner: str = "") -> F:
    """The function, which raises Problem where Python would raise TypeError for the call itself.

    `owner`: what stands before the dot where it is called, such as "cluster".
    """
    name = f"{owner}.{function.__name__}" if owner else function.__name__
    signature = inspect.signature(function)

    @wraps(function)
    def called(*arguments: Any, **named: Any) -> Any:
        try:
            bound = signature.bind(*arguments, **named)
        except TypeError as error:
            raise _problem("call", name, signature, bool(owner), reason=error) from None
        hints = _hints(function)
        for parameter, value in bound.arguments.items():
            hint = hints.get(parameter, Any)
            if not _fits(value, hint, signature.parameters[parameter].kind):
                shown = repr(value)
                raise _problem(
                    "type", name, signature, bool(owner), parameter=parameter, wanted=_called(hint),
                    value=shown if len(shown) <= _LONGEST_VALUE else shown[:_LONGEST_VALUE] + "…",
                    type=_called(type(value)),
                )  # fmt: skip
        return function(*arguments, **named)

    return called  # type: ignore[return-value]  # it takes and gives what `function` does


def plain_methods(owner: str) -> Callable[[C], C]:
    """A decorator of a class whose public methods are called by learners, on a variable that is called `owner`."""

    def decorate(cls: C) -> C:
        for name, value in list(vars(cls).items()):
            if inspect.isfunction(value) and not name.startswith("_"):
                setattr(cls, name, plainly(value, owner))
        return cls

    return decorate


@cache
def _hints(function: Callable[..., Any]) -> dict[str, Any]:
    with suppress(NameError):  # a type that is imported for the type checker alone is not looked at
        return get_type_hints(function)
    return {}


def _problem(key: str, name: str, signature: inspect.Signature, is_method: bool, **values: Any) -> Problem:
    parameters = list(signature.parameters.values())[1 if is_method else 0 :]
    plain = [each.replace(annotation=inspect.Parameter.empty) for each in parameters]
    shown = signature.replace(parameters=plain, return_annotation=inspect.Signature.empty)
    return Problem(_TOLD[key].format(name=name, **values), _TOLD["next"].format(name=name, signature=shown))


def _fits(value: Any, hint: Any, kind: Any) -> bool:
    if kind is inspect.Parameter.VAR_POSITIONAL:
        return all(_is(each, hint) for each in value)
    if kind is inspect.Parameter.VAR_KEYWORD:
        return all(_is(each, hint) for each in value.values())
    return _is(value, hint)


def _is(value: Any, hint: Any) -> bool:
    """Whether a value is of a type, as far as that can be told; what we cannot tell fits."""
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        return any(_is(value, each) for each in get_args(hint))
    if hint is None:
        return value is None
    if origin is Callable:
        return callable(value)
    if isinstance(origin, type) and issubclass(origin, Iterable):
        if isinstance(value, str | bytes) or not isinstance(value, origin):
            return False  # text is a sequence of letters, which nobody means
        inner = get_args(hint)[:1] if isinstance(value, list | tuple) else ()
        return all(_is(each, inner[0]) for each in value) if inner else True
    if hint is float:
        return isinstance(value, int | float)
    if hint in (str, int, bool, bytes, dict, list, Path, type(None)):
        return isinstance(value, hint)
    if isinstance(hint, type) and hint.__module__.startswith("statelab.") and not getattr(hint, "_is_protocol", False):
        return isinstance(value, hint)
    return True


def _called(hint: Any) -> str:
    if get_origin(hint) in (Union, types.UnionType):
        return " or ".join(_called(each) for each in get_args(hint) if each is not type(None))
    if get_origin(hint) is Callable:
        return "a function"
    if get_origin(hint) is not None:
        inner = [_called(each) for each in get_args(hint) if each is not Ellipsis]
        return f"a list of {inner[0]}" if inner else "a list"
    name = getattr(hint, "__name__", str(hint))
    return _CALLED.get(name, name)
