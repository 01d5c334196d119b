"""Quantities: `1Gi`, `500m`, `1e3`, read, compared and written as resource.Quantity does.

Source: apimachinery/pkg/api/resource/quantity.go, amount.go, suffix.go.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

FORMAT_WRONG = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
SUFFIX_WRONG = "unable to parse quantity's suffix"

NANO = 10**9  # nanos in one: everything is counted in the smallest unit a quantity can hold
_LARGEST = (2**63 - 1) * NANO
_SHAPE = re.compile(r"([+-]?)(0*)([0-9]*)(?:\.([0-9]*))?([eEinumkKMGTP]*[-+]?[0-9]*)", re.ASCII)
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY_SUFFIX = {exponent: suffix for suffix, exponent in _BINARY.items()} | {0: ""}
_DECIMAL_SUFFIX = {exponent: suffix for suffix, exponent in _DECIMAL.items()}


@dataclass(frozen=True, slots=True)
class Quantity:
    """An amount: `nanos` to compare and add, `text` as the API server writes it."""

    nanos: int
    text: str

    def __str__(self) -> str:
        return self.text


def parse(text: str) -> Quantity:
    """Read a quantity. Raises ValueError in the words of the API server."""
    return _remembered(text) if len(text) <= _LONGEST_REMEMBERED else _parse(text)


def _parse(text: str) -> Quantity:
    if not text:
        raise ValueError(FORMAT_WRONG)
    match = _SHAPE.fullmatch(text)
    if match is None:
        raise ValueError(FORMAT_WRONG)
    sign, _, whole, fraction, suffix = match.groups()
    whole, fraction = whole or "0", fraction or ""
    base, exponent, form = _interpret(suffix)
    digits = whole + fraction
    number = int(digits[:400] or "0")  # more digits than that are capped all the same
    exponent_of_digits = exponent + max(0, len(digits) - 400) if base == 10 else max(0, len(digits) - 400)
    if base == 10:
        nanos = _scaled(number, exponent_of_digits - len(fraction) + 9)
    else:
        nanos = _scaled(number << exponent, exponent_of_digits - len(fraction) + 9)
    nanos = min(nanos, _LARGEST)
    if base == 2 and 0 < nanos < NANO:
        form = "decimal"
    value = -nanos if sign == "-" else nanos
    if _is_kept_as_written(base, exponent, whole, fraction, number):
        return Quantity(value, text)
    return Quantity(value, _canonical(value, form))


_remembered = lru_cache(maxsize=4096)(_parse)
_LONGEST_REMEMBERED = 64  # a hostile client's megabyte is not worth keeping


def canonical(text: str) -> str:
    """The same quantity as the API server writes it back: `1024Mi` → `1Gi`, `0.5` → `500m`."""
    return parse(text).text


def compare(left: str, right: str) -> int:
    """-1, 0 or 1."""
    a, b = parse(left).nanos, parse(right).nanos
    return (a > b) - (a < b)


def of_nanos(nanos: int, *, binary: bool = False) -> Quantity:
    """A quantity from its value in nanos, written in binary (`Ki`, `Mi`) or decimal units."""
    return Quantity(nanos, _canonical(nanos, "binary" if binary else "decimal"))


def is_binary(text: str) -> bool:
    return text[-2:] in _BINARY


def nanos(text: str) -> int:
    """The amount in the smallest unit a quantity can hold: to compare and to add."""
    return parse(text).nanos


def milli(text: str) -> int:
    """In thousandths, rounded up: how CPU is counted."""
    return -(-parse(text).nanos // 10**6)


def whole(text: str) -> int:
    """In whole units (bytes, Pods), rounded up."""
    return -(-parse(text).nanos // NANO)


def _interpret(suffix: str) -> tuple[int, int, str]:
    if suffix in _DECIMAL:
        return 10, _DECIMAL[suffix], "decimal"
    if suffix in _BINARY:
        return 2, _BINARY[suffix], "binary"
    if suffix[0] in "eE":
        try:
            exponent = int(suffix[1:])
        except ValueError:
            raise ValueError(SUFFIX_WRONG) from None
        return 10, max(-1000, min(1000, exponent)), "exponent"
    raise ValueError(SUFFIX_WRONG)


def _scaled(number: int, power: int) -> int:
    """number × 10^power, away from zero where it does not come out even."""
    factor: int = 10 ** abs(power)
    return number * factor if power >= 0 else -(-number // factor)


def _is_kept_as_written(base: int, exponent: int, whole: str, fraction: str, number: int) -> bool:
    """Whether the reader takes the text for canonical already: its short cut for common amounts."""
    if base == 2:
        precision = 15 - len(whole) - int(exponent * 3 / 10) - 1
        return not fraction and precision >= 0 and number & 0x07 != 0
    digits = whole + fraction
    scale = exponent - len(fraction)
    return (
        18 - len(digits) >= 0
        and scale >= -9
        and scale % 3 == 0
        and not digits.endswith("000")
        and not digits.startswith("0")
    )


def _canonical(nanos: int, form: str) -> str:
    if nanos == 0:
        return "0"
    if form == "binary" and (abs(nanos) < 1024 * NANO or nanos % NANO):
        form = "decimal"
    if form == "binary":
        value, exponent = nanos // NANO, 0
        while value % 1024 == 0 and exponent < 60:
            value //= 1024
            exponent += 10
        return f"{value}{_BINARY_SUFFIX[exponent]}"
    value, exponent = nanos, -9
    while value % 1000 == 0:
        value //= 1000
        exponent += 3
    if form == "decimal" and exponent in _DECIMAL_SUFFIX:
        return f"{value}{_DECIMAL_SUFFIX[exponent]}"
    return f"{value}e{exponent}" if exponent else str(value)
