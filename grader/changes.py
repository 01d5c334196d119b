"""How much of a manifest has changed: a repair has a bound on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from statelab.manifest.fields import dotted
from statelab.reader import Path_


def changes(before: Any, after: Any, *, free: Sequence[str] = ()) -> list[str]:
    """The fields that differ between two objects, by path, `spec.replicas`. `free`: field names that may differ.

    `None` and what is not there are the same; so are the numbers 2 and 2.0.
    """
    return [dotted(path) or "the whole" for path in _changes(before, after, (), frozenset(free))]


def _changes(before: Any, after: Any, path: Path_, free: frozenset[str]) -> list[Path_]:
    if path and path[-1] in free:
        return []
    if isinstance(before, dict) and isinstance(after, dict):
        keys = list(dict.fromkeys([*before, *after]))
        return [each for key in keys for each in _changes(before.get(key), after.get(key), (*path, key), free)]
    if isinstance(before, list) and isinstance(after, list):
        longest = max(len(before), len(after))
        padded = [(*before, *[None] * longest), (*after, *[None] * longest)]
        return [each for i in range(longest) for each in _changes(padded[0][i], padded[1][i], (*path, i), free)]
    if isinstance(before, bool) or isinstance(after, bool):
        return [] if before is after else [path]
    return [] if before == after else [path]
