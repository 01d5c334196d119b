"""A kubectl line's flags, read as pflag reads them: the same forms, the same refusals."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from statelab.kubectl.flag_tables import FLAGS
from statelab.kubectl.gotext import quote
from statelab.kubectl.problems import Fail

_ARRAYS = {"from-literal", "env", "rule", "annotation", "annotations", "overrides", "for", "mount", "prefix"}
_OPTIONAL = {"dry-run": "unchanged", "cascade": "background"}
_HIDDEN = {"autoscale": "cpu-percent:i=-1", "run": "expose:b", "drain": "", "get": "", "create cronjob": ""}
_TRUE = {"1", "t", "T", "TRUE", "true", "True"}
_FALSE = {"0", "f", "F", "FALSE", "false", "False"}


@dataclass(frozen=True, slots=True)
class Flag:
    """One flag of a command; `type` as in flag_tables."""

    name: str
    short: str
    type: str
    default: str

    @property
    def no_value(self) -> str:
        """What the flag says when it is given without a value; "" when it needs one."""
        return "true" if self.type == "b" else _OPTIONAL.get(self.name, "")


@dataclass(slots=True)
class Flags:
    """The flags of one line. `given` holds what was said, by long name; lists gather."""

    known: dict[str, Flag]
    given: dict[str, list[str]] = field(default_factory=dict)

    def has(self, name: str) -> bool:
        """Whether the line said it."""
        return name in self.given

    def text(self, name: str) -> str:
        values = self.given.get(name)
        if values:
            return values[-1]
        return self.known[name].default if name in self.known else ""

    def on(self, name: str) -> bool:
        return self.text(name) in _TRUE

    def number(self, name: str) -> int:
        return int(self.text(name) or 0)

    def all(self, name: str) -> list[str]:
        return self.given.get(name, [])

    def seconds(self, name: str) -> float:
        return duration_s(self.text(name) or "0s") or 0.0


@lru_cache(maxsize=128)
def flags_of(command: str) -> dict[str, Flag]:
    """All flags that a command takes, those of every command among them."""
    rows = f"{FLAGS['options']} {FLAGS.get(command, '')} {_HIDDEN.get(command, '')} h,help:b"
    flags: dict[str, Flag] = {}
    for row in rows.split():
        names, _, rest = row.partition(":")
        type, _, default = rest.partition("=")
        short, comma, name = names.partition(",")
        flags[name if comma else names] = Flag(name if comma else names, short if comma else "", type, default)
    return flags


def parse(command: str, words: Sequence[str]) -> tuple[Flags, list[str], int]:
    """The flags, the other words, and how many of these stood before `--` (-1 without one). Raises Fail."""
    known = flags_of(command)
    by_short = {flag.short: flag for flag in known.values() if flag.short}
    flags, args, dash = Flags(known), list[str](), -1
    rest = list(words)
    help = f"\nSee 'kubectl {command} --help' for usage." if command else "\nSee 'kubectl --help' for usage."
    while rest:
        word = rest.pop(0)
        if word == "--":
            dash = len(args)
            args += rest
            break
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            if not name or name.startswith(("-", "=")) or word[2] == "=":
                raise Fail(f"bad flag syntax: {word}{help}")
            flag = known.get(name.replace("_", "-"))
            if flag is None:
                raise Fail(f"unknown flag: --{name}{help}")
            if not equals:
                if flag.no_value:
                    value = flag.no_value
                elif rest:
                    value = rest.pop(0)
                else:
                    raise Fail(f"flag needs an argument: --{name}{help}")
            _put(flags, flag, value, help)
        elif word.startswith("-") and word != "-":
            _short(flags, by_short, word, rest, help)
        else:
            args.append(word)
    return flags, args, dash


def _short(flags: Flags, by_short: dict[str, Flag], word: str, rest: list[str], help: str) -> None:
    letters = word[1:]
    while letters:
        letter, letters = letters[0], letters[1:]
        flag = by_short.get(letter)
        if flag is None:
            raise Fail(f"unknown shorthand flag: {quote_rune(letter)} in -{letter}{letters}{help}")
        if letters.startswith("=") and len(letters) > 1:
            value, letters = letters[1:], ""
        elif flag.no_value:
            value = flag.no_value
        elif letters:
            value, letters = letters, ""
        elif rest:
            value = rest.pop(0)
        else:
            raise Fail(f"flag needs an argument: {quote_rune(letter)} in -{letter}{help}")
        _put(flags, flag, value, help)


def quote_rune(letter: str) -> str:
    return f"'{letter}'" if letter.isprintable() else f"'\\x{ord(letter):02x}'"


def _put(flags: Flags, flag: Flag, value: str, help: str) -> None:
    wrong = _wrong(flag, value)
    if wrong:
        named = f"-{flag.short}, --{flag.name}" if flag.short else f"--{flag.name}"
        raise Fail(f'invalid argument {quote(value)} for "{named}" flag: {wrong}{help}')
    if flag.type == "l":
        found = [value] if flag.name in _ARRAYS else _comma_separated(value)
        flags.given.setdefault(flag.name, []).extend(found)
    else:
        flags.given[flag.name] = [value]


def _comma_separated(value: str) -> list[str]:
    """As pflag's StringSlice: one line of CSV."""
    return next(csv.reader([value]), []) if value else []


def _wrong(flag: Flag, value: str) -> str:
    if flag.type == "b" and value not in _TRUE | _FALSE:
        return f"strconv.ParseBool: parsing {quote(value)}: invalid syntax"
    if flag.type == "i":
        parser = "ParseInt"
        if not re.fullmatch(r"[+-]?(?:0[xX][0-9a-fA-F]+|\d+)", value):
            return f"strconv.{parser}: parsing {quote(value)}: invalid syntax"
        if not -(2**63) <= int(value, 0 if "x" in value.lower() else 10) < 2**63:
            return f"strconv.{parser}: parsing {quote(value)}: value out of range"
    if flag.type == "d" and duration_s(value) is None:
        return _wrong_duration(value)
    return ""


_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|ms|s|m|h)")


def duration_s(text: str) -> float | None:
    """Seconds of a Go duration ("1m30s"), or None where it is none."""
    bare = text[1:] if text[:1] in "+-" and text else text
    if bare == "0":
        return 0.0
    if not bare or _PART.sub("", bare):
        return None
    total = sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(bare))
    return -total if text.startswith("-") else total


def _wrong_duration(text: str) -> str:
    bare = text[1:] if text[:1] in "+-" and text else text
    found = re.match(r"(?:\d+\.?\d*|\.\d+)", bare)
    if found:
        rest = bare[found.end() :]
        while rest:
            unit = re.match(r"[^\d.]*", rest)
            assert unit is not None
            if unit[0] not in _UNITS:
                if not unit[0]:
                    break
                return f"time: unknown unit {quote(unit[0])} in duration {quote(text)}"
            rest = rest[unit.end() :]
            number = re.match(r"(?:\d+\.?\d*|\.\d+)", rest)
            rest = rest[number.end() :] if number else rest
            if rest == "" and not number:
                break
        else:
            return f"time: missing unit in duration {quote(text)}"
        if rest == "":
            return f"time: missing unit in duration {quote(text)}"
    return f"time: invalid duration {quote(text)}"
