"""What is in a Pod's volumes, when they are there, and what happens when they are not."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from statelab.controlplane.kinds import Object
from statelab.controlplane.kubelet.volumes import MountError, persistent_volume
from statelab.controlplane.store import Cause


def read(cluster: Any, path: str, name: str = "p") -> str:
    """A file as the container sees it."""
    for kubelet in cluster.kubelets.values():
        container = kubelet.container(f"default/{name}", "main")
        if container is not None:
            return str(container.files.read(path).decode())
    raise AssertionError(f"Pod {name} has no container")


def config_map(name: str, **data: str) -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def mounting(volume: Object, path: str = "/v", **mount: Any) -> dict[str, Any]:
    return {
        "volumes": [{"name": "v", **volume}],
        "container": {"volumeMounts": [{"name": "v", "mountPath": path, **mount}]},
    }


def claim(name: str, **spec: Any) -> Object:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, **spec}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name}, "spec": spec}


def test_config_maps_secrets_and_the_downward_api_are_files(cluster: Any) -> None:
    cluster.create(config_map("settings", color="red", size="L"))
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "login"}}
    cluster.create(secret | {"data": {"password": base64.b64encode(b"s3cret").decode()}})
    sources = [
        {"configMap": {"name": "settings", "items": [{"key": "color", "path": "paint/color"}]}},
        {"secret": {"name": "login"}},
        {"downwardAPI": {"items": [{"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}]}},
    ]
    cluster.start(**mounting({"projected": {"sources": sources}}))
    cluster.settle()
    assert read(cluster, "/v/paint/color") == "red"
    assert read(cluster, "/v/password") == "s3cret"
    assert read(cluster, "/v/labels") == 'app="p"'


def test_every_pod_is_given_its_service_accounts_token(cluster: Any) -> None:
    cluster.start()
    cluster.settle()
    folder = "/var/run/secrets/kubernetes.io/serviceaccount"
    assert read(cluster, f"{folder}/namespace") == "default"
    assert read(cluster, f"{folder}/token").count(".") == 2


def test_a_pod_waits_for_a_config_map_that_is_missing_and_starts_when_it_is_there(cluster: Any) -> None:
    cluster.start(**mounting({"configMap": {"name": "settings"}}))
    cluster.loop.run_for(5)
    assert cluster.main()["state"]["waiting"]["reason"] == "ContainerCreating"
    assert 'FailedMount: MountVolume.SetUp failed for volume "v" : configmap "settings" not found' in cluster.told()
    cluster.create(config_map("settings", color="red"))
    cluster.run_until(cluster.is_ready, 10)
    assert read(cluster, "/v/color") == "red"


def test_a_config_map_that_is_optional_is_not_waited_for(cluster: Any) -> None:
    cluster.start(**mounting({"configMap": {"name": "settings", "optional": True}}))
    cluster.run_until(cluster.is_ready, 5)


def test_a_mounted_config_map_follows_its_changes_within_a_minute_or_two_but_a_sub_path_does_not(cluster: Any) -> None:
    cluster.create(config_map("settings", color="red"))
    mounts = [
        {"name": "v", "mountPath": "/v"},
        {"name": "v", "mountPath": "/etc/color", "subPath": "color"},
    ]
    cluster.start(volumes=[{"name": "v", "configMap": {"name": "settings"}}], container={"volumeMounts": mounts})
    cluster.settle()
    cluster.patch("configmaps", "default/settings", {"data": {"color": "blue", "new": "1"}})
    cluster.loop.run_for(10)
    assert read(cluster, "/v/color") == "red"
    cluster.loop.run_for(100)
    assert (read(cluster, "/v/color"), read(cluster, "/v/new")) == ("blue", "1")
    assert read(cluster, "/etc/color") == "red"


def test_an_empty_dir_outlives_a_container_but_not_its_pod(cluster: Any) -> None:
    script = "if [ -e /v/first ]; then cat /v/first; sleep 600; fi; echo hello > /v/first; exit 1"
    cluster.start_shell(script, **mounting({"emptyDir": {}}))
    cluster.run_until(lambda: cluster.main()["restartCount"] == 1 and cluster.is_ready(), 30)
    assert cluster.logs() == ["hello"]
    cluster.delete("pods", "default/p", gracePeriodSeconds=0)
    cluster.start_shell("ls /v; sleep 600", **mounting({"emptyDir": {}}))
    cluster.run_until(cluster.is_ready, 30)
    assert cluster.logs() == []


def test_what_a_pod_writes_to_its_claim_the_next_one_reads(cluster: Any) -> None:
    cluster.create(claim("data"))
    volume = mounting({"persistentVolumeClaim": {"claimName": "data"}})
    cluster.start_shell("echo hello > /v/page; sleep 600", **volume)
    cluster.run_until(cluster.is_ready, 30)
    cluster.delete("pods", "default/p", gracePeriodSeconds=1)
    cluster.run_until(lambda: cluster.pod() is None)
    cluster.start_shell("cat /v/page; sleep 600", **volume)
    cluster.run_until(cluster.is_ready, 30)
    assert cluster.logs() == ["hello"]


def test_a_host_path_is_the_nodes_own_and_shared_by_its_pods(cluster: Any) -> None:
    volume = mounting({"hostPath": {"path": "/data", "type": "DirectoryOrCreate"}})
    cluster.start_shell("echo hello > /v/page; sleep 600", "a", nodeName="kind-worker", **volume)
    cluster.run_until(lambda: cluster.is_ready("a"), 30)
    cluster.start_shell("cat /v/page; sleep 600", "b", nodeName="kind-worker", **volume)
    cluster.start_shell("cat /v/page; sleep 600", "c", nodeName="kind-worker2", **volume)
    cluster.run_until(lambda: cluster.is_ready("b") and cluster.is_ready("c"), 30)
    assert cluster.logs("b") == ["hello"]
    assert cluster.logs("c") != ["hello"]


def local_volume(path: str) -> Object:
    return {"metadata": {"name": "disk"}, "spec": {"capacity": {"storage": "1Gi"}, "local": {"path": path}}}


def test_a_local_volume_is_the_folder_of_its_node(cluster: Any) -> None:
    there = mounting({"hostPath": {"path": "/data", "type": "DirectoryOrCreate"}})
    cluster.start_shell("echo hello > /v/page; sleep 600", "a", nodeName="kind-worker", **there)
    cluster.run_until(lambda: cluster.is_ready("a"), 30)
    volume = persistent_volume(local_volume("/data"), cluster.kubelets["kind-worker"].volumes, "kind-worker")
    assert volume.volume.read(f"{volume.sub_path}/page") == b"hello\n"


def test_a_local_volume_whose_folder_is_not_there_is_not_mounted(cluster: Any) -> None:
    with pytest.raises(MountError, match='path "/none" does not exist'):
        persistent_volume(local_volume("/none"), cluster.kubelets["kind-worker"].volumes, "kind-worker")


def test_a_block_volume_is_not_mounted_as_a_folder(cluster: Any) -> None:
    cluster.create(claim("data"))
    cluster.start_shell("sleep 600", **mounting({"persistentVolumeClaim": {"claimName": "data"}}))
    cluster.run_until(cluster.is_ready, 30)
    cluster.delete("pods", "default/p", gracePeriodSeconds=1)
    cluster.run_until(lambda: cluster.pod() is None)
    name = cluster.get("persistentvolumeclaims", "default/data")["spec"]["volumeName"]
    volume = cluster.get("persistentvolumes", name)
    cluster.store.update(
        "persistentvolumes",
        name,
        {**volume, "spec": {**volume["spec"], "volumeMode": "Block"}},
        Cause("test", "a disk without a file system"),
        cluster.loop.now_s,
    )
    cluster.start_shell("sleep 600", **mounting({"persistentVolumeClaim": {"claimName": "data"}}))
    cluster.loop.run_for(5)
    assert any("volume v has volumeMode Block, but is specified in volumeMounts" in each for each in cluster.told())


def test_a_host_path_of_the_wrong_type_is_not_mounted(cluster: Any) -> None:
    cluster.start(**mounting({"hostPath": {"path": "/none", "type": "Directory"}}))
    cluster.loop.run_for(3)
    words = 'MountVolume.SetUp failed for volume "v" : hostPath type check failed: /none is not a directory'
    assert f"FailedMount: {words}" in cluster.told()


def test_a_volume_that_is_not_simulated_is_refused_with_words(cluster: Any) -> None:
    cluster.start(**mounting({"nfs": {"server": "files", "path": "/"}}))
    cluster.loop.run_for(3)
    assert any("does not simulate volumes of type nfs; a kind cluster is the place" in each for each in cluster.told())
    assert cluster.main()["state"]["waiting"]["reason"] == "ContainerCreating"


def test_a_missing_variable_keeps_the_container_from_being_created(cluster: Any) -> None:
    variable = {"name": "COLOR", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "color"}}}
    cluster.start(container={"env": [variable]})
    cluster.settle()
    waiting = cluster.main()["state"]["waiting"]
    assert waiting == {"reason": "CreateContainerConfigError", "message": 'configmap "settings" not found'}
    cluster.create(config_map("settings", color="red"))
    cluster.run_until(cluster.is_ready, 30)
    assert cluster.main()["restartCount"] == 0
