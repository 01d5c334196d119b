"""events.k8s.io/v1: the same Events as in the core group, under the names that newer reporters use.

Source: pkg/apis/events/v1/conversion.go.
"""

from __future__ import annotations

import re

from statelab.controlplane.errors import bad_request
from statelab.controlplane.kinds import OTHER_VERSIONS, Object

KIND = OTHER_VERSIONS["events.k8s.io/v1", "events"]
_STORED = {
    "regarding": "involvedObject",
    "note": "message",
    "reportingController": "reportingComponent",
    "deprecatedSource": "source",
    "deprecatedFirstTimestamp": "firstTimestamp",
    "deprecatedLastTimestamp": "lastTimestamp",
    "deprecatedCount": "count",
}
_SHOWN = {stored: shown for shown, stored in _STORED.items()}
_ONE_NAME = frozenset({"metadata.name", "metadata.namespace", "reason", "type"})
_FIELD = re.compile(r"(^|,)([^=!,\\]+)(?=!?=)")


def shown(obj: Object) -> Object:
    """A stored Event as this version shows it; `eventTime` is always there."""
    found = {_SHOWN.get(name, name): value for name, value in obj.items()}
    return {**found, "apiVersion": KIND.api_version, "kind": KIND.name, "eventTime": obj.get("eventTime")}


def stored(obj: Object) -> Object:
    """An Event of this version, or a part of one that is applied, as it is stored."""
    found = {_STORED.get(name, name): value for name, value in obj.items()}
    return {**found, "apiVersion": "v1"}


def selector(text: str) -> str:
    """A field selector of this version in the stored version's names. Raises ApiError 400."""
    return _FIELD.sub(lambda match: match[1] + _field(match[2]), text)


def _field(name: str) -> str:
    first, dot, rest = name.partition(".")
    if name in _ONE_NAME or name == "reportingController" or first == "regarding":
        return _STORED.get(first, first) + dot + rest
    raise bad_request(f"field label not supported: {name}")
