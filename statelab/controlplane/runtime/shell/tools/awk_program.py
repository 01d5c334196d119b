"""How a program of awk is read: into nested tuples, ("kind", part, …). Source: POSIX XCU awk, grammar."""

from __future__ import annotations

from typing import Any

from statelab.controlplane.runtime.shell.tools.awk_tokens import Tokens, unescaped

Node = tuple[Any, ...]
FUNCTIONS = frozenset(
    ("length", "substr", "index", "split", "sub", "gsub", "match", "sprintf", "sin", "cos", "atan2", "exp", "log",
     "sqrt", "int", "rand", "srand", "tolower", "toupper", "system", "close", "fflush", "gensub", "strftime", "systime")
)  # fmt: skip
_DEEPEST = 60


class Program:
    """`begin`, `end`: blocks; `rules`: (pattern or None, second pattern of a range or None, block or None)."""

    def __init__(self, text: str) -> None:
        """Raises ValueError."""
        self.tokens = Tokens(text)
        self.depth = 0
        self.begin: list[Node] = []
        self.end: list[Node] = []
        self.rules: list[tuple[Node | None, Node | None, Node | None]] = []
        self.functions: dict[str, tuple[list[str], Node]] = {}
        self._items()

    # ---- items

    def _items(self) -> None:
        self.tokens.newlines()
        while self.tokens.kind != "end":
            if self.tokens.next_is("BEGIN", "END"):
                blocks = self.begin if self.tokens.value == "BEGIN" else self.end
                self.tokens.advance()
                blocks.append(self.block())
            elif self.tokens.next_is("function", "func"):
                self.tokens.advance()
                name = self.tokens.value
                self.tokens.advance()
                self.tokens.take("(")
                names = []
                while not self.tokens.next_is(")"):
                    names.append(self.tokens.value)
                    self.tokens.advance()
                    if self.tokens.next_is(","):
                        self.tokens.advance()
                        self.tokens.lines()
                self.tokens.take(")")
                self.tokens.lines()
                self.functions[name] = (names, self.block())
            else:
                first = second = None
                if not self.tokens.next_is("{"):
                    first = self.expression()
                    if self.tokens.next_is(","):
                        self.tokens.advance()
                        second = self.expression()
                self.rules.append((first, second, self.block() if self.tokens.next_is("{") else None))
            self.tokens.newlines()

    def block(self) -> Node:
        self.tokens.take("{")
        found = []
        self.tokens.newlines()
        while not self.tokens.next_is("}"):
            if self.tokens.kind == "end":
                raise ValueError("syntax error: unexpected end of the program")
            found.append(self.statement())
            self.tokens.newlines()
        self.tokens.take("}")
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
        self.tokens.lines()
        if self.tokens.next_is(";"):
            self.tokens.advance()
            return ("block", [])
        return self.statement()

    def _statement(self) -> Node:
        if self.tokens.next_is("{"):
            return self.block()
        word = self.tokens.value if self.tokens.kind == "word" else ""
        if word == "if":
            self.tokens.advance()
            self.tokens.take("(")
            test = self.expression()
            self.tokens.take(")")
            then = self._body()
            before = (self.tokens.at, self.tokens.kind, self.tokens.value)
            self.tokens.newlines()
            if self.tokens.next_is("else"):
                self.tokens.advance()
                return ("if", test, then, self._body())
            self.tokens.at, self.tokens.kind, self.tokens.value = before
            return ("if", test, then, None)
        if word == "while":
            self.tokens.advance()
            self.tokens.take("(")
            test = self.expression()
            self.tokens.take(")")
            return ("while", test, self._body())
        if word == "do":
            self.tokens.advance()
            body = self._body()
            self.tokens.newlines()
            self.tokens.take("while")
            self.tokens.take("(")
            test = self.expression()
            self.tokens.take(")")
            return ("do", body, test)
        if word == "for":
            return self._for()
        return self._simple(word)

    def _for(self) -> Node:
        self.tokens.advance()
        self.tokens.take("(")
        if self.tokens.kind == "name" and self.tokens.goes_on(r"\s*in\s+\w+\s*\)"):
            name = self.tokens.value
            self.tokens.advance()
            self.tokens.advance()
            array = self.tokens.value
            self.tokens.advance()
            self.tokens.take(")")
            return ("each", name, array, self._body())
        first = None if self.tokens.next_is(";") else self._simple("")
        self.tokens.take(";")
        test = None if self.tokens.next_is(";") else self.expression()
        self.tokens.take(";")
        step = None if self.tokens.next_is(")") else self._simple("")
        self.tokens.take(")")
        return ("for", first, test, step, self._body())

    def _simple(self, word: str) -> Node:
        if word in ("next", "break", "continue"):
            self.tokens.advance()
            return (word,)
        if word in ("exit", "return"):
            self.tokens.advance()
            ends = self.tokens.kind in ("newline", "end") or self.tokens.next_is(";", "}")
            return (word, None if ends else self.expression())
        if word == "delete":
            self.tokens.advance()
            name = self.tokens.value
            self.tokens.advance()
            if not self.tokens.next_is("["):
                return ("delete", name, None)
            self.tokens.advance()
            keys = self._list("]")
            return ("delete", name, keys)
        if word in ("print", "printf"):
            self.tokens.advance()
            return self._print(word)
        return ("do it", self.expression())

    def _list(self, end: str) -> list[Node]:
        found = []
        while not self.tokens.next_is(end):
            found.append(self.expression())
            if self.tokens.next_is(","):
                self.tokens.advance()
                self.tokens.lines()
        self.tokens.take(end)
        return found

    def _print(self, word: str) -> Node:
        values: list[Node] = []
        if not (self.tokens.kind in ("newline", "end") or self.tokens.next_is(";", "}", ">", ">>", "|")):
            values.append(self.expression(no_greater=True))
            while self.tokens.next_is(","):
                self.tokens.advance()
                self.tokens.lines()
                values.append(self.expression(no_greater=True))
            if len(values) == 1 and values[0][0] == "list":
                values = values[0][1]
        target = None
        if self.tokens.next_is(">", ">>", "|"):
            operator = self.tokens.value
            self.tokens.advance()
            target = (operator, self._joined(no_greater=True))
        return (word, values, target)

    # ---- expressions

    def expression(self, *, no_greater: bool = False) -> Node:
        self.depth += 1
        if self.depth > _DEEPEST:
            raise ValueError("nested too deep")
        left = self._ternary(no_greater)
        if self.tokens.next_is("=", "+=", "-=", "*=", "/=", "%=", "^=") and left[0] in ("name", "field", "item"):
            operator = self.tokens.value
            self.tokens.advance()
            self.tokens.lines()
            left = ("assign", operator[:-1], left, self.expression(no_greater=no_greater))
        self.depth -= 1
        return left

    def _ternary(self, no_greater: bool) -> Node:
        test = self._or(no_greater)
        if not self.tokens.next_is("?"):
            return test
        self.tokens.advance()
        self.tokens.lines()
        then = self.expression(no_greater=no_greater)
        self.tokens.lines()
        self.tokens.take(":")
        self.tokens.lines()
        return ("?", test, then, self.expression(no_greater=no_greater))

    def _or(self, no_greater: bool) -> Node:
        left = self._and(no_greater)
        while self.tokens.next_is("||"):
            self.tokens.advance()
            self.tokens.lines()
            left = ("||", left, self._and(no_greater))
        return left

    def _and(self, no_greater: bool) -> Node:
        left = self._in(no_greater)
        while self.tokens.next_is("&&"):
            self.tokens.advance()
            self.tokens.lines()
            left = ("&&", left, self._in(no_greater))
        return left

    def _in(self, no_greater: bool) -> Node:
        left = self._match(no_greater)
        while self.tokens.next_is("in"):
            self.tokens.advance()
            left = ("in", left[1] if left[0] == "list" else [left], self.tokens.value)
            self.tokens.advance()
        return left

    def _match(self, no_greater: bool) -> Node:
        left = self._compared(no_greater)
        while self.tokens.next_is("~", "!~"):
            operator = self.tokens.value
            self.tokens.advance()
            left = (operator, left, self._compared(no_greater))
        return left

    def _compared(self, no_greater: bool) -> Node:
        left = self._joined(no_greater)
        operators = ("<", "<=", "==", "!=", ">=") if no_greater else ("<", "<=", "==", "!=", ">=", ">")
        if self.tokens.next_is(*operators):
            operator = self.tokens.value
            self.tokens.advance()
            return ("compare", operator, left, self._joined(no_greater))
        while self.tokens.next_is("|") and self.tokens.goes_on(r"\s*getline\b"):
            raise ValueError("getline from a command is not simulated")
        return left

    def _joined(self, no_greater: bool) -> Node:
        left = self._sum()
        while (
            self.tokens.kind in ("number", "string", "name")
            or (self.tokens.kind == "op" and self.tokens.value in ("$", "!", "(", "-", "+", "++", "--"))
        ) and not self.tokens.next_is("in"):
            left = ("join", left, self._sum())
        return left

    def _sum(self) -> Node:
        left = self._product()
        while self.tokens.next_is("+", "-"):
            operator = self.tokens.value
            self.tokens.advance()
            left = ("number", operator, left, self._product())
        return left

    def _product(self) -> Node:
        left = self._unary()
        while self.tokens.next_is("*", "/", "%"):
            operator = self.tokens.value
            self.tokens.advance()
            left = ("number", operator, left, self._unary())
        return left

    def _unary(self) -> Node:
        if self.tokens.next_is("!", "-", "+"):
            operator = self.tokens.value
            self.tokens.advance()
            return ("unary", operator, self._unary())
        return self._power()

    def _power(self) -> Node:
        left = self._postfix()
        if self.tokens.next_is("^", "**"):
            self.tokens.advance()
            return ("number", "^", left, self._unary())
        return left

    def _postfix(self) -> Node:
        left = self._primary()
        if self.tokens.next_is("++", "--") and left[0] in ("name", "field", "item"):
            operator = self.tokens.value
            self.tokens.advance()
            return ("post", operator[0], left)
        return left

    def _primary(self) -> Node:
        kind, value = self.tokens.kind, self.tokens.value
        if kind == "op" and value in ("/", "/="):
            return ("regex", self.tokens.regex())
        self.tokens.advance()
        if kind == "number":
            return ("constant", float(int(value, 16)) if value[:2].lower() == "0x" else float(value))
        if kind == "string":
            return ("constant", unescaped(value[1:-1]))
        if kind == "op" and value == "$":
            if self.tokens.next_is("++", "--"):
                operator = self.tokens.value
                self.tokens.advance()
                return ("field", ("pre", operator[0], self._primary()))
            return ("field", self._primary())
        if kind == "op" and value in ("++", "--"):
            return ("pre", value[0], self._primary())
        if kind == "op" and value == "-":
            return ("unary", "-", self._primary())
        if kind == "op" and value == "(":
            found = self.expression()
            if self.tokens.next_is(","):
                values = [found]
                while self.tokens.next_is(","):
                    self.tokens.advance()
                    self.tokens.lines()
                    values.append(self.expression())
                self.tokens.take(")")
                return ("list", values)
            self.tokens.take(")")
            return ("group", found)
        if kind == "word" and value == "getline":
            return ("getline",)
        if kind != "name":
            raise ValueError(f"syntax error near {value or 'the end'!r}")
        if value in FUNCTIONS:
            if not self.tokens.next_is("("):
                return ("call", value, [])
            self.tokens.advance()
            return ("call", value, self._list(")"))
        if self.tokens.next_is("(") and self.tokens.text[self.tokens.at - 2 : self.tokens.at - 1] != " ":
            self.tokens.advance()
            return ("user", value, self._list(")"))
        if self.tokens.next_is("["):
            self.tokens.advance()
            return ("item", value, self._list("]"))
        return ("name", value)
