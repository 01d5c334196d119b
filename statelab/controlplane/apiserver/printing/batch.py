"""Jobs and CronJobs: rows of a table. Source: pkg/printers/internalversion/printers.go."""

from __future__ import annotations

from typing import Any

from statelab.controlplane import clock
from statelab.controlplane.apiserver.printing.cells import (
    AGE,
    CONTAINERS,
    IMAGES,
    NAME,
    Printer,
    Since,
    age,
    containers,
    human_duration,
    name,
    part,
)
from statelab.controlplane.kinds import Object
from statelab.controlplane.labels import selector_text

_BATCH = "io.k8s.api.batch.v1."


def _job(obj: Object, since: Since) -> list[Any]:
    spec, status = part(obj, "spec"), part(obj, "status")
    start, end = status.get("startTime"), status.get("completionTime")
    duration = ""
    if start:
        duration = human_duration(clock.seconds(end) - clock.seconds(start)) if end else since(start)
    return [
        name(obj),
        _state(obj),
        _completions(spec, status),
        duration,
        age(obj, since),
        *containers(obj),
        selector_text(spec.get("selector")),
    ]


def _completions(spec: Object, status: Object) -> str:
    succeeded, parallelism = status.get("succeeded", 0), spec.get("parallelism") or 0
    if spec.get("completions") is not None:
        return f"{succeeded}/{spec['completions']}"
    return f"{succeeded}/1 of {parallelism}" if parallelism > 1 else f"{succeeded}/1"


def _state(obj: Object) -> str:
    holds = {each["type"] for each in part(obj, "status").get("conditions") or () if each["status"] == "True"}
    for state in ("Complete", "Failed"):
        if state in holds:
            return state
    if obj["metadata"].get("deletionTimestamp"):
        return "Terminating"
    for state in ("Suspended", "FailureTarget", "SuccessCriteriaMet"):
        if state in holds:
            return state
    return "Running"


def _cron_job(obj: Object, since: Since) -> list[Any]:
    spec, status = part(obj, "spec"), part(obj, "status")
    last = status.get("lastScheduleTime")
    return [
        name(obj),
        spec.get("schedule", ""),
        spec.get("timeZone") or "<none>",
        str(bool(spec.get("suspend"))) if "suspend" in spec else "<unset>",
        len(status.get("active") or ()),
        since(last) if last else "<none>",
        age(obj, since),
        *containers(part(spec, "jobTemplate")),
        selector_text(part(part(spec, "jobTemplate"), "spec").get("selector")) or "<none>",
    ]


PRINTERS = {
    "jobs": Printer(
        (
            NAME,
            ("Status", "string", 0, "Status of the job."),
            ("Completions", "string", 0, _BATCH + "JobStatus#succeeded"),
            ("Duration", "string", 0, "Time required to complete the job."),
            AGE,
            CONTAINERS,
            IMAGES,
            ("Selector", "string", 1, _BATCH + "JobSpec#selector"),
        ),
        _job,
    ),
    "cronjobs": Printer(
        (
            NAME,
            ("Schedule", "string", 0, _BATCH + "CronJobSpec#schedule"),
            ("Timezone", "string", 0, _BATCH + "CronJobSpec#timeZone"),
            ("Suspend", "boolean", 0, _BATCH + "CronJobSpec#suspend"),
            ("Active", "integer", 0, _BATCH + "CronJobStatus#active"),
            ("Last Schedule", "string", 0, _BATCH + "CronJobStatus#lastScheduleTime"),
            AGE,
            CONTAINERS,
            IMAGES,
            ("Selector", "string", 1, _BATCH + "JobSpec#selector"),
        ),
        _cron_job,
    ),
}
