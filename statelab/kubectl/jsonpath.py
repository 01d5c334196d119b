"""kubectl's JSONPath, carried out. Source: client-go/util/jsonpath/jsonpath.go: the same forms, the same refusals.

Bounded: a template of a stranger costs at most MAX_STEPS steps and MAX_TEXT characters.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from statelab.kubectl import gojson
from statelab.kubectl.jsonpath_template import JsonPathError, Node, Parser, nested

MAX_STEPS = 200_000
MAX_TEXT = 10_000


class JsonPath:
    """A template, parsed. Raises JsonPathError."""

    def __init__(self, template: str, *, allow_missing: bool = True) -> None:
        if len(template) > MAX_TEXT:
            raise JsonPathError(f"the template is longer than {MAX_TEXT} characters")
        try:
            self.nodes, _ = nested(Parser(template).template(), 0, 0)
        except RecursionError:
            raise JsonPathError("the template is nested too deeply") from None
        self.allow_missing = allow_missing
        self._steps = 0

    def results(self, data: Any) -> list[list[Any]]:
        """What each node of the template finds in data. Raises JsonPathError."""
        self._steps = 0
        try:
            return self._block(self.nodes, data)
        except RecursionError:
            raise JsonPathError("the template is nested too deeply") from None

    def text(self, data: Any) -> str:
        """The template filled in. Raises JsonPathError."""
        return "".join(" ".join(text_of(each) for each in found) for found in self.results(data))

    def _block(self, nodes: Sequence[Node], data: Any) -> list[list[Any]]:
        out: list[list[Any]] = []
        for node in nodes:
            if node.kind == "range":
                for value in self._list(node.value, [data]):
                    out += self._block(node.nodes, value)
            elif node.kind == "text":
                out.append([node.value])
            else:
                out.append(self._list(node.nodes, [data]))
        return out

    def _list(self, nodes: Sequence[Node], values: list[Any]) -> list[Any]:
        for node in nodes:
            values = self._walk(node, values)
            self._steps += len(values) + 1
            if self._steps > MAX_STEPS:
                raise JsonPathError(f"the template takes more than {MAX_STEPS:,} steps")
        return values

    def _walk(self, node: Node, values: list[Any]) -> list[Any]:
        kind = node.kind
        if kind == "field":
            return self._field(node.value, values)
        if kind == "array":
            return [each for value in values for each in _sliced(node.value, value)]
        if kind == "wildcard":
            return [each for value in values for each in _children(value)]
        if kind == "recursive":
            found: list[Any] = []
            for value in values:
                self._deep(value, found, 0)
            return found
        if kind == "filter":
            return self._filter(node.value, values)
        if kind == "union":
            return [each for part in node.value for each in self._list(part, values)]
        if kind in ("text", "number", "bool"):
            return [node.value]
        if kind == "identifier":
            raise JsonPathError(f"unrecognized identifier {node.value}")
        return values

    def _field(self, name: str, values: list[Any]) -> list[Any]:
        if not values:
            return values
        if not name:
            return values
        found = [value[name] for value in values if isinstance(value, dict) and name in value]
        if not found and not self.allow_missing:
            raise JsonPathError(f"{name} is not found")
        return found

    def _deep(self, value: Any, found: list[Any], depth: int) -> None:
        self._steps += 1
        if self._steps > MAX_STEPS or depth > 200:
            raise JsonPathError(f"the template takes more than {MAX_STEPS:,} steps")
        if isinstance(value, dict | list):
            found.append(value)
            for each in _children(value):
                self._deep(each, found, depth + 1)

    def _filter(self, said: tuple[str, list[Node], list[Node]], values: list[Any]) -> list[Any]:
        operator, left_nodes, right_nodes = said
        found = []
        for value in values:
            if value is None:
                continue
            if not isinstance(value, list):
                raise JsonPathError(f"{_go_value(value)} is not array or slice and cannot be filtered")
            for each in value:
                left = self._list(left_nodes, [each])
                if operator == "exists":
                    if left:
                        found.append(each)
                    continue
                if not left:
                    continue
                if len(left) > 1:
                    raise JsonPathError("can only compare one element at a time")
                right = self._list(right_nodes, [each])
                if len(right) > 1:
                    raise JsonPathError("can only compare one element at a time")
                if right and _compares(operator, left[0], right[0]):
                    found.append(each)
        return found


def _go_value(value: Any) -> str:
    return gojson.shown(value)


def _children(value: Any) -> list[Any]:
    if isinstance(value, list):
        return value
    return [value[key] for key in sorted(value)] if isinstance(value, dict) else []


def _sliced(said: tuple[list[int | None], bool], value: Any) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise JsonPathError(f"{_go_type(value)} is not array or slice")
    (first, last, step), single = said
    size = len(value)
    begin = first or 0
    if begin < 0:
        begin += size
    end = size if last is None else last
    if end < 0 or (single and (first or 0) < 0 and end == 0):
        end += size
    if single:
        end = begin + 1
    if begin >= size or begin < 0:
        if not single and not size:
            return []
        raise JsonPathError(f"array index out of bounds: index {begin}, length {size}")
    end = min(end, size)
    if begin > end:
        raise JsonPathError(f"starting index {begin} is greater than ending index {end}")
    if step is not None and step <= 0:
        raise JsonPathError("step must be > 0")
    return value[begin : end : step or 1]


def _go_type(value: Any) -> str:
    if isinstance(value, dict):
        return "map[string]interface {}"
    return {str: "string", bool: "bool", int: "int64", float: "float64"}.get(type(value), "interface {}")


def _compares(operator: str, left: Any, right: Any) -> bool:
    is_number = [isinstance(each, int | float) and not isinstance(each, bool) for each in (left, right)]
    if type(left) is not type(right) and not all(is_number):
        return False
    if operator in ("==", "!="):
        return bool(left == right) == (operator == "==")
    try:
        if operator == "<":
            return bool(left < right)
        if operator == "<=":
            return bool(left <= right)
        if operator == ">":
            return bool(left > right)
        if operator == ">=":
            return bool(left >= right)
    except TypeError:
        return False
    raise JsonPathError(f"unrecognized filter operator {operator}")


def text_of(value: Any) -> str:
    """A found value as it is printed."""
    if value is None:
        return ""
    if isinstance(value, dict | list):
        return gojson.compact(value)
    return gojson.shown(value)
