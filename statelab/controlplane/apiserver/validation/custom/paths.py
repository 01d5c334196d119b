"""Paths of names into a schema, as a rule's `fieldPath` and selectable fields have them.

Source: apiextensions-apiserver/pkg/apiserver/schema/cel/validation.go ValidFieldPath.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from statelab.controlplane.apiserver.validation.custom.structural import Schema

_TOKEN = re.compile(r"[.\[\]]|'(?:[^'\\]|\\.)*'|[^.\[\]]+", re.DOTALL)
_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "'": "'", "\\": "\\"}
_NOWHERE = "does not refer to a valid field"


class Found(NamedTuple):
    """The names a path leads along, the schema it leads to, and what is wrong with it ("" where nothing is)."""

    names: tuple[str, ...]
    schema: Any
    problem: str


def find(path: str, schema: Schema, *, allows_brackets: bool = True) -> Found:
    """Where a path leads: `.spec.size`, `.spec['a.b']`."""
    names: list[str] = []
    here: Any = schema
    tokens = iter(_TOKEN.findall(path))
    for token in tokens:
        if token not in (".", "["):
            return Found((), None, f"expected [ or . but got: {token}")
        if token == "[" and not allows_brackets:
            return Found((), None, "array notation is not allowed")
        name = next(tokens, None)
        if name is None:
            return Found((), None, "unexpected end of JSON path")
        if token == "[":
            if len(name) < 2 or name[0] != "'" or name[-1] != "'":
                return Found((), None, f"expected single quoted string but got {name}")
            name = re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[1]), name[1:-1])
        properties = here.get("properties")
        here = properties.get(name) if properties else here.get("additionalProperties")
        if not isinstance(here, dict):
            return Found((), None, _NOWHERE)
        names.append(name)
        if token == "[" and (end := next(tokens, None)) != "]":
            problem = "unexpected end of JSON path" if end is None else f"expected ] but got {end}"
            return Found((), None, problem)
    return Found(tuple(names), here, "")
