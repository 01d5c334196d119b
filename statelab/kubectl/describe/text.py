"""The lines of a description: keys and values under each other, labels, annotations, events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from statelab.controlplane.clock import seconds
from statelab.kubectl.api import Object
from statelab.kubectl.call import Call
from statelab.kubectl.gotext import aligned, human_duration
from statelab.kubectl.problems import Refused

_SKIPPED = "kubectl.kubernetes.io/last-applied-configuration"
_LONGEST_ANNOTATION = 140


class Text:
    """Gathers lines. `put(level, text)` indents by two for each level; tabs divide columns."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._done = ""

    def put(self, level: int, text: str) -> None:
        """A line, or several, or the beginning of one: it ends where the text has a newline."""
        self._parts.append("  " * level + text)

    def flush(self) -> None:
        """Align what there is; what follows is aligned by itself."""
        text = "".join(self._parts)
        self._parts.clear()
        if text:
            lines = text.split("\n")
            if lines[-1] == "":
                lines.pop()
            self._done += aligned(lines, min_width=0, padding=2)

    def raw(self) -> str:
        """The lines as they were put, tabs and all."""
        return self._done + "".join(self._parts)

    def text(self) -> str:
        self.flush()
        return self._done

    # ---- what many descriptions have

    def name(self, obj: Object) -> None:
        self.put(0, f"Name:\t{obj['metadata']['name']}\n")
        if obj["metadata"].get("namespace"):
            self.put(0, f"Namespace:\t{obj['metadata']['namespace']}\n")

    def labels(self, title: str, labels: Mapping[str, Any] | None, indent: str = "") -> None:
        pairs = [f"{key}={(labels or {})[key]}" for key in sorted(labels or ())]
        self.put(0, f"{indent}{title}:\t{pairs[0] if pairs else '<none>'}\n")
        for each in pairs[1:]:
            self.put(0, f"\t{each}\n")

    def annotations(self, annotations: Mapping[str, str] | None, title: str = "Annotations", indent: str = "") -> None:
        keys = sorted(key for key in annotations or () if key != _SKIPPED)
        if not keys:
            self.put(0, f"{indent}{title}:\t<none>\n")
            return
        head = f"{indent}{title}:\t"
        for key in keys:
            value = (annotations or {})[key].removesuffix("\n")
            if len(value) + len(key) + 2 > _LONGEST_ANNOTATION or "\n" in value:
                self.put(0, f"{head}{key}:\n")
                for line in value.split("\n"):
                    self.put(0, f"\t  {_shortened(line, _LONGEST_ANNOTATION - 2)}\n")
            else:
                self.put(0, f"{head}{key}: {value}\n")
            head = "\t"


def _shortened(text: str, most: int) -> str:
    return text if len(text) <= most else text[:most] + "..."


def when(text: str | None) -> str:
    """A timestamp as describe shows it (RFC 1123 with a numeric zone)."""
    if not text:
        return "Mon, 01 Jan 0001 00:00:00 +0000"
    return datetime.fromtimestamp(seconds(text), UTC).strftime("%a, %d %b %Y %H:%M:%S +0000")


def age(call: Call, text: str | None) -> str:
    """How long ago."""
    return "<unknown>" if not text else human_duration(call.api.now_s - seconds(text))


def events(call: Call, text: Text, obj: Object, *, kind: str = "") -> None:
    """The events about an object."""
    if not call.flags.on("show-events"):
        return
    metadata = obj["metadata"]
    selector = {
        "involvedObject.name": metadata["name"],
        "involvedObject.namespace": metadata.get("namespace", ""),
        "involvedObject.kind": kind or obj["kind"],
        "involvedObject.uid": metadata.get("uid", ""),
    }
    chosen = ",".join(f"{key}={value}" for key, value in selector.items() if value)
    namespace = metadata.get("namespace") or ""
    try:
        found = call.list(call.mapper.find("events"), namespace, fieldSelector=chosen)
    except Refused:
        found = []
    event_table(call, text, found)


def event_table(call: Call, text: Text, found: Sequence[Object]) -> None:
    if not found:
        text.put(0, "Events:\t<none>\n")
        return
    text.flush()
    text.put(0, "Events:\n  Type\tReason\tAge\tFrom\tMessage\n")
    text.put(1, "----\t------\t----\t----\t-------\n")
    for event in sorted(found, key=_last_seen):
        source = (event.get("source") or {}).get("component") or event.get("reportingComponent") or ""
        path = (event.get("involvedObject") or {}).get("fieldPath") or ""
        message = str(event.get("message") or "").strip()
        text.put(
            1,
            f"{event.get('type')}\t{event.get('reason')}\t{interval(call, event)}\t{source}\t"
            f"{f'{path}: ' if path else ''}{message}\n",
        )


def _last_seen(event: Object) -> str:
    return str(
        event.get("lastTimestamp")
        or (event.get("series") or {}).get("lastObservedTime")
        or event.get("eventTime")
        or event.get("firstTimestamp")
        or ""
    )


def interval(call: Call, event: Object) -> str:
    """`3s`, or `3s (x4 over 1m)` of an event that happened again."""
    first = age(call, event.get("eventTime") or event.get("firstTimestamp"))
    series = event.get("series")
    if series:
        return f"{age(call, series.get('lastObservedTime'))} (x{series.get('count')} over {first})"
    if (event.get("count") or 0) > 1:
        return f"{age(call, event.get('lastTimestamp'))} (x{event['count']} over {first})"
    return first


def owner(obj: Object) -> Object | None:
    """The controller of an object."""
    return next((each for each in obj["metadata"].get("ownerReferences") or () if each.get("controller")), None)


def title(value: bool) -> str:
    return "True" if value else "False"


def boolean(value: Any) -> str:
    return "true" if value else "false"
