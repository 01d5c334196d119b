"""The Job controller, by what a user can see."""

from __future__ import annotations

from typing import Any

import pytest

from statelab.controlplane.clock import seconds
from statelab.controlplane.controllers.job.indexes import Indexes
from statelab.controlplane.controllers.job.pods import TRACKING
from statelab.controlplane.kinds import Object


def job(script: str = "true", *, policy: str = "Never", pod: Object | None = None, **spec: Any) -> Object:
    container = {"name": "main", "image": "busybox:1.36", "command": ["sh", "-c", script]}
    template = {"spec": {"containers": [container], "restartPolicy": policy, "terminationGracePeriodSeconds": 1}}
    template["spec"] |= pod or {}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "work"},
        "spec": {"template": template, **spec},
    }


def holds(cluster: Any, type: str) -> Object | None:
    status = cluster.get("jobs", "work").get("status", {})
    found = (each for each in status.get("conditions") or () if each["type"] == type and each["status"] == "True")
    return next(found, None)


def pods(cluster: Any) -> list[Object]:
    return cluster.plane.list("pods", "default")


def born(cluster: Any) -> list[float]:
    """When the Job's Pods were made, in seconds from the first."""
    made = sorted(seconds(each["metadata"]["creationTimestamp"]) for each in pods(cluster))
    return [at - made[0] for at in made]


INDEX = "batch.kubernetes.io/job-completion-index"
FAILS = "exit 1"
LOSES_ODD = "test $((JOB_COMPLETION_INDEX % 2)) -eq 0"


def test_never_more_pods_than_parallelism_and_none_beyond_completions(cluster: Any) -> None:
    cluster.apply(job("sleep 5", completions=5, parallelism=2))
    most = 0
    for _ in range(60):
        cluster.settle(1)
        most = max(most, cluster.get("jobs", "work").get("status", {}).get("active", 0))
    assert (most, len(pods(cluster))) == (2, 5)
    assert holds(cluster, "Complete")
    assert cluster.get("jobs", "work")["status"]["succeeded"] == 5


def test_a_large_job_is_made_in_several_passes_and_shrinks_again(cluster: Any) -> None:
    cluster.apply(job("sleep 600", completions=200, parallelism=120))
    cluster.settle(20)
    assert len(pods(cluster)) == cluster.get("jobs", "work")["status"]["active"] == 120
    cluster.patch("jobs", "work", parallelism=10)
    cluster.settle(20)
    assert len(pods(cluster)) == cluster.get("jobs", "work")["status"]["active"] == 10


def test_a_job_whose_name_the_server_makes_up_is_taken_and_its_pods_hold_that_name(cluster: Any) -> None:
    made = cluster.plane.create({**job(), "metadata": {"generateName": "work-"}})
    name = made["metadata"]["name"]
    assert name.startswith("work-") and made["spec"]["template"]["metadata"]["labels"]["job-name"] == name
    cluster.settle(10)
    assert [each["metadata"]["labels"]["batch.kubernetes.io/job-name"] for each in pods(cluster)] == [name]


def test_a_work_queue_makes_no_more_pods_once_one_has_succeeded(cluster: Any) -> None:
    cluster.apply(job("sleep 3", parallelism=3, completions=None))
    cluster.settle()
    assert len(pods(cluster)) == 3
    assert cluster.get("jobs", "work")["status"]["succeeded"] == 3
    assert holds(cluster, "Complete")


def test_each_pod_of_an_indexed_job_knows_its_index(cluster: Any) -> None:
    cluster.apply(job("echo $JOB_COMPLETION_INDEX $HOSTNAME", completionMode="Indexed", completions=4, parallelism=4))
    cluster.settle()
    assert cluster.get("jobs", "work")["status"]["completedIndexes"] == "0-3"
    logs = set()
    for pod in pods(cluster):
        index = pod["metadata"]["annotations"][INDEX]
        assert pod["metadata"]["name"].startswith(f"work-{index}-")
        assert (pod["metadata"]["labels"][INDEX], pod["spec"]["hostname"]) == (index, f"work-{index}")
        logs.add(index)
    assert logs == {"0", "1", "2", "3"}


def test_failures_are_followed_by_a_pause_that_doubles(cluster: Any) -> None:
    cluster.apply(job(FAILS, backoffLimit=3))
    cluster.settle(200)
    gaps = [later - sooner for sooner, later in zip(born(cluster), born(cluster)[1:], strict=False)]
    assert [10 <= gaps[0] < 15, 20 <= gaps[1] < 25, 40 <= gaps[2] < 45] == [True] * 3
    failed = holds(cluster, "Failed")
    assert failed is not None and failed["reason"] == "BackoffLimitExceeded"
    assert cluster.get("jobs", "work")["status"]["failed"] == 4
    assert cluster.messages("BackoffLimitExceeded") == ["Job has reached the specified backoff limit"]


def test_while_one_index_waits_for_its_pause_the_others_are_counted_as_active(cluster: Any) -> None:
    script = 'test "$JOB_COMPLETION_INDEX" != 0 && sleep 600'
    cluster.apply(job(script, completionMode="Indexed", completions=3, parallelism=3))
    cluster.settle(8)
    status = cluster.get("jobs", "work")["status"]
    assert (status["active"], status["ready"], status["failed"]) == (2, 2, 1)


def test_with_restart_policy_on_failure_the_container_is_restarted_and_that_counts(cluster: Any) -> None:
    cluster.apply(job(FAILS, policy="OnFailure", backoffLimit=2))
    cluster.settle(300)
    failed = holds(cluster, "Failed")
    assert failed is not None and failed["reason"] == "BackoffLimitExceeded"
    assert pods(cluster) == []  # the Pod was running still, and went with the Job's end
    assert len([line for line in cluster.log if line.startswith("pods work-") and line.endswith("ADDED")]) == 1


def test_an_index_that_fails_too_often_is_lost_and_the_others_go_on(cluster: Any) -> None:
    spec = {"completionMode": "Indexed", "completions": 4, "parallelism": 4, "backoffLimitPerIndex": 1}
    cluster.apply(job(LOSES_ODD, **spec))
    cluster.settle(120)
    status = cluster.get("jobs", "work")["status"]
    assert (status["completedIndexes"], status["failedIndexes"], status["failed"]) == ("0,2", "1,3", 4)
    failed = holds(cluster, "Failed")
    assert failed is not None and failed["reason"] == "FailedIndexes"


def test_more_lost_indexes_than_allowed_end_the_job(cluster: Any) -> None:
    spec = {"completionMode": "Indexed", "completions": 6, "parallelism": 2, "backoffLimitPerIndex": 0}
    cluster.apply(job(LOSES_ODD, maxFailedIndexes=1, **spec))
    cluster.settle(120)
    failed = holds(cluster, "Failed")
    assert failed is not None and failed["reason"] == "MaxFailedIndexesExceeded"
    assert len(pods(cluster)) < 6


@pytest.mark.parametrize(("action", "made", "failed"), [("FailJob", 1, 1), ("Ignore", 3, 0), ("Count", 2, 2)])
def test_a_pod_failure_policy_says_what_an_exit_code_means(cluster: Any, action: str, made: int, failed: int) -> None:
    rule = {"action": action, "onExitCodes": {"operator": "In", "values": [42]}}
    cluster.apply(job("exit 42", backoffLimit=1, podFailurePolicy={"rules": [rule]}))
    cluster.settle(45)
    assert len(pods(cluster)) == made
    assert cluster.get("jobs", "work")["status"].get("failed", 0) == failed
    if action == "FailJob":
        ended = holds(cluster, "Failed")
        name = pods(cluster)[0]["metadata"]["name"]
        assert ended is not None and ended["reason"] == "PodFailurePolicy"
        assert ended["message"] == (
            f"Container main for pod default/{name} failed with exit code 42 matching FailJob rule at index 0"
        )


def test_a_success_policy_ends_the_job_early_and_well(cluster: Any) -> None:
    script = 'test "$JOB_COMPLETION_INDEX" = 0 || sleep 600'
    policy = {"rules": [{"succeededIndexes": "0"}]}
    spec = {"completionMode": "Indexed", "completions": 3, "parallelism": 3}
    cluster.apply(job(script, successPolicy=policy, **spec))
    cluster.settle()
    complete = holds(cluster, "Complete")
    assert complete is not None
    assert (complete["reason"], complete["message"]) == ("SuccessPolicy", "Matched rules at index 0")
    assert len(pods(cluster)) == 1
    assert cluster.get("jobs", "work")["status"]["completedIndexes"] == "0"


def test_a_job_that_takes_too_long_fails_and_its_pods_go(cluster: Any) -> None:
    cluster.apply(job("sleep 600", activeDeadlineSeconds=20))
    cluster.settle(15)
    assert holds(cluster, "FailureTarget") is None
    cluster.settle(15)
    failed = holds(cluster, "Failed")
    assert failed is not None and failed["reason"] == "DeadlineExceeded"
    assert pods(cluster) == []


def test_the_deadline_does_not_count_while_a_job_is_suspended(cluster: Any) -> None:
    cluster.apply(job("sleep 30", activeDeadlineSeconds=50, suspend=True))
    cluster.settle(100)
    assert "startTime" not in cluster.get("jobs", "work")["status"]
    cluster.patch("jobs", "work", suspend=False)
    cluster.settle(60)
    assert holds(cluster, "Complete")


def test_a_finished_job_goes_after_its_time_to_live_and_its_pods_with_it(cluster: Any) -> None:
    cluster.apply(job(ttlSecondsAfterFinished=30))
    cluster.settle(20)
    assert holds(cluster, "Complete")
    cluster.settle(30)
    assert (cluster.names("jobs"), cluster.names("pods")) == ([], [])


def test_a_pod_is_held_until_it_is_counted_and_counted_once(cluster: Any) -> None:
    cluster.apply(job("sleep 600"))
    cluster.settle(5)
    [pod] = pods(cluster)
    assert TRACKING in pod["metadata"]["finalizers"]
    cluster.delete("pods", pod["metadata"]["name"], gracePeriodSeconds=0)
    cluster.settle(30)
    assert cluster.get("jobs", "work")["status"]["failed"] == 1
    assert len(pods(cluster)) == 1


def test_with_pod_replacement_policy_failed_a_pod_is_replaced_once_it_is_gone(cluster: Any) -> None:
    pod = {"terminationGracePeriodSeconds": 20}
    script = "trap '' TERM; sleep 600"
    cluster.apply(job(script, pod=pod, podReplacementPolicy="Failed"))
    cluster.settle(5)
    [first] = cluster.names("pods")
    cluster.delete("pods", first)
    cluster.settle(15)
    status = cluster.get("jobs", "work")["status"]
    assert (cluster.names("pods"), status["terminating"], "failed" in status) == ([first], 1, False)
    cluster.settle(40)
    assert cluster.names("pods") != [first]
    assert len(cluster.names("pods")) == 1


def test_a_job_that_somebody_else_manages_is_left_alone(cluster: Any) -> None:
    cluster.apply(job(managedBy="example.com/queue"))
    cluster.settle()
    assert (cluster.names("pods"), cluster.get("jobs", "work")["status"]) == ([], {})


def test_a_sidecar_ends_with_the_main_container(cluster: Any) -> None:
    sidecar = {"name": "proxy", "image": "busybox:1.36", "command": ["sleep", "600"], "restartPolicy": "Always"}
    cluster.apply(job("sleep 2", pod={"initContainers": [sidecar]}))
    cluster.settle()
    assert holds(cluster, "Complete")
    assert pods(cluster)[0]["status"]["phase"] == "Succeeded"


def test_deleted_as_the_api_defaults_a_job_leaves_its_pods_and_nobody_holds_them(cluster: Any) -> None:
    cluster.apply(job("sleep 600", parallelism=2, completions=2))
    cluster.settle(10)
    cluster.plane.api.delete("jobs", "default", "work", {}, cluster.plane.options())
    cluster.settle(10)
    assert cluster.names("jobs") == []
    left = pods(cluster)
    assert len(left) == 2
    for pod in left:
        assert "ownerReferences" not in pod["metadata"]
        assert "finalizers" not in pod["metadata"]


def test_running_pods_go_with_a_job_that_is_deleted_as_kubectl_does(cluster: Any) -> None:
    cluster.apply(job("sleep 600"))
    cluster.settle(10)
    cluster.delete("jobs", "work")
    cluster.settle(10)
    assert (cluster.names("jobs"), cluster.names("pods")) == ([], [])


def test_a_namespace_with_a_running_job_can_be_deleted(cluster: Any) -> None:
    cluster.plane.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "short"}})
    cluster.settle(1)
    cluster.plane.create(job("sleep 600"), "short")
    cluster.settle(10)
    cluster.plane.delete("namespaces", "short")
    cluster.settle(30)
    assert cluster.plane.get("namespaces", "short") is None


def test_every_write_of_a_job_says_why_in_words(cluster: Any) -> None:
    cluster.apply(job("sleep 1", completions=2, parallelism=1))
    cluster.settle()
    name = cluster.names("pods")[0]
    why = str(cluster.plane.why("pods", f"default/{name}"))
    assert "job/work needs 2 completions and has" in why
    assert "it runs 1 Pod at a time" in why


def test_indexes_are_written_as_upstream_writes_them() -> None:
    found = Indexes().with_more([7, 1, 0, 3, 5, 4])
    assert str(found) == "0,1,3-5,7"
    assert str(Indexes.parse("0,1,3-5,7", 5)) == "0,1,3,4"
    assert (len(found), 4 in found, 6 in found) == (6, True, False)
    assert found.missing(3, 12) == [2, 6, 8]
    assert found.common(Indexes.parse("0-3", 9)) == 3
    assert found.common(Indexes.parse("6-7,4,0", 9)) == 3  # a status may be written by anybody, in any order
    assert str(found.union(Indexes.parse("2,8-9", 20))) == "0-5,7-9"
