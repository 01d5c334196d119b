"""CronJobs. Source: pkg/apis/batch/validation/validation.go, pkg/registry/batch/cronjob/strategy.go."""

from __future__ import annotations

import re
from collections.abc import Iterator

from statelab.controlplane import cron
from statelab.controlplane.apiserver.validation import defaults_pods, jobs, meta, names, warnings
from statelab.controlplane.apiserver.validation.fields import (
    Errors,
    Fields,
    invalid,
    non_negative,
    not_supported,
    required,
)
from statelab.controlplane.apiserver.validation.rules import Rules, spec_changed
from statelab.controlplane.kinds import Object

_POLICIES = ("Allow", "Forbid", "Replace")
_LONGEST_NAME = 52  # a Job's name is the CronJob's, a dash and ten digits, and at most 63 long
_ZONE_PART = re.compile(r"[A-Za-z.\-_0-9+]{1,14}")


def create(obj: Object) -> Errors:
    errors = meta.metadata(obj["metadata"], namespaced=True, check_name=names.subdomain)
    errors += _spec(obj["spec"], None)
    name = obj["metadata"].get("name", "")
    if len(name) > _LONGEST_NAME:
        errors.append(invalid("metadata.name", name, f"must be no more than {_LONGEST_NAME} characters"))
    return errors


def update(obj: Object, old: Object) -> Errors:
    return meta.metadata_update(obj["metadata"], old["metadata"]) + _spec(obj["spec"], old["spec"])


def _spec(spec: Fields, before: Fields | None) -> Errors:
    schedule, zone = spec.get("schedule", ""), spec.get("timeZone")
    errors = _schedule(schedule, zone, before) if schedule else [required("spec.schedule")]
    errors += non_negative(spec.get("startingDeadlineSeconds"), "spec.startingDeadlineSeconds")
    if before is None or before.get("timeZone") != zone:
        errors += _time_zone(zone)
    policy = spec.get("concurrencyPolicy", "")
    if not policy:
        errors.append(required("spec.concurrencyPolicy"))
    elif policy not in _POLICIES:
        errors.append(not_supported("spec.concurrencyPolicy", policy, _POLICIES))
    errors += jobs.template_spec(spec.get("jobTemplate") or {}, "spec.jobTemplate")
    for key in ("successfulJobsHistoryLimit", "failedJobsHistoryLimit"):
        errors += non_negative(spec.get(key), f"spec.{key}")
    return errors


def _schedule(schedule: str, zone: str | None, before: Fields | None) -> Errors:
    errors: Errors = []
    try:
        cron.parse(schedule)
    except ValueError as problem:
        errors.append(invalid("spec.schedule", schedule, str(problem)))
    if "TZ" in schedule:
        had_one = before is not None and "TZ" in before.get("schedule", "")
        if not had_one:
            why = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"
            errors.append(invalid("spec.schedule", schedule, why))
        elif zone is not None:
            why = "cannot use both timeZone field and TZ or CRON_TZ in schedule"
            errors.append(invalid("spec.schedule", schedule, why))
    return errors


def _time_zone(zone: str | None) -> Errors:
    field = "spec.timeZone"
    if zone is None:
        return []
    if not zone:
        return [invalid(field, zone, "timeZone must be nil or non-empty string")]
    unknown = invalid(field, zone, f"unknown time zone {zone}")
    for part in zone.split("/"):
        if part in (".", "..") or part.startswith("-") or not _ZONE_PART.fullmatch(part):
            return [unknown]
    if zone.lower() == "local":
        why = "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones"
        return [invalid(field, zone, why), *([] if zone == "Local" else [unknown])]
    return [] if cron.zone(zone) is not None else [unknown]


def _defaults(obj: Object) -> None:
    spec = defaults_pods.with_spec(obj)["spec"]
    spec.setdefault("concurrencyPolicy", "Allow")
    spec.setdefault("suspend", False)
    template = spec.setdefault("jobTemplate", {})
    template.setdefault("metadata", {})
    job = template.setdefault("spec", {})
    defaults_pods.template(job.setdefault("template", {}))
    jobs.condition_defaults(job)
    spec.setdefault("successfulJobsHistoryLimit", 3)
    spec.setdefault("failedJobsHistoryLimit", 1)


def _warnings(obj: Object, old: Object | None) -> Iterator[str]:
    spec: Fields = obj["spec"]
    if old is None:
        yield from warnings.name(obj, "Pod names and hostnames")
    before = (((old or {}).get("spec") or {}).get("jobTemplate") or {}).get("spec")
    yield from jobs.spec_warnings(spec["jobTemplate"]["spec"], before, "spec.jobTemplate.spec")
    if "TZ" in spec.get("schedule", ""):
        more = "https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details"
        yield f"CRON_TZ or TZ used in spec.schedule is not officially supported, see {more}"


RULES = {
    "cronjobs": Rules(create, update, defaults=_defaults, counts=spec_changed, warnings=_warnings),
}
