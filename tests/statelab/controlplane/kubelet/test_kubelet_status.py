"""A Pod's status, from what runs: phases, conditions, and the shapes a real kubelet wrote."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from statelab.controlplane.clock import seconds
from statelab.controlplane.kinds import Object
from statelab.controlplane.kubelet.containers import Attempt, PodRecord
from statelab.controlplane.kubelet.images import reported
from statelab.controlplane.kubelet.status import pod_requests, pod_status, terminated_status

GOLDEN = Path(__file__).parents[3] / "conformance" / "golden"
NOW_S = seconds("2026-01-01T00:00:00Z")


def pod(containers: list[Object], init: list[Object] | None = None, **spec: Any) -> Object:
    spec = {"containers": containers, "restartPolicy": "Always", **spec}
    if init:
        spec["initContainers"] = init
    return {"metadata": {"name": "p", "namespace": "d", "uid": "u", "generation": 1}, "spec": spec, "status": {}}


def container(name: str = "nginx", **rest: Any) -> Object:
    return {"name": name, "image": "nginx:1.27", **rest}


def attempt(name: str = "nginx", state: str = "running", code: int = 0, **rest: Any) -> Attempt:
    made = Attempt(name, 0, "containerd://c", *reported("nginx:1.27"), **rest)
    made.state = state  # type: ignore[assignment]
    made.started_at_s = NOW_S
    made.ready = made.started = state == "running"
    if state == "exited":
        made.exit_code, made.reason, made.finished_at_s = code, "Completed" if code == 0 else "Error", NOW_S
    return made


def record(*attempts: Attempt, sandbox: bool = True) -> PodRecord:
    made = PodRecord(sandbox=sandbox, pod_ip="10.244.1.2" if sandbox else "")
    made.last = {each.name: each for each in attempts}
    return made


def conditions(status: Object) -> dict[str, str]:
    return {each["type"]: each["status"] for each in status["conditions"]}


def test_a_running_nginx_says_what_the_recorded_one_said() -> None:
    golden = json.loads((GOLDEN / "claim-waits-for-first-consumer.json").read_text())
    wanted = golden["steps"][3]["objects"]["pods"][0]
    made = {**wanted, "metadata": {**wanted["metadata"], "uid": "u"}, "status": {"qosClass": "BestEffort"}}
    status = pod_status(made, record(attempt("pv-container")), "172.17.0.1", NOW_S)
    text = json.dumps(status).replace("2026-01-01T00:00:00Z", "$TIME").replace("10.244.1.2", "$POD_IP")
    text = text.replace("containerd://c", "containerd://$CONTAINER")
    assert json.loads(re.sub(r"sha256:[0-9a-f]{64}", "sha256:$DIGEST", text)) == wanted["status"]


def test_a_pod_whose_containers_wait_is_pending_and_initialized() -> None:
    status = pod_status(pod([container()]), record(sandbox=False), "h", NOW_S)
    assert status["phase"] == "Pending"
    assert status["containerStatuses"][0]["state"] == {"waiting": {"reason": "ContainerCreating"}}
    assert conditions(status) == {
        "PodReadyToStartContainers": "False",
        "Initialized": "True",
        "Ready": "False",
        "ContainersReady": "False",
        "PodScheduled": "True",
    }


def test_init_containers_come_first_and_are_waited_for() -> None:
    made = pod([container()], [container("setup"), container("proxy", restartPolicy="Always")])
    status = pod_status(made, record(attempt("setup")), "h", NOW_S)
    assert status["phase"] == "Pending"
    initialized = next(each for each in status["conditions"] if each["type"] == "Initialized")
    assert initialized["message"] == "containers with incomplete status: [setup proxy]"
    assert status["containerStatuses"][0]["state"] == {"waiting": {"reason": "PodInitializing"}}
    done = record(attempt("setup", "exited"), attempt("proxy"), attempt())
    assert pod_status(made, done, "h", NOW_S)["phase"] == "Running"


@pytest.mark.parametrize(
    ("policy", "codes", "phase"),
    [
        ("Always", [0], "Running"),
        ("Always", [1], "Running"),
        ("OnFailure", [0], "Succeeded"),
        ("OnFailure", [1], "Running"),
        ("Never", [0], "Succeeded"),
        ("Never", [1], "Failed"),
        ("Never", [0, 1], "Failed"),
    ],
)
def test_the_phase_follows_exit_codes_and_the_restart_policy(policy: str, codes: list[int], phase: str) -> None:
    containers = [container(f"c{index}") for index in range(len(codes))]
    attempts = [attempt(f"c{index}", "exited", code) for index, code in enumerate(codes)]
    assert pod_status(pod(containers, restartPolicy=policy), record(*attempts), "h", NOW_S)["phase"] == phase


def test_a_deleted_pod_has_succeeded_if_its_containers_ended_well_whatever_its_policy() -> None:
    ended = record(attempt("nginx", "exited"), sandbox=False)
    assert pod_status(pod([container()]), ended, "h", NOW_S, terminal=True)["phase"] == "Succeeded"


def test_a_container_that_never_ran_counts_as_lost_when_its_pod_is_deleted() -> None:
    made = pod([container()])
    status = terminated_status(made, pod_status(made, record(), "h", NOW_S, terminal=True))
    assert status["phase"] == "Failed"
    ended = status["containerStatuses"][0]["state"]["terminated"]
    assert (ended["exitCode"], ended["reason"]) == (137, "ContainerStatusUnknown")


def test_a_container_that_backs_off_waits_and_its_end_is_its_last_state() -> None:
    failed = record(attempt("nginx", "exited", 3))
    failed.waiting["nginx"] = ("CrashLoopBackOff", "back-off 10s restarting failed container=nginx pod=p_d(u)")
    status = pod_status(pod([container()]), failed, "h", NOW_S)["containerStatuses"][0]
    assert status["state"]["waiting"]["reason"] == "CrashLoopBackOff"
    assert status["lastState"]["terminated"]["exitCode"] == 3


def test_readiness_gates_keep_a_pod_from_being_ready_until_someone_says_so() -> None:
    made = pod([container()], readinessGates=[{"conditionType": "shop/open"}])
    ready = pod_status(made, record(attempt()), "h", NOW_S)["conditions"][2]
    assert (ready["status"], ready["reason"]) == ("False", "ReadinessGatesNotReady")
    assert ready["message"] == 'corresponding condition of pod readiness gate "shop/open" does not exist.'
    made["status"] = {"conditions": [{"type": "shop/open", "status": "True"}]}
    status = pod_status(made, record(attempt()), "h", NOW_S)
    assert conditions(status)["Ready"] == "True"
    assert status["conditions"][0] == {"type": "shop/open", "status": "True"}  # not the kubelet's: kept


def test_a_condition_keeps_the_time_since_when_it_holds() -> None:
    made = pod([container()])
    made["status"] = pod_status(made, record(), "h", NOW_S)
    later = pod_status(made, record(attempt()), "h", NOW_S + 60)
    since = {each["type"]: each["lastTransitionTime"] for each in later["conditions"]}
    assert since["Ready"] == "2026-01-01T00:01:00Z"
    assert since["PodScheduled"] == "2026-01-01T00:00:00Z"


def test_a_pod_asks_for_the_sum_of_its_containers_or_for_its_largest_init_container() -> None:
    def asking(name: str, cpu: str, **rest: Any) -> Object:
        return container(name, resources={"requests": {"cpu": cpu, "memory": "64Mi"}}, **rest)

    made = pod([asking("a", "100m"), asking("b", "200m")], [asking("i", "1")])
    assert pod_requests(made) == {"cpu": "1", "memory": "128Mi"}
    made = pod([asking("a", "100m")], [asking("s", "300m", restartPolicy="Always"), asking("i", "50m")])
    assert pod_requests(made) == {"cpu": "400m", "memory": "128Mi"}
    status = pod_status(made, record(), "h", NOW_S)
    assert status["allocatedResources"] == {"cpu": "400m", "memory": "128Mi"}
    assert status["resources"] == {"requests": {"cpu": "400m", "memory": "128Mi"}}


@pytest.mark.parametrize(
    ("short", "full"),
    [
        ("nginx", "docker.io/library/nginx:latest"),
        ("bitnami/redis:7", "docker.io/bitnami/redis:7"),
        ("registry.k8s.io/pause", "registry.k8s.io/pause:latest"),
        ("localhost:5000/a", "localhost:5000/a:latest"),
    ],
)
def test_an_image_is_reported_by_its_full_name(short: str, full: str) -> None:
    assert reported(short)[0] == full


def test_names_that_are_one_image_on_the_node_are_reported_by_the_first() -> None:
    assert reported("registry.k8s.io/nginx-slim:0.24") == reported("nginx:1.27")
