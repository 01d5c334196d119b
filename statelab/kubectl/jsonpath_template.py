"""Templates of kubectl's JSONPath, parsed. Source: client-go/util/jsonpath/parser.go: the same forms and refusals."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

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


class Parser:
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
    return Parser(text + "}").action()


def nested(nodes: Sequence[Node], at: int, depth: int) -> tuple[list[Node], int]:
    """{range …} … {end} as blocks. Raises JsonPathError."""
    out: list[Node] = []
    while at < len(nodes):
        node = nodes[at]
        first = node.nodes[0] if node.kind == "list" and node.nodes else None
        if first is not None and first.kind == "identifier" and first.value == "range":
            inner, at = nested(nodes, at + 1, depth + 1)
            out.append(Node("range", node.nodes[1:], inner))
            continue
        if first is not None and first.kind == "identifier" and first.value == "end":
            if depth:
                return out, at + 1
            raise JsonPathError("not in range, nothing to end")
        out.append(node)
        at += 1
    return out, at
