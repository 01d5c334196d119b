"""A Job's status: what its controller, ours or another, may write. Source: pkg/apis/batch/validation/validation.go."""

from __future__ import annotations

from statelab.controlplane.apiserver.validation import meta
from statelab.controlplane.apiserver.validation.fields import (
    Errors,
    Fields,
    duplicate,
    go_value_omitted,
    invalid,
    non_negative,
    required,
)
from statelab.controlplane.kinds import Object

_COUNTS = ("active", "succeeded", "failed", "ready", "terminating")


def update_status(obj: Object, old: Object) -> Errors:
    """What is wrong with a new status, and with the way to it."""
    status, before = obj.get("status") or {}, old.get("status") or {}
    errors = meta.metadata_update(obj["metadata"], old["metadata"])
    for key in _COUNTS:
        errors += non_negative(status.get(key), f"status.{key}")
    errors += _uncounted(status) + _conditions(status) + _finished(status)
    if (status.get("ready") or 0) > (status.get("active") or 0):
        errors.append(invalid("status.ready", status.get("ready") or 0, "cannot set more ready pods than active"))
    return errors + _way(status, before, suspended=bool(obj["spec"].get("suspend")))


def _holds(status: Fields, type: str) -> bool:
    return any(each["type"] == type and each["status"] == "True" for each in status.get("conditions") or ())


def _uncounted(status: Fields) -> Errors:
    errors: Errors = []
    seen: set[str] = set()
    for key in ("succeeded", "failed"):
        for index, uid in enumerate((status.get("uncountedTerminatedPods") or {}).get(key) or ()):
            field = f"status.uncountedTerminatedPods.{key}[{index}]"
            if not uid:
                errors.append(invalid(field, uid, "must not be empty"))
            elif uid in seen:
                errors.append(duplicate(field, uid))
            seen.add(uid)
    return errors


def _conditions(status: Fields) -> Errors:
    complete, failed, target, met = (
        _holds(status, each) for each in ("Complete", "Failed", "FailureTarget", "SuccessCriteriaMet")
    )
    problems = {
        "cannot set Complete=True and Failed=true conditions": complete and failed,
        "cannot set Complete=True and FailureTarget=true conditions": complete and target,
        "cannot set Failed=True condition without the FailureTarget=true condition": failed and not target,
        "cannot set Complete=True condition without the SuccessCriteriaMet=true condition": complete and not met,
        "cannot set SuccessCriteriaMet=True and Failed=true conditions": met and failed,
        "cannot set SuccessCriteriaMet=True and FailureTarget=true conditions": met and target,
    }
    return [go_value_omitted("status.conditions", why) for why, holds in problems.items() if holds]


def _finished(status: Fields) -> Errors:
    """What goes together with being Complete or Failed."""
    errors: Errors = []
    start, end = status.get("startTime"), status.get("completionTime")
    complete = _holds(status, "Complete")
    if end is not None and not complete:
        why = "cannot set completionTime when there is no Complete=True condition"
        errors.append(invalid("status.completionTime", end, why))
    if end is None and complete:
        errors.append(required("status.completionTime", "completionTime is required for Complete jobs"))
    if start is not None and end is not None and end < start:
        errors.append(invalid("status.completionTime", end, "completionTime cannot be set before startTime"))
    if not complete and not _holds(status, "Failed"):
        return errors
    if status.get("active"):
        errors.append(invalid("status.active", status["active"], "active>0 is invalid for finished job"))
    if start is None:
        errors.append(required("status.startTime", "startTime is required for finished job"))
    if status.get("terminating"):
        why = "terminating>0 is invalid for finished job"
        errors.append(invalid("status.terminating", status["terminating"], why))
    return errors


def _way(status: Fields, before: Fields, *, suspended: bool) -> Errors:
    """What was true of a Job and cannot become untrue."""
    errors = [
        go_value_omitted("status.conditions", f"cannot disable the terminal {each}=True condition")
        for each in ("Failed", "Complete", "FailureTarget")
        if _holds(before, each) and not _holds(status, each)
    ]
    for key in ("failed", "succeeded"):
        if (status.get(key) or 0) < (before.get(key) or 0) and not (
            key == "succeeded" and status.get("completedIndexes")
        ):
            errors.append(invalid(f"status.{key}", status.get(key) or 0, f"cannot decrease the {key} counter"))
    was, now = before.get("startTime"), status.get("startTime")
    if was is not None and now is None and not suspended:
        errors.append(required("status.startTime", "startTime cannot be removed for unsuspended job"))
    if _holds(before, "SuccessCriteriaMet") and not _holds(status, "SuccessCriteriaMet"):
        errors.append(go_value_omitted("status.conditions", "cannot disable the SuccessCriteriaMet=True condition"))
    return errors
