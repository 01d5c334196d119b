"""What is told of the object a reader selects in a live picture, and what an instructor can do to it."""

from __future__ import annotations

from typing import Any

import yaml

from statelab.cluster import Cluster
from statelab.notebook.pictures import actions
from statelab.notebook.pictures.consequences import if_deleted
from statelab.notebook.pictures.live import Mirror
from statelab.notebook.strings import say


class Selection:
    """One selected object of a mirror. `has_buttons`: also offer what an instructor does with it."""

    def __init__(self, mirror: Mirror, *, has_buttons: bool) -> None:
        self._mirror = mirror
        self._cluster: Cluster = mirror.cluster
        self._has_buttons = has_buttons
        self.key: str | None = None
        self._told_of = ""  # the version of the object that was told of

    def select(self, key: str | None) -> dict[str, Any]:
        """What the panel shows of "pod/web-1"; {} for nothing. Raises Problem or RequestRefused when nobody answers."""
        self.key = key
        if key is None:
            return {}
        self._told_of = self._version()
        parts = [
            (say("why"), self._cluster.why(key), True),
            (say("if_deleted"), if_deleted(key, self._mirror.objects()), False),
            (say("events"), self._events(key), False),
            (say("yaml"), self._yaml(key), False),
        ]
        return {
            "title": key,
            "actions": [
                {
                    "id": each.id,
                    "label": each.label,
                    "line": each.line("{value}"),
                    "asks": each.asks,
                    "value": each.value,
                }
                for each in self.actions()
            ],
            "parts": [{"title": title, "text": text, "open": is_open} for title, text, is_open in parts if text],
        }

    def actions(self) -> list[actions.Action]:
        if not self._has_buttons or self.key is None:
            return []
        return actions.actions(self.key, self._cluster, self._mirror.objects())

    def act(self, id: str, value: str) -> tuple[str, str]:
        """Do what a button stands for: the line, and what was said. ("", "") when it does not stand there any more."""
        for action in self.actions():
            if action.id == id:
                return action.line(value), actions.act(action, self._cluster, value)
        return "", ""

    def has_changed(self) -> bool:
        """Whether the object is another one, or another version, than the one told of."""
        return self.key is not None and self._version() != self._told_of

    def _version(self) -> str:
        kind, _, name = (self.key or "").partition("/")
        for plural, found in self._mirror.objects().items():
            for obj in found if plural.partition(".")[0] == f"{kind}s" else ():
                if obj["metadata"]["name"] == name:
                    return str(obj["metadata"].get("resourceVersion"))
        return ""

    def _events(self, key: str) -> str:
        kind, _, name = key.partition("/")
        told = [
            event
            for event in self._cluster.list("events")
            if event["involvedObject"].get("name") == name and event["involvedObject"].get("kind", "").lower() == kind
        ]
        told.sort(key=lambda event: event.get("lastTimestamp") or event.get("eventTime") or "")
        return "\n".join(f"{event['reason']}: {event['message']}" for event in told) or say("no_events")

    def _yaml(self, key: str) -> str:
        obj = self._cluster.get(key)
        if obj is None:
            return say("gone_now", what=key)
        metadata = {name: value for name, value in obj["metadata"].items() if name != "managedFields"}
        return str(yaml.safe_dump({**obj, "metadata": metadata}, sort_keys=False, allow_unicode=True))
