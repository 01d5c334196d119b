"""VolumeSnapshots: made, restored from, kept and let go; on a whole cluster in virtual time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from statelab.controlplane.controlplane import ControlPlane
from statelab.controlplane.errors import ApiError
from tests.statelab.controlplane.test_hostpath_driver import CLASS, claim, files, found, make, plane, the_claim, told

__all__ = ["plane"]  # the fixture

Object = dict[str, Any]
GROUP = "snapshot.storage.k8s.io"
SNAPSHOTS, CONTENTS = f"volumesnapshots.{GROUP}", f"volumesnapshotcontents.{GROUP}"


def snapshot(name: str = "snap", source: Object | None = None, **spec: Any) -> Object:
    wanted = {
        "volumeSnapshotClassName": "csi-hostpath-snapclass",
        "source": source or {"persistentVolumeClaimName": "data"},
        **spec,
    }
    return {"apiVersion": f"{GROUP}/v1", "kind": "VolumeSnapshot", "metadata": {"name": name}, "spec": wanted}


def snapshot_class(name: str, policy: str = "Delete", **annotations: str) -> Object:
    metadata: Object = {"name": name, "annotations": annotations}
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": "VolumeSnapshotClass",
        "metadata": metadata,
        "driver": "hostpath.csi.k8s.io",
        "deletionPolicy": policy,
    }


def restored(name: str = "again", size: str = "1Gi", of: str = "snap") -> Object:
    return claim(name, size, dataSource={"apiGroup": GROUP, "kind": "VolumeSnapshot", "name": of})


def the_snapshot(plane: ControlPlane, name: str = "snap") -> Object:
    return found(plane, SNAPSHOTS, f"default/{name}")


def test_the_kinds_come_in_with_the_driver(plane: ControlPlane) -> None:
    assert ControlPlane().list("customresourcedefinitions") == []
    assert len(plane.list("customresourcedefinitions")) == 3
    assert found(plane, f"volumesnapshotclasses.{GROUP}", "csi-hostpath-snapclass")["deletionPolicy"] == "Delete"


def test_a_snapshot_is_made_and_says_so(plane: ControlPlane) -> None:
    make(plane, claim())
    make(plane, snapshot())
    made = the_snapshot(plane)
    name = f"snapcontent-{made['metadata']['uid']}"
    status = made["status"]
    assert (status["boundVolumeSnapshotContentName"], status["readyToUse"], status["restoreSize"]) == (
        name,
        True,
        "1Gi",
    )
    assert "error" not in status
    content = found(plane, CONTENTS, name)
    assert content["spec"]["volumeSnapshotRef"]["uid"] == made["metadata"]["uid"]
    assert (content["status"]["readyToUse"], content["status"]["restoreSize"]) == (True, 2**30)
    assert sorted(made["metadata"]["finalizers"]) == [
        "snapshot.storage.kubernetes.io/volumesnapshot-as-source-protection",
        "snapshot.storage.kubernetes.io/volumesnapshot-bound-protection",
    ]
    assert [reason for _, reason, _ in told(plane, "snap")] == ["CreatingSnapshot", "SnapshotCreated", "SnapshotReady"]
    assert the_claim(plane)["metadata"]["finalizers"] == ["kubernetes.io/pvc-protection"]


def test_a_claim_made_from_a_snapshot_has_the_data_of_then(plane: ControlPlane) -> None:
    make(plane, claim())
    files(plane).write("/page", "then")
    make(plane, snapshot())
    files(plane).write("/page", "now")
    make(plane, restored())
    assert files(plane, "again").read("/page") == b"then"
    assert files(plane).read("/page") == b"now"


def test_a_claim_made_from_a_snapshot_may_not_be_smaller(plane: ControlPlane) -> None:
    make(plane, claim(size="2Gi"), snapshot(), restored())
    assert the_claim(plane, "again")["status"]["phase"] == "Pending"
    assert f"requested volume size {2**30} is less than the size {2**31}" in told(plane, "again")[-1][2]


def test_a_snapshot_outlives_its_claim(plane: ControlPlane) -> None:
    make(plane, claim())
    files(plane).write("/page", "then")
    make(plane, snapshot())
    plane.delete("persistentvolumeclaims", "default/data")
    make(plane, restored())
    assert plane.get("persistentvolumeclaims", "default/data") is None
    assert files(plane, "again").read("/page") == b"then"


def test_what_it_holds_goes_with_a_snapshot_whose_policy_is_delete(plane: ControlPlane) -> None:
    make(plane, claim(), snapshot())
    plane.delete(SNAPSHOTS, "default/snap")
    plane.settle()
    assert plane.list(SNAPSHOTS) == plane.list(CONTENTS) == []
    assert not [name for name in plane.runtime.volumes if name.startswith("snapshot/")]


def test_what_is_retained_can_be_had_again_under_another_snapshot(plane: ControlPlane) -> None:
    make(plane, claim(), snapshot_class("keeping", "Retain"))
    files(plane).write("/page", "then")
    make(plane, snapshot(volumeSnapshotClassName="keeping"))
    plane.delete(SNAPSHOTS, "default/snap")
    plane.settle()
    (content,) = plane.list(CONTENTS)
    assert plane.list(SNAPSHOTS) == []
    brought = {
        "apiVersion": f"{GROUP}/v1",
        "kind": "VolumeSnapshotContent",
        "metadata": {"name": "rescued"},
        "spec": {
            "deletionPolicy": "Retain",
            "driver": "hostpath.csi.k8s.io",
            "source": {"snapshotHandle": content["status"]["snapshotHandle"]},
            "volumeSnapshotRef": {"name": "old", "namespace": "default"},
        },
    }
    make(plane, brought, snapshot("old", {"volumeSnapshotContentName": "rescued"}), restored(of="old"))
    assert the_snapshot(plane, "old")["status"]["readyToUse"]
    assert files(plane, "again").read("/page") == b"then"


@pytest.mark.parametrize(
    ("wanted", "reason", "message"),
    [
        (
            snapshot(volumeSnapshotClassName="none"),
            "GetSnapshotClassFailed",
            'volumesnapshotclass.snapshot.storage.k8s.io "none" not found',
        ),
        (snapshot(source={"persistentVolumeClaimName": "none"}), "SnapshotContentCreationFailed", "cannot get claim"),
        (
            snapshot(source={"volumeSnapshotContentName": "none"}),
            "SnapshotContentMissing",
            "VolumeSnapshotContent is missing",
        ),
    ],
)
def test_a_snapshot_that_cannot_be_made_says_why(
    plane: ControlPlane, wanted: Object, reason: str, message: str
) -> None:
    make(plane, claim(), wanted)
    status = the_snapshot(plane)["status"]
    assert status["readyToUse"] is False
    assert message in status["error"]["message"]
    assert told(plane, "snap")[-1][1] == reason


def test_a_snapshot_without_a_class_takes_the_default_one_of_its_driver(plane: ControlPlane) -> None:
    unnamed = snapshot()
    del unnamed["spec"]["volumeSnapshotClassName"]
    make(plane, claim(), unnamed)
    assert the_snapshot(plane)["status"]["error"]["message"].endswith("cannot find default snapshot class")
    make(plane, snapshot_class("main", **{"snapshot.storage.kubernetes.io/is-default-class": "true"}))
    assert the_snapshot(plane)["spec"]["volumeSnapshotClassName"] == "main"
    assert the_snapshot(plane)["status"]["readyToUse"]


def test_a_snapshot_waits_until_its_claim_is_bound(plane: ControlPlane) -> None:
    make(plane, claim(), snapshot())
    assert told(plane, "snap")[0][1] == "SnapshotContentCreationFailed"
    assert the_snapshot(plane)["status"]["readyToUse"]
    assert "error" not in the_snapshot(plane)["status"]


def test_a_claim_waits_for_its_snapshot(plane: ControlPlane) -> None:
    make(plane, claim(), restored())
    assert the_claim(plane, "again")["status"]["phase"] == "Pending"
    make(plane, snapshot())
    assert the_claim(plane, "again")["status"]["phase"] == "Bound"


def test_a_snapshot_waits_for_its_class_and_its_claim(plane: ControlPlane) -> None:
    make(plane, snapshot(volumeSnapshotClassName="late"))
    make(plane, snapshot_class("late"), claim())
    assert the_snapshot(plane)["status"]["readyToUse"]


def test_a_volume_of_another_driver_is_not_snapshot(plane: ControlPlane) -> None:
    volume = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": "v"},
        "spec": {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/v"}},
    }
    make(plane, volume, claim(storageClassName=""), snapshot())
    assert "cannot find CSI PersistentVolumeSource" in the_snapshot(plane)["status"]["error"]["message"]


def test_a_snapshot_has_one_source(plane: ControlPlane) -> None:
    both = {"persistentVolumeClaimName": "data", "volumeSnapshotContentName": "x"}
    with pytest.raises(ApiError, match="exactly one of"):
        make(plane, snapshot(source=both))


def test_snapshots_and_what_they_hold_survive_a_kill(tmp_path: Path) -> None:
    plane = ControlPlane(state=tmp_path)
    make(plane, CLASS, claim())
    files(plane).write("/page", "then")
    make(plane, snapshot())
    plane.save_volumes()
    assert plane.journal is not None
    plane.journal.close()
    again = ControlPlane(state=tmp_path)
    make(again, restored())
    assert files(again, "again").read("/page") == b"then"
