"""JSON read exactly as Go reads it: keys in order and repeated, numbers as written, and Go's words for what is wrong.

Only what the fast parser will not take comes here. What Python's own parser cannot say is read by one that is not
recursive, so depth costs nothing.
Source: encoding/json scanner.go.
"""

from __future__ import annotations

import json
import re
from typing import Any

MAX_DEPTH = 10_000
_SPACE = re.compile(r"[ \t\r\n]*")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_PLAIN = re.compile(r'[^"\\\x00-\x1f]*')
_ESCAPES = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_WORDS: dict[str, tuple[str, Any]] = {"t": ("true", True), "f": ("false", False), "n": ("null", None)}


class Pairs(list[tuple[str, Any]]):
    """A JSON object: its keys and values in order, repeated keys kept."""


class Number(str):
    """A JSON number, as it was written."""


class SyntaxError_(ValueError):
    """Not JSON; str() is Go's message."""


def parse(raw: bytes) -> Any:
    """One JSON value: dicts as Pairs, numbers as Number. Raises SyntaxError_ with Go's message."""
    text = raw.decode("utf-8", "replace")
    try:
        value = json.loads(
            text, object_pairs_hook=Pairs, parse_int=Number, parse_float=Number, parse_constant=_no_constant
        )
        return _mended(value) if _SURROGATE.search(raw) else value
    except json.JSONDecodeError as error:
        if len(raw) > _LARGE:
            raise SyntaxError_(_quick_words(text, error)) from None
    except (RecursionError, ValueError):
        pass
    return _Parser(text, raw).document()


def _no_constant(name: str) -> Any:
    raise ValueError(name)  # NaN and Infinity are Python's, not JSON


def _mended(value: Any) -> Any:
    """Half a surrogate pair is no character: Go reads it as U+FFFD."""
    if isinstance(value, Number):
        return value
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, Pairs):
        return Pairs((_mended(key), _mended(item)) for key, item in value)
    return [_mended(item) for item in value] if isinstance(value, list) else value


def _quick_words(text: str, error: json.JSONDecodeError) -> str:
    """Go's words as far as Python's parser knows the place: a large body is not read twice by a slow parser."""
    if error.pos >= len(text) or error.msg.startswith("Unterminated"):
        return "unexpected end of JSON input"
    where = _WHERE.get(error.msg, "looking for beginning of value")
    if error.msg.startswith("Expecting ',' delimiter") and text.rfind("[", 0, error.pos) > text.rfind(
        "{", 0, error.pos
    ):
        where = "after array element"
    return f"invalid character {quoted(text[error.pos])} {where}"


_LARGE = 256 * 1024
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_WHERE = {
    "Expecting property name enclosed in double quotes": "looking for beginning of object key string",
    "Expecting ':' delimiter": "after object key",
    "Expecting ',' delimiter": "after object key:value pair",
    "Extra data": "after top-level value",
    "Invalid control character at": "in string literal",
    "Invalid \\escape": "in string escape code",
    "Invalid \\uXXXX escape": "in \\u hexadecimal character escape",
}


def plain(value: Any) -> Any:
    """The same value in dicts and Python numbers; of repeated keys the last one counts. Depth 200 at most."""
    return _plain(value, 0)


def _plain(value: Any, depth: int) -> Any:
    if depth > 200:
        raise SyntaxError_("exceeded max depth")
    if isinstance(value, Pairs):
        return {key: _plain(item, depth + 1) for key, item in value}
    if isinstance(value, dict):
        return {key: _plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item, depth + 1) for item in value]
    if isinstance(value, Number):
        return number(value)
    return value


def number(text: str) -> int | float:
    """What an untyped decoder makes of a number: an integer where it is written as one and fits."""
    if re.fullmatch(r"-?[0-9]{1,19}", text) and -(2**63) <= int(text) < 2**63:
        return int(text)
    value = float(text)
    return value if abs(value) != float("inf") else 1.7976931348623157e308


class _Parser:
    def __init__(self, text: str, raw: bytes) -> None:
        self.text = text
        self.raw = raw
        self.at = 0

    def fail(self, where: str) -> SyntaxError_:
        if self.at >= len(self.text):
            return SyntaxError_("unexpected end of JSON input")
        return SyntaxError_(f"invalid character {quoted(self._byte())} {where}")

    def _byte(self) -> str:
        """Go complains about one byte: the first of a character."""
        char = self.text[self.at]
        if char == "\ufffd":
            offset = len(self.text[: self.at].encode("utf-8", "surrogatepass"))
            return chr(self.raw[offset]) if offset < len(self.raw) else "\xef"
        return chr(char.encode("utf-8", "surrogatepass")[0])

    def peek(self) -> str:
        match = _SPACE.match(self.text, self.at)
        self.at = match.end() if match else self.at
        return self.text[self.at : self.at + 1]

    def document(self) -> Any:
        value = self.value()
        if self.peek():
            raise self.fail("after top-level value")
        return value

    def value(self) -> Any:
        """Containers that are still open wait on a stack: (container, key of the value to come)."""
        open_: list[tuple[Any, str]] = []
        while True:
            char = self.peek()
            done: Any
            if char in ("{", "["):
                if len(open_) >= MAX_DEPTH:
                    raise self.fail("exceeded max depth")
                self.at += 1
                container: Any = Pairs() if char == "{" else []
                if self.peek() == ("}" if char == "{" else "]"):
                    self.at += 1
                    done = container
                else:
                    open_.append((container, self.key() if char == "{" else ""))
                    continue
            else:
                done = self.scalar(char)
            while open_:
                container, key = open_[-1]
                is_object = isinstance(container, Pairs)
                container.append((key, done) if is_object else done)
                char = self.peek()
                if char == ",":
                    self.at += 1
                    if is_object:
                        open_[-1] = (container, self.key())
                    break
                if char == ("}" if is_object else "]"):
                    self.at += 1
                    open_.pop()
                    done = container
                    continue
                raise self.fail("after object key:value pair" if is_object else "after array element")
            else:
                return done

    def key(self) -> str:
        if self.peek() != '"':
            raise self.fail("looking for beginning of object key string")
        key = self.string()
        if self.peek() != ":":
            raise self.fail("after object key")
        self.at += 1
        return key

    def scalar(self, char: str) -> Any:
        if char == '"':
            return self.string()
        if char in _WORDS:
            word, value = _WORDS[char]
            for expected in word:
                if self.text[self.at : self.at + 1] != expected:
                    raise self.fail(f"in literal {word} (expecting {quoted(expected)})")
                self.at += 1
            return value
        if char == "-" or char.isdecimal():
            return self.number_()
        raise self.fail("looking for beginning of value")

    def number_(self) -> Number:
        start = self.at
        match = _NUMBER.match(self.text, self.at)
        if match is None:
            self.at += 1
            raise self.fail("in numeric literal")
        self.at = match.end()
        following = self.text[self.at : self.at + 1]
        if following == "." and "." not in match[0] and "e" not in match[0].lower():
            self.at += 1
            raise self.fail("after decimal point in numeric literal")
        if following in ("e", "E") and "e" not in match[0].lower():
            self.at += 1
            if self.text[self.at : self.at + 1] in ("+", "-"):
                self.at += 1
            raise self.fail("in exponent of numeric literal")
        return Number(self.text[start : self.at])

    def string(self) -> str:
        self.at += 1
        parts: list[str] = []
        while True:
            match = _PLAIN.match(self.text, self.at)
            if match:
                parts.append(match[0])
                self.at = match.end()
            char = self.text[self.at : self.at + 1]
            if char == '"':
                self.at += 1
                return "".join(parts)
            if char != "\\":
                raise self.fail("in string literal")
            self.at += 1
            escape = self.text[self.at : self.at + 1]
            if escape in _ESCAPES and escape:
                self.at += 1
                parts.append(_ESCAPES[escape])
            elif escape == "u":
                self.at += 1
                parts.append(self.unicode())
            else:
                raise self.fail("in string escape code")

    def unicode(self) -> str:
        code = self.hex4()
        if 0xD800 <= code < 0xDC00 and self.text[self.at : self.at + 2] == "\\u":
            back = self.at
            self.at += 2
            low = self.hex4()
            if 0xDC00 <= low < 0xE000:
                return chr(0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00))
            self.at = back
        return "\ufffd" if 0xD800 <= code < 0xE000 else chr(code)

    def hex4(self) -> int:
        for _ in range(4):
            if self.text[self.at : self.at + 1] not in tuple("0123456789abcdefABCDEF"):
                raise self.fail("in \\u hexadecimal character escape")
            self.at += 1
        return int(self.text[self.at - 4 : self.at], 16)


def quoted(char: str) -> str:
    """A character as Go's scanner shows it."""
    if char == "'":
        return r"'\''"
    if char == '"':
        return "'\"'"
    return f"'{go_quote(char)[1:-1]}'"


def go_quote(text: str) -> str:
    """As Go's %q writes a string."""
    out = ['"']
    for char in text:
        code = ord(char)
        if char in '"\\':
            out.append("\\" + char)
        elif char in _GO_ESCAPES:
            out.append(_GO_ESCAPES[char])
        elif char == " " or (char.isprintable() and not 0xD800 <= code < 0xE000):
            out.append(char)
        elif code < 0x80:
            out.append(f"\\x{code:02x}")
        elif code < 0x10000:
            out.append(f"\\u{code:04x}")
        else:
            out.append(f"\\U{code:08x}")
    return "".join(out) + '"'


_GO_ESCAPES = {"\a": r"\a", "\b": r"\b", "\f": r"\f", "\n": r"\n", "\r": r"\r", "\t": r"\t", "\v": r"\v"}
