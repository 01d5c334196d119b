"""What CSI drivers say of themselves is stored, filled in and checked as upstream does."""

from __future__ import annotations

from typing import Any

import pytest

from statelab.controlplane import ControlPlane
from statelab.controlplane.apiserver.serving.client import InProcessClient
from statelab.controlplane.errors import ApiError
from statelab.controlplane.kinds import Object

GROUP = "/apis/storage.k8s.io/v1"


def storage(kind: str, name: str, **fields: Any) -> Object:
    return {"apiVersion": "storage.k8s.io/v1", "kind": kind, "metadata": {"name": name}, **fields}


DRIVER = storage("CSIDriver", "csi.example.com", spec={"podInfoOnMount": True, "tokenRequests": [{"audience": "a"}]})
NODE = storage("CSINode", "n", spec={"drivers": [{"name": "csi.example.com", "nodeID": "n", "topologyKeys": ["a/b"]}]})
CAPACITY = storage("CSIStorageCapacity", "c", storageClassName="standard", capacity="1Gi")
ATTACHMENT = storage(
    "VolumeAttachment",
    "a",
    spec={"attacher": "csi.example.com", "nodeName": "n", "source": {"persistentVolumeName": "pv"}},
)
CLASS = storage("VolumeAttributesClass", "v", driverName="csi.example.com", parameters={"iops": "4000"})


def test_a_driver_is_filled_in_and_counts_its_generations() -> None:
    cluster = ControlPlane()
    made = cluster.create(DRIVER)
    assert made["spec"] == {
        "attachRequired": True,
        "podInfoOnMount": True,
        "storageCapacity": False,
        "fsGroupPolicy": "ReadWriteOnceWithFSType",
        "requiresRepublish": False,
        "seLinuxMount": False,
        "tokenRequests": [{"audience": "a"}],
        "volumeLifecycleModes": ["Persistent"],
    }
    changed = cluster.patch("csidrivers", "csi.example.com", {"spec": {"podInfoOnMount": False}})
    assert (made["metadata"]["generation"], changed["metadata"]["generation"]) == (1, 2)


@pytest.mark.parametrize(
    ("obj", "row"),
    [
        (DRIVER, ["csi.example.com", True, True, False, "a", False, "Persistent", "0s"]),
        (NODE, ["n", 1, "0s"]),
        (ATTACHMENT, ["a", "csi.example.com", "pv", "n", False, "0s"]),
        (CLASS, ["v", "csi.example.com", "0s"]),
    ],
)
def test_what_kubectl_prints(obj: Object, row: list[Any]) -> None:
    cluster = ControlPlane()
    cluster.create(obj)
    plural = {"VolumeAttributesClass": "volumeattributesclasses"}.get(obj["kind"], obj["kind"].lower() + "s")
    table = InProcessClient(cluster).request(
        "GET", f"{GROUP}/{plural}", accept="application/json;as=Table;v=v1;g=meta.k8s.io"
    )
    assert row in [each["cells"] for each in table.body["rows"]]


def test_an_attachment_is_attached_by_its_status_alone() -> None:
    cluster = ControlPlane()
    assert cluster.create({**ATTACHMENT, "status": {"attached": True}})["status"] == {"attached": False}
    cluster.patch("volumeattachments", "a", {"status": {"attached": True}})
    assert cluster.get("volumeattachments", "a")["status"] == {"attached": False}
    cluster.patch("volumeattachments", "a", {"status": {"attached": True}}, "status")
    assert cluster.get("volumeattachments", "a")["status"] == {"attached": True}


@pytest.mark.parametrize(
    ("obj", "words"),
    [
        (storage("CSIDriver", "d", spec={"fsGroupPolicy": "All"}),
         'spec.fsGroupPolicy: Unsupported value: "All": supported values: "File", "None", "ReadWriteOnceWithFSType"'),
        (storage("CSIDriver", "d", spec={"tokenRequests": [{"audience": ""}, {"audience": ""}]}),
         'spec.tokenRequests[1].audience: Duplicate value: ""'),
        (storage("CSINode", "n", spec={"drivers": [{"name": "d", "nodeID": ""}]}),
         "spec.drivers[0].nodeID: Required value"),
        (storage("VolumeAttachment", "a", spec={"attacher": "d", "nodeName": "n", "source": {}}),
         "spec.source: Required value: must specify exactly one of inlineVolumeSpec and persistentVolumeName"),
        (storage("VolumeAttributesClass", "v", driverName="d"),
         "parameters: Required value: must contain at least one key/value pair"),
        ({**CAPACITY, "capacity": "-1"}, 'capacity: Invalid value: "-1": must be greater than or equal to 0'),
    ],
)  # fmt: skip
def test_what_is_refused(obj: Object, words: str) -> None:
    with pytest.raises(ApiError) as refused:
        ControlPlane().create(obj)
    assert refused.value.code == 422
    assert refused.value.message.endswith(words)


@pytest.mark.parametrize(
    ("obj", "patch"),
    [
        (DRIVER, {"spec": {"attachRequired": False}}),
        (ATTACHMENT, {"spec": {"nodeName": "another"}}),
        (CAPACITY, {"storageClassName": "another"}),
        (CLASS, {"parameters": {"iops": "5000"}}),
    ],
)
def test_what_may_not_change(obj: Object, patch: Object) -> None:
    cluster = ControlPlane()
    made = cluster.create(obj)
    plural = {"VolumeAttributesClass": "volumeattributesclasses", "CSIStorageCapacity": "csistoragecapacities"}
    key = "/".join(filter(None, (made["metadata"].get("namespace"), made["metadata"]["name"])))
    with pytest.raises(ApiError, match=r"immutable|forbidden"):
        cluster.patch(plural.get(obj["kind"], obj["kind"].lower() + "s"), key, patch)
