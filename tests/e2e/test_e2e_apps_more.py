"""What `[sig-apps]` conformance tests do with Jobs, CronJobs, DaemonSets, ReplicationControllers and budgets.

Source of the steps: test/e2e/apps/{job,cronjob,daemon_set,controller_revision,rc,disruption}.go.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from e2e_client import AGNHOST, BUSYBOX, HTTPD, PAUSE, Api, Refused, is_ready, pod

pytestmark = pytest.mark.slow


def _job(name: str, script: str, **spec: Any) -> Any:
    container = {"name": "c", "image": BUSYBOX, "command": ["/bin/sh", "-c", script]}
    inner = {"restartPolicy": spec.pop("restartPolicy", "Never"), "containers": [container], **spec.pop("pod", {})}
    inner["terminationGracePeriodSeconds"] = 1
    return {"metadata": {"name": name}, "spec": {**spec, "template": {"spec": inner}}}


def _condition(api: Api, name: str, type: str) -> Any:
    conditions = api.get("jobs", name)["status"].get("conditions") or ()
    return next((each for each in conditions if each["type"] == type and each["status"] == "True"), None)


# ---- job.go


def test_should_run_a_job_to_completion_when_tasks_sometimes_fail_and_are_locally_restarted(api: Api) -> None:
    script = "if [ -f /data/foo ]; then exit 0; else touch /data/foo; exit 1; fi"
    made = _job("fails-once", script, parallelism=2, completions=4, restartPolicy="OnFailure")
    inner = made["spec"]["template"]["spec"]
    inner["volumes"] = [{"name": "data", "emptyDir": {}}]
    inner["containers"][0]["volumeMounts"] = [{"name": "data", "mountPath": "/data"}]
    api.create("jobs", made)
    api.until(lambda: _condition(api, "fails-once", "Complete"), "it is complete")
    statuses = [each["status"]["containerStatuses"][0] for each in api.pods({"job-name": "fails-once"})]
    assert [each["restartCount"] for each in statuses] == [1] * 4


def test_should_create_pods_for_an_indexed_job_with_completion_indexes_and_hostname(api: Api) -> None:
    script = "hostname; echo $JOB_COMPLETION_INDEX"
    api.create("jobs", _job("indexed", script, parallelism=2, completions=4, completionMode="Indexed"))
    api.until(lambda: _condition(api, "indexed", "Complete"), "it is complete")
    pods = api.pods({"job-name": "indexed"})
    indexes = {each["metadata"]["annotations"]["batch.kubernetes.io/job-completion-index"]: each for each in pods}
    assert sorted(indexes) == ["0", "1", "2", "3"]
    for index, each in indexes.items():
        assert each["spec"]["hostname"] == f"indexed-{index}"
        assert api.log(each["metadata"]["name"]) == f"indexed-{index}\n{index}\n"


def test_should_allow_to_use_the_pod_failure_policy_on_exit_code_to_fail_the_job_early(api: Api) -> None:
    rule = {"action": "FailJob", "onExitCodes": {"containerName": "c", "operator": "In", "values": [1]}}
    api.create("jobs", _job("early", "exit 1", parallelism=2, completions=4, backoffLimit=6,
                            podFailurePolicy={"rules": [rule]}))  # fmt: skip
    assert api.until(lambda: _condition(api, "early", "Failed"), "it has failed")["reason"] == "PodFailurePolicy"


def test_should_allow_to_use_a_pod_failure_policy_to_ignore_failure_matching_on_disruption_target(api: Api) -> None:
    rule = {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}
    made = _job("ignores", "if [ -f /data/foo ]; then exit 0; fi; touch /data/foo; sleep 10000", backoffLimit=0,
                podFailurePolicy={"rules": [rule]})  # fmt: skip
    inner = made["spec"]["template"]["spec"]
    inner["nodeName"] = "kind-worker"
    inner["volumes"] = [{"name": "data", "hostPath": {"path": f"/tmp/{api.namespace}", "type": "DirectoryOrCreate"}}]
    inner["containers"][0]["volumeMounts"] = [{"name": "data", "mountPath": "/data"}]
    api.create("jobs", made)
    first = api.until(lambda: [each for each in api.pods({"job-name": "ignores"}) if is_ready(each)], "it runs")
    name = first[0]["metadata"]["name"]
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name, "namespace": api.namespace}}
    api.request("POST", api.path("pods", name, "eviction"), eviction)
    api.until(lambda: _condition(api, "ignores", "Complete"), "it is complete all the same")


def test_should_adopt_matching_orphans_and_release_non_matching_pods(api: Api) -> None:
    made = api.create("jobs", _job("adopts", "sleep 10000", parallelism=2, completions=2))
    uid = made["metadata"]["uid"]
    pods = api.wait_for_running({"job-name": "adopts"}, 2, 2)
    name = pods[0]["metadata"]["name"]

    def owner() -> str:
        references = api.get("pods", name)["metadata"].get("ownerReferences") or [{"uid": ""}]
        return str(references[0]["uid"])

    api.update("pods", name, lambda obj: obj["metadata"].pop("ownerReferences"))
    api.until(lambda: owner() == uid, "it is adopted")
    api.update("pods", name, lambda obj: obj["metadata"].update(labels={}))
    api.until(lambda: owner() == "", "it is released")


def test_should_delete_a_job(api: Api) -> None:
    api.create("jobs", _job("goes", "sleep 10000", parallelism=2, completions=4))
    api.wait_for_running({"job-name": "goes"}, 2, 2)
    api.delete("jobs", "goes", propagationPolicy="Background")
    api.until_gone("jobs", "goes")
    api.until(lambda: not api.pods({"job-name": "goes"}), "its Pods go")


_ODD_FAIL, _FIRST_ALONE = "exit $((JOB_COMPLETION_INDEX % 2))", "[ $JOB_COMPLETION_INDEX = 0 ] || sleep 10000"
_FAIL_INDEX = {"rules": [{"action": "FailIndex", "onExitCodes": {"operator": "In", "values": [1]}}]}


# (name, script, the rest of the Job, how it ends and why, what its status then says)
_BY_INDEX: list[tuple[str, str, Any, str, str, Any]] = [
    ("per-index", _ODD_FAIL, {"completions": 4, "backoffLimitPerIndex": 1}, "Failed", "FailedIndexes",
     {"failedIndexes": "1,3", "completedIndexes": "0,2", "failed": 4, "succeeded": 2}),
    ("too-many-failed", "exit 1", {"completions": 4, "backoffLimitPerIndex": 1, "maxFailedIndexes": 0}, "Failed",
     "MaxFailedIndexesExceeded", {"completedIndexes": None, "succeeded": None}),
    ("fail-index", _ODD_FAIL, {"completions": 4, "backoffLimitPerIndex": 1, "podFailurePolicy": _FAIL_INDEX},
     "Failed", "FailedIndexes", {"failedIndexes": "1,3", "completedIndexes": "0,2", "failed": 2, "succeeded": 2}),
    ("all-succeed", "exit 0", {"completions": 2, "successPolicy": {"rules": [{"succeededIndexes": "0-1"}]}},
     "Complete", "SuccessPolicy", {"completedIndexes": "0,1", "succeeded": 2, "terminating": 0}),
    ("these-succeed", _FIRST_ALONE, {"completions": 5, "successPolicy": {"rules": [{"succeededIndexes": "0"}]}},
     "Complete", "SuccessPolicy", {"completedIndexes": "0", "succeeded": 1, "terminating": 0}),
    ("so-many-succeed", _FIRST_ALONE, {"completions": 5, "successPolicy": {"rules": [{"succeededCount": 1}]}},
     "Complete", "SuccessPolicy", {"completedIndexes": "0", "succeeded": 1, "terminating": 0}),
]  # fmt: skip


def test_the_indexes_of_a_job_decide_how_it_ends(api: Api) -> None:
    for name, script, spec, *_ in _BY_INDEX:
        api.create("jobs", _job(name, script, parallelism=2, completionMode="Indexed", **spec))
    for name, _, _, condition, reason, wanted in _BY_INDEX:
        ended = api.until(partial(_condition, api, name, condition), f"{name} has ended")
        status = api.get("jobs", name)["status"]
        assert {key: status.get(key) for key in wanted} == wanted, name
        assert ended["reason"] == reason and not status.get("active"), name


# ---- cronjob.go


def _cron(name: str, policy: str, script: str = "sleep 300", **spec: Any) -> Any:
    template = _job("x", script, restartPolicy="OnFailure")["spec"]
    body = {"schedule": "*/1 * * * ?", "concurrencyPolicy": policy, "jobTemplate": {"spec": template}, **spec}
    return {"metadata": {"name": name}, "spec": body}


def _active(api: Api, name: str) -> list[str]:
    return [each["name"] for each in api.get("cronjobs", name)["status"].get("active") or ()]


def test_should_schedule_multiple_jobs_concurrently(api: Api) -> None:
    api.create("cronjobs", _cron("allows", "Allow"))
    api.until(lambda: len(_active(api, "allows")) >= 2, "two at once")
    assert len([each for each in api.list("jobs")["items"] if not each["status"].get("conditions")]) >= 2


def test_should_not_schedule_jobs_when_suspended(api: Api) -> None:
    api.create("cronjobs", _cron("suspended", "Allow", suspend=True))
    api.stays(lambda: not _active(api, "suspended") and not api.list("jobs")["items"], 130)


def test_should_not_schedule_new_jobs_when_forbid_concurrent(api: Api) -> None:
    api.create("cronjobs", _cron("forbids", "Forbid"))
    api.until(lambda: len(_active(api, "forbids")) == 1, "one runs")
    [first] = _active(api, "forbids")
    api.stays(lambda: _active(api, "forbids") == [first], 100)


def test_should_replace_jobs_when_replace_concurrent(api: Api) -> None:
    api.create("cronjobs", _cron("replaces", "Replace"))
    [first] = api.until(lambda: _active(api, "replaces"), "one runs")
    api.until(lambda: _active(api, "replaces") not in ([], [first]), "another runs")
    assert len(_active(api, "replaces")) == 1


# ---- daemon_set.go, controller_revision.go


def _daemons(name: str, **spec: Any) -> Any:
    labels = {"daemonset-name": name}
    container = {"name": "app", "image": HTTPD, "ports": [{"containerPort": 9376}]}
    inner = {"containers": [container], "terminationGracePeriodSeconds": 1, **spec.pop("pod", {})}
    template = {"metadata": {"labels": labels}, "spec": inner}
    return {"metadata": {"name": name}, "spec": {"selector": {"matchLabels": labels}, "template": template, **spec}}


def _on_nodes(api: Api, name: str, image: str = "") -> list[str]:
    found = api.pods({"daemonset-name": name})
    return sorted(each["spec"].get("nodeName", "") for each in found
                  if is_ready(each) and (not image or each["spec"]["containers"][0]["image"] == image))  # fmt: skip


_BOTH = ["kind-worker", "kind-worker2"]


def test_should_run_and_stop_simple_daemon_and_retry_failed_ones(api: Api) -> None:
    api.create("daemonsets", _daemons("simple"))
    api.until(lambda: _on_nodes(api, "simple") == _BOTH, "one on each node")
    name = api.pods({"daemonset-name": "simple"})[0]["metadata"]["name"]
    api.delete("pods", name)
    api.until(lambda: _on_nodes(api, "simple") == _BOTH and not api.exists("pods", name), "it is made again")
    name = api.pods({"daemonset-name": "simple"})[0]["metadata"]["name"]
    api.update_status("pods", name, lambda obj: obj["status"].update(phase="Failed"))
    api.until(lambda: _on_nodes(api, "simple") == _BOTH and not api.exists("pods", name), "the failed one is replaced")


def test_should_run_and_stop_complex_daemon(api: Api) -> None:
    color = f"color-{api.namespace}"
    api.create("daemonsets", _daemons("complex", pod={"nodeSelector": {color: "blue"}}))
    api.stays(lambda: not api.pods({"daemonset-name": "complex"}), 5)
    try:
        api.patch("nodes", "kind-worker", {"metadata": {"labels": {color: "blue"}}})
        api.until(lambda: _on_nodes(api, "complex") == ["kind-worker"], "it runs there")
        api.patch("nodes", "kind-worker", {"metadata": {"labels": {color: "green"}}})
        api.until(lambda: not api.pods({"daemonset-name": "complex"}), "it stops")
        change = {"spec": {"updateStrategy": {"type": "RollingUpdate"},
                           "template": {"spec": {"nodeSelector": {color: "green"}}}}}  # fmt: skip
        api.patch("daemonsets", "complex", change)
        api.until(lambda: _on_nodes(api, "complex") == ["kind-worker"], "it runs again")
    finally:
        api.patch("nodes", "kind-worker", {"metadata": {"labels": {color: None}}})


def test_should_update_pod_when_spec_was_updated_and_rollback_without_unnecessary_restarts(api: Api) -> None:
    api.create("daemonsets", _daemons("rolls", updateStrategy={"type": "RollingUpdate"}))
    api.until(lambda: _on_nodes(api, "rolls") == _BOTH, "one on each node")

    def image(wanted: str) -> None:
        api.patch(
            "daemonsets", "rolls", {"spec": {"template": {"spec": {"containers": [{"name": "app", "image": wanted}]}}}}
        )

    image(AGNHOST)
    api.until(lambda: _on_nodes(api, "rolls", AGNHOST) == _BOTH, "all are new")
    uids = {each["metadata"]["uid"] for each in api.pods({"daemonset-name": "rolls"})}
    image("foo:non-existent")
    api.until(lambda: any(each["spec"]["containers"][0]["image"] == "foo:non-existent"
                          for each in api.pods({"daemonset-name": "rolls"})), "one is broken")  # fmt: skip
    kept = {each["metadata"]["uid"] for each in api.pods({"daemonset-name": "rolls"})} & uids
    image(AGNHOST)
    api.until(lambda: _on_nodes(api, "rolls", AGNHOST) == _BOTH, "it is rolled back")
    assert kept and kept <= {each["metadata"]["uid"] for each in api.pods({"daemonset-name": "rolls"})}


def test_should_manage_the_lifecycle_of_a_controller_revision(api: Api) -> None:
    api.create("daemonsets", _daemons("revised"))
    selector = "daemonset-name=revised"

    def revisions() -> list[Any]:
        return list(api.list("controllerrevisions", selector)["items"])

    [first] = api.until(revisions, "its first revision")
    name = first["metadata"]["name"]
    api.patch("controllerrevisions", name, {"metadata": {"labels": {name: "patched"}}})
    kept = {key: first["metadata"][key] for key in ("labels", "ownerReferences")}
    metadata = {"name": f"{name}-copy", **kept}
    api.create("controllerrevisions", {"metadata": metadata, "data": first["data"], "revision": first["revision"] + 1})
    assert len(revisions()) == 2
    api.delete("controllerrevisions", name)
    api.until(lambda: len(revisions()) == 1, "one is left")
    api.update("controllerrevisions", f"{name}-copy", lambda obj: obj["metadata"]["labels"].update(updated="yes"))
    api.patch("daemonsets", "revised", {"spec": {"template": {"spec": {"terminationGracePeriodSeconds": 2}}}})
    api.until(lambda: len(revisions()) == 2, "there is a new one")
    api.request("DELETE", api.path("controllerrevisions") + "?labelSelector=updated%3Dyes")
    api.until(lambda: [each["revision"] for each in revisions()] == [3], "the third is left")


# ---- rc.go


def _controller(name: str, replicas: int, args: list[str] | None = None) -> Any:
    container = {"name": name, "image": AGNHOST, "args": args or ["serve-hostname"]}
    template = {"metadata": {"labels": {"name": name}}, "spec": {"containers": [container]}}
    return {
        "metadata": {"name": name},
        "spec": {"replicas": replicas, "selector": {"name": name}, "template": template},
    }


def test_rc_should_serve_a_basic_image_on_each_replica(api: Api) -> None:
    api.create("replicationcontrollers", _controller("basic", 2))
    for each in api.wait_for_running({"name": "basic"}, 2, 2):
        name = each["metadata"]["name"]
        path = api.path("pods", f"{name}:9376", "proxy/")
        assert api.until(lambda path=path: api.request("GET", path), "it answers") == name.encode()


def test_rc_should_surface_a_failure_condition_on_exceeded_quota(api: Api) -> None:
    api.create("resourcequotas", {"metadata": {"name": "tight"}, "spec": {"hard": {"pods": "2"}}})
    api.until(lambda: api.get("resourcequotas", "tight")["status"].get("hard"), "it is counted")
    api.create("replicationcontrollers", _controller("many", 3))

    def failed() -> bool:
        conditions = api.get("replicationcontrollers", "many")["status"].get("conditions") or ()
        return any(each["type"] == "ReplicaFailure" for each in conditions)

    api.until(failed, "it says so")
    api.update("replicationcontrollers", "many", lambda obj: obj["spec"].update(replicas=2))
    api.until(lambda: not failed(), "it says so no more")


def test_rc_should_adopt_matching_pods_on_creation_and_release_no_longer_matching_ones(api: Api) -> None:
    api.create("pods", pod("pod-adoption", image=PAUSE, labels={"name": "adopts"}))
    made = api.create("replicationcontrollers", _controller("adopts", 1))

    def owner() -> str:
        references = api.get("pods", "pod-adoption")["metadata"].get("ownerReferences") or [{"uid": ""}]
        return str(references[0]["uid"])

    api.until(lambda: owner() == made["metadata"]["uid"], "it is adopted")
    api.patch("pods", "pod-adoption", {"metadata": {"labels": {"name": "not-matching"}}})
    api.until(lambda: owner() == "", "it is released")


def test_rc_should_get_and_update_its_scale(api: Api) -> None:
    api.create("replicationcontrollers", _controller("scaled", 1))
    path = api.path("replicationcontrollers", "scaled", "scale")
    found = api.request("GET", path)
    assert found["spec"]["replicas"] == 1
    found["spec"]["replicas"] = 2
    assert api.request("PUT", path, found)["spec"]["replicas"] == 2
    api.wait_for_running({"name": "scaled"}, 2, 2)


# ---- disruption.go


def test_should_observe_pod_disruption_budget_status_updated_and_block_an_eviction_until_it_allows(api: Api) -> None:
    labels = {"foo": "bar"}
    budget = {"metadata": {"name": "foo"}, "spec": {"minAvailable": 3, "selector": {"matchLabels": labels}}}
    api.create("poddisruptionbudgets", budget)
    for number in range(3):
        api.create("pods", pod(f"pod-{number}", image=PAUSE, labels=labels))
    api.wait_for_running(labels, 3, 3)

    def status() -> Any:
        found = api.get("poddisruptionbudgets", "foo")
        return found["status"] if found["status"].get("observedGeneration") == found["metadata"]["generation"] else {}

    api.until(lambda: status().get("currentHealthy") == 3, "it counts them")

    def evict() -> int:
        eviction = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": "pod-0", "namespace": api.namespace},
        }
        try:
            api.request("POST", api.path("pods", "pod-0", "eviction"), eviction)
        except Refused as refused:
            return refused.code
        return 201

    assert (status()["disruptionsAllowed"], evict()) == (0, 429)
    api.update("poddisruptionbudgets", "foo", lambda obj: obj["spec"].update(minAvailable=2))
    api.until(lambda: status().get("disruptionsAllowed") == 1, "one may go")
    assert evict() == 201
    api.until_gone("pods", "pod-0")
    api.delete("poddisruptionbudgets", "foo")
