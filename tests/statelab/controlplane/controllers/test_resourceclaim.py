"""ResourceClaims and the Pods that use them, from the template to the kubelet, and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from statelab.controlplane import ControlPlane
from statelab.controlplane.errors import ApiError

DRIVER = "gpu.example.com"
API = {"apiVersion": "resource.k8s.io/v1"}
FINALIZER = "resource.kubernetes.io/delete-protection"


def pod(name: str, *, node: str = "", **source: str) -> Any:
    container = {"name": "c", "image": "busybox:1.36", "resources": {"claims": [{"name": "gpu"}]}}
    container["command"] = ["sleep", "3600"]
    claims = [{"name": "gpu", **(source or {"resourceClaimTemplateName": "one-gpu"})}]
    placed = {"nodeName": node} if node else {}
    spec = {"containers": [container], "resourceClaims": claims, "terminationGracePeriodSeconds": 1, **placed}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "default"}, "spec": spec}


SPEC = {"devices": {"requests": [{"name": "gpu", "exactly": {"deviceClassName": DRIVER}}]}}
CLASS = {
    **API, "kind": "DeviceClass", "metadata": {"name": DRIVER},
    "spec": {"selectors": [{"cel": {"expression": f"device.driver == '{DRIVER}'"}}]},
}  # fmt: skip
TEMPLATE = {
    **API, "kind": "ResourceClaimTemplate", "metadata": {"name": "one-gpu", "namespace": "default"},
    "spec": {"metadata": {"labels": {"for": "tests"}}, "spec": SPEC},
}  # fmt: skip


def slice_of(node: str, *devices: str) -> Any:
    pool = {"name": node, "generation": 1, "resourceSliceCount": 1}
    spec = {"driver": DRIVER, "nodeName": node, "pool": pool, "devices": [{"name": each} for each in devices]}
    return {**API, "kind": "ResourceSlice", "metadata": {"name": node}, "spec": spec}


def claim(name: str) -> Any:
    return {**API, "kind": "ResourceClaim", "metadata": {"name": name, "namespace": "default"}, "spec": SPEC}


def said(cluster: ControlPlane, name: str) -> str:
    """All that events say of a Pod, in their order."""
    events = [each for each in cluster.list("events") if each["involvedObject"]["name"] == name]
    return "\n".join(f"{each['reason']}: {each['message']}" for each in events)


def node_of(cluster: ControlPlane, name: str) -> str:
    found = cluster.get("pods", f"default/{name}")
    return str(found["spec"].get("nodeName", "")) if found else ""


def test_a_claim_of_a_template_from_its_making_to_its_end() -> None:
    cluster = ControlPlane()
    cluster.create(pod("p"))
    cluster.settle()
    missing = 'resourceclaimtemplate.resource.k8s.io "one-gpu" not found'
    assert f'FailedResourceClaimCreation: PodResourceClaim gpu: resource claim template "one-gpu": {missing}' in said(
        cluster, "p"
    )
    assert '0/3 nodes are available: pod "default/p": ResourceClaim not created yet. no new claims to dea' in said(
        cluster, "p"
    )
    cluster.create(TEMPLATE)
    cluster.loop.run_for(60)
    assert f"request gpu: device class {DRIVER} does not exist." in said(cluster, "p")
    [made] = cluster.list("resourceclaims")
    name, metadata = made["metadata"]["name"], made["metadata"]
    assert name.startswith("p-gpu-") and len(name) == len("p-gpu-") + 5 and metadata["labels"] == {"for": "tests"}
    assert metadata["annotations"] == {"resource.kubernetes.io/pod-claim-name": "gpu"}
    assert [(each["kind"], each["name"], each["controller"]) for each in metadata["ownerReferences"]] == [
        ("Pod", "p", True)
    ]
    statuses = [{"name": "gpu", "resourceClaimName": name}]
    assert cluster.get("pods", "default/p")["status"]["resourceClaimStatuses"] == statuses  # type: ignore[index]

    cluster.create(CLASS)
    cluster.settle()
    assert "2 cannot allocate all claims. still not schedulable, preemption: 0/3 nodes are avail" in said(cluster, "p")
    cluster.create(slice_of("kind-worker2", "gpu-0"))
    cluster.loop.run_for(30)
    assert node_of(cluster, "p") == "kind-worker2"
    words = (
        "Failed to prepare dynamic resources: prepare dynamic resources: DRA driver gpu.example.com is not registered"
    )
    assert f"FailedPrepareDynamicResources: {words}" in said(cluster, "p")
    found = cluster.get("pods", "default/p")
    assert found is not None and found["status"]["phase"] == "Pending"
    assert found["status"]["resourceClaimStatuses"] == statuses
    assert found["status"]["containerStatuses"][0]["state"] == {"waiting": {"reason": "ContainerCreating"}}
    [taken] = cluster.list("resourceclaims")
    assert taken["metadata"]["finalizers"] == [FINALIZER]
    assert [each["name"] for each in taken["status"]["reservedFor"]] == ["p"]
    result = {"request": "gpu", "driver": DRIVER, "pool": "kind-worker2", "device": "gpu-0"}
    assert taken["status"]["allocation"]["devices"]["results"] == [result]

    cluster.create(pod("q"))
    cluster.loop.run_for(30)
    assert node_of(cluster, "q") == ""
    cluster.delete("pods", "default/p")
    cluster.loop.run_for(30)
    assert node_of(cluster, "q") == "kind-worker2"  # the first one's device is free
    assert [each["metadata"]["generateName"] for each in cluster.list("resourceclaims")] == ["q-gpu-"]


def test_a_claim_of_ones_own_is_shared_and_freed_and_kept() -> None:
    cluster = ControlPlane()
    for each in (CLASS, slice_of("kind-worker", "gpu-0"), slice_of("kind-worker2", "gpu-0"), claim("shared")):
        cluster.create(each)
    for name in ("p", "q"):
        cluster.create(pod(name, resourceClaimName="shared"))
    cluster.loop.run_for(30)
    assert node_of(cluster, "p") == node_of(cluster, "q") != ""
    assert "is in the process of being allocated" in said(cluster, "q")
    for name in ("r", "s"):  # it has its devices by now: nobody waits for anybody
        cluster.create(pod(name, resourceClaimName="shared"))
    cluster.loop.run_for(5)
    assert node_of(cluster, "r") == node_of(cluster, "s") == node_of(cluster, "p")
    assert "FailedScheduling" not in said(cluster, "r") + said(cluster, "s")
    for name in ("r", "s"):
        cluster.delete("pods", f"default/{name}")
    cluster.loop.run_for(10)
    [found] = cluster.list("resourceclaims")
    assert sorted(each["name"] for each in found["status"]["reservedFor"]) == ["p", "q"]
    cluster.delete("resourceclaims", "default/shared")
    cluster.create(pod("late", resourceClaimName="shared"))
    cluster.settle()
    assert 'resourceclaim "shared" is being deleted' in said(cluster, "late")
    for name in ("p", "q"):
        cluster.delete("pods", f"default/{name}")
    cluster.loop.run_for(30)
    assert cluster.list("resourceclaims") == []

    cluster.create(claim("shared"))  # the late one's turn; by hand to a node, without the scheduler
    cluster.loop.run_for(30)
    assert node_of(cluster, "late")
    cluster.create(pod("placed", node=node_of(cluster, "late"), resourceClaimName="shared"))
    cluster.settle()
    [found] = cluster.list("resourceclaims")
    assert [each["name"] for each in found["status"]["reservedFor"]] == ["late", "placed"]
    for name in ("late", "placed"):
        cluster.delete("pods", f"default/{name}")
    cluster.loop.run_for(30)
    [found] = cluster.list("resourceclaims")
    assert not found["status"].get("allocation") and FINALIZER not in (found["metadata"].get("finalizers") or ())


def test_an_idle_claim_is_freed_where_its_devices_are_out_of_reach() -> None:
    cluster = ControlPlane()
    for each in (CLASS, slice_of("kind-worker", "gpu-0"), slice_of("kind-worker2", "gpu-0"), claim("idle")):
        cluster.create(each)
    term = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["kind-worker"]}]}
    result = {"request": "gpu", "driver": DRIVER, "pool": "kind-worker", "device": "gpu-0"}
    allocation = {"devices": {"results": [result]}, "nodeSelector": {"nodeSelectorTerms": [term]}}
    cluster.patch("resourceclaims", "default/idle", {"status": {"allocation": allocation}}, "status")
    wants = pod("p", resourceClaimName="idle")
    wants["spec"]["nodeSelector"] = {"kubernetes.io/hostname": "kind-worker2"}
    cluster.create(wants)
    cluster.loop.run_for(30)
    assert "1 resourceclaim not available on the node. deallocation of ResourceClaim completed, pree" in said(
        cluster, "p"
    )
    assert node_of(cluster, "p") == "kind-worker2"


def test_two_pods_that_come_at_once_do_not_get_the_same_device() -> None:
    cluster = ControlPlane()
    for each in (CLASS, TEMPLATE, slice_of("kind-worker", "gpu-0", "gpu-1"), pod("a"), pod("b"), pod("c")):
        cluster.create(each)
    cluster.loop.run_for(30)
    assert sorted(bool(node_of(cluster, name)) for name in "abc") == [False, True, True]
    given = [
        each["status"]["allocation"]["devices"]["results"][0]["device"]
        for each in cluster.list("resourceclaims")
        if each["status"].get("allocation")
    ]
    assert sorted(given) == ["gpu-0", "gpu-1"]


def test_a_selector_that_fails_is_told_and_tried_again_when_the_class_is_mended() -> None:
    cluster = ControlPlane()
    broken = {**CLASS, "spec": {"selectors": [{"cel": {"expression": f"device.attributes['{DRIVER}'].speed > 1"}}]}}
    for each in (broken, TEMPLATE, slice_of("kind-worker", "gpu-0"), pod("p")):
        cluster.create(each)
    cluster.settle()
    why = f"class {DRIVER}: selector #0: CEL runtime error: no such key: speed"
    assert f'running "DynamicResources" filter plugin: {why}' in said(cluster, "p")
    cluster.patch("deviceclasses", DRIVER, {"spec": CLASS["spec"]})
    cluster.loop.run_for(15)
    assert node_of(cluster, "p") == "kind-worker"


def test_a_quota_counts_devices_by_class() -> None:
    cluster = ControlPlane()
    hard = {f"{DRIVER}.deviceclass.resource.k8s.io/devices": "2", "count/resourceclaims.resource.k8s.io": "5"}
    cluster.create({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"}, "spec": {"hard": hard}})
    cluster.create(claim("one"))
    several = claim("two")
    several["spec"] = {"devices": {"requests": [{"name": "r", "exactly": {"deviceClassName": DRIVER, "count": 2}}]}}
    with pytest.raises(ApiError, match=f"requested: {DRIVER}.deviceclass.resource.k8s.io/devices=2, used: "):
        cluster.create(several)
    cluster.settle()
    used = cluster.get("resourcequotas", "default/q")["status"]["used"]  # type: ignore[index]
    assert used == {f"{DRIVER}.deviceclass.resource.k8s.io/devices": "1", "count/resourceclaims.resource.k8s.io": "1"}


def test_only_a_namespace_that_is_marked_has_administrators_of_devices() -> None:
    cluster = ControlPlane()
    for each in (CLASS, slice_of("kind-worker", "gpu-0"), claim("used"), pod("user", resourceClaimName="used")):
        cluster.create(each)
    admin = claim("admin")
    admin["spec"] = {
        "devices": {"requests": [{"name": "gpu", "exactly": {"deviceClassName": DRIVER, "adminAccess": True}}]}
    }
    why = "admin access to devices requires the `resource.kubernetes.io/admin-access: true` label on the containing"
    with pytest.raises(ApiError, match=why):
        cluster.create(admin)
    labels = {"resource.kubernetes.io/admin-access": "true"}
    cluster.patch("namespaces", "default", {"metadata": {"labels": labels}})
    cluster.create(admin)
    cluster.create(pod("watcher", resourceClaimName="admin"))
    cluster.loop.run_for(30)
    assert node_of(cluster, "user") == node_of(cluster, "watcher") == "kind-worker"


def test_what_was_given_survives_a_restart(tmp_path: Path) -> None:
    cluster = ControlPlane(state=tmp_path)
    for each in (CLASS, TEMPLATE, slice_of("kind-worker", "gpu-0"), pod("p")):
        cluster.create(each)
    cluster.loop.run_for(10)
    before = cluster.list("resourceclaims")
    assert cluster.journal is not None
    cluster.journal.close()
    again = ControlPlane(state=tmp_path)
    again.create(pod("q"))
    again.loop.run_for(30)
    assert again.list("resourceclaims")[:1] == before
    assert (node_of(again, "p"), node_of(again, "q")) == ("kind-worker", "")
    assert again.journal is not None
    again.journal.close()


def test_a_device_that_fails_evicts_who_does_not_tolerate_it() -> None:
    cluster = ControlPlane()
    patient = claim("patient")
    tolerations = [{"operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 30}]
    exactly = {"deviceClassName": DRIVER, "tolerations": tolerations}
    patient["spec"] = {"devices": {"requests": [{"name": "gpu", "exactly": exactly}]}}
    for each in (CLASS, slice_of("kind-worker", "gpu-0", "gpu-1"), patient, claim("hasty")):
        cluster.create(each)
    for name in ("patient", "hasty"):
        cluster.create(pod(name, resourceClaimName=name))
    cluster.settle()
    taints = [{"key": "example.com/unhealthy", "effect": "NoExecute"}]
    devices = [{"name": name, "taints": taints} for name in ("gpu-0", "gpu-1")]
    cluster.patch("resourceslices", "kind-worker", {"spec": {"devices": devices}})
    cluster.loop.run_for(10)
    assert cluster.get("pods", "default/hasty") is None and cluster.get("pods", "default/patient") is not None
    assert "DeviceTaintManagerEviction: Marking for deletion" in said(cluster, "hasty")
    cluster.loop.run_for(30)
    assert cluster.get("pods", "default/patient") is None


def test_a_class_answers_an_extended_resource_on_nodes_that_have_none_themselves() -> None:
    cluster = ControlPlane()
    named = {**CLASS, "spec": {**CLASS["spec"], "extendedResourceName": "example.com/gpu"}}
    for each in (named, slice_of("kind-worker2", "gpu-0", "gpu-1", "gpu-2")):
        cluster.create(each)

    def asks(name: str, **limits: str) -> Any:
        container = {"name": "c", "image": "busybox:1.36", "resources": {"limits": limits}}
        metadata = {"name": name, "namespace": "default"}
        spec = {"containers": [container], "terminationGracePeriodSeconds": 1}
        return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}

    cluster.create(asks("two", **{"example.com/gpu": "2"}))
    cluster.create(asks("one", **{f"deviceclass.resource.kubernetes.io/{DRIVER}": "1"}))
    cluster.create(asks("late", **{"example.com/gpu": "1"}))
    cluster.create(asks("never", **{"example.com/tpu": "1"}))
    cluster.loop.run_for(10)
    assert [node_of(cluster, name) for name in ("two", "one", "late", "never")] == ["kind-worker2"] * 2 + [""] * 2
    assert "2 cannot allocate all claims" in said(cluster, "late")
    assert "2 Insufficient example.com/tpu" in said(cluster, "never")
    cluster.create(
        {**named, "metadata": {"name": "tpus"}, "spec": {**named["spec"], "extendedResourceName": "example.com/tpu"}}
    )
    cluster.loop.run_for(5)
    assert "2 cannot allocate all claims" in said(cluster, "never")
    cluster.delete("pods", "default/never")
    found = {each["metadata"]["generateName"]: each for each in cluster.list("resourceclaims")}
    assert sorted(found) == ["one-extended-resources-", "two-extended-resources-"]
    two = found["two-extended-resources-"]
    assert len(two["status"]["allocation"]["devices"]["results"]) == 2
    status = cluster.get("pods", "default/two")["status"]["extendedResourceClaimStatus"]  # type: ignore[index]
    mapping = {"containerName": "c", "resourceName": "example.com/gpu", "requestName": "container-0-request-0"}
    assert status == {"requestMappings": [mapping], "resourceClaimName": two["metadata"]["name"]}
    assert f"DRA driver {DRIVER} is not registered" in said(cluster, "two")
    cluster.delete("pods", "default/two")
    cluster.loop.run_for(30)
    assert node_of(cluster, "late") == "kind-worker2"
    assert len(cluster.list("resourceclaims")) == 2
