"""The words of a program of awk, one after the other. Source: POSIX XCU awk, lexical conventions."""

from __future__ import annotations

import re

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
_ESCAPE = re.compile(r"\\(?:([0-7]{1,3})|(.))", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v", "\\": "\\", '"': '"', "/": "/"}


def unescaped(text: str) -> str:
    return _ESCAPE.sub(
        lambda found: chr(int(found[1], 8) & 255) if found[1] else _ESCAPES.get(found[2], found[0]), text
    )


class Tokens:
    """`kind` and `value` are the present token's; at the end the kind is "end". `at` is where the next one begins."""

    def __init__(self, text: str) -> None:
        """Raises ValueError, as everything here, for what is no word of awk's."""
        self.text, self.at = text, 0
        self.kind, self.value = "", ""
        self.advance()

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

    def goes_on(self, pattern: str) -> bool:
        """Whether what follows the present token matches."""
        return re.compile(pattern).match(self.text, self.at) is not None

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
