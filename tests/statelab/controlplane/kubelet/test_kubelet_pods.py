"""The life of a Pod on a node: from nothing to Running, restarts and back-off, and a graceful end."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from statelab.controlplane.clock import seconds


def test_an_image_that_is_there_runs_within_about_a_second(cluster: Any) -> None:
    begun_s = cluster.loop.now_s
    cluster.start()
    cluster.run_until(cluster.is_ready, 5)
    assert 0.5 < cluster.loop.now_s - begun_s < 2.0
    assert cluster.told() == [
        "Scheduled: Successfully assigned default/p to kind-worker",
        'Pulled: Container image "nginx:1.27" already present on machine and can be accessed by the pod',
        "Created: Container created",
        "Started: Container started",
    ]


def test_events_about_a_container_name_it(cluster: Any) -> None:
    cluster.start()
    cluster.settle()
    paths = {each["reason"]: each["involvedObject"].get("fieldPath") for each in cluster.list("events", "default")}
    assert paths["Started"] == "spec.containers{main}"
    assert paths["Scheduled"] is None


def test_a_deleted_nginx_goes_at_once_and_has_succeeded(cluster: Any) -> None:
    cluster.start()
    cluster.settle()
    deleted_s = cluster.loop.now_s
    cluster.delete("pods", "default/p")
    cluster.run_until(lambda: cluster.pod() is None, 5)
    assert cluster.loop.now_s - deleted_s < 1.0
    assert cluster.phases() == ["Pending", "Running", "Succeeded"]
    assert cluster.told()[-1] == "Killing: Stopping container main"


def test_a_shell_that_ignores_term_takes_its_whole_grace_period_and_has_failed(cluster: Any) -> None:
    cluster.start_shell("while true; do sleep 1; done", terminationGracePeriodSeconds=7)
    cluster.run_until(cluster.is_ready)
    deleted_s = cluster.loop.now_s
    cluster.delete("pods", "default/p")
    cluster.run_until(lambda: cluster.pod() is None)
    assert 7.0 <= cluster.loop.now_s - deleted_s < 8.0
    last = next(each.object for each in reversed(cluster.store.history) if each.type == "DELETED")
    assert last["status"]["phase"] == "Failed"
    assert last["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 137


def test_a_forced_deletion_removes_the_object_before_the_container_has_ended(cluster: Any) -> None:
    cluster.start_shell("while true; do sleep 1; done")
    cluster.run_until(cluster.is_ready)
    container = cluster.kubelets["kind-worker"].container("default/p", "main")
    cluster.delete("pods", "default/p", gracePeriodSeconds=0)
    assert cluster.pod() is None
    assert container.exit is None
    cluster.loop.run_for(4)
    assert container.exit is not None
    assert not list(cluster.kubelets["kind-worker"].workers())


def test_a_pod_that_never_ran_has_failed_when_it_is_deleted(cluster: Any) -> None:
    cluster.start(image="nginx:no-such-tag")
    cluster.run_until(lambda: "ErrImagePull" in str(cluster.status()))
    cluster.delete("pods", "default/p")
    cluster.run_until(lambda: cluster.pod() is None, 5)
    assert cluster.phases() == ["Pending", "Failed"]


def test_an_image_that_cannot_be_pulled_is_an_error_first_and_backs_off_then(cluster: Any) -> None:
    cluster.start(image="nginx:no-such-tag")
    cluster.settle()
    assert cluster.main()["state"]["waiting"]["reason"] == "ErrImagePull"
    told = [each.partition(":")[0] for each in cluster.told()]
    assert told == ["Scheduled", "Pulling", "Failed", "Failed", "BackOff", "Failed"]
    assert "Failed: Error: ImagePullBackOff" in cluster.told()
    cluster.run_until(lambda: cluster.main()["state"]["waiting"]["reason"] == "ImagePullBackOff", 30)
    message = cluster.main()["state"]["waiting"]["message"]
    assert message.startswith('Back-off pulling image "nginx:no-such-tag": ErrImagePull: failed to pull and unpack')


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        ("Nginx:UPPER CASE", "InvalidImageName"),
        ("never-seen.example/a:1", "ErrImageNeverPull"),
        ("nginx:1.27", "ErrImageNeverPull"),
    ],
)
def test_an_image_may_be_refused_without_a_pull(cluster: Any, image: str, reason: str) -> None:
    cluster.start(image=image, container={"imagePullPolicy": "Never"})
    cluster.settle()
    assert cluster.main()["state"]["waiting"]["reason"] == reason


def test_a_container_that_crashes_is_started_again_after_10_then_20_then_40_seconds(cluster: Any) -> None:
    cluster.start_shell("exit 3")
    starts: list[float] = []

    def watch(revision: Any) -> None:
        if revision.key == "default/p" and revision.plural == "pods":
            for each in revision.object["status"].get("containerStatuses") or ():
                ended = each["state"].get("terminated")
                if ended and (not starts or seconds(ended["startedAt"]) > starts[-1]):
                    starts.append(seconds(ended["startedAt"]))

    cluster.store.subscribe(watch)
    cluster.run_until(lambda: len(starts) == 5, 300)
    waits = [later - earlier for earlier, later in itertools.pairwise(starts)]
    assert waits[0] < 4  # the first restart does not wait
    # Each is at least its back-off, and looked at again at most 15 s later.
    for wait, back_off in zip(waits[1:], (10, 20, 40), strict=True):
        assert back_off - 1 <= wait <= back_off + 18
    assert cluster.main()["restartCount"] == 4
    assert any(
        each.startswith("BackOff: Back-off restarting failed container main in pod p_default(")
        for each in cluster.told()
    )


def test_a_crash_loop_says_how_long_it_backs_off(cluster: Any) -> None:
    cluster.start_shell("echo hello; exit 3")
    cluster.run_until(lambda: "CrashLoopBackOff" in str(cluster.status()))
    waiting = cluster.main()["state"]["waiting"]
    uid = cluster.pod()["metadata"]["uid"]
    assert waiting["message"] == f"back-off 10s restarting failed container=main pod=p_default({uid})"
    assert cluster.main()["lastState"]["terminated"]["exitCode"] == 3
    assert cluster.status()["phase"] == "Running"
    assert cluster.logs() == ["hello"]
    assert cluster.logs(previous=True) == ["hello"]


@pytest.mark.parametrize(("code", "phase"), [(0, "Succeeded"), (1, "Failed")])
def test_a_pod_that_is_not_restarted_ends_in_a_phase(cluster: Any, code: int, phase: str) -> None:
    cluster.start_shell(f"sleep 3; exit {code}", restartPolicy="Never")
    cluster.run_until(lambda: cluster.status()["phase"] == phase, 20)
    conditions = {each["type"]: (each["status"], each.get("reason")) for each in cluster.status()["conditions"]}
    assert conditions["Ready"] == ("False", "PodCompleted" if code == 0 else "PodFailed")
    assert conditions["PodReadyToStartContainers"][0] == "False"
    cluster.loop.run_for(60)
    assert cluster.status()["phase"] == phase
    assert cluster.main()["restartCount"] == 0


def test_on_failure_starts_again_what_failed_and_lets_what_succeeded_be(cluster: Any) -> None:
    mount = {"volumeMounts": [{"name": "v", "mountPath": "/v"}]}
    script = "if [ -e /v/once ]; then exit 0; fi; touch /v/once; exit 1"
    cluster.start_shell(script, restartPolicy="OnFailure", container=mount, volumes=[{"name": "v", "emptyDir": {}}])
    cluster.run_until(lambda: cluster.status()["phase"] == "Succeeded", 20)
    assert cluster.main()["restartCount"] == 1


def test_a_command_that_is_not_there_never_starts(cluster: Any) -> None:
    cluster.start(image="busybox:1.36", container={"command": ["nonsense"]})
    cluster.run_until(lambda: "RunContainerError" in str(cluster.status()), 10)
    ended = cluster.main()["lastState"]["terminated"]
    assert (ended["exitCode"], ended["reason"], ended["startedAt"]) == (128, "StartError", "1970-01-01T00:00:00Z")
    assert 'exec: "nonsense": executable file not found in $PATH' in cluster.main()["state"]["waiting"]["message"]
    assert not any(each.startswith("Started") for each in cluster.told())


def test_the_last_words_of_a_container_are_in_its_status(cluster: Any) -> None:
    cluster.start_shell("echo out of cheese > /dev/termination-log; exit 1", restartPolicy="Never")
    cluster.run_until(lambda: cluster.status()["phase"] == "Failed", 10)
    assert cluster.main()["state"]["terminated"]["message"] == "out of cheese\n"
    policy = {"terminationMessagePolicy": "FallbackToLogsOnError"}
    cluster.start_shell("echo so it ends; exit 1", "q", restartPolicy="Never", container=policy)
    cluster.run_until(lambda: cluster.status("q")["phase"] == "Failed", 10)
    assert cluster.main("q")["state"]["terminated"]["message"] == "so it ends\n"


def test_a_container_that_wants_too_much_memory_leaves_no_last_words(cluster: Any) -> None:
    limits = {"resources": {"limits": {"memory": "16Mi"}}}
    cluster.start_shell("x=a; while true; do x=$x$x; done", container=limits, restartPolicy="Never")
    cluster.run_until(lambda: "terminated" in cluster.main()["state"])
    ended = cluster.main()["state"]["terminated"]
    assert (ended["exitCode"], ended["reason"], "message" in ended) == (137, "OOMKilled", False)
    assert cluster.logs()[-1].startswith("statelab: memory limit exceeded")


def test_init_containers_run_one_after_the_other_before_all_others(cluster: Any) -> None:
    init = [
        {"name": name, "image": "busybox:1.36", "command": ["sh", "-c", f"sleep {nap}"]}
        for name, nap in (("first", 2), ("second", 1))
    ]
    cluster.start(initContainers=init)
    cluster.settle()
    assert cluster.is_ready()
    ends = [each["state"]["terminated"] for each in cluster.status()["initContainerStatuses"]]
    assert [each["reason"] for each in ends] == ["Completed", "Completed"]
    assert ends[0]["finishedAt"] <= ends[1]["startedAt"]
    assert ends[1]["finishedAt"] <= cluster.main()["state"]["running"]["startedAt"]


def test_an_init_container_that_fails_keeps_the_pod_from_starting(cluster: Any) -> None:
    init = [{"name": "setup", "image": "busybox:1.36", "command": ["sh", "-c", "exit 1"]}]
    cluster.start(initContainers=init)
    cluster.run_until(lambda: "CrashLoopBackOff" in str(cluster.status().get("initContainerStatuses")))
    assert cluster.status()["phase"] == "Pending"
    assert cluster.main()["state"]["waiting"]["reason"] == "PodInitializing"
    cluster.start("q", initContainers=init, restartPolicy="Never")
    cluster.run_until(lambda: cluster.status("q")["phase"] == "Failed", 20)
    assert cluster.main("q")["state"]["waiting"]["reason"] == "PodInitializing"


def test_a_sidecar_starts_before_and_ends_after_the_others(cluster: Any) -> None:
    script = "trap 'exit 0' TERM; while true; do sleep 1; done"
    sidecar = {"name": "proxy", "image": "busybox:1.36", "restartPolicy": "Always", "command": ["sh", "-c", script]}
    cluster.start(initContainers=[sidecar])
    cluster.run_until(cluster.is_ready, 20)
    proxy = cluster.status()["initContainerStatuses"][0]
    assert proxy["ready"] and proxy["started"]
    assert proxy["state"]["running"]["startedAt"] <= cluster.main()["state"]["running"]["startedAt"]
    cluster.delete("pods", "default/p")
    cluster.run_until(lambda: cluster.pod() is None, 40)
    killed = [each for each in cluster.told() if each.startswith("Killing")]
    assert killed == ["Killing: Stopping container main", "Killing: Stopping container proxy"]


def test_pre_stop_runs_before_term_and_counts_towards_the_grace_period(cluster: Any) -> None:
    hook = {"lifecycle": {"preStop": {"exec": {"command": ["sleep", "4"]}}}}
    cluster.start(container=hook, terminationGracePeriodSeconds=30)
    cluster.run_until(cluster.is_ready)
    deleted_s = cluster.loop.now_s
    cluster.delete("pods", "default/p")
    cluster.run_until(lambda: cluster.pod() is None, 40)
    assert 4.0 <= cluster.loop.now_s - deleted_s < 6.0


def test_a_container_whose_post_start_hook_fails_is_killed(cluster: Any) -> None:
    hook = {"lifecycle": {"postStart": {"exec": {"command": ["sh", "-c", "exit 1"]}}}}
    cluster.start(container=hook)
    cluster.run_until(lambda: "PostStartHookError" in str(cluster.status()), 20)
    assert "FailedPostStartHook: PostStartHook failed" in cluster.told()
    assert not cluster.is_ready()


def test_a_changed_image_restarts_the_container_in_place(cluster: Any) -> None:
    cluster.start()
    cluster.run_until(cluster.is_ready)
    change = [{"op": "replace", "path": "/spec/containers/0/image", "value": "nginx:1.28"}]
    cluster.api.patch("pods", "default", "p", "json", change, cluster.options())
    cluster.run_until(lambda: cluster.main()["restartCount"] == 1 and cluster.is_ready(), 30)
    assert "Killing: Container main definition changed, will be restarted" in cluster.told()


def test_two_pods_cannot_have_one_host_port_of_a_node(cluster: Any) -> None:
    port = {"ports": [{"containerPort": 80, "hostPort": 8080}]}
    cluster.start("a", container=port, nodeName="kind-worker")
    cluster.settle()
    cluster.start("b", container=port, nodeName="kind-worker")
    cluster.settle()
    status = cluster.status("b")
    assert (status["phase"], status["reason"]) == ("Failed", "NodePorts")
    assert status["message"] == (
        "Pod was rejected: Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports"
    )
    assert cluster.is_ready("a")


def test_a_pod_for_root_only_is_refused_where_root_is_not_wanted(cluster: Any) -> None:
    cluster.start(container={"securityContext": {"runAsNonRoot": True}})
    cluster.settle()
    waiting = cluster.main()["state"]["waiting"]
    assert waiting["reason"] == "CreateContainerConfigError"
    assert waiting["message"].startswith("container has runAsNonRoot and image will run as root (pod:")
    cluster.start("q", container={"securityContext": {"runAsNonRoot": True, "runAsUser": 101}})
    cluster.settle()
    assert cluster.main("q")["user"]["linux"] == {"uid": 101, "gid": 0, "supplementalGroups": [0]}


def test_a_pod_may_run_no_longer_than_its_active_deadline(cluster: Any) -> None:
    cluster.start(activeDeadlineSeconds=10)
    begun_s = cluster.loop.now_s
    cluster.run_until(lambda: cluster.status()["phase"] == "Failed", 20)
    assert 9 <= cluster.loop.now_s - begun_s <= 11
    assert cluster.status()["reason"] == "DeadlineExceeded"
    cluster.loop.run_for(5)
    assert "terminated" in cluster.main()["state"]


def test_a_grace_period_that_is_shortened_counts_at_once(cluster: Any) -> None:
    cluster.start_shell("while true; do sleep 1; done", terminationGracePeriodSeconds=600)
    cluster.run_until(cluster.is_ready)
    cluster.delete("pods", "default/p")
    cluster.loop.run_for(30)
    cluster.delete("pods", "default/p", gracePeriodSeconds=3)
    shortened_s = cluster.loop.now_s
    cluster.run_until(lambda: cluster.pod() is None, 30)
    assert cluster.loop.now_s - shortened_s < 5
    assert cluster.told().count("Killing: Stopping container main") == 1


def test_a_pod_that_has_ended_leaves_its_port_and_its_share_of_the_node_to_others(cluster: Any) -> None:
    asking = {"ports": [{"containerPort": 80, "hostPort": 8080}], "resources": {"requests": {"cpu": "5"}}}
    cluster.start_shell("exit 0", "a", restartPolicy="Never", nodeName="kind-worker", container=asking)
    cluster.run_until(lambda: cluster.status("a")["phase"] == "Succeeded", 20)
    cluster.start("b", nodeName="kind-worker", container=asking)
    cluster.settle()
    assert cluster.is_ready("b")
    cluster.start("c", nodeName="kind-worker", container={"resources": {"requests": {"cpu": "5"}}})
    cluster.settle()
    assert cluster.status("c")["reason"] == "OutOfcpu"
    assert cluster.status("c")["message"] == (
        "Pod was rejected: Node didn't have enough resource: cpu, requested: 5000, used: 5000, capacity: 8000"
    )


def test_a_sidecar_does_not_keep_a_pod_that_has_done_its_work(cluster: Any) -> None:
    script = "trap 'exit 0' TERM; while true; do sleep 1; done"
    sidecar = {"name": "proxy", "image": "busybox:1.36", "restartPolicy": "Always", "command": ["sh", "-c", script]}
    cluster.start_shell("sleep 5", initContainers=[sidecar], restartPolicy="Never")
    cluster.run_until(lambda: cluster.status()["phase"] == "Succeeded", 30)
    proxy = cluster.status()["initContainerStatuses"][0]
    assert "terminated" in proxy["state"]
    assert proxy["restartCount"] == 0


def test_a_rule_may_restart_all_containers_from_the_first_init_container_on(cluster: Any) -> None:
    rule = {"action": "RestartAllContainers", "exitCodes": {"operator": "In", "values": [42]}}
    waits = {"image": "busybox:1.36", "command": ["sh", "-c", "trap 'exit 0' TERM; while true; do sleep 1; done"]}
    trigger = {"restartPolicy": "Never", "restartPolicyRules": [rule], "command": ["sh", "-c", "sleep 5; exit 42"]}
    cluster.start(
        image="busybox:1.36",
        container=trigger,
        restartPolicy="Never",
        initContainers=[
            {"name": "set-up", "image": "busybox:1.36", "command": ["true"]},
            {"name": "proxy", **waits, "restartPolicy": "Always", "lifecycle": {"preStop": {"sleep": {"seconds": 9}}}},
        ],
    )
    seen: list[tuple[str, str]] = []

    def restarts() -> list[int]:
        status = cluster.status()
        condition = {each["type"]: each["status"] for each in status.get("conditions") or ()}
        seen.append((status.get("phase", ""), condition.get("AllContainersRestarting", "")))
        parts = (status.get("initContainerStatuses") or ()), (status.get("containerStatuses") or ())
        return [each["restartCount"] for part in parts for each in part]

    cluster.run_until(lambda: restarts() == [1, 1, 1] and cluster.is_ready(), 30)
    assert ("Running", "True") in seen and seen[-1] == ("Running", "False")
    assert "Failed" not in {phase for phase, _ in seen}
    cluster.run_until(lambda: restarts() == [2, 2, 2], 60)
