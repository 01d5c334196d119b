"""Nodes: what a kubelet registers, what is left of Pods when it stops, and what becomes of them when it comes back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from statelab.controlplane.bootstrap import NODES
from statelab.controlplane.controlplane import ControlPlane
from statelab.controlplane.kubelet.nodes import Addresses


def test_nodes_are_named_and_tainted_as_kinds(cluster: Any) -> None:
    nodes = {each["metadata"]["name"]: each for each in cluster.list("nodes")}
    assert sorted(nodes) == ["kind-control-plane", "kind-worker", "kind-worker2"]
    taints = nodes["kind-control-plane"]["spec"]["taints"]
    assert [(each["key"], each["effect"]) for each in taints] == [
        ("node-role.kubernetes.io/control-plane", "NoSchedule")
    ]
    assert "taints" not in nodes["kind-worker"]["spec"]
    ready = next(each for each in nodes["kind-worker"]["status"]["conditions"] if each["type"] == "Ready")
    assert (ready["status"], ready["reason"]) == ("True", "KubeletReady")


def test_an_address_is_not_given_to_two_pods_and_not_at_once_to_the_next() -> None:
    addresses = Addresses(1)
    first = addresses.take()
    addresses.give_back(first)
    assert addresses.take() != first
    taken = [addresses.take() for _ in range(1000)]
    assert len(set(taken)) == 1000
    assert first == "10.244.1.2"


def test_the_pods_of_a_node_that_stops_stay_as_they_were_and_their_containers_are_gone(cluster: Any) -> None:
    cluster.start(nodeName="kind-worker")
    cluster.run_until(cluster.is_ready)
    before = cluster.status()
    kubelet = cluster.kubelets["kind-worker"]
    container = kubelet.container("default/p", "main")
    kubelet.stop()
    cluster.loop.run_for(20)
    assert cluster.status() == before
    assert container.exit is not None
    assert cluster.network.listening(before["podIP"]) == []


def test_a_node_that_comes_back_starts_its_containers_again(cluster: Any) -> None:
    cluster.start(nodeName="kind-worker")
    cluster.run_until(cluster.is_ready)
    address = cluster.status()["podIP"]
    cluster.kubelets["kind-worker"].stop()
    cluster.loop.run_for(20)
    cluster.kubelets["kind-worker"].start()
    cluster.run_until(lambda: cluster.main()["restartCount"] == 1 and cluster.is_ready(), 20)
    ended = cluster.main()["lastState"]["terminated"]
    assert (ended["exitCode"], ended["reason"]) == (255, "Unknown")
    assert cluster.status()["podIP"] != address
    assert "SandboxChanged: Pod sandbox changed, it will be killed and re-created." in cluster.told()


def test_a_pod_deleted_while_its_node_was_away_goes_when_the_node_is_back(cluster: Any) -> None:
    cluster.start(nodeName="kind-worker")
    cluster.run_until(cluster.is_ready)
    cluster.kubelets["kind-worker"].stop()
    cluster.delete("pods", "default/p")
    cluster.loop.run_for(45)
    assert cluster.pod() is not None
    cluster.kubelets["kind-worker"].start()
    cluster.run_until(lambda: cluster.pod() is None, 5)


def test_a_pod_that_had_ended_when_its_node_went_goes_when_the_node_is_back(cluster: Any) -> None:
    cluster.start(nodeName="kind-worker")
    cluster.run_until(cluster.is_ready)
    cluster.delete("pods", "default/p")
    cluster.run_until(lambda: cluster.status()["phase"] in ("Succeeded", "Failed"))
    cluster.kubelets["kind-worker"].stop()
    cluster.loop.run_for(5)
    assert cluster.pod() is not None
    cluster.kubelets["kind-worker"].start()
    cluster.run_until(lambda: cluster.pod() is None, 5)


def test_pods_and_what_they_wrote_survive_the_server(tmp_path: Path) -> None:
    def pod(name: str, script: str) -> dict[str, Any]:
        mounts = [{"name": "v", "mountPath": "/v"}]
        container = {"name": "main", "image": "busybox:1.36", "command": ["sh", "-c", script], "volumeMounts": mounts}
        volume = {"name": "v", "hostPath": {"path": "/data", "type": "DirectoryOrCreate"}}
        spec = {"containers": [container], "volumes": [volume], "nodeName": "kind-worker"}
        return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}

    first = ControlPlane(state=tmp_path)
    first.create(pod("writer", "echo hello >> /v/log; sleep 6000"))
    first.settle()
    first.save_volumes()
    assert first.journal is not None
    first.journal.close()

    second = ControlPlane(state=tmp_path)
    second.settle()
    status = (second.get("pods", "default/writer") or {})["status"]
    assert status["phase"] == "Running"
    assert status["containerStatuses"][0]["restartCount"] == 1
    container = second.kubelets["kind-worker"].container("default/writer", "main")
    assert container is not None
    assert container.files.read("/v/log") == b"hello\nhello\n"


def test_init_containers_run_again_in_the_new_sandbox_of_a_node_that_comes_back(cluster: Any) -> None:
    init = [{"name": "setup", "image": "busybox:1.36", "command": ["sh", "-c", "sleep 3"]}]
    cluster.start(initContainers=init, nodeName="kind-worker")
    cluster.run_until(cluster.is_ready)
    cluster.kubelets["kind-worker"].stop()
    cluster.loop.run_for(5)
    cluster.kubelets["kind-worker"].start()
    cluster.run_until(lambda: cluster.main()["restartCount"] == 1 and cluster.is_ready(), 30)
    setup = cluster.status()["initContainerStatuses"][0]
    assert setup["restartCount"] == 1
    assert setup["state"]["terminated"]["finishedAt"] <= cluster.main()["state"]["running"]["startedAt"]


def test_each_node_has_a_csi_node_that_goes_with_it(cluster: Any) -> None:
    before = cluster.store.revision
    made = cluster.list("csinodes")
    assert [each["metadata"]["name"] for each in made] == list(NODES)
    assert [each["spec"]["drivers"] for each in made] == [None] * 3
    assert {each["metadata"]["ownerReferences"][0]["uid"] for each in made} == {
        each["metadata"]["uid"] for each in cluster.list("nodes")
    }
    assert cluster.store.revision == before + len(made), "they are made when somebody looks"
    cluster.delete("nodes", "kind-worker")
    cluster.settle()
    assert [each["metadata"]["name"] for each in cluster.list("csinodes")] == ["kind-control-plane", "kind-worker2"]
    cluster.kubelets["kind-worker"].start()
    assert cluster.get("csinodes", "kind-worker") is not None
