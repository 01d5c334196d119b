"""The CronJob controller, by what a user can see. Virtual time begins at midnight."""

from __future__ import annotations

from typing import Any

from statelab.controlplane.kinds import Object


def cron_job(script: str = "true", schedule: str = "* * * * *", **spec: Any) -> Object:
    container = {"name": "main", "image": "busybox:1.36", "command": ["sh", "-c", script]}
    pod = {"containers": [container], "restartPolicy": "Never", "terminationGracePeriodSeconds": 1}
    template = {"spec": {"template": {"spec": pod}, "backoffLimit": 0}}
    spec = {"schedule": schedule, "jobTemplate": template, **spec}
    return {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "tick"}, "spec": spec}


def made(cluster: Any) -> int:
    return len([line for line in cluster.log if line.startswith("jobs tick-") and line.endswith("ADDED")])


def test_a_job_each_time_and_only_so_many_are_kept(cluster: Any) -> None:
    cluster.apply(cron_job(successfulJobsHistoryLimit=2))
    cluster.settle(330)
    assert (made(cluster), len(cluster.names("jobs")), len(cluster.names("pods"))) == (5, 2, 2)
    status = cluster.get("cronjobs", "tick")["status"]
    assert "active" not in status
    assert status["lastSuccessfulTime"] > status["lastScheduleTime"] > "2026-01-01T00:04"


def test_failed_jobs_have_a_limit_of_their_own(cluster: Any) -> None:
    cluster.apply(cron_job("exit 1"))
    cluster.settle(330)
    assert (made(cluster), len(cluster.names("jobs"))) == (5, 1)


def test_forbid_waits_replace_ends_the_one_before_and_allow_runs_both(cluster: Any) -> None:
    for policy, jobs, active in (("Forbid", 1, 1), ("Replace", 3, 1), ("Allow", 3, 3)):
        cluster.log.clear()
        cluster.apply(cron_job("sleep 600", concurrencyPolicy=policy))
        cluster.settle(185)
        assert (policy, made(cluster)) == (policy, jobs)
        assert (policy, len(cluster.get("cronjobs", "tick")["status"]["active"])) == (policy, active)
        cluster.delete("cronjobs", "tick")
        cluster.settle(5)
        assert (cluster.names("jobs"), cluster.names("pods")) == ([], [])
        cluster.settle(60 - cluster.loop.now_s % 60)
    reason = "Not starting job because prior execution is running and concurrency policy is Forbid"
    assert cluster.messages("JobAlreadyActive") == [reason]


def test_a_suspended_one_starts_nothing_and_makes_up_for_one_moment_alone(cluster: Any) -> None:
    cluster.apply(cron_job(suspend=True))
    cluster.settle(200)
    assert made(cluster) == 0
    cluster.patch("cronjobs", "tick", suspend=False)
    cluster.settle(5)
    assert made(cluster) == 1


def test_a_moment_older_than_the_starting_deadline_is_missed(cluster: Any) -> None:
    cluster.apply(cron_job(suspend=True, schedule="*/10 * * * *", startingDeadlineSeconds=30))
    cluster.settle(700)
    cluster.patch("cronjobs", "tick", suspend=False)
    cluster.settle(5)
    assert made(cluster) == 0


def test_the_schedule_is_read_in_its_time_zone(cluster: Any) -> None:
    cluster.apply(cron_job(schedule="35 5 * * *", timeZone="Asia/Kolkata"))
    cluster.settle(200)
    assert made(cluster) == 0
    cluster.settle(200)
    assert made(cluster) == 1
    [job] = cluster.plane.list("jobs", "default")
    scheduled = job["metadata"]["annotations"]["batch.kubernetes.io/cronjob-scheduled-timestamp"]
    assert scheduled == "2026-01-01T05:35:00+05:30"


def test_one_that_slept_for_long_starts_one_job_and_says_so(cluster: Any) -> None:
    cluster.apply(cron_job(suspend=True))
    cluster.settle(3 * 3600)
    cluster.patch("cronjobs", "tick", suspend=False)
    cluster.settle(5)
    assert made(cluster) == 1
    assert cluster.messages("TooManyMissedTimes") == [
        "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew"
    ]


def test_waiting_for_quiet_ends_though_there_is_always_a_next_time(cluster: Any) -> None:
    for number in range(30):
        document = cron_job()
        document["metadata"]["name"] = f"tick-{number}"
        cluster.apply(document)
    begun_s = cluster.loop.now_s
    assert cluster.plane.settle()
    assert cluster.loop.now_s < begun_s + 60
    assert cluster.loop.run_until_idle(max_s=10.0)
    every_second = cron_job(schedule="@every 1s")
    cluster.apply(every_second)
    assert not cluster.plane.settle(max_s=30.0)  # something changes each second, and still it ends


def test_why_tells_the_schedule(cluster: Any) -> None:
    cluster.apply(cron_job())
    cluster.settle(70)
    name = cluster.names("pods")[0]
    why = str(cluster.plane.why("pods", f"default/{name}"))
    assert "cronjob/tick is due at 2026-01-01T00:01:00Z: its schedule is '* * * * *'" in why


def test_a_schedule_that_never_comes_is_told(cluster: Any) -> None:
    cluster.apply(cron_job(schedule="0 0 31 2 *"))
    cluster.settle(5)
    words = "invalid schedule: 0 0 31 2 * : time difference between two schedules is less than 1 second"
    assert cluster.messages("InvalidSchedule") == [words]
