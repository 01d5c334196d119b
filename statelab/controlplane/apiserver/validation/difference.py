"""Whether two specs mean the same, and a short account of where they do not.

The real server prints go-cmp's diff, whose layout its authors change on purpose from build to build; ours has the same
shape: what goes with a minus, what comes with a plus.
"""

from __future__ import annotations

from typing import Any

from statelab.controlplane.apiserver import go_types, schemas
from statelab.controlplane.apiserver.go_json import go_quote
from statelab.controlplane.apiserver.validation.fields import Fields


def differ(new: Any, old: Any) -> bool:
    """Semantic inequality: absent, null and empty are one (apiequality.Semantic.DeepEqual)."""
    if new == old:
        return False
    if isinstance(new, dict) and isinstance(old, dict):
        return any(differ(new.get(key), old.get(key)) for key in {*new, *old})
    if isinstance(new, list) and isinstance(old, list):
        return len(new) != len(old) or any(differ(a, b) for a, b in zip(new, old, strict=True))
    return not (_is_nothing(new) and _is_nothing(old))


def _is_nothing(value: Any) -> bool:
    return value is None or value == [] or value == {}


def text(go_type: str, old: Fields, new: Fields, definition: str) -> str:
    """The differing fields of a struct, in Go's order."""
    lines = [f"  {go_type}{{"]
    lines += _struct(old, new, definition, "  \t")
    return "\n".join([*lines, "  }", ""])


def _struct(old: Fields, new: Fields, definition: str, indent: str) -> list[str]:
    lines: list[str] = []
    fields = go_types.structs()[definition]
    same = 0
    for field in fields:
        was, now = old.get(field.json), new.get(field.json)
        if not differ(now, was):
            same += 1
            continue
        if same:
            lines.append(f"{indent}... // {same} identical fields")
            same = 0
        name = f"{field.name}:"
        if field.kind == "struct" and isinstance(was, dict) and isinstance(now, dict):
            lines.append(f"{indent}{name} {field.go_type.replace('v1.', 'core.')}{{")
            lines += _struct(was, now, field.definition, indent + "\t")
            lines.append(f"{indent}}},")
        else:
            lines.append(f"-{indent[1:]}{name} {_shown(was)},")
            lines.append(f"+{indent[1:]}{name} {_shown(now)},")
    if same:
        lines.append(f"{indent}... // {same} identical fields")
    return lines


def _shown(value: Any) -> str:
    if value is None:
        return "nil"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return go_quote(value)
    if isinstance(value, list):
        return "{" + ", ".join(_shown(each) for each in value) + "}"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{go_quote(key)}: {_shown(each)}" for key, each in value.items()) + "}"
    return f"{value}"


CORE = schemas.CORE
