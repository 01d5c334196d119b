"""Waiting for objects, against an API server that is a list of answers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from statelab.cluster.cluster import Cluster
from statelab.cluster.conditions import describe, named
from statelab.cluster.connection import Connection, RequestRefused
from statelab.cluster.problem import Problem
from statelab.controlplane.kinds import KINDS


def pod(uid: str) -> dict[str, Any]:
    return {"kind": "Pod", "metadata": {"name": "web-0", "uid": uid, "resourceVersion": "1"}, "spec": {}, "status": {}}


class Answers(Connection):
    """Gives the next object for every GET, and a watch that ends at once."""

    def __init__(self, *objects: dict[str, Any] | None) -> None:
        super().__init__("http://127.0.0.1:1")
        self.left = list(objects)

    def request(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        found = self.left.pop(0) if len(self.left) > 1 else self.left[0]
        if found is None:
            raise RequestRefused(404, {"message": "not found"})
        return found

    def stream(self, path: str, params: dict[str, str], *, read_timeout_s: float = 0.0) -> Iterator[Any]:
        yield from ()


def cluster(*objects: dict[str, Any] | None) -> Cluster:
    return Cluster(Answers(*objects), context="none", kubeconfig=Path("none"))


def test_a_pod_whose_successor_has_its_name_already_was_deleted():
    assert cluster(pod("old"), pod("old"), pod("new")).wait("pod/web-0", "Deleted", timeout_s=5) is None


def test_a_pod_that_is_gone_was_deleted():
    assert cluster(pod("old"), None).wait("pod/web-0", "Deleted", timeout_s=5) is None


class Namespace(Answers):
    """A namespace with these Pods and nothing else; None: there is none."""

    def __init__(self, *pods: dict[str, Any] | None) -> None:
        super().__init__(None)
        self.pods = pods

    def request(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        if None in self.pods or path.rpartition("/")[2] not in ("lesson", "pods", *LISTS):
            raise RequestRefused(404, {"message": "not found"})
        if path.endswith("namespaces/lesson"):
            return {"kind": "Namespace", "metadata": {"name": "lesson", "uid": "1"}}
        return {"kind": "List", "items": list(self.pods) if path.endswith("/pods") else []}


LISTS = ("deployments", "statefulsets", "jobs", "persistentvolumeclaims", "persistentvolumes", "endpointslices")
READY = {"conditions": [{"type": "Ready", "status": "True"}], "phase": "Running"}


@pytest.mark.parametrize(
    ("pods", "what", "said"),
    [
        ([], "pod/web-9", "nothing is under way that would make it.\nWhat makes it has not been run"),
        ([{**pod("a"), "status": READY}], "pod/wbe-0", "nothing is under way.*\nDid you mean pod/web-0?"),
        ([pod("a")], "pod/web-9", "web-9 was not Ready within 0 s"),  # one that starts may be the first of more
        ([None], "pod/web-9", "There is no namespace lesson, so there will be no pod/web-9."),
    ],
)
def test_what_nothing_will_make_is_not_waited_for(monkeypatch, pods, what, said):
    monkeypatch.setattr("statelab.cluster.waiting._NOTHING_MOVES_S", 0.0)
    found = Cluster(Namespace(*pods), context="none", kubeconfig=Path("none"))
    found.namespace = "lesson"
    with pytest.raises(Problem, match=said):
        found.wait(what, timeout_s=0.2)


def test_what_was_waited_for_says_so_at_the_end_of_a_cell_and_is_the_object_all_the_same():
    from IPython.lib.pretty import pretty

    found = cluster(pod("new")).wait("pod/web-0", "Exists", timeout_s=5)
    assert pretty(found) == "pod/web-0: Exists"
    assert found == pod("new")


def condition(plural: str, wanted: str, obj: dict[str, Any]) -> bool:
    return named(KINDS[plural], wanted)(obj)


def test_a_job_is_waited_for_by_its_conditions_and_says_how_it_stands():
    done = {"type": "Complete", "status": "True", "reason": "CompletionsReached"}
    job: dict[str, Any] = {"kind": "Job", "metadata": {}, "spec": {}, "status": {"uncountedTerminatedPods": {}}}
    assert not condition("jobs", "Complete", job)
    assert describe(job) == "0 Pods are active, 0 have succeeded"
    assert condition("jobs", "complete", {**job, "status": {"conditions": [done]}})
    failed = {"type": "Failed", "status": "True", "message": "Job has reached the specified backoff limit"}
    assert describe({**job, "status": {"conditions": [failed]}}) == (
        "Failed is True: Job has reached the specified backoff limit"
    )


def test_a_daemon_set_is_rolled_out_when_every_node_has_an_updated_pod():
    status = {"observedGeneration": 2, "desiredNumberScheduled": 2, "updatedNumberScheduled": 1, "numberAvailable": 2}
    obj = {"kind": "DaemonSet", "metadata": {"generation": 2}, "spec": {}, "status": status}
    assert not condition("daemonsets", "Rollout", obj)
    assert condition("daemonsets", "Ready", {**obj, "status": {**status, "updatedNumberScheduled": 2}})
    assert describe(obj) == "2 of 2 nodes have an available Pod"


def test_a_replication_controller_is_ready_as_a_replica_set_is():
    status = {"observedGeneration": 1, "replicas": 2, "readyReplicas": 2}
    obj = {"kind": "ReplicationController", "metadata": {"generation": 1}, "spec": {"replicas": 2}, "status": status}
    assert condition("replicationcontrollers", "Ready", obj)


def test_a_definition_is_waited_for_until_it_is_established():
    obj = {"kind": "CustomResourceDefinition", "metadata": {}, "status": {"conditions": []}}
    assert not condition("customresourcedefinitions", "Established", obj)
    there = [{"type": "Established", "status": "True"}]
    assert condition("customresourcedefinitions", "Established", {**obj, "status": {"conditions": there}})


def a_job(**status: Any) -> dict[str, Any]:
    spec = {"selector": {"matchLabels": {"job": "restore"}}}
    return {"kind": "Job", "metadata": {"name": "restore", "uid": "u"}, "spec": spec, "status": status}


def test_a_job_that_has_failed_is_not_waited_for_any_longer():
    failed = {"type": "Failed", "status": "True", "message": "Job has reached the specified backoff limit"}
    job = a_job(uncountedTerminatedPods={}, conditions=[failed])
    with pytest.raises(Problem, match=r"job/restore will not be Complete: Failed is True: Job has reached"):
        cluster(job, {"items": []}).wait("job/restore", "Complete", timeout_s=60)
    done = {"type": "Complete", "status": "True", "message": "Reached expected number of succeeded pods"}
    with pytest.raises(Problem, match=r"job/restore will not be Failed: Complete is True"):
        cluster(a_job(conditions=[done]), {"items": []}).wait("job/restore", "Failed", timeout_s=60)


def test_who_waited_in_vain_for_a_workload_hears_of_its_pod():
    nowhere = {"type": "PodScheduled", "status": "False", "message": "0/3 nodes are available: volume node affinity."}
    waiting = {"metadata": {"name": "restore-x1"}, "status": {"phase": "Pending", "conditions": [nowhere]}}
    there = cluster(a_job(uncountedTerminatedPods={}, active=1), {"items": [waiting]})
    with pytest.raises(Problem) as told:
        there.wait("job/restore", "Complete", timeout_s=0)
    assert "Its Pod restore-x1: PodScheduled is False: 0/3 nodes are available" in str(told.value)
    assert "%kubectl describe pod restore-x1" in str(told.value)


def test_what_a_notebook_changes_is_known_as_python_s():
    sent: list[dict[str, str]] = []

    class Pool:
        def request(self, method: str, url: str, *, headers: dict[str, str], **more: Any) -> Any:
            sent.append(headers)
            return SimpleNamespace(data=b"{}", status=200, headers=SimpleNamespace(getlist=lambda name: []))

    connection = Connection("http://127.0.0.1:1", {"Authorization": "Bearer t"}, Pool())  # type: ignore[arg-type]
    connection.request("PATCH", "/api/v1/namespaces/default/pods/web-0", {})
    assert (sent[0]["User-Agent"], sent[0]["Authorization"]) == ("python", "Bearer t")
