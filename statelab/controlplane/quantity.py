"""Quantities: `100m`, `1Gi`, `1e3`: read exactly, written as the API server writes them.

Source: apimachinery/pkg/api/resource/quantity.go (canonical form: no fraction, the largest suffix that needs none).
"""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache

_BINARY = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}  # powers of 1024
_DECIMAL = {"n": -3, "u": -2, "m": -1, "": 0, "k": 1, "M": 2, "G": 3, "T": 4, "P": 5, "E": 6}  # powers of 1000
_FORM = re.compile(r"([+-]?)(\d+\.?\d*|\.\d+)(Ki|Mi|Gi|Ti|Pi|Ei|[numkMGTPE]|[eE][+-]?\d+|)")


@lru_cache(maxsize=4096)
def parse(text: str | int | float) -> Fraction:
    """The exact amount. Raises ValueError when the text is not a quantity."""
    found = _FORM.fullmatch(str(text).strip())
    if found is None:
        raise ValueError(f"{text!r} is not a quantity")
    sign, digits, suffix = found.groups()
    amount = Fraction(digits)
    if suffix in _BINARY:
        amount *= 1024 ** _BINARY[suffix]
    elif suffix in _DECIMAL:
        amount *= Fraction(1000) ** _DECIMAL[suffix]
    else:
        amount *= Fraction(10) ** int(suffix[1:])
    return -amount if sign == "-" else amount


def milli(text: str | int | float) -> int:
    """In thousandths, rounded up: how CPU is counted."""
    return -int(-parse(text) * 1000 // 1)


def whole(text: str | int | float) -> int:
    """In whole units (bytes, Pods), rounded up."""
    return -int(-parse(text) // 1)


def is_binary(text: str | int | float) -> bool:
    return str(text).endswith("i")


def canonical(amount: Fraction, *, binary: bool) -> str:
    """As a Quantity prints itself, with binary suffixes (`64Mi`) or decimal ones (`100m`)."""
    if binary and amount.denominator == 1:
        for suffix, power in reversed(_BINARY.items()):
            if amount and amount % 1024**power == 0:
                return f"{int(amount / 1024**power)}{suffix}"
        return str(int(amount))
    for suffix, power in reversed(_DECIMAL.items()):
        scaled = amount / Fraction(1000) ** power
        if amount and scaled.denominator == 1:
            return f"{int(scaled)}{suffix}"
    return str(-int(-amount // 1))


def total(amounts: list[str]) -> str:
    """The sum, written in the form of the first, as Quantity.Add leaves it."""
    if not amounts:
        return "0"
    return canonical(sum((parse(each) for each in amounts), Fraction(0)), binary=is_binary(amounts[0]))
