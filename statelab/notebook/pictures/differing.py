"""Two states of some objects as a YAML difference: what a person would compare, without what a server only counts."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from statelab.controlplane.kinds import Object
from statelab.notebook.pictures.customs import singular_of

_COUNTED = ("managedFields", "resourceVersion", "generation")
_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_MOST_LINES = 2000

Line = tuple[str, str]  # ("added" | "removed" | "" | "place", the line)


def readable(obj: Object) -> str:
    """An object as YAML, without what only the server keeps count of."""
    metadata = {name: value for name, value in obj.get("metadata", {}).items() if name not in _COUNTED}
    annotations = {k: v for k, v in (metadata.get("annotations") or {}).items() if k != _APPLIED}
    metadata.pop("annotations", None)
    if annotations:
        metadata["annotations"] = annotations
    return str(yaml.safe_dump({**obj, "metadata": metadata}, sort_keys=True, allow_unicode=True, width=100))


def differences(before: Mapping[str, Object], after: Mapping[str, Object]) -> list[Line]:
    """The unified difference of two sets of objects by name ("pod/web-0"), marked line by line."""
    lines: list[Line] = []
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name), after.get(name)
        if old == new:
            continue
        one = readable(old).splitlines() if old is not None else []
        two = readable(new).splitlines() if new is not None else []
        if one == two:
            continue
        sign = "+" if old is None else "-" if new is None else " "
        lines.append(("place", f"{sign} {name}"))
        for line in list(difflib.unified_diff(one, two, lineterm="", n=2))[2:]:
            if len(lines) >= _MOST_LINES:
                return [*lines, ("place", "…")]
            lines.append((_mark(line), line))
    return lines


def _mark(line: str) -> str:
    return {"+": "added", "-": "removed", "@": "place"}.get(line[:1], "")


def by_name(objects: Mapping[str, Sequence[Object]]) -> dict[str, Any]:
    """Objects by "pod/web-0", from objects by plural."""
    return {
        f"{singular_of(plural, obj)}/{obj['metadata']['name']}": obj for plural, each in objects.items() for obj in each
    }
