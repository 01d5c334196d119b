"""What an Event may be: little is asked of old ones, more of those with a time of their own, most of events.k8s.io/v1.

Source: pkg/apis/core/validation/events.go.
"""

from __future__ import annotations

from statelab.controlplane.apiserver.validation import meta, names
from statelab.controlplane.apiserver.validation.fields import Errors, immutable, invalid, required
from statelab.controlplane.apiserver.validation.rules import Rules
from statelab.controlplane.kinds import Object

_LONGEST = 128  # bytes of an action, a reason, an instance
_LONGEST_NOTE = 1024
_TYPES = ("Normal", "Warning")
_UNSET = ("firstTimestamp", "lastTimestamp", "count", "source")
# In the order they are compared; `reason` is compared twice upstream.
_NEVER_CHANGED = (
    "involvedObject", "reason", "message", "source", "firstTimestamp", "lastTimestamp", "count", "reason", "type",
    "eventTime", "action", "related", "reportingController", "reportingInstance",
)  # fmt: skip


def create_event(obj: Object) -> Errors:
    return _of_any(obj) or meta.metadata(obj["metadata"], namespaced=True, check_name=names.subdomain)


def update_event(obj: Object, old: Object) -> Errors:
    return _of_any(obj) + meta.metadata_update(obj["metadata"], old["metadata"])


def findings_of_v1(obj: Object, old: Object | None) -> Errors:
    """What is wrong with an Event that came as events.k8s.io/v1; `old` is what it replaces. Both in the stored form."""
    if old is None:
        return [*_of_any(obj), *_new(obj)]
    errors = _of_any(obj)
    if obj.get("series") != old.get("series"):
        errors += _series(obj)
    for field in _NEVER_CHANGED:
        errors += immutable(_value(obj, field), _value(old, field), field)
    return errors


def _value(obj: Object, field: str) -> object:
    found: object = obj.get("reportingComponent" if field == "reportingController" else field)
    return found or None  # Go does not tell what is empty from what is not there


def _of_any(obj: Object) -> Errors:
    namespace = obj["metadata"].get("namespace", "")
    involved = (obj.get("involvedObject") or {}).get("namespace", "")
    has_time = bool(obj.get("eventTime"))
    if has_time:
        agree = bool(involved) or namespace in ("default", "kube-system")
    else:
        agree = namespace == involved if involved else namespace in ("", "default")
    errors = [] if agree else [invalid("involvedObject.namespace", involved, "does not match event.namespace")]
    if not has_time:
        return errors
    reporter = obj.get("reportingComponent", "")
    if not reporter:
        errors.append(required("reportingController"))
    errors += names.check_qualified(reporter, "reportingController")
    errors += _bounded(obj, "reportingInstance") + _bounded(obj, "action") + _bounded(obj, "reason")
    if len(obj.get("message", "").encode()) > _LONGEST_NOTE:
        errors.append(invalid("message", "", f"can have at most {_LONGEST_NOTE} characters"))
    return errors


def _bounded(obj: Object, field: str) -> Errors:
    text = obj.get(field, "")
    if not text:
        return [required(field)]
    return [invalid(field, "", f"can have at most {_LONGEST} characters")] if len(text.encode()) > _LONGEST else []


def _new(obj: Object) -> Errors:
    errors = _series(obj)
    if not obj.get("eventTime"):
        errors.append(required("eventTime"))
    if obj.get("type") not in _TYPES:
        errors.append(invalid("type", "", f"has invalid value: {obj.get('type', '')}"))
    return errors + [invalid(field, "", "needs to be unset") for field in _UNSET if obj.get(field)]


def _series(obj: Object) -> Errors:
    series = obj.get("series")
    errors: Errors = []
    if series is None:
        return errors
    if (series.get("count") or 0) < 2:
        errors.append(invalid("series.count", "", "should be at least 2"))
    if not series.get("lastObservedTime"):
        errors.append(required("series.lastObservedTime"))
    return errors


RULES = {"events": Rules(create_event, update_event)}
