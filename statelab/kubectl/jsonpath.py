"""kubectl's JSONPath. Source: client-go/util/jsonpath (parser.go, jsonpath.go): the same forms, the same refusals.

Bounded: a template of a stranger costs at most MAX_STEPS steps and MAX_TEXT characters.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from statelab.kubectl import gojson

MAX_STEPS = 200_000
MAX_TEXT = 10_000
_SLICE = re.compile(r"(-?\d*)(:-?\d*)?(:-?\d*)?\Z")
_KEY = re.compile(r"'([^']*)'\Z")
_FILTER = re.compile(r"([^!<>=]+)([!<>=]+)(.+?)\Z")
_RELAXED = re.compile(r"\{\.?([^{}]+)\}\Z|\.?([^{}]+)\Z")


class JsonPathError(Exception):
    """A template that cannot be parsed or carried out; `str()` is Go's words."""


@dataclass
class Node:
    """`kind`: list, text, field, array, filter, recursive, wildcard, union, number, bool, identifier, range."""

    kind: str
    value: Any = None
    nodes: list[Node] = field(default_factory=list)


def relaxed(path: str) -> str:
    """The template of "x.y", ".x.y" or "{.x.y}". Raises JsonPathError. Source: get/customcolumn.go."""
    if not path:
        return path
    found = _RELAXED.match(path)
    if found is None:
        raise JsonPathError(
            "unexpected path string, expected a 'name1.name2' or '.name1.name2' or '{name1.name2}' or '{.name1.name2}'"
        )
    return "{." + (found[1] or found[2]) + "}"


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.start = 0

    def next(self) -> str:
        char = self.text[self.at : self.at + 1]
        self.at += 1
        return char

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def taken(self) -> str:
        found = self.text[self.start : min(self.at, len(self.text))]
        self.start = self.at
        return found

    def template(self) -> list[Node]:
        nodes: list[Node] = []
        while self.at < len(self.text):
            open = self.text.find("{", self.at)
            text = self.text[self.at : open if open >= 0 else None]
            if text:
                nodes.append(Node("text", text))
            if open < 0:
                break
            self.at = self.start = open + 1
            nodes.append(Node("list", nodes=self.action()))
        return nodes

    def action(self) -> list[Node]:
        """What stands between braces."""
        nodes: list[Node] = []
        while True:
            if self.text.startswith("}", self.at):
                self.at += 1
                self.start = self.at
                return nodes
            if self.text.startswith("[?(", self.at):
                nodes.append(self.filter())
                continue
            if self.text.startswith("..", self.at):
                self.at += 2
                self.start = self.at
                nodes.append(Node("recursive"))
                if self.peek().isalnum() or self.peek() == "_":
                    nodes.append(self.field())
                continue
            char = self.next()
            if char == "" or char in "\r\n":
                raise JsonPathError("unclosed action")
            if char in " @$":
                self.start = self.at
            elif char == "[":
                nodes += self.array()
            elif char in "\"'":
                nodes.append(self.quoted(char))
            elif char == ".":
                self.start = self.at
                nodes.append(self.field())
            elif char in "+-" or char.isdigit():
                self.at -= 1
                nodes.append(self.number())
            elif char.isalnum() or char == "_":
                self.at -= 1
                nodes.append(self.identifier())
            else:
                raise JsonPathError(f"unrecognized character in action: U+{ord(char):04X} '{char}'")

    def word(self) -> str:
        self.start = self.at
        while True:
            char = self.next()
            if char == "\\":
                self.next()
            elif char == "" or char in " \t\r\n.,[]$@{}":
                self.at -= 1
                return self.taken()

    def field(self) -> Node:
        value = self.word()
        return Node("wildcard") if value == "*" else Node("field", value.replace("\\", ""))

    def identifier(self) -> Node:
        value = self.word()
        return Node("bool", value == "true") if value in ("true", "false") else Node("identifier", value)

    def number(self) -> Node:
        self.start = self.at
        if self.peek() in "+-":
            self.at += 1
        while (char := self.next()) and (char == "." or char.isdigit()):
            pass
        self.at -= 1
        text = self.taken()
        try:
            return Node("number", int(text))
        except ValueError:
            try:
                return Node("number", float(text))
            except ValueError:
                raise JsonPathError(f"cannot parse number {text}") from None

    def quoted(self, end: str) -> Node:
        begun = self.at
        while True:
            char = self.next()
            if char == "" or char == "\n":
                raise JsonPathError("unterminated quoted string")
            if char == "\\":
                self.next()
            elif char == end:
                break
        text = self.text[begun : self.at - 1]
        self.start = self.at
        return Node("text", _unquoted(text))

    def array(self) -> list[Node]:
        begun = self.at
        while (char := self.next()) != "]":
            if char == "" or char == "\n":
                raise JsonPathError("unterminated array")
        text = self.text[begun : self.at - 1]
        self.start = self.at
        if text == "*":
            text = ":"
        parts = text.split(",")
        if len(parts) > 1:
            return [Node("union", [parsed_action(f"[{each.strip(' ')}]") for each in parts])]
        key = _KEY.match(text)
        if key:
            return parsed_action(f".{key[1]}")
        found = _SLICE.match(text)
        if found is None:
            raise JsonPathError(f"invalid array index {text}")
        bounds: list[int | None] = [None, None, None]
        for number, group in enumerate(found.groups()):
            if number == 0 and group:
                bounds[0] = int(group)
                bounds[1] = int(group) + 1 if found[2] is None else None
            elif number and group and len(group) > 1:
                bounds[number] = int(group[1:])
        single = found[2] is None and bool(found[1])
        return [Node("array", (bounds, single))]

    def filter(self) -> Node:
        self.at += len("[?(")
        begun, depth, inside = self.at, 0, ""
        while True:
            char = self.next()
            if char == "" or char == "\n":
                raise JsonPathError("unterminated filter")
            if char in "\"'":
                if not inside:
                    inside = char
                elif inside == char and self.text[self.at - 2] != "\\":
                    inside = ""
            elif char == "(" and not inside:
                depth += 1
            elif char == ")" and not inside:
                if not depth:
                    break
                depth -= 1
        text = self.text[begun : self.at - 1]
        if self.next() != "]":
            raise JsonPathError("unclosed array expect ]")
        self.start = self.at
        found = _FILTER.match(text)
        if found is None:
            return Node("filter", ("exists", parsed_action(text), []))
        return Node("filter", (found[2], parsed_action(found[1]), parsed_action(found[3])))


def _unquoted(text: str) -> str:
    simple = {
        "n": "\n",
        "t": "\t",
        "r": "\r",
        "\\": "\\",
        '"': '"',
        "'": "'",
        "a": "\a",
        "b": "\b",
        "f": "\f",
        "v": "\v",
    }
    return re.sub(r"\\(.)", lambda found: simple.get(found[1], found[0]), text)


def parsed_action(text: str) -> list[Node]:
    """The nodes of one action without its braces."""
    return _Parser(text + "}").action()


class JsonPath:
    """A template, parsed. Raises JsonPathError."""

    def __init__(self, template: str, *, allow_missing: bool = True) -> None:
        if len(template) > MAX_TEXT:
            raise JsonPathError(f"the template is longer than {MAX_TEXT} characters")
        try:
            self.nodes, _ = _nested(_Parser(template).template(), 0, 0)
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


def _nested(nodes: Sequence[Node], at: int, depth: int) -> tuple[list[Node], int]:
    """{range …} … {end} as blocks. Raises JsonPathError."""
    out: list[Node] = []
    while at < len(nodes):
        node = nodes[at]
        first = node.nodes[0] if node.kind == "list" and node.nodes else None
        if first is not None and first.kind == "identifier" and first.value == "range":
            inner, at = _nested(nodes, at + 1, depth + 1)
            out.append(Node("range", node.nodes[1:], inner))
            continue
        if first is not None and first.kind == "identifier" and first.value == "end":
            if depth:
                return out, at + 1
            raise JsonPathError("not in range, nothing to end")
        out.append(node)
        at += 1
    return out, at


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
