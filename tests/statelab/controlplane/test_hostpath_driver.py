"""Volumes of the driver hostpath.csi.k8s.io: made, growing, copied; on a whole cluster in virtual time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from statelab.controlplane.controlplane import ControlPlane
from statelab.controlplane.errors import ApiError

Object = dict[str, Any]
CLASS = {
    "apiVersion": "storage.k8s.io/v1",
    "kind": "StorageClass",
    "metadata": {"name": "csi-hostpath-sc"},
    "provisioner": "hostpath.csi.k8s.io",
    "reclaimPolicy": "Delete",
    "volumeBindingMode": "Immediate",
    "allowVolumeExpansion": True,
}


@pytest.fixture
def plane() -> ControlPlane:
    plane = ControlPlane()
    make(plane, CLASS)
    return plane


def claim(name: str = "data", size: str = "1Gi", **spec: Any) -> Object:
    wanted = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": size}},
        "storageClassName": "csi-hostpath-sc",
        **spec,
    }
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name}, "spec": wanted}


def pod(name: str, claim_name: str, **more: Any) -> Object:
    spec = {
        "terminationGracePeriodSeconds": 1,
        "containers": [
            {"name": "main", "image": "nginx:1.27", "volumeMounts": [{"name": "data", "mountPath": "/data"}]}
        ],
        "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": claim_name}}],
        **more,
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


def make(plane: ControlPlane, *objects: Object) -> None:
    for obj in objects:
        plane.create(obj)
    plane.settle()


def found(plane: ControlPlane, plural: str, name: str) -> Object:
    obj = plane.get(plural, name)
    assert obj is not None
    return obj


def the_claim(plane: ControlPlane, name: str = "data") -> Object:
    return found(plane, "persistentvolumeclaims", f"default/{name}")


def the_volume(plane: ControlPlane, name: str = "data") -> Object:
    return found(plane, "persistentvolumes", the_claim(plane, name)["spec"]["volumeName"])


def files(plane: ControlPlane, name: str = "data") -> Any:
    return plane.runtime.named_volume(f"pv/{the_claim(plane, name)['spec']['volumeName']}")


def told(plane: ControlPlane, name: str) -> list[tuple[str, str, str]]:
    return [
        (each["source"].get("component", ""), each["reason"], each["message"])
        for each in plane.list("events")
        if each["involvedObject"]["name"] == name
    ]


def ask_for(plane: ControlPlane, size: str, name: str = "data") -> None:
    patch = {"spec": {"resources": {"requests": {"storage": size}}}}
    plane.patch("persistentvolumeclaims", f"default/{name}", patch)
    plane.settle()


def test_a_fresh_cluster_has_standard_alone() -> None:
    assert [each["metadata"]["name"] for each in ControlPlane().list("storageclasses")] == ["standard"]


def test_a_claim_is_bound_at_once_without_a_pod(plane: ControlPlane) -> None:
    make(plane, claim())
    volume = the_volume(plane)
    assert the_claim(plane)["status"]["phase"] == "Bound"
    assert volume["spec"]["csi"]["driver"] == "hostpath.csi.k8s.io"
    reasons = [reason for _, reason, _ in told(plane, "data")]
    assert reasons == ["ExternalProvisioning", "Provisioning", "ProvisioningSucceeded"]


def test_a_pod_goes_to_the_node_on_which_the_volume_lies(plane: ControlPlane) -> None:
    make(plane, claim(), pod("web", "data"))
    term = the_volume(plane)["spec"]["nodeAffinity"]["required"]["nodeSelectorTerms"][0]["matchExpressions"][0]
    web = found(plane, "pods", "default/web")
    assert web["status"]["phase"] == "Running"
    assert term == {"key": "topology.hostpath.csi/node", "operator": "In", "values": [web["spec"]["nodeName"]]}


def test_a_claim_grows_under_a_running_pod(plane: ControlPlane) -> None:
    make(plane, claim(), pod("web", "data"))
    ask_for(plane, "2Gi")
    status, volume = the_claim(plane)["status"], the_volume(plane)
    assert volume["spec"]["capacity"] == {"storage": "2Gi"}
    assert status["capacity"] == status["allocatedResources"] == {"storage": "2Gi"}
    assert "conditions" not in status
    assert "allocatedResourceStatuses" not in status
    name = volume["metadata"]["name"]
    node = found(plane, "pods", "default/web")["spec"]["nodeName"]
    done = f'MountVolume.NodeExpandVolume succeeded for volume "{name}" {node}'
    assert told(plane, "data")[-4:][1:] == [
        ("external-resizer hostpath.csi.k8s.io", "Resizing", f"External resizer is resizing volume {name}"),
        (
            "external-resizer hostpath.csi.k8s.io",
            "FileSystemResizeRequired",
            "Require file system resize of volume on node",
        ),
        ("kubelet", "FileSystemResizeSuccessful", done),
    ]
    assert ("kubelet", "FileSystemResizeSuccessful", done) in told(plane, "web")


def test_every_state_of_growing_is_to_be_seen(plane: ControlPlane) -> None:
    make(plane, claim(), pod("web", "data"))
    ask_for(plane, "2Gi")
    seen = [
        (
            (status.get("allocatedResourceStatuses") or {}).get("storage"),
            [each["type"] for each in status.get("conditions") or ()],
            status["capacity"]["storage"],
        )
        for each in plane.store.history
        if each.plural == "persistentvolumeclaims" and "allocatedResources" in (status := each.object["status"])
    ]
    assert seen == [
        ("ControllerResizeInProgress", ["Resizing"], "1Gi"),
        ("NodeResizePending", ["FileSystemResizePending"], "1Gi"),
        (None, [], "2Gi"),
    ]


def test_the_file_system_of_a_claim_without_a_pod_waits_for_one(plane: ControlPlane) -> None:
    make(plane, claim())
    ask_for(plane, "2Gi")
    status = the_claim(plane)["status"]
    assert status["capacity"] == {"storage": "1Gi"}
    assert status["allocatedResourceStatuses"] == {"storage": "NodeResizePending"}
    condition = status["conditions"][0]
    assert (condition["type"], condition["message"]) == (
        "FileSystemResizePending",
        "Waiting for user to (re-)start a pod to finish file system resize of volume on node.",
    )
    make(plane, pod("web", "data"))
    assert the_claim(plane)["status"]["capacity"] == {"storage": "2Gi"}


def test_a_claim_may_grow_again_before_the_first_time_is_over(plane: ControlPlane) -> None:
    make(plane, claim())
    ask_for(plane, "2Gi")
    ask_for(plane, "3Gi")
    make(plane, pod("web", "data"))
    assert the_claim(plane)["status"]["capacity"] == {"storage": "3Gi"}
    assert the_volume(plane)["spec"]["capacity"] == {"storage": "3Gi"}


def test_a_claim_never_shrinks(plane: ControlPlane) -> None:
    make(plane, claim(size="2Gi"))
    with pytest.raises(ApiError, match=r"field can not be less than status\.capacity"):
        ask_for(plane, "1Gi")


def test_a_claim_of_a_class_without_expansion_does_not_grow(plane: ControlPlane) -> None:
    make(plane, claim(storageClassName="standard"), pod("web", "data"))
    with pytest.raises(ApiError, match="the storageclass that provisions the pvc must support resize"):
        ask_for(plane, "2Gi")


def test_growing_goes_on_after_the_cluster_was_killed(tmp_path: Path) -> None:
    plane = ControlPlane(state=tmp_path)
    make(plane, CLASS, claim())
    patch = {"spec": {"resources": {"requests": {"storage": "2Gi"}}}}
    plane.patch("persistentvolumeclaims", "default/data", patch)
    assert plane.journal is not None
    plane.journal.close()
    again = ControlPlane(state=tmp_path)
    make(again, pod("web", "data"))
    assert the_claim(again)["status"]["capacity"] == {"storage": "2Gi"}


def test_data_go_with_a_volume_that_is_deleted(plane: ControlPlane) -> None:
    make(plane, claim())
    name = the_volume(plane)["metadata"]["name"]
    files(plane).write("/page", "hello")
    plane.delete("persistentvolumeclaims", "default/data")
    plane.settle()
    assert plane.get("persistentvolumes", name) is None
    assert f"pv/{name}" not in plane.runtime.volumes


# ---- a claim made from another


def test_a_clone_has_the_data_of_that_moment(plane: ControlPlane) -> None:
    make(plane, claim())
    files(plane).write("/a/page", "then")
    make(plane, claim("copy", dataSource={"kind": "PersistentVolumeClaim", "name": "data"}))
    files(plane).write("/a/page", "now")
    assert files(plane, "copy").read("/a/page") == b"then"
    assert the_claim(plane, "copy")["spec"]["dataSourceRef"] == {"kind": "PersistentVolumeClaim", "name": "data"}


def test_a_clone_may_be_larger_and_not_smaller(plane: ControlPlane) -> None:
    source = {"kind": "PersistentVolumeClaim", "name": "data"}
    make(plane, claim(size="2Gi"), claim("large", "3Gi", dataSource=source), claim("small", "1Gi", dataSource=source))
    assert the_claim(plane, "large")["status"]["phase"] == "Bound"
    assert the_claim(plane, "small")["status"]["phase"] == "Pending"
    _, reason, message = told(plane, "small")[-1]
    assert reason == "ProvisioningFailed"
    assert "must be greater than or equal in size to the specified PVC data source" in message


def test_a_clone_waits_for_its_source(plane: ControlPlane) -> None:
    make(plane, claim("copy", dataSource={"kind": "PersistentVolumeClaim", "name": "data"}))
    assert the_claim(plane, "copy")["status"]["phase"] == "Pending"
    make(plane, claim())
    assert plane.when(lambda: the_claim(plane, "copy")["status"]["phase"] == "Bound", timeout_s=60)


def test_a_snapshot_that_is_not_there_is_told(plane: ControlPlane) -> None:
    source = {"apiGroup": "snapshot.storage.k8s.io", "kind": "VolumeSnapshot", "name": "none"}
    make(plane, claim("copy", dataSource=source))
    message = told(plane, "copy")[-1][2]
    assert 'volumesnapshots.snapshot.storage.k8s.io "none" not found' in message
