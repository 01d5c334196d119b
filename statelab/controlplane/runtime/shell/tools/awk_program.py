"""How a program of awk is read: into nested tuples, ("kind", part, …). Source: POSIX XCU awk, grammar."""

from __future__ import annotations

import re
from typing import Any

Node = tuple[Any, ...]
_TOKEN = re.compile(
    r"(?P<blank>[ \t\r]+|\\\n|#[^\n]*)|(?P<newline>\n)"
    r"|(?P<number>0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)"
    r'|(?P<string>"(?:[^"\\\n]|\\.)*")|(?P<name>[A-Za-z_]\w*)'
    r"|(?P<op>\+\+|--|\+=|-=|\*=|/=|%=|\^=|\*\*|==|<=|>=|!=|&&|\|\||>>|!~|[{}()\[\];,+\-*/%^!<>|?:~$=])",
    re.DOTALL,
)
_WORDS = frozenset(
    ("BEGIN", "END", "function", "func", "if", "else", "while", "for", "do", "break", "continue", "next", "exit",
     "return", "delete", "in", "getline", "print", "printf")
)  # fmt: skip
FUNCTIONS = frozenset(
    ("length", "substr", "index", "split", "sub", "gsub", "match", "sprintf", "sin", "cos", "atan2", "exp", "log",
     "sqrt", "int", "rand", "srand", "tolower", "toupper", "system", "close", "fflush", "gensub", "strftime", "systime")
)  # fmt: skip
_ESCAPE = re.compile(r"\\(?:([0-7]{1,3})|(.))", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v", "\\": "\\", '"': '"', "/": "/"}
_DEEPEST = 60


def unescaped(text: str) -> str:
    return _ESCAPE.sub(
        lambda found: chr(int(found[1], 8) & 255) if found[1] else _ESCAPES.get(found[2], found[0]), text
    )


class Program:
    """`begin`, `end`: blocks; `rules`: (pattern or None, second pattern of a range or None, block or None)."""

    def __init__(self, text: str) -> None:
        """Raises ValueError."""
        self.text, self.at, self.depth = text, 0, 0
        self.begin: list[Node] = []
        self.end: list[Node] = []
        self.rules: list[tuple[Node | None, Node | None, Node | None]] = []
        self.functions: dict[str, tuple[list[str], Node]] = {}
        self.kind, self.value = "", ""
        self.advance()
        self._items()

    # ---- tokens

    def advance(self) -> None:
        while True:
            if self.at >= len(self.text):
                self.kind, self.value = "end", ""
                return
            found = _TOKEN.match(self.text, self.at)
            if found is None:
                raise ValueError(f"syntax error near {self.text[self.at : self.at + 20]!r}")
            self.at = found.end()
            kind = str(found.lastgroup)
            if kind == "blank":
                continue
            self.kind, self.value = kind, found[0]
            if kind == "name" and found[0] in _WORDS:
                self.kind = "word"
            return

    def take(self, value: str) -> None:
        if self.value != value or self.kind == "string":
            raise ValueError(f"syntax error near {self.value or 'the end'!r}: {value!r} is expected")
        self.advance()

    def next_is(self, *values: str) -> bool:
        return self.kind in ("op", "word") and self.value in values

    def newlines(self) -> None:
        while self.kind == "newline" or self.next_is(";"):
            self.advance()

    def lines(self) -> None:
        while self.kind == "newline":
            self.advance()

    def regex(self) -> str:
        """The token is a slash that begins a pattern."""
        start = at = self.at - (len(self.value) - 1)
        in_set = False
        while at < len(self.text) and (self.text[at] != "/" or in_set):
            if self.text[at] == "\\":
                at += 1
            elif self.text[at] == "[":
                in_set = "]" in self.text[at + 2 : self.text.find("\n", at) if "\n" in self.text[at:] else None]
            elif self.text[at] == "]":
                in_set = False
            elif self.text[at] == "\n":
                break
            at += 1
        if at >= len(self.text) or self.text[at] != "/":
            raise ValueError("syntax error: unterminated regular expression")
        self.at = at + 1
        found = self.text[start:at].replace("\\/", "/")
        self.advance()
        return found

    # ---- items

    def _items(self) -> None:
        self.newlines()
        while self.kind != "end":
            if self.next_is("BEGIN", "END"):
                blocks = self.begin if self.value == "BEGIN" else self.end
                self.advance()
                blocks.append(self.block())
            elif self.next_is("function", "func"):
                self.advance()
                name = self.value
                self.advance()
                self.take("(")
                names = []
                while not self.next_is(")"):
                    names.append(self.value)
                    self.advance()
                    if self.next_is(","):
                        self.advance()
                        self.lines()
                self.take(")")
                self.lines()
                self.functions[name] = (names, self.block())
            else:
                first = second = None
                if not self.next_is("{"):
                    first = self.expression()
                    if self.next_is(","):
                        self.advance()
                        second = self.expression()
                self.rules.append((first, second, self.block() if self.next_is("{") else None))
            self.newlines()

    def block(self) -> Node:
        self.take("{")
        found = []
        self.newlines()
        while not self.next_is("}"):
            if self.kind == "end":
                raise ValueError("syntax error: unexpected end of the program")
            found.append(self.statement())
            self.newlines()
        self.take("}")
        return ("block", found)

    def statement(self) -> Node:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise ValueError("nested too deep")
        try:
            return self._statement()
        finally:
            self.depth -= 1

    def _body(self) -> Node:
        self.lines()
        if self.next_is(";"):
            self.advance()
            return ("block", [])
        return self.statement()

    def _statement(self) -> Node:
        if self.next_is("{"):
            return self.block()
        word = self.value if self.kind == "word" else ""
        if word == "if":
            self.advance()
            self.take("(")
            test = self.expression()
            self.take(")")
            then = self._body()
            before = (self.at, self.kind, self.value)
            self.newlines()
            if self.next_is("else"):
                self.advance()
                return ("if", test, then, self._body())
            self.at, self.kind, self.value = before
            return ("if", test, then, None)
        if word == "while":
            self.advance()
            self.take("(")
            test = self.expression()
            self.take(")")
            return ("while", test, self._body())
        if word == "do":
            self.advance()
            body = self._body()
            self.newlines()
            self.take("while")
            self.take("(")
            test = self.expression()
            self.take(")")
            return ("do", body, test)
        if word == "for":
            return self._for()
        return self._simple(word)

    def _for(self) -> Node:
        self.advance()
        self.take("(")
        if self.kind == "name" and re.match(r"\s*in\s+\w+\s*\)", self.text[self.at :]):
            name = self.value
            self.advance()
            self.advance()
            array = self.value
            self.advance()
            self.take(")")
            return ("each", name, array, self._body())
        first = None if self.next_is(";") else self._simple("")
        self.take(";")
        test = None if self.next_is(";") else self.expression()
        self.take(";")
        step = None if self.next_is(")") else self._simple("")
        self.take(")")
        return ("for", first, test, step, self._body())

    def _simple(self, word: str) -> Node:
        if word in ("next", "break", "continue"):
            self.advance()
            return (word,)
        if word in ("exit", "return"):
            self.advance()
            ends = self.kind in ("newline", "end") or self.next_is(";", "}")
            return (word, None if ends else self.expression())
        if word == "delete":
            self.advance()
            name = self.value
            self.advance()
            if not self.next_is("["):
                return ("delete", name, None)
            self.advance()
            keys = self._list("]")
            return ("delete", name, keys)
        if word in ("print", "printf"):
            self.advance()
            return self._print(word)
        return ("do it", self.expression())

    def _list(self, end: str) -> list[Node]:
        found = []
        while not self.next_is(end):
            found.append(self.expression())
            if self.next_is(","):
                self.advance()
                self.lines()
        self.take(end)
        return found

    def _print(self, word: str) -> Node:
        values: list[Node] = []
        if not (self.kind in ("newline", "end") or self.next_is(";", "}", ">", ">>", "|")):
            values.append(self.expression(no_greater=True))
            while self.next_is(","):
                self.advance()
                self.lines()
                values.append(self.expression(no_greater=True))
            if len(values) == 1 and values[0][0] == "list":
                values = values[0][1]
        target = None
        if self.next_is(">", ">>", "|"):
            operator = self.value
            self.advance()
            target = (operator, self._joined(no_greater=True))
        return (word, values, target)

    # ---- expressions

    def expression(self, *, no_greater: bool = False) -> Node:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise ValueError("nested too deep")
        left = self._ternary(no_greater)
        if self.next_is("=", "+=", "-=", "*=", "/=", "%=", "^=") and left[0] in ("name", "field", "item"):
            operator = self.value
            self.advance()
            self.lines()
            left = ("assign", operator[:-1], left, self.expression(no_greater=no_greater))
        self.depth -= 1
        return left

    def _ternary(self, no_greater: bool) -> Node:
        test = self._or(no_greater)
        if not self.next_is("?"):
            return test
        self.advance()
        self.lines()
        then = self.expression(no_greater=no_greater)
        self.lines()
        self.take(":")
        self.lines()
        return ("?", test, then, self.expression(no_greater=no_greater))

    def _or(self, no_greater: bool) -> Node:
        left = self._and(no_greater)
        while self.next_is("||"):
            self.advance()
            self.lines()
            left = ("||", left, self._and(no_greater))
        return left

    def _and(self, no_greater: bool) -> Node:
        left = self._in(no_greater)
        while self.next_is("&&"):
            self.advance()
            self.lines()
            left = ("&&", left, self._in(no_greater))
        return left

    def _in(self, no_greater: bool) -> Node:
        left = self._match(no_greater)
        while self.next_is("in"):
            self.advance()
            left = ("in", left[1] if left[0] == "list" else [left], self.value)
            self.advance()
        return left

    def _match(self, no_greater: bool) -> Node:
        left = self._compared(no_greater)
        while self.next_is("~", "!~"):
            operator = self.value
            self.advance()
            left = (operator, left, self._compared(no_greater))
        return left

    def _compared(self, no_greater: bool) -> Node:
        left = self._joined(no_greater)
        operators = ("<", "<=", "==", "!=", ">=") if no_greater else ("<", "<=", "==", "!=", ">=", ">")
        if self.next_is(*operators):
            operator = self.value
            self.advance()
            return ("compare", operator, left, self._joined(no_greater))
        while self.next_is("|") and re.match(r"\s*getline\b", self.text[self.at :]):
            raise ValueError("getline from a command is not simulated")
        return left

    def _joined(self, no_greater: bool) -> Node:
        left = self._sum()
        while (
            self.kind in ("number", "string", "name")
            or (self.kind == "op" and self.value in ("$", "!", "(", "-", "+", "++", "--"))
        ) and not self.next_is("in"):
            left = ("join", left, self._sum())
        return left

    def _sum(self) -> Node:
        left = self._product()
        while self.next_is("+", "-"):
            operator = self.value
            self.advance()
            left = ("number", operator, left, self._product())
        return left

    def _product(self) -> Node:
        left = self._unary()
        while self.next_is("*", "/", "%"):
            operator = self.value
            self.advance()
            left = ("number", operator, left, self._unary())
        return left

    def _unary(self) -> Node:
        if self.next_is("!", "-", "+"):
            operator = self.value
            self.advance()
            return ("unary", operator, self._unary())
        return self._power()

    def _power(self) -> Node:
        left = self._postfix()
        if self.next_is("^", "**"):
            self.advance()
            return ("number", "^", left, self._unary())
        return left

    def _postfix(self) -> Node:
        left = self._primary()
        if self.next_is("++", "--") and left[0] in ("name", "field", "item"):
            operator = self.value
            self.advance()
            return ("post", operator[0], left)
        return left

    def _primary(self) -> Node:
        kind, value = self.kind, self.value
        if kind == "op" and value in ("/", "/="):
            return ("regex", self.regex())
        self.advance()
        if kind == "number":
            return ("constant", float(int(value, 16)) if value[:2].lower() == "0x" else float(value))
        if kind == "string":
            return ("constant", unescaped(value[1:-1]))
        if kind == "op" and value == "$":
            if self.next_is("++", "--"):
                operator = self.value
                self.advance()
                return ("field", ("pre", operator[0], self._primary()))
            return ("field", self._primary())
        if kind == "op" and value in ("++", "--"):
            return ("pre", value[0], self._primary())
        if kind == "op" and value == "-":
            return ("unary", "-", self._primary())
        if kind == "op" and value == "(":
            found = self.expression()
            if self.next_is(","):
                values = [found]
                while self.next_is(","):
                    self.advance()
                    self.lines()
                    values.append(self.expression())
                self.take(")")
                return ("list", values)
            self.take(")")
            return ("group", found)
        if kind == "word" and value == "getline":
            return ("getline",)
        if kind != "name":
            raise ValueError(f"syntax error near {value or 'the end'!r}")
        if value in FUNCTIONS:
            if not self.next_is("("):
                return ("call", value, [])
            self.advance()
            return ("call", value, self._list(")"))
        if self.next_is("(") and self.text[self.at - 2 : self.at - 1] != " ":
            self.advance()
            return ("user", value, self._list(")"))
        if self.next_is("["):
            self.advance()
            return ("item", value, self._list("]"))
        return ("name", value)
