"""Any kind that has no description of its own: all of its fields. Source: describe.go genericDescriber."""

from __future__ import annotations

import re
from typing import Any

from statelab.kubectl import gojson
from statelab.kubectl.api import Object
from statelab.kubectl.call import Call
from statelab.kubectl.describe.text import Text, events

_SKIPPED = (
    ".metadata.managedFields",
    ".metadata.name",
    ".metadata.namespace",
    ".metadata.labels",
    ".metadata.annotations",
)
_ACRONYMS = ("API", "URL", "UID", "OSB", "GUID")
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[A-Z]|\d+")
MAX_DEPTH = 60


def describe_any(call: Call, obj: Object) -> str:
    text = Text()
    text.put(0, f"Name:\t{obj['metadata']['name']}\n")
    text.put(0, f"Namespace:\t{obj['metadata'].get('namespace') or ''}\n")
    text.labels("Labels", obj["metadata"].get("labels"))
    text.annotations(obj["metadata"].get("annotations"))
    _fields(text, 0, obj, "")
    if obj["kind"] != "Event":
        events(call, text, obj)
    return text.text()


def _fields(text: Text, level: int, content: Object, path: str) -> None:
    if level > MAX_DEPTH:
        text.put(level, "...\n")
        return
    for key in sorted(content):
        value = content[key]
        here = f"{path}.{key}"
        if here in _SKIPPED:
            continue
        if isinstance(value, dict):
            text.put(level, f"{_label(key)}:\n")
            _fields(text, level + 1, value, here)
        elif isinstance(value, list):
            text.put(level, f"{_label(key)}:\n")
            for each in value:
                if isinstance(each, dict):
                    _fields(text, level + 1, each, here)
                else:
                    text.put(level + 1, f"{gojson.shown(each)}\n")
        else:
            text.put(level, f"{_label(key)}:\t{gojson.shown(value)}\n")


def _label(field: str) -> str:
    """`Image Pull Policy` of imagePullPolicy."""
    if not re.fullmatch(r"[A-Za-z0-9-]+", field):
        return field
    parts: list[Any] = _WORDS.findall(field)
    return " ".join(
        each.upper() if each.upper() in _ACRONYMS else each[:1].upper() + each[1:].lower() for each in parts
    )
