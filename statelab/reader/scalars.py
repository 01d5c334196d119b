"""What a plain YAML scalar means to Kubernetes: the rules of go-yaml v2, which kubectl reads manifests with.

They are YAML 1.1's, with differences: `y` and `n` are booleans too, a date stays text, `12:30` stays text.
Source: sigs.k8s.io/yaml/goyaml.v2/resolve.go.
"""

from __future__ import annotations

import math
import re

Scalar = str | int | float | bool | None

_WORDS: dict[str, Scalar] = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
}
_INTEGER = re.compile(r"[-+]?(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|0|[1-9][0-9]*)\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_LONGEST_NUMBER = 400  # int() of a longer text is refused by Python, and no field holds one


def plain(text: str) -> Scalar:
    """The value of an unquoted scalar."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "+-.0123456789" or len(text) > _LONGEST_NUMBER:
        return text
    digits = text.replace("_", "")
    if _INTEGER.match(digits):
        value = _integer(digits)
        # Beyond 64 bits go-yaml falls through to a float.
        return value if -(2**63) <= value < 2**64 else float(value)
    if _FLOAT.match(digits):
        return float(digits)
    return text


def _integer(digits: str) -> int:
    sign, magnitude = (-1, digits[1:]) if digits[0] == "-" else (1, digits.lstrip("+"))
    prefix = magnitude[:2].lower()
    if prefix in ("0x", "0b", "0o"):
        return sign * int(magnitude[2:], {"0x": 16, "0b": 2, "0o": 8}[prefix])
    # A leading 0 means octal: `defaultMode: 0644` is 420.
    return sign * int(magnitude, 8 if len(magnitude) > 1 and magnitude[0] == "0" else 10)


def key_text(value: Scalar) -> str | None:
    """A mapping's key as JSON has it: text. None where Kubernetes refuses the key (null)."""
    if isinstance(value, str):
        return value
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e21:
        return str(int(value))
    return str(value)
