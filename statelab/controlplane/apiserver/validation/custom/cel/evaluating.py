"""What a CEL expression comes to, and what it costs. Values are JSON's; a list or map is never copied.

Each step costs one and each element or character that is looked at a little; beyond the budget it stops, as a real API
server does. Functions are in functions.py. Source: cel-spec langdef.md, apiserver/pkg/cel (per-call cost limits).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from statelab.controlplane.apiserver.validation.custom.cel import functions, libraries
from statelab.controlplane.apiserver.validation.custom.cel.parsing import Node
from statelab.controlplane.apiserver.validation.custom.cel.values import (
    CelError,
    Extension,
    Optional,
    a_number,
    number,
    size_of,
    type_name,
    unescaped,
)

_LARGEST = 2**63 - 1
MACROS = frozenset(("all", "exists", "exists_one", "existsOne", "map", "filter", "transformList", "transformMap"))
_OF_PAIRS = ("transformList", "transformMap")  # of an index or key and its element
_ABSENT = Optional(False)
_LEFT_OUT: Any = object()  # an entry whose optional value is none
_MOST_ELEMENTS = 1_000_000


class TooCostly(Exception):
    """The budget is used up."""


class Budget:
    """What may still be spent, by one rule or by all of an object's; `whole`: it is a part of another budget."""

    def __init__(self, left: int, whole: Budget | None = None) -> None:
        self.left = left
        self._whole = whole

    def spend(self, cost: int) -> None:
        self.left -= cost
        if self.left < 0:
            raise TooCostly
        if self._whole is not None:
            self._whole.spend(cost)


def evaluate(node: Node, variables: Mapping[str, Any], budget: Budget) -> Any:
    """Raises CelError where it comes to nothing, TooCostly."""
    return _Evaluation(budget).value(node, variables)


class _Evaluation:
    def __init__(self, budget: Budget) -> None:
        self._budget = budget

    def value(self, node: Node, names: Mapping[str, Any]) -> Any:
        self._budget.spend(1)
        handle = _HANDLERS.get(node.op)
        return handle(self, node, names) if handle is not None else self._operator(node, names)

    # ---- names, members, literals

    def _literal(self, node: Node, names: Mapping[str, Any]) -> Any:
        return node.value

    def _name(self, node: Node, names: Mapping[str, Any]) -> Any:
        if node.value not in names:
            raise CelError(f"no such attribute(s): {node.value}")
        return names[node.value]

    def _member(self, node: Node, names: Mapping[str, Any]) -> Any:
        owner = self.value(node.args[0], names)
        name = unescaped(node.value)
        if isinstance(owner, Optional):  # what is below something that need not be there need not be there either
            return _below(owner, name)
        if isinstance(owner, Extension):
            return owner.member(name)
        if not isinstance(owner, dict):
            raise CelError(f"type '{type_name(owner)}' does not support field selection")
        if name not in owner:
            raise CelError(f"no such key: {name}")
        return owner[name]

    def _index(self, node: Node, names: Mapping[str, Any]) -> Any:
        owner, index = (self.value(each, names) for each in node.args)
        if isinstance(owner, Optional):
            return _below(owner, index)
        if isinstance(owner, dict):
            if _key(index) not in owner:
                raise CelError(f"no such key: {index}")
            return owner[index]
        if isinstance(owner, list) and type(index) is int:
            if not 0 <= index < len(owner):
                raise CelError(f"index out of bounds: {index}")
            return owner[index]
        raise CelError("no such overload")

    def _member_if_there(self, node: Node, names: Mapping[str, Any]) -> Any:
        owner = self.value(node.args[0], names)
        return _below(owner if isinstance(owner, Optional) else Optional(True, owner), unescaped(node.value))

    def _index_if_there(self, node: Node, names: Mapping[str, Any]) -> Any:
        owner, index = (self.value(each, names) for each in node.args)
        return _below(owner if isinstance(owner, Optional) else Optional(True, owner), index)

    def _message(self, node: Node, names: Mapping[str, Any]) -> Any:
        found = {unescaped(name): self.value(each, names) for name, each in zip(node.value[1], node.args, strict=True)}
        return {name: value for name, value in found.items() if value is not _LEFT_OUT}

    def _entry(self, node: Node, names: Mapping[str, Any]) -> Any:
        found = self.value(node.args[0], names)
        if not isinstance(found, Optional):
            raise CelError("no such overload")
        return found.value if found.has_value else _LEFT_OUT

    def _list(self, node: Node, names: Mapping[str, Any]) -> Any:
        return [self.value(each, names) for each in node.args]

    def _map(self, node: Node, names: Mapping[str, Any]) -> Any:
        found = [self.value(each, names) for each in node.args]
        pairs = zip(map(_key, found[::2]), found[1::2], strict=True)
        return {key: value for key, value in pairs if value is not _LEFT_OUT}

    def _choice(self, node: Node, names: Mapping[str, Any]) -> Any:
        condition = self.value(node.args[0], names)
        if not isinstance(condition, bool):
            raise CelError("no such overload")
        return self.value(node.args[1 if condition else 2], names)

    # ---- && and ||: what one side decides is decided, whatever is wrong with the other

    def _and(self, node: Node, names: Mapping[str, Any]) -> Any:
        return self._logical(node, names, False)

    def _or(self, node: Node, names: Mapping[str, Any]) -> Any:
        return self._logical(node, names, True)

    def _logical(self, node: Node, names: Mapping[str, Any], decides: bool) -> bool:
        wrong: CelError | None = None
        for each in node.args:
            try:
                found = self.value(each, names)
                if not isinstance(found, bool):
                    raise CelError("no such overload")
                if found is decides:
                    return decides
            except CelError as error:
                wrong = wrong or error
        if wrong is not None:
            raise wrong
        return not decides

    # ---- calls

    def _function(self, node: Node, names: Mapping[str, Any]) -> Any:
        if node.value == "has":
            return self._has(node, names)
        arguments = [self.value(each, names) for each in node.args]
        return functions.call(node.value, arguments, self._budget.spend)

    def _has(self, node: Node, names: Mapping[str, Any]) -> bool:
        if len(node.args) != 1 or node.args[0].op != "member":
            raise CelError("invalid argument to has() macro")
        owner = self.value(node.args[0].args[0], names)
        return isinstance(owner, dict) and unescaped(node.args[0].value) in owner

    def _call(self, node: Node, names: Mapping[str, Any]) -> Any:
        if node.value in MACROS and len(node.args) > 2:
            return self._macro(node, names)
        owner, *rest = node.args
        if is_bind(node, names):
            variable, value, body = rest
            bound = {**names, variable.value: self.value(value, names)} if len(names) < 32 else _too_deep()
            return self.value(body, bound)
        if owner.op == "name" and owner.value not in names and owner.value in libraries.NAMES:
            arguments = [self.value(each, names) for each in rest]
            return libraries.call(f"{owner.value}.{node.value}", arguments, self._budget.spend)
        if node.value in ("optMap", "optFlatMap") and len(node.args) == 3:
            return self._opt_map(node, names)
        arguments = [self.value(each, names) for each in node.args]
        return functions.method(node.value, arguments, self._budget.spend)

    def _opt_map(self, node: Node, names: Mapping[str, Any]) -> Any:
        owner, variable, body = node.args
        found = self.value(owner, names)
        if not isinstance(found, Optional) or variable.op != "name":
            raise CelError("no such overload")
        if not found.has_value:
            return found
        made = self.value(body, {**names, variable.value: found.value} if len(names) < 32 else _too_deep())
        return made if node.value == "optFlatMap" else Optional(True, made)

    def _macro_of_pairs(self, node: Node, names: Mapping[str, Any]) -> Any:
        """`list.all(index, element, …)`, `map.exists(key, value, …)`, transformList and transformMap."""
        owner, first, second, *rest = node.args
        over = self.value(owner, names)
        if first.op != "name" or second.op != "name" or not isinstance(over, list | dict) or not rest:
            raise CelError("no such overload")
        pairs = list(over.items() if isinstance(over, dict) else enumerate(over))[:_MOST_ELEMENTS]
        made: dict[Any, Any] = {}
        held = 0
        for key, element in pairs:
            inside = {**names, first.value: key, second.value: element} if len(names) < 32 else _too_deep()
            if node.value in _OF_PAIRS:
                if len(rest) == 1 or self.value(rest[0], inside) is True:
                    made[key] = self.value(rest[-1], inside)
                continue
            found = self.value(rest[0], inside)
            if not isinstance(found, bool):
                raise CelError("no such overload")
            held += found
        if node.value in _OF_PAIRS:
            return list(made.values()) if node.value == "transformList" else made
        return {"all": held == len(pairs), "exists": held > 0}.get(node.value, held == 1)

    def _macro(self, node: Node, names: Mapping[str, Any]) -> Any:
        if node.value in _OF_PAIRS or (len(node.args) == 4 and node.value not in ("map", "filter")):
            return self._macro_of_pairs(node, names)
        owner, variable, *rest = node.args
        over = self.value(owner, names)
        if variable.op != "name" or not isinstance(over, list | dict):
            raise CelError("no such overload")
        each_of = over if isinstance(over, list) else list(over)
        results: list[Any] = []
        wrong: CelError | None = None
        count = 0
        for element in each_of[:_MOST_ELEMENTS]:
            inside = {**names, variable.value: element} if len(names) < 32 else _too_deep()
            try:
                found = self.value(rest[0], inside)
            except CelError as error:
                if node.value in ("map", "filter"):
                    raise
                wrong = wrong or error
                continue
            if node.value == "map":
                if len(rest) == 1:
                    results.append(found)
                elif found is True:
                    results.append(self.value(rest[1], inside))
            elif not isinstance(found, bool):
                raise CelError("no such overload")
            elif found and node.value == "filter":
                results.append(element)
            elif found and node.value == "exists":
                return True
            elif not found and node.value == "all":
                return False
            elif found:
                count += 1
        if wrong is not None:
            raise wrong
        return {"all": True, "exists": False}.get(
            node.value, results if node.value in ("map", "filter") else count == 1
        )

    # ---- operators

    def _not(self, node: Node, names: Mapping[str, Any]) -> Any:
        value = self.value(node.args[0], names)
        if not isinstance(value, bool):
            raise CelError("no such overload")
        return not value

    def _negative(self, node: Node, names: Mapping[str, Any]) -> Any:
        return number(-a_number(self.value(node.args[0], names)))

    def _operator(self, node: Node, names: Mapping[str, Any]) -> Any:
        left, right = (self.value(each, names) for each in node.args)
        self._budget.spend(size_of(left) // 10 + size_of(right) // 10)
        return functions.operate(node.op, left, right)


def is_bind(node: Node, names: Mapping[str, Any]) -> bool:
    """Whether a call is `cel.bind(name, value, expression)`. Source: cel-go ext/bindings.go."""
    owner, *rest = node.args
    is_cel = owner.op == "name" and owner.value == "cel" and "cel" not in names
    return is_cel and node.value == "bind" and len(rest) == 3 and rest[0].op == "name"


def _key(value: Any) -> Any:
    """What a map can be asked for. Raises CelError for what is no key."""
    if not isinstance(value, str | int | float):
        raise CelError(f"unsupported key type: {type_name(value)}")
    return value


def _below(owner: Optional, key: Any) -> Optional:
    """What stands under a key of something that may not be there."""
    found = owner.value
    if owner.has_value and isinstance(found, dict) and _key(key) in found:
        return Optional(True, found[key])
    if owner.has_value and isinstance(found, list) and type(key) is int and 0 <= key < len(found):
        return Optional(True, found[key])
    return _ABSENT


def _too_deep() -> Any:
    raise CelError("comprehensions nested too deeply")


_HANDLERS: dict[str, Callable[[_Evaluation, Node, Mapping[str, Any]], Any]] = {
    "literal": _Evaluation._literal, "name": _Evaluation._name, "member": _Evaluation._member,
    "index": _Evaluation._index, "list": _Evaluation._list, "map": _Evaluation._map, "?:": _Evaluation._choice,
    "&&": _Evaluation._and, "||": _Evaluation._or, "function": _Evaluation._function, "call": _Evaluation._call,
    "!": _Evaluation._not, "neg": _Evaluation._negative, "member?": _Evaluation._member_if_there,
    "index?": _Evaluation._index_if_there, "message": _Evaluation._message, "entry?": _Evaluation._entry,
}  # fmt: skip
