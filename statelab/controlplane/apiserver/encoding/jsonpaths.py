"""The simple JSON paths of a definition: `.spec.size`, `.status.conditions[0].type`, `.spec.names[?(@.a=="b")].c`.

Source: client-go/util/jsonpath, as far as printer columns and the scale subresource use it.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

_STEP = re.compile(
    r"""\.(?P<name>(?:[^.\[\]\\]|\\.)+)|\['(?P<quoted>[^']+)'\]|\[(?P<index>-?\d+|\*)\]
    |\[\?\(@\.(?P<key>[\w.\\-]+)\s*==\s*(?P<value>"[^"]*"|'[^']*'|[\w.-]+)\)\]""",
    re.VERBOSE,
)


@lru_cache(maxsize=1024)
def steps(path: str) -> tuple[tuple[str, str], ...] | None:
    """The path's steps; None where it is none of these."""
    found: list[tuple[str, str]] = []
    at = 0
    while at < len(path):
        match = _STEP.match(path, at)
        if match is None:
            return None
        if match["name"] or match["quoted"]:
            found.append(("name", (match["name"] or match["quoted"]).replace("\\.", ".").replace("\\", "")))
        elif match["index"]:
            found.append(("index", match["index"]))
        else:
            found.append(("where", f"{match['key']}={match['value'].strip(chr(34) + chr(39))}"))
        at = match.end()
    return tuple(found)


def find(value: Any, path: str) -> list[Any]:
    """All that a path leads to; empty where it leads nowhere."""
    values = [value]
    for kind, text in steps(path) or ():
        values = [inner for each in values for inner in _step(each, kind, text)]
    return values


def _step(value: Any, kind: str, text: str) -> list[Any]:
    if kind == "name":
        return [value[text]] if isinstance(value, dict) and text in value else []
    if not isinstance(value, list):
        return list(value.values()) if isinstance(value, dict) and text == "*" else []
    if kind == "where":
        key, _, wanted = text.partition("=")
        return [each for each in value if isinstance(each, dict) and str(each.get(key)) == wanted]
    if text == "*":
        return value
    index = int(text)
    return [value[index]] if -len(value) <= index < len(value) else []


def put(value: dict[str, Any], path: str, new: Any) -> dict[str, Any]:
    """A copy of `value` with `new` at a path of names; what is on the way is copied, the rest is shared."""
    names = [text for _, text in steps(path) or ()]
    copy = dict(value)
    inside = copy
    for name in names[:-1]:
        below = inside.get(name)
        inside[name] = dict(below) if isinstance(below, dict) else {}
        inside = inside[name]
    inside[names[-1]] = new
    return copy
