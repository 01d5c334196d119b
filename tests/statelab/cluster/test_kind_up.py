"""`statelab up --cluster kind` and `down`, with stand-ins for docker and kind; the API server is an embedded one."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from statelab import cli, doctor
from statelab.cluster import connect, kind_record, kind_up, kubelet_log, usable
from statelab.cluster.kind import KindCluster
from statelab.cluster.problem import Problem

IMAGES = ["redis:7.4", "registry.k8s.io/nginx-slim:0.24"]


class Told:
    """Steps, kept."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.warnings: list[str] = []

    def now(self, text: str) -> None:
        self.steps.append(text)

    done = now

    def warn(self, text: str) -> None:
        self.warnings.append(text)


def test_up_makes_a_cluster_of_three_nodes_and_waits_until_it_is_usable(machine, home):
    found = kind_up.up(home)
    assert found.is_new
    assert list(machine.nodes) == ["statelab-control-plane", "statelab-worker", "statelab-worker2"]
    [created] = machine.asked("kind", "create")
    assert created[3:] == [
        *("--name", "statelab"),
        *("--config", str(home.root / "kind-config.yaml")),
        *("--kubeconfig", str(home.folder / "kind-kubeconfig")),
    ]
    assert kind_up.status(home).lacks == ()


def test_the_node_image_is_pinned_by_its_digest():
    config = Path(__file__).resolve().parents[3] / "kind-config.yaml"
    name, _, digest = kind_up.pinned_image(config).partition("@sha256:")
    assert name.startswith("kindest/node:v1.3") and len(bytes.fromhex(digest)) == 32


def test_another_node_image_is_handed_to_kind(machine, home):
    kind_up.up(home, node_image="kindest/node:v1.35.8", with_images=False)
    assert machine.asked("kind", "create")[0][-2:] == ["--image", "kindest/node:v1.35.8"]
    with pytest.raises(Problem, match=r"runs with kindest/node:v1\.35\.8"):
        kind_up.up(home, node_image="kindest/node:v1.34.11")


def test_each_step_of_kind_is_told_in_its_words(machine, home):
    told = Told()
    kind_up.up(home, steps=told, with_images=False)
    assert "Starting control-plane" in told.steps and "Joining worker nodes" in told.steps
    assert "Ensuring node image (kindest/node:v1.36.4)" in told.steps


def test_up_a_second_time_makes_and_loads_nothing(machine, home):
    kind_up.up(home)
    before = machine.changes()
    again = kind_up.up(home)
    assert not again.is_new
    assert [line[:3] for line in machine.changes()[len(before) :]] == [["kind", "export", "kubeconfig"]]


def test_down_deletes_the_cluster_and_down_again_is_no_error(machine, home):
    kind_up.up(home, with_images=False)
    assert kind_up.down(home)
    assert machine.nodes == {} and not kind_up.status(home).is_running
    assert not kind_up.down(home)


def test_the_users_own_kubeconfig_is_not_touched_unless_asked(machine, home, tmp_path, monkeypatch):
    own = tmp_path / ".kube" / "config"
    own.parent.mkdir()
    own.write_text("apiVersion: v1\nkind: Config\n")
    monkeypatch.setenv("KUBECONFIG", str(own))
    kind_up.up(home, with_images=False)
    assert own.read_text() == "apiVersion: v1\nkind: Config\n"
    kind_up.up(home, with_images=False, user_kubeconfig=True)
    assert json.loads(own.read_text())["current-context"] == "kind-statelab"


def test_down_takes_the_context_out_of_the_users_own_kubeconfig_again(machine, home, tmp_path, monkeypatch):
    own = tmp_path / ".kube" / "config"
    own.parent.mkdir()
    own.write_text("apiVersion: v1\nkind: Config\n")
    monkeypatch.setenv("KUBECONFIG", str(own))
    kind_up.up(home, with_images=False, user_kubeconfig=True)
    kind_up.up(home, with_images=False)
    monkeypatch.delenv("KUBECONFIG")
    kind_up.down(home)
    assert [line[-1] for line in machine.asked("kind", "delete")][-1] == str(own)
    before = len(machine.asked("kind", "delete"))
    kind_up.up(home, with_images=False)
    kind_up.down(home)
    assert len(machine.asked("kind", "delete")) == before + 1, "who was not asked is not touched"


def test_connect_finds_the_cluster_of_this_folder_by_itself(machine, home):
    kind_up.up(home, name="mine", with_images=False)
    cluster = connect("kind")
    assert isinstance(cluster, KindCluster) and cluster.is_own and cluster.context == "kind-mine"
    assert len(cluster.list("nodes")) == 3


def test_before_there_is_one_connect_says_how_to_make_it(tools, home):
    with pytest.raises(Problem, match="statelab up --cluster kind"):
        connect("kind")


def test_paused_and_stopped_nodes_are_woken(machine, home):
    kind_up.up(home, with_images=False)
    containers = machine.state["containers"]
    containers[1]["State"]["Status"], containers[2]["State"]["Status"] = "paused", "exited"
    machine.set(containers=containers)
    assert kind_up.status(home).lacks == ("statelab-worker is paused", "statelab-worker2 is exited")
    kind_up.up(home, with_images=False)
    assert set(machine.nodes.values()) == {"running"}


# ---- images


def test_the_images_of_the_course_are_pulled_once_and_loaded_into_the_nodes(machine, home):
    kind_up.up(home)
    assert [line[-1] for line in machine.asked("docker", "pull")] == IMAGES
    assert [line[3:] for line in machine.asked("kind", "load")] == [[each, "--name", "statelab"] for each in IMAGES]
    (home.course / "manifests" / "busy.yaml").write_text("spec:\n  containers:\n  - image: busybox:1.36\n")
    kind_up.up(home)
    assert [line[-1] for line in machine.asked("docker", "pull")] == [*IMAGES, "busybox:1.36"]


def test_where_kind_cannot_load_an_image_each_node_pulls_it(machine, home):
    machine.fail(kind_load="ERROR: failed to load image: … ctr: content digest sha256:9106d8: not found")
    told = Told()
    kind_up.up(home, steps=told)
    pulled = [line for line in machine.asked("docker", "exec") if line[3:5] == ["crictl", "pull"]]
    assert len(pulled) == 3 * len(IMAGES)
    assert told.warnings == []


def test_without_internet_the_cluster_is_usable_and_the_images_are_said_to_come_later(machine, home):
    lost = "Error response from daemon: Get https://registry-1.docker.io/v2/: dial tcp: lookup registry-1.docker.io: "
    machine.fail(docker_pull=lost + "no such host")
    told = Told()
    assert kind_up.up(home, steps=told).is_new
    assert len(machine.asked("docker", "pull")) == 1, "the next image fares no better"
    assert "redis:7.4: An image cannot be pulled" in told.warnings[0]


@pytest.mark.parametrize("said", ["no such host", "connect: no route to host", "server misbehaving"])
def test_images_that_are_on_the_nodes_need_no_internet(machine, home, said):
    kind_up.up(home, with_images=False)
    containers = machine.state["containers"]
    for each in containers:
        each["images"] = [IMAGES[1]]
    machine.set(containers=containers)
    machine.fail(docker_pull=f"dial tcp 52.5.1.1:443: {said}")
    told = Told()
    kind_up.up(home, steps=told)
    assert [line[-1] for line in machine.asked("docker", "pull")] == [IMAGES[0]]
    assert "redis:7.4: An image cannot be pulled" in told.warnings[0]
    record = kind_record.read(home)
    assert record is not None
    assert record.images == [IMAGES[1]]


# ---- what is not ours


def test_a_cluster_of_that_name_that_others_made_is_left_as_it_is(machine, home):
    machine.add_cluster("statelab")
    for attempt in (kind_up.up, kind_up.down):
        with pytest.raises(Problem, match="this folder did not make it") as refused:
            attempt(home, name="statelab")
    assert "--name statelab-2" in refused.value.next_step
    assert machine.changes() == []


def test_a_cluster_that_was_deleted_and_made_again_by_others_is_theirs(machine, home):
    kind_up.up(home, with_images=False)
    before = len(machine.changes())
    machine.set(containers=[])
    machine.add_cluster("statelab")
    for attempt in (kind_up.up, kind_up.down):
        with pytest.raises(Problem, match="this folder did not make it"):
            attempt(home)
    assert kind_up.status(home).lacks == ("another cluster has its name",)
    assert len(machine.changes()) == before


def test_down_leaves_other_clusters_alone(machine, home):
    machine.add_cluster("theirs")
    kind_up.up(home, with_images=False)
    kind_up.down(home)
    assert [name.partition("-")[0] for name in machine.nodes] == ["theirs"] * 3


def test_who_is_quicker_with_the_name_keeps_it(machine, home):
    taken = 'ERROR: failed to create cluster: node(s) already exist for a cluster with the name "statelab"'
    machine.fail(kind_create=taken)
    with pytest.raises(Problem, match="Somebody else has just made"):
        kind_up.up(home)
    assert machine.asked("kind", "delete") == [] and kind_record.read(home) is None


# ---- what goes wrong on the way


def test_what_a_failed_creation_has_left_is_removed(machine, home):
    machine.fail(kind_create="ERROR: failed to create cluster: failed to init node with kubeadm: exit status 1")
    with pytest.raises(Problem, match="Kubernetes did not come up"):
        kind_up.up(home)
    assert kind_record.read(home) is None and not kind_up.status(home).is_running


def test_a_cluster_deleted_in_mid_lesson_is_said_with_what_to_do(machine, home, tmp_path):
    kind_up.up(home, with_images=False)
    machine.set(containers=[])
    path = home.folder / "kind-kubeconfig"
    said = json.loads(path.read_text())
    said["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"
    path.write_text(json.dumps(said))
    cluster = connect("kind")
    with pytest.raises(Problem, match="No cluster answers") as silent:
        cluster.get("pod/web-0")
    assert "statelab up --cluster kind" in silent.value.next_step
    assert kind_up.status(home).lacks == ("it was deleted",)


def test_a_kubelet_that_may_watch_too_few_files_is_asked_before_anybody_guesses(machine, home, monkeypatch):
    said = 'err="failed to run Kubelet: inotify_init: too many open files"'
    machine.set(**{"kubelet log": said})
    monkeypatch.setattr(usable, "lacks", lambda cluster, nodes: ["1 of 3 nodes are Ready"])
    monkeypatch.setattr(usable, "_LOOK_FOR_A_REASON_S", 0.0)
    monkeypatch.setattr(usable, "_LOOK_AGAIN_S", 0.0)
    with pytest.raises(Problem, match=r"The kubelet of statelab-control-plane does not start.*inotify") as found:
        kind_up.up(home, with_images=False)
    assert "max_user_instances=512" in found.value.next_step
    machine.set(**{"kubelet log": "I0930 all is well"})
    monkeypatch.setattr(kind_up, "_USABLE_WITHIN_S", 0.0)
    with pytest.raises(Problem, match="1 of 3 nodes are Ready"):
        kind_up.up(home, with_images=False)


def test_the_doctor_tells_a_limit_on_watching_files_beforehand(home, tools, tmp_path, monkeypatch):
    path = tmp_path / "max_user_instances"
    path.write_text("128\n")
    monkeypatch.setattr(kubelet_log.watch_limit, "__defaults__", (path,))
    [found] = [each for each in doctor.examine(home, "kind") if each.what == "file watchers"]
    assert not found.is_good and "max_user_instances=512" in found.hint
    path.write_text("8192\n")
    [found] = [each for each in doctor.examine(home, "kind") if each.what == "file watchers"]
    assert found.is_good


def test_the_doctor_of_another_cluster_talks_of_that_one(home, tools):
    about = {each.what for each in doctor.examine(home, "context:theirs")}
    assert "cluster" in about and not about & {"embedded cluster", "containers", "kind", "kind cluster"}


def run(home: Any, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "statelab", *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=home.root)


def wait_for_half_a_cluster(process: subprocess.Popen[str], machine: Any) -> None:
    """Until kind has made containers and hangs; what the command says tells when."""
    assert process.stderr is not None
    for line in process.stderr:
        if "Joining worker nodes" in line:
            break
    while not machine.nodes:
        assert process.poll() is None


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_leaves_nothing_of_a_cluster(machine, home, number):
    machine.set(hangs=True)
    process = run(home, "up", "--cluster", "kind")
    try:
        wait_for_half_a_cluster(process, machine)
        process.send_signal(number)
        _, said = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait(10)
    assert process.returncode == 1 and "nothing of the cluster is left" in said
    assert machine.nodes == {} and kind_record.read(home) is None


def test_half_a_cluster_that_a_killed_command_left_is_made_anew(machine, home):
    machine.set(hangs=True)
    process = run(home, "up", "--cluster", "kind")
    try:
        wait_for_half_a_cluster(process, machine)
    finally:
        process.kill()
        process.communicate(timeout=60)
    left = {each["Id"] for each in machine.state["containers"]}
    assert kind_up.status(home).lacks == ("its making was broken off",)
    machine.set(hangs=False)
    assert kind_up.up(home, with_images=False).is_new
    assert len(machine.nodes) == 3 and not left & {each["Id"] for each in machine.state["containers"]}
    for line in machine.asked("kind", "create"):
        assert line[4] == "statelab"


def typed(monkeypatch: pytest.MonkeyPatch, capsys: Any, *words: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a command line, run here: a process takes seconds to import everything."""
    monkeypatch.setattr(sys, "argv", ["statelab", *words])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0), *capsys.readouterr()


def test_the_command_speaks_json_too(machine, home, monkeypatch, capsys):
    code, said, errors = typed(monkeypatch, capsys, "up", "--cluster", "kind", "--no-images", "--json")
    told = json.loads(said)
    assert (code, errors) == (0, "")
    assert (told["running"], told["started"], told["context"]) == (True, True, "kind-statelab")
    _, said, _ = typed(monkeypatch, capsys, "status", "--cluster", "kind", "--json")
    assert json.loads(said)["nodes"]["statelab-worker"] == "running"
    _, said, _ = typed(monkeypatch, capsys, "doctor", "--cluster", "kind", "--json")
    about = {each["what"]: each["found"] for each in json.loads(said)["findings"]}
    assert (about["containers"], about["kind cluster"]) == ("Docker 28.2.2 answers", "running")
    monkeypatch.setenv("STATELAB_CLUSTER", "kind")
    _, said, _ = typed(monkeypatch, capsys, "node", "stop", "statelab-worker2", "--json")
    assert json.loads(said) == {"node": "statelab-worker2", "stopped": True}
    assert machine.nodes["statelab-worker2"] == "paused"
    assert typed(monkeypatch, capsys, "status")[0] == 3, "a paused node is not usable"
    _, said, _ = typed(monkeypatch, capsys, "down", "--json")
    assert json.loads(said) == {"cluster": "kind", "deleted": True}
    assert typed(monkeypatch, capsys, "status")[0] == 3


def test_what_is_missing_is_said_by_the_command_without_a_traceback(tools, home, monkeypatch, capsys):
    tools.remove("kind")
    code, said, errors = typed(monkeypatch, capsys, "up", "--cluster", "kind")
    assert (code, said) == (1, "")
    assert "statelab: There is no kind on this machine" in errors and "kind.sigs.k8s.io" in errors
    code, said, _ = typed(monkeypatch, capsys, "doctor", "--cluster", "kind")
    assert code == 1 and "✗ kind: There is no kind" in said
    code, _, errors = typed(monkeypatch, capsys, "down", "--cluster", "context:production")
    assert code == 1 and "whoever made it does that" in errors


def test_reset_makes_the_cluster_anew_under_its_name(machine, home, monkeypatch, capsys):
    kind_up.up(home, name="mine", with_images=False)
    before = {each["Id"] for each in machine.state["containers"]}
    typed(monkeypatch, capsys, "reset", "--cluster", "kind", "--yes", "--json")
    after = machine.state["containers"]
    assert len(after) == 3 and not before & {each["Id"] for each in after}
    assert {each["Name"] for each in after} >= {"/mine-worker"}
