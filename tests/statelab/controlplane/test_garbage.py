"""What becomes of objects whose owners or namespaces go, on a whole cluster."""

from __future__ import annotations

from typing import Any

import pytest

from statelab.controlplane.controlplane import ControlPlane
from statelab.controlplane.kinds import KINDS

Object = dict[str, Any]


@pytest.fixture
def plane() -> ControlPlane:
    return ControlPlane()


def config_map(name: str, *owners: Object, blocks: bool = False, finalizers: list[str] | None = None) -> Object:
    metadata: Object = {"name": name}
    if owners:
        metadata["ownerReferences"] = [reference(owner, blocks) for owner in owners]
    if finalizers:
        metadata["finalizers"] = finalizers
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}


def reference(owner: Object, blocks: bool = False) -> Object:
    metadata = owner["metadata"]
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": metadata["name"],
        "uid": metadata["uid"],
        **({"blockOwnerDeletion": True} if blocks else {}),
    }


def replica_set(name: str = "web", replicas: int = 2) -> Object:
    pod = {
        "metadata": {"labels": {"app": name}},
        "spec": {"terminationGracePeriodSeconds": 3, "containers": [{"name": "main", "image": "nginx:1.27"}]},
    }
    spec = {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": pod}
    return {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": name}, "spec": spec}


def names(plane: ControlPlane, plural: str = "configmaps", namespace: str = "default") -> set[str]:
    return {obj["metadata"]["name"] for obj in plane.list(plural, namespace)} - {"kube-root-ca.crt"}


def order_of_deletions(plane: ControlPlane) -> list[str]:
    return [f"{each.plural}/{each.key}" for each in plane.store.history if each.type == "DELETED"]


# ---- background, foreground, orphan


def test_in_the_background_the_owner_goes_first(plane: ControlPlane) -> None:
    plane.create(replica_set())
    plane.settle()
    plane.delete("replicasets", "default/web")
    assert plane.get("replicasets", "default/web") is None
    assert len(plane.list("pods", "default")) == 2
    plane.settle()
    assert plane.list("pods", "default") == []
    causes = {each.cause.why for each in plane.store.history if each.cause.actor == "garbage-collector"}
    assert causes == {"its owner replicaset/web is gone"}


def test_in_the_foreground_dependents_go_first(plane: ControlPlane) -> None:
    plane.create(replica_set())
    plane.settle()
    plane.delete("replicasets", "default/web", propagationPolicy="Foreground")
    waiting = plane.get("replicasets", "default/web")
    assert waiting is not None
    assert waiting["metadata"]["finalizers"] == ["foregroundDeletion"]
    plane.settle()
    gone = [each for each in order_of_deletions(plane) if each.startswith(("pods/", "replicasets/"))]
    assert len(gone) == 3
    assert gone[-1] == "replicasets/default/web"


def test_orphans_stay_and_forget_their_owner(plane: ControlPlane) -> None:
    plane.create(replica_set())
    plane.settle()
    plane.delete("replicasets", "default/web", propagationPolicy="Orphan")
    plane.settle()
    assert plane.get("replicasets", "default/web") is None
    pods = plane.list("pods", "default")
    assert len(pods) == 2
    assert all("ownerReferences" not in pod["metadata"] for pod in pods)


def test_a_dependent_that_does_not_block_is_not_waited_for(plane: ControlPlane) -> None:
    owner = plane.create(config_map("owner"))
    plane.create(config_map("free", owner, finalizers=["example.org/hold"]))
    plane.create(config_map("blocking", owner, blocks=True))
    plane.delete("configmaps", "default/owner", propagationPolicy="Foreground")
    plane.settle()
    assert names(plane) == {"free"}
    free = plane.get("configmaps", "default/free")
    assert free is not None
    assert "deletionTimestamp" in free["metadata"]


def test_foreground_deletion_goes_down_the_whole_tree(plane: ControlPlane) -> None:
    top = plane.create(config_map("top"))
    middle = plane.create(config_map("middle", top, blocks=True))
    plane.create(config_map("bottom", middle, blocks=True))
    plane.delete("configmaps", "default/top", propagationPolicy="Foreground")
    plane.settle()
    order = [each.rpartition("/")[2] for each in order_of_deletions(plane) if "configmaps" in each]
    assert order == ["bottom", "middle", "top"]


def test_two_that_own_each_other_both_go(plane: ControlPlane) -> None:
    one = plane.create(config_map("one"))
    two = plane.create(config_map("two", one, blocks=True))
    plane.patch("configmaps", "default/one", {"metadata": {"ownerReferences": [reference(two, blocks=True)]}})
    plane.delete("configmaps", "default/one", propagationPolicy="Foreground")
    plane.settle()
    assert names(plane) == set()


# ---- owners that are not there


def test_an_owner_that_never_was_takes_its_dependent_along(plane: ControlPlane) -> None:
    plane.create(replica_set(replicas=0))
    absent = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "no", "uid": "b5bbd0c2-0000-4000-8000-1"}}
    plane.create(config_map("lost", absent))
    plane.settle()
    assert names(plane) == set()


def test_another_object_of_the_owners_name_is_not_the_owner(plane: ControlPlane) -> None:
    first = plane.create(config_map("owner"))
    plane.delete("configmaps", "default/owner")
    plane.create(config_map("owner"))
    plane.create(config_map("dependent", first))
    plane.settle()
    assert names(plane) == {"owner"}


def test_one_owner_that_stays_is_enough(plane: ControlPlane) -> None:
    going, staying = plane.create(config_map("going")), plane.create(config_map("staying"))
    plane.create(config_map("dependent", going, staying))
    plane.delete("configmaps", "default/going")
    plane.settle()
    dependent = plane.get("configmaps", "default/dependent")
    assert dependent is not None
    assert [each["name"] for each in dependent["metadata"]["ownerReferences"]] == ["staying"]


def test_an_owner_in_another_namespace_is_none_and_that_is_told(plane: ControlPlane) -> None:
    plane.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "other"}})
    owner = plane.create({**config_map("owner"), "metadata": {"name": "owner", "namespace": "other"}})
    plane.create(config_map("dependent", owner))
    plane.settle()
    assert names(plane) == set()
    uid = owner["metadata"]["uid"]
    (event,) = [each for each in plane.list("events") if each["reason"] == "OwnerRefInvalidNamespace"]
    about = f"[v1/ConfigMap, namespace: default, name: owner, uid: {uid}]"
    assert event["message"] == f'ownerRef {about} does not exist in namespace "default"'


def test_an_owner_of_a_kind_that_is_not_served_is_let_be(plane: ControlPlane) -> None:
    metadata = {"name": "j", "uid": "b5bbd0c2-0000-4000-8000-2"}
    owner = {"apiVersion": "example.com/v1", "kind": "Queue", "metadata": metadata}
    plane.create(config_map("dependent", owner))
    plane.settle()
    assert names(plane) == {"dependent"}


# ---- namespaces


def namespace(plane: ControlPlane, name: str = "shop") -> None:
    plane.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    plane.settle()


def test_a_namespace_comes_with_an_account_and_a_certificate(plane: ControlPlane) -> None:
    namespace(plane)
    assert names(plane, "serviceaccounts", "shop") == {"default"}
    certificate = plane.get("configmaps", "shop/kube-root-ca.crt")
    assert certificate is not None
    assert certificate["data"]["ca.crt"].startswith("-----BEGIN CERTIFICATE-----")
    plane.delete("configmaps", "shop/kube-root-ca.crt")
    plane.delete("serviceaccounts", "shop/default")
    plane.settle()
    assert plane.get("configmaps", "shop/kube-root-ca.crt") is not None
    assert plane.get("serviceaccounts", "shop/default") is not None


def test_a_namespace_goes_with_all_that_is_in_it_pods_first(plane: ControlPlane) -> None:
    namespace(plane)
    plane.create(replica_set(), "shop")
    plane.create(config_map("settings"), "shop")
    plane.settle()
    plane.delete("namespaces", "shop")
    plane.loop.run_for(0.05)
    found = plane.get("namespaces", "shop")
    assert found is not None
    assert found["status"]["phase"] == "Terminating"
    remaining = next(c for c in found["status"]["conditions"] if c["type"] == "NamespaceContentRemaining")
    assert remaining["status"] == "True"
    assert "pods. has 2 resource instances" in remaining["message"]
    assert plane.get("configmaps", "shop/settings") is not None
    plane.settle()
    assert plane.get("namespaces", "shop") is None
    assert not [plural for plural in KINDS if plane.list(plural, "shop")]
    order = order_of_deletions(plane)
    assert order[-1] == "namespaces/shop"
    last_pod = max(index for index, each in enumerate(order) if each.startswith("pods/shop/"))
    assert last_pod < order.index("configmaps/shop/settings")


def test_a_finalizer_in_a_namespace_holds_it_and_is_named(plane: ControlPlane) -> None:
    namespace(plane)
    plane.create(config_map("held", finalizers=["example.org/hold"]), "shop")
    plane.delete("namespaces", "shop")
    plane.settle()
    found = plane.get("namespaces", "shop")
    assert found is not None
    messages = {each["type"]: (each["status"], each["message"]) for each in found["status"]["conditions"]}
    assert messages["NamespaceFinalizersRemaining"] == (
        "True",
        "Some content in the namespace has finalizers remaining: example.org/hold in 1 resource instances",
    )
    assert messages["NamespaceContentRemaining"] == (
        "True",
        "Some resources are remaining: configmaps. has 1 resource instances",
    )
    plane.patch("configmaps", "shop/held", {"metadata": {"finalizers": None}})
    plane.settle()
    assert plane.get("namespaces", "shop") is None


def test_a_claim_of_a_namespace_that_goes_takes_its_volume_along(plane: ControlPlane) -> None:
    namespace(plane)
    wanted = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"}, "spec": wanted}
    container = {"name": "c", "image": "nginx:1.27", "volumeMounts": [{"name": "data", "mountPath": "/data"}]}
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]
    spec = {"terminationGracePeriodSeconds": 1, "containers": [container], "volumes": volumes}
    plane.create(claim, "shop")
    plane.create({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": spec}, "shop")
    plane.settle()
    assert len(plane.list("persistentvolumes")) == 1
    plane.delete("namespaces", "shop")
    plane.settle()
    assert plane.get("namespaces", "shop") is None
    assert plane.list("persistentvolumes") == []
