"""The CronJob controller: a Job whenever the schedule says so.

Source: pkg/controller/cronjob/cronjob_controllerv2.go.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, tzinfo

from statelab.controlplane import cron
from statelab.controlplane.clock import seconds, timestamp
from statelab.controlplane.controllers.common.owners import controller_reference, is_controlled_by, owner_keys
from statelab.controlplane.controllers.common.pods import is_terminating
from statelab.controlplane.controllers.cronjob import history
from statelab.controlplane.controllers.cronjob.times import due, zone_of
from statelab.controlplane.cron import Schedule
from statelab.controlplane.errors import ApiError
from statelab.controlplane.kinds import Object
from statelab.controlplane.manager import Controller
from statelab.controlplane.store import Revision
from statelab.controlplane.view import View

_SCHEDULED = "batch.kubernetes.io/cronjob-scheduled-timestamp"
_DELTA_S = 0.1  # a pass comes this much after its moment (nextScheduleDelta)


def reconcile(key: str, view: View) -> float | None:
    """One pass: take stock of the Jobs, start one if its time has come, and say when the next is due.

    Raises ApiError when a Job could not be created.
    """
    cron_job = view.get("cronjobs", key)
    if cron_job is None:
        return None
    jobs = view.owned("jobs", cron_job)
    status = dict(cron_job.get("status") or {})
    history.take_stock(cron_job, jobs, status, view)
    try:
        return None if is_terminating(cron_job) else _start_if_due(cron_job, status, view)
    finally:
        if not is_terminating(cron_job):
            history.clean_up(cron_job, jobs, status, view)
        if status != cron_job.get("status", {}):
            view.update_status("cronjobs", {**cron_job, "status": status}, why=_told(status))


def _start_if_due(cron_job: Object, status: Object, view: View) -> float | None:
    spec, zone = cron_job["spec"], zone_of(cron_job)
    if zone is None:
        message = f'invalid timeZone: "{spec["timeZone"]}": unknown time zone {spec["timeZone"]}'
        view.event(cron_job, "UnknownTimeZone", message, type="Warning")
        return None
    if spec.get("suspend"):
        return None
    try:
        schedule = cron.parse(spec["schedule"])
    except ValueError as problem:
        message = f'unparseable schedule: "{spec["schedule"]}" : {problem}'
        view.event(cron_job, "UnparseableCronJobSchedule", message, type="Warning")
        return None
    if schedule.after(view.now_s, zone) is None:
        message = f"invalid schedule: {spec['schedule']} : time difference between two schedules is less than 1 second"
        view.event(cron_job, "InvalidSchedule", message, type="Warning")
        return None
    found = due({**cron_job, "status": status}, schedule, zone, view.now_s)
    if found.too_many:
        message = "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew"
        view.event(cron_job, "TooManyMissedTimes", message, type="Warning")
    if found.at_s is not None:
        _serve(cron_job, status, found.at_s, zone, view)
    return _next_s(schedule, zone, view.now_s)


def _next_s(schedule: Schedule, zone: tzinfo, now_s: float) -> float | None:
    at_s = schedule.after(now_s, zone)
    return at_s - now_s + _DELTA_S if at_s is not None else None


def _serve(cron_job: Object, status: Object, at_s: float, zone: tzinfo, view: View) -> None:
    """Start the Job of one moment, unless it is too late, there already, or another must end first."""
    spec, deadline_s = cron_job["spec"], cron_job["spec"].get("startingDeadlineSeconds")
    if deadline_s is not None and at_s + deadline_s < view.now_s:
        moment = datetime.fromtimestamp(at_s, zone).strftime("%a, %d %b %Y %H:%M:%S %z")
        view.event(cron_job, "MissSchedule", f"Missed scheduled time to start a job: {moment}", type="Warning")
        return
    name = f"{cron_job['metadata']['name']}-{int(at_s) // 60}"
    active = status.get("active") or []
    last = status.get("lastScheduleTime")
    if any(each["name"] == name for each in active) or (last is not None and seconds(last) >= at_s):
        return
    if spec["concurrencyPolicy"] == "Forbid" and active:
        message = "Not starting job because prior execution is running and concurrency policy is Forbid"
        view.event(cron_job, "JobAlreadyActive", message)
        return
    if spec["concurrencyPolicy"] == "Replace":
        for each in active:
            job = view.get("jobs", f"{cron_job['metadata']['namespace']}/{each['name']}")
            if job is not None:
                why = "its schedule asks for the next one, and concurrencyPolicy is Replace"
                history.delete(cron_job, job, status, why, view)
    job = _created(cron_job, name, at_s, zone, view)
    if job is not None:
        history.set_active(status, [*(status.get("active") or []), history.reference(job)])
        status["lastScheduleTime"] = timestamp(at_s)


def _created(cron_job: Object, name: str, at_s: float, zone: tzinfo, view: View) -> Object | None:
    template, metadata = cron_job["spec"]["jobTemplate"], cron_job["metadata"]
    told = template.get("metadata") or {}
    scheduled = datetime.fromtimestamp(at_s, zone).isoformat().replace("+00:00", "Z")
    job: Object = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": name,
            "namespace": metadata["namespace"],
            "annotations": {**(told.get("annotations") or {}), _SCHEDULED: scheduled},
            "ownerReferences": [controller_reference(cron_job)],
            **({"labels": dict(told["labels"])} if told.get("labels") else {}),
        },
        "spec": template["spec"],
    }
    why = f"cronjob/{metadata['name']} is due at {scheduled}: its schedule is {cron_job['spec']['schedule']!r}"
    try:
        created = view.create("jobs", job, why=why)
    except ApiError as error:
        if any(cause.get("reason") == "NamespaceTerminating" for cause in error.details.get("causes") or ()):
            return None
        if error.reason == "AlreadyExists":
            existing = view.get("jobs", f"{metadata['namespace']}/{name}")
            return existing if existing is not None and is_controlled_by(existing, cron_job) else None
        view.event(cron_job, "FailedCreate", f"Error creating job: {error.message}", type="Warning")
        raise
    view.event(cron_job, "SuccessfulCreate", f"Created job {name}")
    return created


def _told(status: Object) -> str:
    active = [each["name"] for each in status.get("active") or ()]
    if active:
        return f"active: {', '.join(active)}"
    return (
        f"no Job is active; the last was due at {status['lastScheduleTime']}"
        if "lastScheduleTime" in status
        else ("no Job is active")
    )


def _on_cron_job(revision: Revision, view: View) -> Iterable[str]:
    return () if revision.cause.actor == view.actor and revision.type == "MODIFIED" else (revision.key,)


def _on_job(revision: Revision, view: View) -> Iterable[str]:
    if revision.cause.actor == view.actor:
        return ()
    before = revision.previous
    if revision.type == "MODIFIED" and before is not None and history.ending(before) == history.ending(revision.object):
        return ()
    return owner_keys(revision, "CronJob")


CONTROLLER = Controller("cronjob-controller", reconcile, {"cronjobs": _on_cron_job, "jobs": _on_job}, is_timer=True)
