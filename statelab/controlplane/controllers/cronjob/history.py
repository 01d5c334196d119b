"""What a CronJob remembers of its Jobs: which are active, which succeeded last, and which are too old to keep.

Source: pkg/controller/cronjob/cronjob_controllerv2.go (syncCronJob, cleanupFinishedJobs).
"""

from __future__ import annotations

from statelab.controlplane.controllers.common.sizes import counted
from statelab.controlplane.kinds import Object, Objects
from statelab.controlplane.view import View


def ending(job: Object) -> str | None:
    """`Complete` or `Failed`; None while it is neither."""
    for each in job.get("status", {}).get("conditions") or ():
        if each["type"] in ("Complete", "Failed") and each["status"] == "True":
            return str(each["type"])
    return None


def reference(job: Object) -> Object:
    """The entry of `status.active`."""
    metadata = job["metadata"]
    found = {"apiVersion": job["apiVersion"], "kind": job["kind"]}
    keys = ("name", "namespace", "uid", "resourceVersion")
    return {**found, **{key: metadata[key] for key in keys}}


def take_stock(cron_job: Object, jobs: Objects, status: Object, view: View) -> None:
    """Bring `status` up to date with the Jobs there are."""
    active = {each["uid"]: each for each in status.get("active") or ()}
    for job in jobs:
        uid, name, end = job["metadata"]["uid"], job["metadata"]["name"], ending(job)
        if uid not in active and end is None:
            message = f"Saw a job that the controller did not create or forgot: {name}"
            view.event(cron_job, "UnexpectedJob", message, type="Warning")
        elif uid in active and end is not None:
            del active[uid]
            view.event(cron_job, "SawCompletedJob", f"Saw completed job: {name}, condition: {end}")
        if end == "Complete":
            done = job["status"].get("completionTime")
            if done and done > status.get("lastSuccessfulTime", ""):
                status["lastSuccessfulTime"] = done
    there = {job["metadata"]["uid"] for job in jobs}
    for uid, each in list(active.items()):
        if uid not in there:
            del active[uid]
            view.event(cron_job, "MissingJob", f"Active job went missing: {each['name']}")
    set_active(status, list(active.values()))


def set_active(status: Object, active: Objects) -> None:
    status.pop("active", None)
    if active:
        status["active"] = active


def clean_up(cron_job: Object, jobs: Objects, status: Object, view: View) -> None:
    """Delete the oldest finished Jobs beyond the two limits."""
    for end, limit_name, noun in (
        ("Complete", "successfulJobsHistoryLimit", "successful Job"),
        ("Failed", "failedJobsHistoryLimit", "failed Job"),
    ):
        limit = cron_job["spec"].get(limit_name)
        if limit is None:
            continue
        finished = [job for job in jobs if ending(job) == end and "deletionTimestamp" not in job["metadata"]]
        finished.sort(key=lambda job: (job["status"].get("startTime", ""), job["metadata"]["name"]))
        for job in finished[: max(0, len(finished) - limit)]:
            name = cron_job["metadata"]["name"]
            delete(cron_job, job, status, f"cronjob/{name} keeps {counted(limit, noun)} ({limit_name})", view)


def delete(cron_job: Object, job: Object, status: Object, why: str, view: View) -> None:
    """Delete a Job and its Pods, and forget it."""
    view.delete("jobs", job, why=why, propagation="Background")
    uid = job["metadata"]["uid"]
    set_active(status, [each for each in status.get("active") or () if each["uid"] != uid])
    view.event(cron_job, "SuccessfulDelete", f"Deleted job {job['metadata']['name']}")
