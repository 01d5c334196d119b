"""Which of a CronJob's moments is due. Source: pkg/controller/cronjob/utils.go (mostRecentScheduleTime)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, tzinfo

from statelab.controlplane import cron
from statelab.controlplane.clock import seconds
from statelab.controlplane.cron import Schedule
from statelab.controlplane.kinds import Object

_MANY = 100


@dataclass(frozen=True, slots=True)
class Due:
    """The latest moment that has come and is not served yet (None: none), and how many came before it."""

    at_s: float | None
    missed: int = 0

    @property
    def too_many(self) -> bool:
        return self.missed > _MANY


def zone_of(cron_job: Object) -> tzinfo | None:
    """The CronJob's time zone, UTC unless it says; None where there is no such zone."""
    name = cron_job["spec"].get("timeZone")
    return UTC if name is None else cron.zone(name)


def due(cron_job: Object, schedule: Schedule, zone: tzinfo, now_s: float) -> Due:
    """The moment that asks for a Job now. Moments older than startingDeadlineSeconds are not looked for."""
    last = cron_job.get("status", {}).get("lastScheduleTime")
    earliest_s = seconds(last or cron_job["metadata"]["creationTimestamp"])
    deadline_s = cron_job["spec"].get("startingDeadlineSeconds")
    if deadline_s is not None:
        earliest_s = max(earliest_s, now_s - float(deadline_s))
    first_s = schedule.after(earliest_s, zone)
    if first_s is None or first_s > now_s:
        return Due(None)
    second_s = schedule.after(first_s, zone)
    if second_s is None or second_s > now_s:
        return Due(first_s, 1)
    # Not one by one from the start: a CronJob may have slept for a year.
    between_s = second_s - first_s
    missed = int((now_s - first_s) / between_s) + 1
    at_s = schedule.after(first_s + max(0, missed - 2) * between_s, zone)
    found_s = first_s
    while at_s is not None and at_s <= now_s:
        found_s = at_s
        at_s = schedule.after(at_s, zone)
    if found_s == first_s:  # an uneven schedule: look at all of it
        at_s = second_s
        while at_s is not None and at_s <= now_s:
            found_s = at_s
            at_s = schedule.after(at_s, zone)
    return Due(found_s, missed)
