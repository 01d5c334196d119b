"""Docker, Podman and kind as they are found on a machine: what they write when they fail, and what we make of it."""

from __future__ import annotations

import pytest

from statelab.cluster.engine import find_engine
from statelab.cluster.engine_errors import explain
from statelab.cluster.getting import setting
from statelab.cluster.kind_program import check_for_pinned_image, find_kind
from statelab.cluster.problem import Problem

# What the programs write, and a word of the sentence and of the advice that are made of it.
FAILURES = {
    "Docker stopped": (
        "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?",
        "installed, and it is not running",
        "Start",
    ),
    "Docker 29 stopped": (
        "failed to connect to the docker API at unix:///var/run/docker.sock; check if the path is correct and if the "
        "daemon is running: dial unix /var/run/docker.sock: connect: no such file or directory",
        "installed, and it is not running",
        "Start",
    ),
    "Docker Desktop stopped": (
        'error during connect: Get "http://%2F%2F.%2Fpipe%2FdockerDesktopLinuxEngine/v1.48/info": open '
        "//./pipe/dockerDesktopLinuxEngine: The system cannot find the file specified.",
        "installed, and it is not running",
        "Start",
    ),
    "no permission": (
        "permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock: Get "
        '"http://%2Fvar%2Frun%2Fdocker.sock/v1.48/info": dial unix /var/run/docker.sock: connect: permission denied',
        "you may not use it",
        "group",
    ),
    "port taken": (
        'ERROR: failed to create cluster: command "docker run --name statelab-control-plane …" failed with error: exit '
        "status 125\nCommand Output: docker: Error response from daemon: failed to set up container networking: driver "
        "failed programming external connectivity on endpoint statelab-control-plane: Bind for 127.0.0.1:6443 failed: "
        "port is already allocated",
        "127.0.0.1:6443",
        "End the program",
    ),
    "disk full": (
        "failed to register layer: write /usr/bin/kubelet: no space left on device",
        "disk is full",
        "docker system",
    ),
    "rootless without delegation": (
        "ERROR: failed to create cluster: running kind with rootless provider requires setting systemd property "
        '"Delegate=yes", see https://kind.sigs.k8s.io/docs/user/rootless/',
        "rootless provider",
        "rootless/",
    ),
    "too many watches": (
        'ERROR: failed to create cluster: could not find a log line that matches "Reached target .*Multi-User System.*'
        '|detected cgroup v1"',
        "nodes did not start",
        "sysctl",
    ),
    "kubeadm": (
        'ERROR: failed to create cluster: failed to init node with kubeadm: command "docker exec --privileged '
        'statelab-control-plane kubeadm init …" failed with error: exit status 1',
        "did not come up",
        "4 GiB",
    ),
    "no internet": (
        'Error response from daemon: Get "https://registry-1.docker.io/v2/": dial tcp: lookup registry-1.docker.io: no '
        "such host",
        "cannot be pulled",
        "internet",
    ),
    "pull limit": ("toomanyrequests: You have reached your unauthenticated pull rate limit.", "no more", "login"),
    "no such image": (
        "Error response from daemon: manifest for kindest/node:v9 not found: manifest unknown: manifest unknown",
        "no such node image",
        "--node-image",
    ),
    "something new": (
        "one\ntwo\nERROR: the moon is full",
        "docker run failed: one\ntwo\nERROR: the moon",
        "known-issues",
    ),
}


@pytest.mark.parametrize("name", FAILURES)
def test_what_a_tool_writes_becomes_a_sentence_with_what_to_do(name):
    text, sentence, advice = FAILURES[name]
    problem = explain("docker", text, "docker run failed")
    assert sentence in problem.what and advice in problem.next_step


@pytest.mark.parametrize("name", ["Docker stopped", "Docker 29 stopped", "no permission"])
def test_an_engine_that_does_not_answer_is_not_used(tools, name):
    tools.remove("podman")
    text, sentence, advice = FAILURES[name]
    tools.fail(docker_info=text)
    with pytest.raises(Problem, match=sentence) as problem:
        find_engine()
    assert advice in problem.value.next_step


def test_docker_may_say_that_it_is_stopped_in_its_json(tools):
    tools.remove("podman")
    tools.set(info={"docker": {"ServerVersion": "", "ServerErrors": [FAILURES["Docker stopped"][0]]}})
    with pytest.raises(Problem, match="not running"):
        find_engine()


def test_podman_is_used_where_docker_does_not_answer_and_kind_is_told(tools):
    tools.fail(docker_info=FAILURES["Docker stopped"][0])
    engine = find_engine()
    assert (engine.name, engine.version) == ("podman", "5.4.2")
    assert engine.environment()["KIND_EXPERIMENTAL_PROVIDER"] == "podman"


def test_podman_that_goes_by_the_name_of_docker_is_podman(tools):
    tools.set(info={"docker": tools.state["info"]["podman"]})
    assert find_engine().name == "podman"


def test_the_engine_that_the_environment_names_is_the_one_used(tools, monkeypatch):
    monkeypatch.setenv("KIND_EXPERIMENTAL_PROVIDER", "podman")
    assert find_engine().name == "podman"
    assert tools.asked("docker") == []


def test_a_machine_with_neither_is_told_how_to_get_one_and_that_the_course_needs_none(tools):
    tools.remove("docker")
    tools.remove("podman")
    with pytest.raises(Problem, match="has neither") as problem:
        find_engine()
    assert "Install" in problem.value.next_step and "statelab up" in problem.value.next_step


@pytest.mark.parametrize(
    "system, words",
    {"linux": "sudo systemctl start docker", "darwin": "Applications folder", "win32": "Start menu"}.items(),
)
def test_how_to_start_docker_is_said_for_the_system_one_is_on(monkeypatch, system, words):
    monkeypatch.setattr("sys.platform", system)
    assert words in explain("docker", FAILURES["Docker stopped"][0], "").next_step


def test_podman_without_root_may_start_nodes_only_where_cgroups_are_delegated(tools):
    tools.remove("docker")
    podman = tools.state["info"]["podman"]
    podman["host"]["security"]["rootless"] = True
    tools.set(info={"podman": podman})
    assert find_engine().is_rootless
    podman["host"]["cgroupControllers"] = ["memory", "pids"]
    tools.set(info={"podman": podman})
    with pytest.raises(Problem, match="may not limit cpu") as problem:
        find_engine()
    assert "Delegate=yes" in problem.value.next_step
    podman["host"]["cgroupVersion"] = "v1"
    tools.set(info={"podman": podman})
    with pytest.raises(Problem, match="cgroup v2"):
        find_engine()


def test_docker_without_root_is_looked_at_in_the_same_way(tools):
    docker = {**tools.state["info"]["docker"], "SecurityOptions": ["name=rootless"], "MemoryLimit": True}
    tools.remove("podman")
    tools.set(info={"docker": docker})
    with pytest.raises(Problem, match="may not limit cpu, pids"):
        find_engine()


def test_docker_with_windows_containers_cannot_run_nodes(tools):
    tools.remove("podman")
    tools.set(info={"docker": {**tools.state["info"]["docker"], "OSType": "windows"}})
    with pytest.raises(Problem, match="Windows containers"):
        find_engine()


def test_little_memory_is_a_warning(tools):
    tools.set(info={"docker": {**tools.state["info"]["docker"], "MemTotal": 2 * 2**30}})
    assert "2.0 GiB" in find_engine().warnings[0]


def test_a_kind_that_is_too_old_is_told_so(tools):
    tools.set(kind="0.26.0")
    with pytest.raises(Problem, match=r"kind 0\.26\.0 is too old: the course needs 0\.27"):
        find_kind()


def test_a_kind_that_is_too_old_for_the_pinned_image_may_be_used_with_another(tools):
    tools.set(kind="0.30.0")
    with pytest.raises(Problem, match=r"needs kind 0\.32") as problem:
        check_for_pinned_image(find_kind(), "kindest/node:v1.36.4@sha256:09")
    assert "--node-image" in problem.value.next_step


def test_a_program_that_only_is_called_kind_is_not_used(tools):
    (tools.bin / "kind").write_text("#!/bin/sh\necho I am something else\n")
    with pytest.raises(Problem, match="does not say its version"):
        find_kind()


def test_the_line_that_sets_a_variable_can_be_pasted_where_one_is(monkeypatch):
    monkeypatch.setattr("sys.platform", "linux")
    assert setting("KUBECONFIG", "/a folder/it's") == "export KUBECONFIG='/a folder/it'\"'\"'s'"
    monkeypatch.setattr("sys.platform", "win32")
    assert setting("KUBECONFIG", r"C:\a folder\it's") == r"$env:KUBECONFIG = 'C:\a folder\it''s'"
