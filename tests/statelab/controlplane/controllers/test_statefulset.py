"""The StatefulSet controller, by what a user can see."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest

from statelab.controlplane.controllers.common.revisions import revision_hash

GOLDEN = Path(__file__).parents[3] / "conformance" / "golden"


def web(replicas=3, claims=True, image="nginx:1.27", **spec):
    templates = [
        {
            "metadata": {"name": "www"},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
        }
    ]
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "web"},
        "spec": {
            "replicas": replicas,
            "serviceName": "nginx",
            "selector": {"matchLabels": {"app": "nginx"}},
            "template": {
                "metadata": {"labels": {"app": "nginx"}},
                "spec": {"containers": [{"name": "nginx", "image": image}], "terminationGracePeriodSeconds": 1},
            },
            **({"volumeClaimTemplates": templates} if claims else {}),
            **spec,
        },
    }


def no_pods():
    metadata = {"name": "no-pods"}
    return {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": metadata, "spec": {"hard": {"pods": "0"}}}


def started(cluster, **options):
    cluster.apply(web(**options))
    cluster.settle()
    cluster.log.clear()
    cluster.events.clear()


def status(cluster):
    return cluster.get("statefulsets", "web")["status"]


def pods(cluster):
    return cluster.names("pods")


def revision_of(cluster, pod):
    return cluster.get("pods", pod)["metadata"]["labels"]["controller-revision-hash"]


def test_each_pod_is_created_after_its_claim_and_after_its_predecessor_is_ready(cluster):
    cluster.apply(web())
    cluster.settle()
    born = [line for line in cluster.log if line.endswith("ADDED") and not line.startswith("events")]
    assert [line for line in born if line.split()[0] in ("pods", "persistentvolumeclaims")] == [
        f"{plural} {prefix}web-{ordinal} ADDED"
        for ordinal in range(3)
        for plural, prefix in (("persistentvolumeclaims", "www-"), ("pods", ""))
    ]
    for earlier, later in pairwise(cluster.get("pods", f"web-{n}") for n in range(3)):
        ready = next(c for c in earlier["status"]["conditions"] if c["type"] == "Ready")
        assert ready["lastTransitionTime"] <= later["metadata"]["creationTimestamp"]


def test_the_status_counts_and_names_one_revision_when_all_is_done(cluster):
    started(cluster)
    name = cluster.names("controllerrevisions")[0]
    assert status(cluster) == {
        "observedGeneration": 1,
        "replicas": 3,
        "readyReplicas": 3,
        "currentReplicas": 3,
        "updatedReplicas": 3,
        "currentRevision": name,
        "updateRevision": name,
        "collisionCount": 0,
        "availableReplicas": 3,
    }


def test_a_pod_has_the_identity_of_its_ordinal(cluster):
    started(cluster)
    pod = cluster.get("pods", "web-1")
    assert pod["metadata"]["generateName"] == "web-"
    assert pod["metadata"]["labels"] == {
        "app": "nginx",
        "apps.kubernetes.io/pod-index": "1",
        "controller-revision-hash": cluster.names("controllerrevisions")[0],
        "statefulset.kubernetes.io/pod-name": "web-1",
    }
    assert (pod["spec"]["hostname"], pod["spec"]["subdomain"]) == ("web-1", "nginx")
    assert pod["spec"]["volumes"][0] == {"name": "www", "persistentVolumeClaim": {"claimName": "www-web-1"}}


def test_scaling_down_removes_the_highest_ordinal_and_waits_until_it_is_gone(cluster):
    started(cluster, replicas=4)
    cluster.patch("statefulsets", "web", replicas=1)
    cluster.settle()
    ends = [line for line in cluster.log if line.startswith("pods")]
    gone = [line.split()[1] for line in ends if line.endswith("DELETED")]
    assert gone == ["web-3", "web-2", "web-1"]
    assert ends.index("pods web-3 DELETED") < next(n for n, line in enumerate(ends) if line.startswith("pods web-2"))
    assert cluster.names("persistentvolumeclaims") == [f"www-web-{n}" for n in range(4)]
    assert cluster.messages("SuccessfulDelete") == [
        f"Delete Pod web-{n} in StatefulSet web successful" for n in (3, 2, 1)
    ]


def test_a_rolling_update_goes_from_the_highest_ordinal_down_and_then_the_new_revision_is_current(cluster):
    started(cluster)
    old = status(cluster)["currentRevision"]
    cluster.image("statefulsets", "web", "nginx:1.28")
    cluster.settle()
    gone = [line.split()[1] for line in cluster.log if line.startswith("pods") and line.endswith("DELETED")]
    assert gone == ["web-2", "web-1", "web-0"]
    now = status(cluster)
    assert now["currentRevision"] == now["updateRevision"] != old
    assert {revision_of(cluster, pod) for pod in pods(cluster)} == {now["updateRevision"]}


def test_ordinals_below_the_partition_keep_the_old_template_even_when_their_pod_is_made_anew(cluster):
    started(cluster, updateStrategy={"type": "RollingUpdate", "rollingUpdate": {"partition": 2}})
    old = status(cluster)["currentRevision"]
    cluster.image("statefulsets", "web", "nginx:1.28")
    cluster.settle()
    cluster.delete("pods", "web-1")
    cluster.settle()
    new = status(cluster)["updateRevision"]
    assert [revision_of(cluster, pod) for pod in pods(cluster)] == [old, old, new]
    assert (status(cluster)["currentReplicas"], status(cluster)["updatedReplicas"]) == (2, 1)
    assert status(cluster)["currentRevision"] == old


def test_on_delete_replaces_a_pod_only_when_someone_deletes_it(cluster):
    started(cluster, updateStrategy={"type": "OnDelete"})
    old = status(cluster)["currentRevision"]
    cluster.image("statefulsets", "web", "nginx:1.28")
    cluster.settle()
    assert {revision_of(cluster, pod) for pod in pods(cluster)} == {old}
    cluster.delete("pods", "web-1")
    cluster.settle()
    assert [pod for pod in pods(cluster) if revision_of(cluster, pod) != old] == ["web-1"]


def test_a_broken_update_stays_stuck_when_the_template_is_restored_until_the_broken_pod_is_deleted(cluster):
    started(cluster)
    cluster.image("statefulsets", "web", "nginx:no-such-tag")
    cluster.settle()
    broken = cluster.get("pods", "web-2")["metadata"]["uid"]
    cluster.image("statefulsets", "web", "nginx:1.27")
    cluster.settle()
    assert cluster.get("pods", "web-2")["metadata"]["uid"] == broken
    assert status(cluster)["readyReplicas"] == 2
    cluster.delete("pods", "web-2")
    cluster.settle()
    assert status(cluster)["readyReplicas"] == 3
    assert cluster.get("pods", "web-2")["spec"]["containers"][0]["image"] == "nginx:1.27"


def test_going_back_to_an_old_template_gives_its_revision_the_next_number(cluster):
    started(cluster)
    first = cluster.names("controllerrevisions")[0]
    cluster.image("statefulsets", "web", "nginx:1.28")
    cluster.settle()
    cluster.image("statefulsets", "web", "nginx:1.27")
    cluster.settle()
    assert len(cluster.names("controllerrevisions")) == 2
    assert cluster.get("controllerrevisions", first)["revision"] == 3
    assert status(cluster)["currentRevision"] == first


def test_old_revisions_beyond_the_limit_are_deleted(cluster):
    started(cluster, replicas=1, revisionHistoryLimit=1)
    for tag in ("1.28", "1.29", "1.30"):
        cluster.image("statefulsets", "web", f"nginx:{tag}")
        cluster.settle()
    numbers = [cluster.get("controllerrevisions", name)["revision"] for name in cluster.names("controllerrevisions")]
    assert sorted(numbers) == [3, 4]


def test_parallel_creates_and_deletes_all_at_once(cluster):
    cluster.apply(web(replicas=5, podManagementPolicy="Parallel"))
    cluster.loop.run_for(0.1)
    assert len(pods(cluster)) == 5
    cluster.settle()
    cluster.patch("statefulsets", "web", replicas=2)
    cluster.loop.run_for(0.1)
    assert sum("deletionTimestamp" in cluster.get("pods", pod)["metadata"] for pod in pods(cluster)) == 3
    cluster.settle()
    assert pods(cluster) == ["web-0", "web-1"]


def test_parallel_still_updates_one_pod_at_a_time(cluster):
    started(cluster, podManagementPolicy="Parallel")
    most_missing = 0

    def count(_revision):
        nonlocal most_missing
        ready = status(cluster).get("readyReplicas", 0)
        most_missing = max(most_missing, 3 - ready)

    cluster.store.subscribe(count)
    cluster.image("statefulsets", "web", "nginx:1.28")
    cluster.settle()
    assert most_missing == 1
    assert status(cluster)["updatedReplicas"] == 3


def test_min_ready_seconds_holds_the_next_pod_back(cluster):
    cluster.apply(web(replicas=2, minReadySeconds=30))
    cluster.settle(20)
    assert pods(cluster) == ["web-0"]
    assert (status(cluster)["readyReplicas"], status(cluster)["availableReplicas"]) == (1, 0)
    cluster.settle(100)
    assert pods(cluster) == ["web-0", "web-1"]
    assert status(cluster)["availableReplicas"] == 2


def test_ordinals_may_start_elsewhere_and_pods_below_are_removed(cluster):
    started(cluster, ordinals={"start": 5})
    assert pods(cluster) == ["web-5", "web-6", "web-7"]
    cluster.patch("statefulsets", "web", ordinals={"start": 6})
    cluster.settle()
    assert pods(cluster) == ["web-6", "web-7", "web-8"]


@pytest.mark.parametrize("phase", ["Failed", "Succeeded"])
def test_a_pod_that_has_ended_is_deleted_and_made_anew(cluster, phase):
    started(cluster)
    before = cluster.get("pods", "web-1")["metadata"]["uid"]
    cluster.change("pods", "web-1", lambda pod: pod["status"].update(phase=phase), "status")
    cluster.settle()
    assert cluster.get("pods", "web-1")["metadata"]["uid"] != before
    assert status(cluster)["readyReplicas"] == 3
    assert "Delete Pod web-1 in StatefulSet web successful" in cluster.messages("SuccessfulDelete")


def test_a_pod_that_loses_its_labels_is_released_and_its_name_is_taken_until_it_goes(cluster):
    started(cluster)
    cluster.change("pods", "web-1", lambda pod: pod["metadata"]["labels"].update(app="other"))
    cluster.settle(5)
    assert not cluster.get("pods", "web-1")["metadata"].get("ownerReferences")
    cluster.change("pods", "web-1", lambda pod: pod["metadata"]["labels"].update(app="nginx"))
    cluster.settle(5)
    assert cluster.get("pods", "web-1")["metadata"]["ownerReferences"][0]["name"] == "web"


def test_an_orphan_is_adopted_only_if_it_bears_a_member_s_name(cluster):
    for name in ("web-0", "www-1"):
        cluster.apply(
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {"name": name, "labels": {"app": "nginx"}},
                "spec": {"containers": [{"name": "nginx", "image": "nginx:1.27"}]},
            }
        )
    started(cluster, replicas=1, claims=False)
    assert cluster.get("pods", "web-0")["metadata"]["ownerReferences"][0]["kind"] == "StatefulSet"
    assert "ownerReferences" not in cluster.get("pods", "www-1")["metadata"]


def test_a_pod_s_name_label_is_repaired(cluster):
    started(cluster)
    label = "statefulset.kubernetes.io/pod-name"
    cluster.change("pods", "web-1", lambda pod: pod["metadata"]["labels"].pop(label))
    cluster.settle()
    assert cluster.get("pods", "web-1")["metadata"]["labels"][label] == "web-1"
    assert cluster.messages("SuccessfulUpdate") == ["Update Pod web-1 in StatefulSet web successful"]


def test_a_pending_pod_gets_its_missing_claim_again(cluster):
    started(cluster, image="nginx:no-such-tag", replicas=1)
    cluster.delete("persistentvolumeclaims", "www-web-0")
    cluster.settle()
    assert cluster.names("persistentvolumeclaims") == ["www-web-0"]


def owner_kinds(cluster, claim):
    references = cluster.get("persistentvolumeclaims", claim)["metadata"].get("ownerReferences") or []
    return [reference["kind"] for reference in references]


@pytest.mark.parametrize(
    ("when_deleted", "when_scaled", "kept", "condemned"),
    [
        ("Retain", "Retain", [], []),
        ("Delete", "Retain", ["StatefulSet"], ["StatefulSet"]),
        ("Retain", "Delete", [], ["Pod"]),
        ("Delete", "Delete", ["StatefulSet"], ["Pod"]),
    ],
)
def test_the_retention_policy_is_written_as_owner_references(cluster, when_deleted, when_scaled, kept, condemned):
    policy = {"whenDeleted": when_deleted, "whenScaled": when_scaled}
    started(cluster, persistentVolumeClaimRetentionPolicy=policy)
    assert owner_kinds(cluster, "www-web-2") == kept
    cluster.patch("statefulsets", "web", replicas=2)
    cluster.loop.run_for(0.1)
    assert owner_kinds(cluster, "www-web-2") == condemned
    assert owner_kinds(cluster, "www-web-1") == kept


def test_a_changed_retention_policy_reaches_claims_that_are_there(cluster):
    started(cluster)
    cluster.patch(
        "statefulsets", "web", persistentVolumeClaimRetentionPolicy={"whenDeleted": "Delete", "whenScaled": "Retain"}
    )
    cluster.settle()
    assert owner_kinds(cluster, "www-web-2") == ["StatefulSet"]
    cluster.patch(
        "statefulsets", "web", persistentVolumeClaimRetentionPolicy={"whenDeleted": "Retain", "whenScaled": "Retain"}
    )
    cluster.settle()
    assert owner_kinds(cluster, "www-web-2") == []


def test_a_claim_that_another_controls_is_left_alone(cluster):
    started(cluster, replicas=1)
    uid = cluster.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "other"}})["metadata"]["uid"]
    other = {"apiVersion": "v1", "kind": "ConfigMap", "name": "other", "uid": uid, "controller": True}
    cluster.change(
        "persistentvolumeclaims", "www-web-0", lambda claim: claim["metadata"].update(ownerReferences=[other])
    )
    cluster.patch(
        "statefulsets", "web", persistentVolumeClaimRetentionPolicy={"whenDeleted": "Delete", "whenScaled": "Delete"}
    )
    cluster.settle(1)
    assert owner_kinds(cluster, "www-web-0") == ["ConfigMap"]


def test_a_refused_pod_is_told_in_an_event_and_tried_again(cluster):
    cluster.apply(no_pods())
    cluster.settle(1)
    cluster.apply(web(replicas=1))
    cluster.settle(5)
    told = 'pods "web-0" is forbidden: exceeded quota: no-pods, requested: pods=1, used: pods=0, limited: pods=0'
    assert cluster.messages("FailedCreate") == [f"Create Pod web-0 in StatefulSet web failed error: {told}"]
    cluster.delete("resourcequotas", "no-pods")
    cluster.settle(60)
    assert status(cluster)["readyReplicas"] == 1


def test_a_name_that_is_taken_by_another_template_makes_the_next_revision_name_differ(cluster):
    cluster.apply(web(replicas=0))
    cluster.settle()
    name = cluster.names("controllerrevisions")[0]
    cluster.delete("statefulsets", "web")
    cluster.settle()
    metadata = {"name": name, "labels": {"app": "other"}}
    revision = {"apiVersion": "apps/v1", "kind": "ControllerRevision", "metadata": metadata, "revision": 7}
    cluster.apply({**revision, "data": {"other": 1}})
    cluster.apply(web(replicas=0))
    cluster.settle()
    assert status(cluster)["collisionCount"] == 1
    assert status(cluster)["updateRevision"] != name


def test_a_revision_s_hash_is_the_real_one():
    steps = json.loads((GOLDEN / "statefulset-partition-canary.json").read_text())["steps"]
    revisions = [obj for step in steps for obj in step.get("objects", {}).get("controllerrevisions", ())]
    assert revisions
    for revision in revisions:
        assert revision["metadata"]["name"] == f"web-{revision_hash(revision['data'], 0)}"
