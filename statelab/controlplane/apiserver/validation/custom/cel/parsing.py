"""A CEL expression as a tree. Source: the grammar in google/cel-spec doc/langdef.md."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

_LONGEST = 16_384  # characters; Kubernetes has no limit of its own but the object's size
_DEEPEST = 100

_TOKEN = re.compile(
    r"""(?P<space>[ \t\r\n\f]+|//[^\n]*)
    |(?P<float>\d+\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+|\.\d+(?:[eE][+-]?\d+)?)
    |(?P<uint>(?:0[xX][0-9a-fA-F]+|\d+)[uU])
    |(?P<int>0[xX][0-9a-fA-F]+|\d+)
    |(?P<text>[bB]?[rR]?(?:\"\"\"(?:[^\\]|\\.)*?\"\"\"|'''(?:[^\\]|\\.)*?'''|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'))
    |(?P<name>[A-Za-z_][A-Za-z0-9_]*)
    |(?P<sign>&&|\|\||==|!=|<=|>=|[-+*/%<>!?:.,()\[\]{}])""",
    re.VERBOSE | re.DOTALL,
)
_EXPECTED = (
    "{'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}"
)
_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-7]{3}|.)", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v", "0": "\0"}


class CelSyntaxError(Exception):
    """Not an expression. `line` from 1, `column` from 1."""

    def __init__(self, message: str, text: str, at: int) -> None:
        self.line, self.column = _place(text, at)
        super().__init__(located(f"Syntax error: {message}", text, at))


def _place(text: str, at: int) -> tuple[int, int]:
    before = text[:at]
    return before.count("\n") + 1, at - (before.rfind("\n") + 1) + 1


def located(message: str, text: str, at: int) -> str:
    """What is wrong at a place of an expression, as cel-go shows it."""
    line, column = _place(text, at)
    return f"ERROR: <input>:{line}:{column}: {message}\n | {text.split(chr(10))[line - 1]}\n | {'.' * (column - 1)}^"


@dataclass(frozen=True, slots=True)
class Node:
    """`op`: "literal", "name", "member", "index", "call", "list", "map", "?:", or an operator; `value` is its text.

    "member?" and "index?" are those that need not be there, "message" is a typed literal (`value`: its type and its
    fields' names), "entry?" an entry of one or of a map that is left out where its optional value is none.
    `at` is where it stands in the text, as cel-go tells it: of an operator, a call or a member the sign.
    """

    op: str
    value: Any = None
    args: tuple[Node, ...] = ()
    at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: int


@lru_cache(maxsize=2048)
def parse(text: str) -> Node:
    """Raises CelSyntaxError."""
    if len(text) > _LONGEST:
        raise CelSyntaxError("expression code point size exceeds limit", text[:80], 0)
    return _Parser(text).whole()


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens: list[_Token] = list(self._scan())
        self._next = 0
        self._depth = 0

    def _scan(self) -> Any:
        at = 0
        while at < len(self._text):
            match = _TOKEN.match(self._text, at)
            if match is None:
                raise CelSyntaxError(f"token recognition error at: '{self._text[at]}'", self._text, at)
            if match.lastgroup != "space":
                yield _Token(str(match.lastgroup), match.group(), at)
            at = match.end()
        yield _Token("end", "<EOF>", len(self._text))

    @property
    def _token(self) -> _Token:
        return self._tokens[self._next]

    def _take(self, *signs: str) -> str:
        token = self._token
        if token.kind == "sign" and token.text in signs:
            self._next += 1
            return token.text
        return ""

    def _need(self, sign: str) -> None:
        if not self._take(sign):
            self._fail(f"'{sign}'")

    def _fail(self, expected: str = _EXPECTED) -> None:
        token = self._token
        said = "mismatched" if token.kind == "end" or expected != _EXPECTED else "extraneous"
        raise CelSyntaxError(f"{said} input '{token.text}' expecting {expected}", self._text, token.at)

    def whole(self) -> Node:
        node = self._expression()
        if self._token.kind != "end":
            self._fail("<EOF>")
        return node

    def _expression(self) -> Node:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise CelSyntaxError("expression recursion limit exceeded", self._text, self._token.at)
        try:
            node = self._or()
            at = self._token.at
            if self._take("?"):
                yes = self._or()
                self._need(":")
                return Node("?:", None, (node, yes, self._expression()), at)
            return node
        finally:
            self._depth -= 1

    def _chain(self, signs: tuple[str, ...], below: Any) -> Node:
        node: Node = below()
        at = self._token.at
        while sign := self._take(*signs):
            node = Node(sign, None, (node, below()), at)
            at = self._token.at
        return node

    def _or(self) -> Node:
        return self._chain(("||",), self._and)

    def _and(self) -> Node:
        return self._chain(("&&",), self._relation)

    def _relation(self) -> Node:
        node = self._addition()
        while True:
            at = self._token.at
            sign = self._take("<", "<=", ">", ">=", "==", "!=")
            if not sign and self._token == _Token("name", "in", self._token.at):
                self._next += 1
                sign = "in"
            if not sign:
                return node
            node = Node(sign, None, (node, self._addition()), at)

    def _addition(self) -> Node:
        return self._chain(("+", "-"), self._multiplication)

    def _multiplication(self) -> Node:
        return self._chain(("*", "/", "%"), self._unary)

    def _unary(self) -> Node:
        signs, at = "", self._token.at
        while sign := self._take("-", "!"):
            signs += sign
            if len(signs) > _DEEPEST:
                raise CelSyntaxError("expression recursion limit exceeded", self._text, self._token.at)
        node = self._member()
        for sign in reversed(signs):
            literal = sign == "-" and node.op == "literal" and type(node.value) in (int, float)
            node = (
                Node("literal", -node.value, at=at)
                if literal
                else Node("neg" if sign == "-" else "!", None, (node,), at)
            )
        return node

    def _member(self) -> Node:
        node = self._primary()
        while True:
            at = self._token.at
            if self._take("."):
                mark = self._take("?")
                token = self._token
                if token.kind != "name":
                    self._fail("IDENTIFIER")
                self._next += 1
                opened = self._token.at
                if not mark and self._take("("):
                    node = Node("call", token.text, (node, *self._arguments(")")), opened)
                else:
                    node = Node("member" + mark, token.text, (node,), at)
            elif self._take("["):
                mark = self._take("?")
                index = self._expression()
                self._need("]")
                node = Node("index" + mark, None, (node, index), at)
            elif (name := _dotted(node)) and self._take("{"):
                node = self._message(name, at)
            else:
                return node

    def _message(self, name: str, at: int) -> Node:
        names: list[str] = []
        values: list[Node] = []
        while not self._take("}"):
            if names:
                self._need(",")
                if self._take("}"):
                    break
            mark, token = self._take("?"), self._token
            if token.kind != "name":
                self._fail("IDENTIFIER")
            self._next += 1
            names.append(token.text)
            self._need(":")
            value = self._expression()
            values.append(Node("entry?", None, (value,), token.at) if mark else value)
        return Node("message", (name, tuple(names)), tuple(values), at)

    def _arguments(self, end: str) -> list[Node]:
        found: list[Node] = []
        while not self._take(end):
            if found:
                self._need(",")
                if self._take(end):
                    break
            found.append(self._expression())
        return found

    def _primary(self) -> Node:
        token = self._token
        self._next += 1
        if token.kind in ("int", "uint"):
            number = int(token.text.rstrip("uU"), 0 if token.text[:2].lower() == "0x" else 10)
            return Node("literal", number, at=token.at)
        if token.kind == "float":
            return Node("literal", float(token.text), at=token.at)
        if token.kind == "text":
            return Node("literal", _unquoted(token.text), at=token.at)
        if token.kind == "name":
            if token.text in ("true", "false", "null"):
                return Node("literal", {"true": True, "false": False, "null": None}[token.text], at=token.at)
            opened = self._token.at
            if self._take("("):
                return Node("function", token.text, tuple(self._arguments(")")), opened)
            return Node("name", token.text, at=token.at)
        if token.kind == "sign" and token.text == "(":
            node = self._expression()
            self._need(")")
            return node
        if token.kind == "sign" and token.text == "[":
            return Node("list", None, tuple(self._arguments("]")), token.at)
        if token.kind == "sign" and token.text == "{":
            return self._map()
        if token.kind == "sign" and token.text == "." and self._token.kind == "name":
            return self._primary()
        self._next -= 1
        self._fail()
        raise AssertionError

    def _map(self) -> Node:
        found: list[Node] = []
        opened = self._token.at
        while not self._take("}"):
            if found:
                self._need(",")
                if self._take("}"):
                    break
            mark, at = self._take("?"), self._token.at
            key = self._expression()
            self._need(":")
            value = self._expression()
            found += [key, Node("entry?", None, (value,), at) if mark else value]
        return Node("map", None, tuple(found), opened)


def _dotted(node: Node) -> str:
    """`Object.spec`: the name of a type, where a node can be one."""
    if node.op == "name":
        return str(node.value)
    owner = _dotted(node.args[0]) if node.op == "member" else ""
    return f"{owner}.{node.value}" if owner else ""


def _unquoted(text: str) -> str | bytes:
    prefix = re.match(r"[bBrR]*", text)
    assert prefix is not None
    marks, body = prefix.group().lower(), text[prefix.end() :]
    quote = 3 if body[:3] in ('"""', "'''") else 1
    body = body[quote:-quote]
    if "r" not in marks:
        body = re.sub(
            r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-7]{3}|.)", _escaped, body, flags=re.DOTALL
        )
    return body.encode() if "b" in marks else body


def _escaped(match: re.Match[str]) -> str:
    code = match[1]
    if code[0] in "xuU" and len(code) > 1:
        number = int(code[1:], 16)
        return chr(number) if number < 0x110000 else "\ufffd"
    if len(code) == 3:
        return chr(int(code, 8))
    return _ESCAPES.get(code, code)
