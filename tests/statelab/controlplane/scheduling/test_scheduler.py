"""Where Pods go, and, in upstream's words, why some go nowhere."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from statelab.controlplane.controlplane import ControlPlane
from statelab.controlplane.kinds import Object
from statelab.controlplane.scheduling import nodematch

NODES = ("kind-control-plane", "kind-worker", "kind-worker2")


class Cluster(ControlPlane):
    def start(
        self, name: str = "p", *, labels: Object | None = None, container: Object | None = None, **spec: Any
    ) -> None:
        spec = {"containers": [{"name": "main", "image": "nginx:1.27", **(container or {})}], **spec}
        metadata = {"name": name, "labels": labels or {"app": name}}
        self.create({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
        self.loop.run_for(0.5)

    def claim(self, name: str, storage_class: str | None = None, mode: str = "ReadWriteOnce", **spec: Any) -> None:
        spec = {"accessModes": [mode], "resources": {"requests": {"storage": "1Gi"}}, **spec}
        if storage_class is not None:
            spec["storageClassName"] = storage_class
        self.create({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name}, "spec": spec})

    def pod(self, name: str = "p") -> Object:
        found = self.get("pods", f"default/{name}")
        assert found is not None
        return found

    def node(self, name: str = "p") -> str | None:
        return self.pod(name)["spec"].get("nodeName")

    def why_not(self, name: str = "p") -> str:
        """The message of PodScheduled=False."""
        condition = next(each for each in self.pod(name)["status"]["conditions"] if each["type"] == "PodScheduled")
        assert (condition["status"], condition["reason"]) == ("False", "Unschedulable")
        return str(condition["message"])

    def label(self, node: str, **labels: str) -> None:
        self.patch("nodes", node, {"metadata": {"labels": labels}})


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()


def using(claim: str) -> Object:
    return {"volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": claim}}]}


def asking(**requests: str) -> Object:
    return {"container": {"resources": {"requests": requests}}}


def test_a_message_counts_nodes_by_reason_and_says_what_preemption_would_do(cluster: Cluster) -> None:
    cluster.start("big", **asking(cpu="6"), nodeName="kind-worker")
    cluster.start("big2", **asking(cpu="6"), nodeName="kind-worker2")
    cluster.start(**asking(cpu="5"))
    assert cluster.why_not() == (
        "0/3 nodes are available: 1 node(s) had untolerated taint(s), 2 Insufficient cpu. no new claims to deallocate, "
        "preemption: 0/3 nodes are available: 1 Preemption is not helpful for scheduling, "
        "2 No preemption victims found for incoming pod."
    )
    event = next(each for each in cluster.list("events", "default") if each["reason"] == "FailedScheduling")
    assert (event["type"], event["message"]) == ("Warning", cluster.why_not())
    cluster.delete("pods", "default/big", gracePeriodSeconds=0)
    cluster.loop.run_for(3)
    assert cluster.node() == "kind-worker"


def test_more_than_a_whole_node_has_is_not_mended_by_preemption(cluster: Cluster) -> None:
    cluster.start(**asking(memory="999Gi", cpu="99"))
    assert "2 Insufficient cpu, 2 Insufficient memory." in cluster.why_not()
    assert cluster.why_not().endswith("3 Preemption is not helpful for scheduling.")


TAINTED = "1 node(s) had untolerated taint(s)"
UNMATCHED = "node(s) didn't match Pod's node affinity/selector"


@pytest.mark.parametrize(
    ("tolerations", "reasons"), [([], f"{TAINTED}, 2 {UNMATCHED}"), ([{"operator": "Exists"}], f"3 {UNMATCHED}")]
)
def test_a_selector_no_node_matches_is_waited_for(cluster: Cluster, tolerations: list[Object], reasons: str) -> None:
    cluster.start(nodeSelector={"disk": "ssd"}, tolerations=tolerations)
    assert cluster.why_not().startswith(f"0/3 nodes are available: {reasons}. ")
    cluster.label("kind-worker2", disk="ssd")
    cluster.loop.run_for(2)
    assert cluster.node() == "kind-worker2"


def test_a_cordoned_node_takes_no_more_pods(cluster: Cluster) -> None:
    for name in ("kind-worker", "kind-worker2"):
        cluster.patch("nodes", name, {"spec": {"unschedulable": True}})
    cluster.start()
    assert "2 node(s) were unschedulable" in cluster.why_not()
    cluster.patch("nodes", "kind-worker", {"spec": {"unschedulable": None, "taints": None}})
    cluster.loop.run_for(2)
    assert cluster.node() == "kind-worker"


def test_a_toleration_opens_the_control_plane(cluster: Cluster) -> None:
    key = "node-role.kubernetes.io/control-plane"
    selector = {"node-role.kubernetes.io/control-plane": ""}
    cluster.start(tolerations=[{"key": key, "operator": "Exists"}], nodeSelector=selector)
    assert cluster.node() == "kind-control-plane"


@pytest.mark.parametrize(
    ("toleration", "tolerated"),
    [
        ({"key": "a", "operator": "Equal", "value": "1", "effect": "NoSchedule"}, True),
        ({"key": "a", "value": "2"}, False),
        ({"key": "a", "operator": "Exists", "effect": "NoExecute"}, False),
        ({"operator": "Exists"}, True),
        ({"key": "b", "operator": "Exists"}, False),
    ],
)
def test_tolerations_match_key_value_and_effect(toleration: Object, tolerated: bool) -> None:
    taint = {"key": "a", "value": "1", "effect": "NoSchedule"}
    assert nodematch.tolerates(toleration, taint) is tolerated


def test_pods_spread_over_the_workers(cluster: Cluster) -> None:
    for index in range(6):
        cluster.start(f"p{index}")
    assert Counter(cluster.node(f"p{index}") for index in range(6)) == {"kind-worker": 3, "kind-worker2": 3}


def test_a_preferred_node_is_taken_while_it_fits(cluster: Cluster) -> None:
    cluster.label("kind-worker2", disk="ssd")
    term = {"matchExpressions": [{"key": "disk", "operator": "In", "values": ["ssd"]}]}
    preferred = [{"weight": 10, "preference": term}]
    affinity = {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": preferred}}
    for index in range(3):
        cluster.start(f"p{index}", affinity=affinity)
    assert {cluster.node(f"p{index}") for index in range(3)} == {"kind-worker2"}


def test_anti_affinity_puts_pods_on_different_nodes_and_the_third_nowhere(cluster: Cluster) -> None:
    term = {"labelSelector": {"matchLabels": {"app": "db"}}, "topologyKey": "kubernetes.io/hostname"}
    affinity = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    for index in range(3):
        cluster.start(f"db-{index}", labels={"app": "db"}, affinity=affinity)
    assert {cluster.node("db-0"), cluster.node("db-1")} == {"kind-worker", "kind-worker2"}
    assert "2 node(s) didn't match pod anti-affinity rules" in cluster.why_not("db-2")
    # Those that run already keep others away too.
    cluster.start("other", labels={"app": "db"})
    assert "2 node(s) didn't satisfy existing pods anti-affinity rules" in cluster.why_not("other")
    cluster.delete("pods", "default/db-0", gracePeriodSeconds=0)
    cluster.loop.run_for(3)
    assert cluster.node("db-2") is not None


def test_affinity_needs_a_friend_and_the_first_of_its_kind_is_its_own(cluster: Cluster) -> None:
    term = {"labelSelector": {"matchLabels": {"app": "cache"}}, "topologyKey": "kubernetes.io/hostname"}
    affinity = {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    cluster.start("web", affinity=affinity)
    assert "2 node(s) didn't match pod affinity rules" in cluster.why_not("web")
    cluster.start("cache", labels={"app": "cache"}, affinity=affinity)
    cluster.loop.run_for(3)
    assert cluster.node("web") == cluster.node("cache")


def test_topology_spread_allows_no_more_than_its_skew(cluster: Cluster) -> None:
    cluster.patch("nodes", "kind-worker2", {"spec": {"unschedulable": True}})
    constraint = {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": "web"}},
        "nodeTaintsPolicy": "Ignore",
    }
    for index in range(2):
        cluster.start(f"web-{index}", labels={"app": "web"}, topologySpreadConstraints=[constraint])
    assert cluster.node("web-0") == "kind-worker"
    assert "1 node(s) didn't match pod topology spread constraints" in cluster.why_not("web-1")


def test_a_claim_that_is_not_there_is_named(cluster: Cluster) -> None:
    cluster.start(**using("nope"))
    assert cluster.why_not() == '0/3 nodes are available: persistentvolumeclaim "nope" not found. not found'
    cluster.claim("nope")
    cluster.loop.run_for(5)
    assert cluster.node() is not None


def test_a_claim_that_nothing_binds_keeps_its_pod_waiting(cluster: Cluster) -> None:
    cluster.claim("data", storage_class="")
    cluster.start(**using("data"))
    unbound = "pod has unbound immediate PersistentVolumeClaims"
    assert cluster.why_not() == f"0/3 nodes are available: {unbound}. not found"


def test_the_first_consumer_decides_where_its_volume_is_and_is_bound_after_it(cluster: Cluster) -> None:
    cluster.claim("data", "standard")
    cluster.settle()
    assert cluster.get("persistentvolumeclaims", "default/data")["status"]["phase"] == "Pending"  # type: ignore[index]
    cluster.start(**using("data"))
    cluster.settle()
    claim = cluster.get("persistentvolumeclaims", "default/data")
    assert claim is not None
    assert claim["status"]["phase"] == "Bound"
    assert claim["metadata"]["annotations"]["volume.kubernetes.io/selected-node"] == cluster.node()
    written = [
        (each.plural, each.object)
        for each in cluster.store.history
        if each.plural in ("pods", "persistentvolumeclaims")
    ]
    bound = next(i for i, (_, o) in enumerate(written) if (o.get("status") or {}).get("phase") == "Bound")
    scheduled = next(i for i, (_, o) in enumerate(written) if o["spec"].get("nodeName"))
    assert bound < scheduled
    # The volume stays where it is, and so must whoever uses it.
    cluster.start("elsewhere", **using("data"), nodeSelector={"kubernetes.io/hostname": _other(cluster.node())})
    assert "1 node(s) didn't match PersistentVolume's node affinity" in cluster.why_not("elsewhere")


def _other(node: str | None) -> str:
    return next(each for each in NODES[1:] if each != node)


def test_a_volume_made_by_hand_is_chosen_with_its_node(cluster: Cluster) -> None:
    storage_class = {"provisioner": "kubernetes.io/no-provisioner", "volumeBindingMode": "WaitForFirstConsumer"}
    kind = {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": "by-hand"}}
    cluster.create(kind | storage_class)
    cluster.claim("data", "by-hand")
    cluster.start(**using("data"))
    assert "2 node(s) didn't find available persistent volumes to bind" in cluster.why_not()
    on_node = {"key": "kubernetes.io/hostname", "operator": "In", "values": ["kind-worker2"]}
    spec = {
        "capacity": {"storage": "5Gi"},
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "by-hand",
        "local": {"path": "/mnt/disk"},
        "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [on_node]}]}},
    }
    cluster.create({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "disk"}, "spec": spec})
    cluster.loop.run_for(15)
    assert cluster.node() == "kind-worker2"
    assert cluster.get("persistentvolumes", "disk")["spec"]["claimRef"]["name"] == "data"  # type: ignore[index]


def test_read_write_once_pod_means_one_pod(cluster: Cluster) -> None:
    cluster.claim("data", "standard", mode="ReadWriteOncePod")
    cluster.start("a", **using("data"))
    cluster.settle()
    cluster.start("b", **using("data"))
    reason = "node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode"
    assert f"2 {reason}" in cluster.why_not("b")
    cluster.delete("pods", "default/a")
    cluster.loop.run_for(15)
    assert cluster.node("b") is not None


def test_scheduling_gates_hold_a_pod_back_without_a_word(cluster: Cluster) -> None:
    cluster.start(schedulingGates=[{"name": "example.com/quota"}])
    cluster.loop.run_for(5)
    assert cluster.node() is None
    assert not [each for each in cluster.list("events", "default") if each["reason"] == "FailedScheduling"]
    change = [{"op": "remove", "path": "/spec/schedulingGates"}]
    cluster.api.patch("pods", "default", "p", "json", change, cluster.options())
    cluster.loop.run_for(1)
    assert cluster.node() is not None


def test_another_schedulers_pods_are_left_alone(cluster: Cluster) -> None:
    cluster.start(schedulerName="mine")
    cluster.loop.run_for(5)
    assert cluster.node() is None
    assert "conditions" not in cluster.pod()["status"]


def test_a_pod_that_is_deleted_while_it_waits_is_forgotten(cluster: Cluster) -> None:
    cluster.start(nodeSelector={"disk": "ssd"})
    cluster.delete("pods", "default/p")
    assert cluster.get("pods", "default/p") is None
    cluster.label("kind-worker", disk="ssd")
    assert cluster.loop.run_until_idle()
