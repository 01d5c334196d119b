"""Arithmetic of the shell: 64-bit integers, C's operators, assignments. Source: POSIX XCU 2.6.4, bash's manual."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Protocol

_TOKEN = re.compile(
    r"\s*(?:(0[xX][0-9a-fA-F]+|\d+#[0-9a-zA-Z@_]+|\d+)|([A-Za-z_]\w*)|(\*\*|<<=|>>=|\+\+|--|<<|>>|<=|>=|==|!=|&&|\|\||"
    r"[-+*/%&|^]=|[-+*/%<>=!~&|^?:,()\[\]]))"
)
_ASSIGNING = frozenset({"=", "+=", "-=", "*=", "/=", "%=", "<<=", ">>=", "&=", "|=", "^="})
_LEVELS: dict[str, int] = {
    "||": 4, "&&": 5, "|": 6, "^": 7, "&": 8, "==": 9, "!=": 9, "<": 10, ">": 10, "<=": 10, ">=": 10, "<<": 11,
    ">>": 11, "+": 12, "-": 12, "*": 13, "/": 13, "%": 13, "**": 14,
}  # fmt: skip
_DEEPEST = 40
_LONGEST = 20_000


class ArithmeticProblem(ValueError):
    """An expression that cannot be worked out, in bash's words."""


class Variables(Protocol):
    def get(self, name: str, index: str | None) -> str: ...

    def set(self, name: str, index: str | None, value: str) -> None: ...


def evaluate(text: str, variables: Variables, depth: int = 0) -> int:
    """Raises ArithmeticProblem."""
    if not text.strip():
        return 0
    if len(text) > _LONGEST:
        raise ArithmeticProblem("expression too long")
    if depth > _DEEPEST:
        raise ArithmeticProblem(f"{text.strip()}: expression recursion level exceeded")
    return _Expression(text, variables, depth).whole()


def wrapped(number: int) -> int:
    """Within 64 bits."""
    return (number + 2**63) % 2**64 - 2**63


class _Expression:
    def __init__(self, text: str, variables: Variables, depth: int) -> None:
        self.text, self.variables, self.depth = text, variables, depth
        self.tokens: list[str] = []
        self.at = 0
        self.nested = 0
        position, text = 0, text.rstrip()
        while position < len(text):
            found = _TOKEN.match(text, position)
            if found is None:
                raise self.problem(text[position:].strip())
            self.tokens.append(found[1] or found[2] or found[3])
            position = found.end()

    def problem(self, token: str) -> ArithmeticProblem:
        return ArithmeticProblem(
            f'{self.text.strip()[:80]}: syntax error: operand expected (error token is "{token[:40]}")'
        )

    def whole(self) -> int:
        value = self.comma(True)
        if self.at < len(self.tokens):
            raise self.problem(" ".join(self.tokens[self.at :]))
        return value

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def comma(self, live: bool) -> int:
        value = self.ternary(live)
        while self.peek() == ",":
            self.at += 1
            value = self.ternary(live)
        return value

    def ternary(self, live: bool) -> int:
        self.nested += 1
        if self.nested > _DEEPEST:
            raise ArithmeticProblem("expression nested too deep")
        value = self.binary(4, live)
        if self.peek() == "?":
            self.at += 1
            then = self.ternary(live and value != 0)
            if self.peek() != ":":
                raise self.problem(self.peek())
            self.at += 1
            otherwise = self.ternary(live and value == 0)
            value = then if value else otherwise
        self.nested -= 1
        return value

    def binary(self, level: int, live: bool) -> int:
        left = self.unary(live)
        while True:
            operator = self.peek()
            own = _LEVELS.get(operator, 0)
            if own < level or not own:
                return left
            self.at += 1
            if operator == "**":
                left = self.apply(operator, left, self.binary(own, live), live)
            elif operator in ("&&", "||"):
                needed = live and (left != 0) == (operator == "&&")
                right = self.binary(own + 1, needed)
                left = int(left != 0 and right != 0) if operator == "&&" else int(left != 0 or right != 0)
            else:
                left = self.apply(operator, left, self.binary(own + 1, live), live)

    def unary(self, live: bool) -> int:
        token = self.peek()
        self.at += 1
        if token in ("-", "+", "!", "~"):
            self.nested += 1
            if self.nested > _DEEPEST:
                raise ArithmeticProblem("expression nested too deep")
            value = self.unary(live)
            self.nested -= 1
            return wrapped({"-": -value, "+": value, "!": int(not value), "~": ~value}[token])
        if token in ("++", "--"):
            name, index = self.name()
            value = wrapped(self.value_of(name, index) + (1 if token == "++" else -1))
            if live:
                self.variables.set(name, index, str(value))
            return value
        if token == "(":
            value = self.comma(live)
            if self.peek() != ")":
                raise self.problem(self.peek())
            self.at += 1
            return value
        if token[:1].isdigit():
            return self.number(token)
        if token[:1].isalpha() or token[:1] == "_":
            self.at -= 1
            return self.variable(live)
        raise self.problem(token)

    def number(self, token: str) -> int:
        try:
            if "#" in token:
                base, _, digits = token.partition("#")
                return wrapped(int(digits, int(base)))
            if token[:2] in ("0x", "0X"):
                return wrapped(int(token, 16))
            return wrapped(int(token, 8) if token.startswith("0") and len(token) > 1 else int(token))
        except ValueError:
            raise ArithmeticProblem(f'{token}: value too great for base (error token is "{token}")') from None

    def name(self) -> tuple[str, str | None]:
        name = self.peek()
        if not (name[:1].isalpha() or name[:1] == "_"):
            raise self.problem(name)
        self.at += 1
        if self.peek() != "[":
            return name, None
        self.at += 1
        start = self.at
        depth = 1
        while depth and self.at < len(self.tokens):
            depth += {"[": 1, "]": -1}.get(self.tokens[self.at], 0)
            self.at += 1
        return name, "".join(self.tokens[start : self.at - 1])

    def value_of(self, name: str, index: str | None) -> int:
        text = self.variables.get(name, index)
        if re.fullmatch(r"-?(0|[1-9]\d{0,17})", text):
            return int(text)
        return evaluate(text, self.variables, self.depth + 1)

    def variable(self, live: bool) -> int:
        name, index = self.name()
        operator = self.peek()
        if operator in ("++", "--"):
            self.at += 1
            value = self.value_of(name, index)
            if live:
                self.variables.set(name, index, str(wrapped(value + (1 if operator == "++" else -1))))
            return value
        if operator in _ASSIGNING:
            self.at += 1
            right = self.ternary(live)
            if not live:
                return 0
            value = right if operator == "=" else self.apply(operator[:-1], self.value_of(name, index), right, True)
            self.variables.set(name, index, str(value))
            return value
        return self.value_of(name, index) if live else 0

    def apply(self, operator: str, left: int, right: int, live: bool) -> int:
        if operator in ("/", "%") and right == 0:
            if live:
                raise ArithmeticProblem(f'{self.text.strip()[:80]}: division by 0 (error token is "0")')
            return 0
        if operator == "**" and not 0 <= right <= 1000:
            if right < 0:
                raise ArithmeticProblem("exponent less than 0")
            return 0
        return wrapped(_OPERATIONS[operator](left, right))


def _quotient(left: int, right: int) -> int:
    value = abs(left) // abs(right)
    return value if (left < 0) == (right < 0) else -value


_OPERATIONS: dict[str, Callable[[int, int], int]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": _quotient,
    "%": lambda a, b: a - b * _quotient(a, b),
    "**": lambda a, b: a**b,
    "<<": lambda a, b: a << (b % 64),
    ">>": lambda a, b: a >> (b % 64),
    "&": lambda a, b: a & b,
    "|": lambda a, b: a | b,
    "^": lambda a, b: a ^ b,
    "==": lambda a, b: int(a == b),
    "!=": lambda a, b: int(a != b),
    "<": lambda a, b: int(a < b),
    ">": lambda a, b: int(a > b),
    "<=": lambda a, b: int(a <= b),
    ">=": lambda a, b: int(a >= b),
}
