"""Probes: when they are asked, when their answers count, and what follows."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, cast

import pytest

from statelab.controlplane.clock import Loop
from statelab.controlplane.kubelet.probes import Answer, Prober, Target, ask, port_of


def run_in(cluster: Any, script: str, name: str = "p") -> None:
    """What `kubectl exec` does: a command in the container, to its end."""
    codes: list[int] = []
    for kubelet in cluster.kubelets.values():
        container = kubelet.container(f"default/{name}", "main")
        if container is not None:
            container.exec(["sh", "-c", script], on_output=lambda stream, data: None, on_exit=codes.append)
            cluster.run_until(lambda: bool(codes), 30)
    assert codes == [0]


def test_a_pod_is_ready_when_its_readiness_probe_passes_and_no_longer_when_it_fails(cluster: Any) -> None:
    probe = {"exec": {"command": ["cat", "/tmp/ready"]}, "periodSeconds": 1, "failureThreshold": 2}
    cluster.start(container={"readinessProbe": probe})
    cluster.loop.run_for(10)
    assert cluster.status()["phase"] == "Running" and not cluster.is_ready()
    assert cluster.main()["started"]
    assert "Unhealthy: Readiness probe failed: cat: /tmp/ready: No such file or directory\n" in cluster.told()
    run_in(cluster, "touch /tmp/ready")
    cluster.run_until(cluster.is_ready, 2)
    run_in(cluster, "rm /tmp/ready")
    failed_s = cluster.loop.now_s
    cluster.run_until(lambda: not cluster.is_ready(), 5)
    assert cluster.loop.now_s - failed_s >= 1  # one failure is not enough
    assert cluster.main()["restartCount"] == 0


def test_a_liveness_probe_that_fails_restarts_the_container(cluster: Any) -> None:
    probe = {"exec": {"command": ["cat", "/tmp/healthy"]}, "periodSeconds": 5, "initialDelaySeconds": 5}
    cluster.start_shell("touch /tmp/healthy; sleep 30; rm /tmp/healthy; sleep 600", container={"livenessProbe": probe})
    cluster.loop.run_for(25)
    assert cluster.main()["restartCount"] == 0
    cluster.run_until(lambda: cluster.main()["restartCount"] == 1, 90)
    assert "Killing: Container main failed liveness probe, will be restarted" in cluster.told()
    assert cluster.main()["lastState"]["terminated"]["exitCode"] == 137


def test_nothing_else_is_probed_until_the_startup_probe_has_passed(cluster: Any) -> None:
    probes = {
        "startupProbe": {"exec": {"command": ["cat", "/tmp/up"]}, "periodSeconds": 2, "failureThreshold": 30},
        "livenessProbe": {"exec": {"command": ["cat", "/tmp/up"]}, "periodSeconds": 1, "failureThreshold": 1},
    }
    cluster.start_shell("sleep 10; touch /tmp/up; sleep 600", container=probes)
    cluster.loop.run_for(6)
    assert cluster.main()["started"] is False and not cluster.is_ready()
    cluster.run_until(cluster.is_ready, 20)
    assert cluster.main()["restartCount"] == 0
    assert cluster.main()["started"] is True


def test_a_startup_probe_that_has_passed_is_not_asked_again(cluster: Any) -> None:
    probe = {"exec": {"command": ["cat", "/tmp/up"]}, "periodSeconds": 2, "failureThreshold": 5}
    cluster.start_shell("sleep 5; touch /tmp/up; sleep 5; rm /tmp/up; sleep 600", container={"startupProbe": probe})
    cluster.run_until(cluster.is_ready, 20)
    failed = [each for each in cluster.told() if "Startup probe failed" in each]
    cluster.loop.run_for(120)
    assert [each for each in cluster.told() if "Startup probe failed" in each] == failed
    assert cluster.main()["restartCount"] == 0


def test_a_startup_probe_that_never_passes_kills_the_container(cluster: Any) -> None:
    probe = {"tcpSocket": {"port": 81}, "periodSeconds": 1, "failureThreshold": 3}
    cluster.start(container={"startupProbe": probe})
    cluster.run_until(lambda: cluster.main()["restartCount"] == 1)
    assert "Killing: Container main failed startup probe, will be restarted" in cluster.told()
    ip = "10.244.1.2"
    assert f"Unhealthy: Startup probe failed: dial tcp {ip}:81: connect: connection refused" in cluster.told()


@pytest.mark.parametrize(
    ("probe", "message"),
    [
        ({"httpGet": {"path": "/none", "port": "web"}}, "HTTP probe failed with statuscode: 404"),
        (
            {"httpGet": {"port": 80, "scheme": "HTTPS"}},
            'Get "https://10.244.1.2:80/": http: server gave HTTP response to HTTPS client',
        ),
        (
            {"httpGet": {"path": "/", "port": 8080}},
            'Get "http://10.244.1.2:8080/": dial tcp 10.244.1.2:8080: connect: connection refused',
        ),
        ({"exec": {"command": ["sleep", "5"]}}, 'command timed out: "sleep 5" timed out after 1s'),
    ],
)
def test_a_probe_says_why_it_failed(cluster: Any, probe: dict[str, Any], message: str) -> None:
    container = {"readinessProbe": probe, "ports": [{"name": "web", "containerPort": 80}]}
    cluster.start(container=container)
    cluster.loop.run_for(5)
    assert any(each.startswith(f"Unhealthy: Readiness probe failed: {message}") for each in cluster.told())


def test_a_probe_of_a_page_that_is_there_makes_the_pod_ready(cluster: Any) -> None:
    cluster.start(container={"readinessProbe": {"httpGet": {"path": "/", "port": 80}, "initialDelaySeconds": 4}})
    cluster.loop.run_for(3)
    assert not cluster.is_ready()
    cluster.run_until(cluster.is_ready, 4)


def test_a_probe_that_cannot_be_carried_out_is_no_answer(cluster: Any) -> None:
    cluster.start(container={"livenessProbe": {"exec": {"command": ["nonsense"]}, "periodSeconds": 1}})
    cluster.loop.run_for(20)
    assert cluster.main()["restartCount"] == 0
    assert any(
        each.startswith("Unhealthy: Liveness probe errored and resulted in unknown state: rpc error")
        for each in cluster.told()
    )


class Asked:
    """Answers as told to, and keeps what a Prober makes of it."""

    def __init__(self, answers: str, **spec: int) -> None:
        self.loop = Loop()
        self.answers = list(answers)
        self.results: list[tuple[float, bool]] = []
        self.asked: list[float] = []
        start_s = self.loop.now_s
        prober = Prober("readiness", spec, self.loop, self.answer, self.result, lambda kind, answer: None)
        prober.start(start_s + spec.get("initialDelaySeconds", 0))
        self.loop.run_until(lambda: not self.answers, timeout_s=1000)
        prober.stop()
        self.results = [(at_s - start_s, passed) for at_s, passed in self.results]
        self.asked = [at_s - start_s for at_s in self.asked]

    def answer(self, spec: object, housekeeping: bool, done: Any) -> None:
        self.asked.append(self.loop.now_s)
        done(Answer({"+": True, "-": False, "?": None}[self.answers.pop(0)]))

    def result(self, kind: str, passed: bool) -> None:
        self.results.append((self.loop.now_s, passed))


@pytest.mark.parametrize(
    ("answers", "spec", "results"),
    [
        ("+", {"initialDelaySeconds": 3}, [(3.0, True)]),
        ("--+", {"periodSeconds": 2}, [(4.0, True)]),
        ("+-+--+---", {"periodSeconds": 1, "failureThreshold": 3}, [(0.0, True), (8.0, False)]),
        (
            "++-++",
            {"periodSeconds": 1, "successThreshold": 2, "failureThreshold": 1},
            [(1.0, True), (2.0, False), (4.0, True)],
        ),
        ("+-?--", {"periodSeconds": 1, "failureThreshold": 3}, [(0.0, True), (4.0, False)]),
    ],
)
def test_an_answer_counts_after_as_many_in_a_row_as_its_threshold(
    answers: str, spec: dict[str, int], results: list[tuple[float, bool]]
) -> None:
    assert Asked(answers, **spec).results == results


def test_a_named_port_is_the_containers() -> None:
    container = {"ports": [{"name": "web", "containerPort": 8080}]}
    assert port_of("web", container) == 8080
    assert port_of("9090", container) == 9090
    assert port_of("nothing", container) is None
    assert port_of(0, container) is None


def test_a_steady_probe_does_not_keep_the_cluster_busy_but_what_is_done_in_a_container_is_seen(cluster: Any) -> None:
    probe = {"exec": {"command": ["cat", "/tmp/ready"]}, "periodSeconds": 10, "failureThreshold": 1}
    cluster.start(container={"readinessProbe": probe})
    cluster.loop.run_for(100)
    assert cluster.loop.run_until_idle()
    run_in(cluster, "touch /tmp/ready")
    assert cluster.loop.run_until_idle()
    assert cluster.is_ready()
    run_in(cluster, "rm /tmp/ready")
    assert cluster.loop.run_until_idle()
    assert not cluster.is_ready()


class Slow:
    """A container whose commands end when the test says so."""

    def __init__(self, *, is_computing: bool) -> None:
        self.is_computing = is_computing
        self.signals: list[str] = []
        self.end: Callable[[int], None] = lambda code: None

    def exec(self, command: list[str], *, on_output: object, on_exit: Callable[[int], None]) -> Slow:
        self.end = on_exit
        return self

    def signal(self, name: str) -> None:
        self.signals.append(name)


@pytest.mark.parametrize("is_computing", [True, False])
def test_in_fast_time_a_probe_that_computes_has_its_seconds_on_the_wall_one_that_waits_the_clusters(
    is_computing: bool,
) -> None:
    loop, slow, answers = Loop(pace=100_000), Slow(is_computing=is_computing), list[Answer]()
    target = Target("10.0.0.1", "10.0.0.2", {}, cast(Any, slow), cast(Any, None))
    ask({"exec": {"command": ["true"]}, "timeoutSeconds": 60}, target, loop, False, answers.append)
    for _ in range(3):
        time.sleep(0.002)  # 200 of the cluster's seconds
        loop.run_due()
    assert slow.signals == ([] if is_computing else ["KILL"])
    slow.end(0)
    assert [each.passed for each in answers] == [is_computing]
