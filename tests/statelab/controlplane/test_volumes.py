"""Claims and volumes: binding, provisioning, protection, reclaiming; on a whole cluster in virtual time."""

from __future__ import annotations

from typing import Any

import pytest

from statelab.controlplane.controlplane import ControlPlane

Object = dict[str, Any]


@pytest.fixture
def plane() -> ControlPlane:
    return ControlPlane()


def claim(name: str = "data", size: str = "1Gi", **spec: Any) -> Object:
    wanted = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}, **spec}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name}, "spec": wanted}


def volume(name: str, size: str = "1Gi", labels: dict[str, str] | None = None, **spec: Any) -> Object:
    offered = {
        "capacity": {"storage": size},
        "accessModes": ["ReadWriteOnce"],
        "hostPath": {"path": f"/data/{name}"},
        "storageClassName": "",
        **spec,
    }
    metadata: Object = {"name": name, **({"labels": labels} if labels else {})}
    return {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": metadata, "spec": offered}


def storage_class(name: str, **fields: Any) -> Object:
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": name, **fields.pop("metadata", {})},
        "provisioner": "rancher.io/local-path",
        **fields,
    }


def pod(name: str, claim_name: str) -> Object:
    mounts = [{"name": "data", "mountPath": "/data"}]
    spec = {
        "terminationGracePeriodSeconds": 1,
        "containers": [{"name": "main", "image": "nginx:1.27", "volumeMounts": mounts}],
        "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": claim_name}}],
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


def make(plane: ControlPlane, *objects: Object) -> None:
    for obj in objects:
        plane.create(obj)
    plane.settle()


def phase(plane: ControlPlane, what: str) -> str | None:
    plural, _, name = what.partition("/")
    found = plane.get({"pv": "persistentvolumes", "pvc": "persistentvolumeclaims"}[plural], name)
    return found["status"]["phase"] if found is not None else None


def bound_to(plane: ControlPlane, name: str = "default/data") -> str | None:
    found = plane.get("persistentvolumeclaims", name)
    assert found is not None
    return found["spec"].get("volumeName")


def told(plane: ControlPlane, name: str) -> list[str]:
    return [
        f"{event['type']} {event['reason']}: {event['message']}"
        for event in plane.list("events")
        if event["involvedObject"]["name"] == name
    ]


# ---- binding by hand


def test_a_claim_without_class_takes_the_smallest_volume_that_fits(plane: ControlPlane) -> None:
    make(plane, volume("big", "10Gi"), volume("small", "1Gi"), volume("medium", "2Gi"))
    make(plane, claim(size="1.5Gi", storageClassName=""))
    assert bound_to(plane) == "medium"
    assert phase(plane, "pv/medium") == phase(plane, "pvc/default/data") == "Bound"
    bound = plane.get("persistentvolumeclaims", "default/data")
    assert bound is not None
    assert bound["status"]["capacity"] == {"storage": "2Gi"}
    assert bound["metadata"]["annotations"] == {
        "pv.kubernetes.io/bind-completed": "yes",
        "pv.kubernetes.io/bound-by-controller": "yes",
    }
    assert phase(plane, "pv/small") == phase(plane, "pv/big") == "Available"


def test_a_volume_that_comes_later_is_taken_too(plane: ControlPlane) -> None:
    make(plane, claim(storageClassName=""))
    assert phase(plane, "pvc/default/data") == "Pending"
    no_class = "no persistent volumes available for this claim and no storage class is set"
    assert told(plane, "data") == [f"Normal FailedBinding: {no_class}"]
    make(plane, volume("late"))
    assert bound_to(plane) == "late"


@pytest.mark.parametrize(
    "unfit",
    [
        volume("v", size="500Mi"),
        volume("v", accessModes=["ReadOnlyMany"]),
        volume("v", volumeMode="Block"),
        volume("v", storageClassName="other"),
        volume("v", labels={"disk": "hdd"}),
    ],
    ids=["too small", "other access modes", "other volume mode", "other class", "other labels"],
)
def test_a_volume_that_does_not_fit_stays_available(plane: ControlPlane, unfit: Object) -> None:
    make(plane, unfit, claim(storageClassName="", selector={"matchLabels": {"disk": "ssd"}}))
    assert (phase(plane, "pv/v"), bound_to(plane)) == ("Available", None)


def test_a_selector_chooses_among_volumes(plane: ControlPlane) -> None:
    make(plane, volume("a", labels={"disk": "hdd"}), volume("b", labels={"disk": "ssd"}))
    make(plane, claim(storageClassName="", selector={"matchLabels": {"disk": "ssd"}}))
    assert bound_to(plane) == "b"


def test_a_claim_may_name_its_volume_and_is_told_why_it_cannot_have_it(plane: ControlPlane) -> None:
    make(plane, volume("mine", "1Gi"), claim(size="2Gi", storageClassName="", volumeName="mine"))
    assert phase(plane, "pvc/default/data") == "Pending"
    assert told(plane, "data") == [
        'Warning VolumeMismatch: Cannot bind to requested volume "mine": requested PV is too small'
    ]
    make(plane, claim("other", storageClassName="", volumeName="mine"))
    assert bound_to(plane, "default/other") == "mine"
    other = plane.get("persistentvolumeclaims", "default/other")
    assert other is not None
    # The user named the volume, so the controller does not say that it did.
    assert other["metadata"]["annotations"] == {"pv.kubernetes.io/bind-completed": "yes"}
    make(plane, claim("late", storageClassName="", volumeName="mine"))
    assert phase(plane, "pvc/default/late") == "Pending"
    assert told(plane, "late") == ['Warning FailedBinding: volume "mine" already bound to a different claim.']


def test_a_volume_reserved_for_a_claim_goes_to_no_other(plane: ControlPlane) -> None:
    make(plane, volume("kept", claimRef={"namespace": "default", "name": "data"}))
    assert phase(plane, "pv/kept") == "Available"
    make(plane, claim("stranger", storageClassName=""))
    assert phase(plane, "pvc/default/stranger") == "Pending"
    make(plane, claim(storageClassName=""))
    assert bound_to(plane) == "kept"


# ---- classes


def test_a_missing_class_is_told_and_its_coming_helps(plane: ControlPlane) -> None:
    make(plane, claim(storageClassName="fast"))
    assert told(plane, "data") == ['Warning ProvisioningFailed: storageclass.storage.k8s.io "fast" not found']
    make(plane, storage_class("fast", volumeBindingMode="WaitForFirstConsumer"), pod("web", "data"))
    assert phase(plane, "pvc/default/data") == "Bound"


def test_a_claim_gets_the_default_class_even_when_that_comes_later(plane: ControlPlane) -> None:
    plane.delete("storageclasses", "standard")
    make(plane, claim())
    assert phase(plane, "pvc/default/data") == "Pending"
    marks = {"annotations": {"storageclass.kubernetes.io/is-default-class": "true"}}
    make(plane, storage_class("new", metadata=marks, volumeBindingMode="WaitForFirstConsumer"))
    found = plane.get("persistentvolumeclaims", "default/data")
    assert found is not None
    assert found["spec"]["storageClassName"] == "new"


def test_a_provisioner_that_is_not_here_is_waited_for(plane: ControlPlane) -> None:
    make(plane, storage_class("cloud", provisioner="ebs.csi.aws.com"), claim(storageClassName="cloud"))
    (event,) = told(plane, "data")
    assert event.startswith("Normal ExternalProvisioning: Waiting for a volume to be created either by the external")
    assert "'ebs.csi.aws.com'" in event
    assert phase(plane, "pvc/default/data") == "Pending"


def test_a_class_without_provisioner_only_binds_what_is_there(plane: ControlPlane) -> None:
    make(plane, storage_class("manual", provisioner="kubernetes.io/no-provisioner"), claim(storageClassName="manual"))
    assert told(plane, "data") == [
        "Warning ProvisioningFailed: no volume plugin matched name: kubernetes.io/no-provisioner"
    ]
    make(plane, volume("made", storageClassName="manual"))
    assert bound_to(plane) == "made"


# ---- rancher.io/local-path


def test_a_provisioned_volume_looks_as_on_kind(plane: ControlPlane) -> None:
    make(plane, claim())
    waiting = "waiting for first consumer to be created before binding"
    assert told(plane, "data") == [f"Normal WaitForFirstConsumer: {waiting}"]
    make(plane, pod("web", "data"))
    name, node = bound_to(plane), (plane.get("pods", "default/web") or {})["spec"]["nodeName"]
    uid = (plane.get("persistentvolumeclaims", "default/data") or {})["metadata"]["uid"]
    assert name == f"pvc-{uid}"
    made = plane.get("persistentvolumes", name)
    assert made is not None
    assert made["metadata"]["finalizers"] == ["kubernetes.io/pv-protection"]
    assert made["metadata"]["annotations"] == {
        "local.path.provisioner/selected-node": node,
        "pv.kubernetes.io/provisioned-by": "rancher.io/local-path",
    }
    path = f"/var/local-path-provisioner/{name}_default_data"
    assert made["spec"]["hostPath"] == {"path": path, "type": "DirectoryOrCreate"}
    on_node = {"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}
    affinity = {"required": {"nodeSelectorTerms": [{"matchExpressions": [on_node]}]}}
    assert made["spec"]["nodeAffinity"] == affinity
    assert made["spec"]["persistentVolumeReclaimPolicy"] == "Delete"
    assert made["spec"]["claimRef"]["uid"] == uid


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        (
            {"accessModes": ["ReadWriteMany"]},
            "NodePath only supports ReadWriteOnce and ReadWriteOncePod (1.22+) access modes",
        ),
        ({"selector": {"matchLabels": {"a": "b"}}}, "claim.Spec.Selector is not supported"),
    ],
)
def test_local_path_says_what_it_cannot_make(plane: ControlPlane, spec: Object, problem: str) -> None:
    make(plane, claim(**spec), pod("web", "data"))
    failed = f'failed to provision volume with StorageClass "standard": {problem}'
    assert f"Warning ProvisioningFailed: {failed}" in told(plane, "data")
    assert phase(plane, "pvc/default/data") == "Pending"
    assert plane.list("persistentvolumes") == []


def test_local_path_needs_a_node_so_an_immediate_class_fails(plane: ControlPlane) -> None:
    make(plane, storage_class("now", volumeBindingMode="Immediate"), claim(storageClassName="now"))
    failed = 'failed to provision volume with StorageClass "now": configuration error, no node was specified'
    assert f"Warning ProvisioningFailed: {failed}" in told(plane, "data")


# ---- protection


def test_a_claim_in_use_stays_until_its_pod_is_gone(plane: ControlPlane) -> None:
    make(plane, claim(), pod("web", "data"))
    plane.delete("persistentvolumeclaims", "default/data")
    plane.settle()
    found = plane.get("persistentvolumeclaims", "default/data")
    assert found is not None
    assert "deletionTimestamp" in found["metadata"]
    plane.delete("pods", "default/web")
    plane.settle()
    assert plane.get("persistentvolumeclaims", "default/data") is None
    assert plane.list("persistentvolumes") == []


def test_a_volume_in_use_stays_until_its_claim_is_gone(plane: ControlPlane) -> None:
    make(plane, volume("v"), claim(storageClassName=""))
    plane.delete("persistentvolumes", "v")
    plane.settle()
    assert phase(plane, "pv/v") == "Bound"
    plane.delete("persistentvolumeclaims", "default/data")
    plane.settle()
    assert plane.get("persistentvolumes", "v") is None


def test_a_claim_whose_volume_is_torn_away_is_lost(plane: ControlPlane) -> None:
    make(plane, volume("v"), claim(storageClassName=""))
    plane.delete("persistentvolumes", "v")
    plane.patch("persistentvolumes", "v", {"metadata": {"finalizers": None}})
    plane.settle()
    assert phase(plane, "pvc/default/data") == "Lost"
    lost = "Bound claim has lost its PersistentVolume. Data on the volume is lost!"
    assert f"Warning ClaimLost: {lost}" in told(plane, "data")


def test_what_the_scheduler_gives_to_one_pod_is_free_for_no_other(plane: ControlPlane) -> None:
    local = storage_class("local", provisioner="kubernetes.io/no-provisioner", volumeBindingMode="WaitForFirstConsumer")
    make(plane, local, volume("v1", storageClassName="local"), volume("v2", storageClassName="local"))
    make(plane, claim("a", storageClassName="local"), claim("b", storageClassName="local"))
    make(plane, pod("a", "a"), pod("b", "b"), pod("also-a", "a"))
    assert {bound_to(plane, "default/a"), bound_to(plane, "default/b")} == {"v1", "v2"}
    assert [each for each in plane.list("events") if each["reason"] == "FailedScheduling"] == []


# ---- reclaiming


def test_a_retained_volume_is_released_and_free_again_without_its_claim_reference(plane: ControlPlane) -> None:
    make(plane, volume("v"), claim(storageClassName=""))
    plane.delete("persistentvolumeclaims", "default/data")
    plane.settle()
    assert phase(plane, "pv/v") == "Released"
    make(plane, claim("next", storageClassName=""))
    assert phase(plane, "pvc/default/next") == "Pending"
    plane.patch("persistentvolumes", "v", {"spec": {"claimRef": None}})
    plane.settle()
    assert bound_to(plane, "default/next") == "v"


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        (
            {"persistentVolumeReclaimPolicy": "Delete"},
            "host_path deleter only supports /tmp/.+ but received provided /data/v",
        ),
        (
            {"persistentVolumeReclaimPolicy": "Recycle", "hostPath": None, "csi": {"driver": "d", "volumeHandle": "v"}},
            "No recycler plugin found for the volume!",
        ),
    ],
)
def test_a_volume_that_cannot_be_reclaimed_has_failed(plane: ControlPlane, spec: Object, problem: str) -> None:
    make(plane, volume("v", **spec), claim(storageClassName=""))
    plane.delete("persistentvolumeclaims", "default/data")
    plane.settle()
    found = plane.get("persistentvolumes", "v")
    assert found is not None
    assert (found["status"]["phase"], found["status"]["message"]) == ("Failed", problem)
    assert [each.split(": ", 1)[1] for each in told(plane, "v")] == [problem]


def test_a_host_path_is_scrubbed_by_a_pod_and_given_to_the_next_claim(plane: ControlPlane) -> None:
    make(plane, volume("v", persistentVolumeReclaimPolicy="Recycle"), claim(storageClassName=""))
    plane.delete("persistentvolumeclaims", "default/data")
    plane.settle()
    assert phase(plane, "pv/v") == "Available"
    words = told(plane, "v")
    assert words[-1] == "Normal VolumeRecycled: Volume recycled"
    assert "Normal RecyclerPod: Recycler pod: Container started" in words
    plane.settle()
    assert plane.list("pods") == []
    make(plane, claim("next", storageClassName=""))
    assert bound_to(plane, "default/next") == "v"


def test_a_host_path_below_tmp_can_be_deleted(plane: ControlPlane) -> None:
    spec = {"persistentVolumeReclaimPolicy": "Delete", "hostPath": {"path": "/tmp/v"}}
    make(plane, volume("v", **spec), claim(storageClassName=""))
    plane.delete("persistentvolumeclaims", "default/data")
    plane.settle()
    assert plane.get("persistentvolumes", "v") is None


# ---- growing


def test_growing_is_allowed_by_the_class_and_then_waits_for_a_driver(plane: ControlPlane) -> None:
    growing = storage_class("growing", volumeBindingMode="WaitForFirstConsumer", allowVolumeExpansion=True)
    make(plane, growing, claim(storageClassName="growing"), pod("web", "data"))
    plane.patch("persistentvolumeclaims", "default/data", {"spec": {"resources": {"requests": {"storage": "2Gi"}}}})
    plane.settle()
    message = (
        "Ignoring the PVC: didn't find a plugin capable of expanding the volume; waiting for an external controller "
        "to process this PVC."
    )
    assert f"Normal ExternalExpanding: {message}" in told(plane, "data")
    found = plane.get("persistentvolumeclaims", "default/data")
    assert found is not None
    assert found["status"]["capacity"] == {"storage": "1Gi"}


def test_every_write_says_why(plane: ControlPlane) -> None:
    make(plane, claim(), pod("web", "data"))
    plane.delete("pods", "default/web")
    plane.delete("persistentvolumeclaims", "default/data")
    plane.settle()
    actors = {"persistentvolume-controller", "rancher.io/local-path", "pvc-protection-controller"}
    causes = [each.cause for each in plane.store.history if each.cause.actor in actors]
    assert {cause.actor for cause in causes} == actors
    assert all(cause.why for cause in causes)


# ---- data


def files_of(plane: ControlPlane, volume_name: str | None) -> Any:
    return plane.runtime.volumes.get(f"pv/{volume_name}")


def test_data_go_with_a_volume_that_is_deleted(plane: ControlPlane) -> None:
    make(plane, claim(), pod("web", "data"))
    name = bound_to(plane)
    files_of(plane, name).write("/page", "hello")
    plane.delete("pods", "default/web")
    plane.delete("persistentvolumeclaims", "default/data")
    plane.settle()
    assert plane.get("persistentvolumes", str(name)) is None
    assert files_of(plane, name) is None


def test_data_of_a_retained_volume_can_be_had_again_by_its_path(plane: ControlPlane) -> None:
    keeping = storage_class("keeping", volumeBindingMode="WaitForFirstConsumer", reclaimPolicy="Retain")
    make(plane, keeping, claim(storageClassName="keeping"), pod("web", "data"))
    name = str(bound_to(plane))
    files_of(plane, name).write("/page", "hello")
    path = (plane.get("persistentvolumes", name) or {})["spec"]["hostPath"]["path"]
    plane.delete("pods", "default/web")
    plane.delete("persistentvolumeclaims", "default/data")
    plane.settle()
    assert phase(plane, f"pv/{name}") == "Released"
    plane.delete("persistentvolumes", name)
    plane.settle()
    make(plane, volume("rescue", hostPath={"path": path}), claim("again", storageClassName=""), pod("web", "again"))
    assert bound_to(plane, "default/again") == "rescue"
    assert run(plane, "web", "cat /data/page") == "hello"


def run(plane: ControlPlane, name: str, script: str) -> str:
    output: list[bytes] = []
    kubelet = plane.kubelets[(plane.get("pods", f"default/{name}") or {})["spec"]["nodeName"]]
    container = kubelet.container(f"default/{name}", "main")
    assert container is not None
    command = ["sh", "-c", script]
    container.exec(command, on_output=lambda stream, data: output.append(data), on_exit=lambda code: None)
    plane.settle()
    return b"".join(output).decode()


def test_pods_of_two_nodes_share_a_volume_that_both_may_write(plane: ControlPlane) -> None:
    shared: Object = {"accessModes": ["ReadWriteMany"], "storageClassName": ""}
    nfs = volume("shared", **shared, nfs={"server": "10.0.0.1", "path": "/exports"})
    del nfs["spec"]["hostPath"]
    pods = [pod("one", "data"), pod("two", "data")]
    for each, node in zip(pods, ("kind-worker", "kind-worker2"), strict=True):
        each["spec"]["nodeSelector"] = {"kubernetes.io/hostname": node}
    make(plane, nfs, claim(**shared), *pods)
    run(plane, "one", "echo from one > /data/page")
    assert run(plane, "two", "cat /data/page; echo from two >> /data/page") == "from one\n"
    assert run(plane, "one", "cat /data/page") == "from one\nfrom two\n"
