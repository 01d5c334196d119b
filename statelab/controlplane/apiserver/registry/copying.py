"""Objects made of objects: a copy that may be changed, and a revision that costs what it changed."""

from __future__ import annotations

from typing import Any

from statelab.controlplane.kinds import Object
from statelab.reader import jsonbytes


def fresh(obj: Object) -> Object:
    """A deep copy of a JSON object; through JSON, because that is five times faster than copy.deepcopy."""
    copied: Object = jsonbytes.loads(jsonbytes.dumps(obj))
    return copied


def sharing(new: Any, old: Any) -> Any:
    """`new`, made of the parts of `old` wherever they are equal: a revision in the history costs what it changed."""
    if isinstance(new, dict) and isinstance(old, dict):
        if new is old or new == old:
            return old
        return {
            name: sharing(value, old.get(name)) if isinstance(value, (dict, list)) else value
            for name, value in new.items()
        }
    if isinstance(new, list) and isinstance(old, list):
        if new == old:
            return old
        return [sharing(*pair) for pair in zip(new, old, strict=False)] + new[len(old) :]
    return new
