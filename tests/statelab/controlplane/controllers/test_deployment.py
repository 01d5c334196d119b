"""The Deployment controller, by what a user can see."""

from __future__ import annotations

import pytest

from statelab.controlplane.controllers.common.pods import is_ready
from statelab.controlplane.controllers.deployment.scaling import max_surge, max_unavailable


def web(replicas=4, image="nginx:1.27", **spec):
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "nginx"}},
            "template": {
                "metadata": {"labels": {"app": "nginx"}},
                "spec": {"containers": [{"name": "nginx", "image": image}], "terminationGracePeriodSeconds": 1},
            },
            **spec,
        },
    }


def rolling(surge, unavailable):
    return {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}}


def started(cluster, **options):
    cluster.apply(web(**options))
    cluster.settle()
    cluster.events.clear()


def status(cluster):
    return cluster.get("deployments", "web")["status"]


def conditions(cluster):
    return {each["type"]: (each["status"], each["reason"]) for each in status(cluster)["conditions"]}


def replica_set(cluster, image):
    for name in cluster.names("replicasets"):
        found = cluster.get("replicasets", name)
        if found["spec"]["template"]["spec"]["containers"][0]["image"] == image:
            return found
    return None


def revision(obj):
    return obj["metadata"]["annotations"]["deployment.kubernetes.io/revision"]


def sizes(cluster):
    found = {}
    for name in cluster.names("replicasets"):
        each = cluster.get("replicasets", name)
        found[each["spec"]["template"]["spec"]["containers"][0]["image"]] = each["spec"]["replicas"]
    return found


def test_a_new_deployment_makes_one_replicaset_at_full_size(cluster):
    cluster.apply(web())
    cluster.settle()
    made = replica_set(cluster, "nginx:1.27")
    name_hash = made["metadata"]["labels"]["pod-template-hash"]
    assert made["metadata"]["name"] == f"web-{name_hash}"
    assert made["spec"]["selector"] == {"matchLabels": {"app": "nginx", "pod-template-hash": name_hash}}
    assert made["metadata"]["generation"] == 1
    assert made["metadata"]["annotations"] == {
        "deployment.kubernetes.io/desired-replicas": "4",
        "deployment.kubernetes.io/max-replicas": "5",
        "deployment.kubernetes.io/revision": "1",
    }
    assert cluster.messages("ScalingReplicaSet") == [f"Scaled up replica set web-{name_hash} from 0 to 4"]


def test_a_complete_deployment_tells_so_in_upstream_s_words(cluster):
    started(cluster)
    now = status(cluster)
    told = [(each["type"], each["status"], each["reason"], each["message"]) for each in now.pop("conditions")]
    name = cluster.names("replicasets")[0]
    assert told == [
        ("Available", "True", "MinimumReplicasAvailable", "Deployment has minimum availability."),
        ("Progressing", "True", "NewReplicaSetAvailable", f'ReplicaSet "{name}" has successfully progressed.'),
    ]
    assert now == {
        "observedGeneration": 1,
        "replicas": 4,
        "updatedReplicas": 4,
        "readyReplicas": 4,
        "availableReplicas": 4,
        "terminatingReplicas": 0,
    }
    assert cluster.get("deployments", "web")["metadata"]["generation"] == 1


@pytest.mark.parametrize(("surge", "unavailable"), [(1, 0), (0, 1), ("25%", "25%"), (3, 2), ("100%", 0), (0, "50%")])
def test_a_rolling_update_stays_within_max_surge_and_max_unavailable(cluster, surge, unavailable):
    started(cluster, replicas=6, strategy=rolling(surge, unavailable))
    deployment = cluster.get("deployments", "web")
    most, least = 6 + max_surge(deployment), 6 - max_unavailable(deployment)
    seen = []

    def look(_revision):
        pods = [cluster.get("pods", name) for name in cluster.names("pods")]
        living = [pod for pod in pods if "deletionTimestamp" not in pod["metadata"]]
        ready = [pod for pod in living if is_ready(pod)]
        seen.append((len(living), len(ready)))

    cluster.store.subscribe(look)
    cluster.image("deployments", "web", "nginx:1.28")
    cluster.settle()
    assert max(living for living, _ in seen) <= most
    assert min(ready for _, ready in seen) >= least
    assert sizes(cluster) == {"nginx:1.27": 0, "nginx:1.28": 6}


@pytest.mark.parametrize(
    ("surge", "unavailable", "replicas", "expected"),
    [
        ("25%", "25%", 3, (1, 0)),
        ("25%", "25%", 10, (3, 2)),
        (0, "10%", 3, (0, 1)),
        (0, 5, 3, (0, 3)),
        ("1%", 0, 0, (0, 0)),
    ],
)
def test_surge_rounds_up_and_unavailability_down_but_something_must_be_able_to_move(
    surge, unavailable, replicas, expected
):
    deployment = web(replicas=replicas, strategy=rolling(surge, unavailable))
    assert (max_surge(deployment), max_unavailable(deployment)) == expected


def test_recreate_never_has_pods_of_both_templates(cluster):
    started(cluster, strategy={"type": "Recreate"})
    images = set()

    def look(_revision):
        running = {
            cluster.get("pods", name)["spec"]["containers"][0]["image"]
            for name in cluster.names("pods")
            if cluster.get("pods", name)["status"].get("phase") in ("Pending", "Running")
        }
        images.add(frozenset(running))

    cluster.store.subscribe(look)
    cluster.image("deployments", "web", "nginx:1.28")
    cluster.settle()
    assert frozenset({"nginx:1.27", "nginx:1.28"}) not in images
    assert status(cluster)["updatedReplicas"] == status(cluster)["availableReplicas"] == 4
    assert [message.split()[1] for message in cluster.messages("ScalingReplicaSet")] == ["down", "up"]


def test_going_back_gives_the_old_replicaset_the_next_revision_and_remembers_the_former(cluster):
    started(cluster)
    for image in ("nginx:1.28", "nginx:1.27"):
        cluster.image("deployments", "web", image)
        cluster.settle()
    back = replica_set(cluster, "nginx:1.27")
    assert revision(back) == revision(cluster.get("deployments", "web")) == "3"
    assert back["metadata"]["annotations"]["deployment.kubernetes.io/revision-history"] == "1"
    assert back["spec"]["replicas"] == 4


def test_the_deployment_s_annotations_reach_its_new_replicaset_but_not_kubectl_s(cluster):
    deployment = web()
    deployment["metadata"]["annotations"] = {
        "kubernetes.io/change-cause": "first",
        "kubectl.kubernetes.io/last-applied-configuration": "{}",
    }
    cluster.apply(deployment)
    cluster.settle()
    annotations = replica_set(cluster, "nginx:1.27")["metadata"]["annotations"]
    assert annotations["kubernetes.io/change-cause"] == "first"
    assert "kubectl.kubernetes.io/last-applied-configuration" not in annotations


def test_old_replicasets_beyond_the_limit_are_deleted(cluster):
    started(cluster, revisionHistoryLimit=1)
    for tag in ("1.28", "1.29", "1.30"):
        cluster.image("deployments", "web", f"nginx:{tag}")
        cluster.settle()
    assert sorted(sizes(cluster)) == ["nginx:1.29", "nginx:1.30"]


def test_a_paused_deployment_scales_but_does_not_roll_out(cluster):
    started(cluster)
    cluster.patch("deployments", "web", paused=True)
    cluster.image("deployments", "web", "nginx:1.28")
    cluster.patch("deployments", "web", replicas=6)
    cluster.settle()
    assert sizes(cluster) == {"nginx:1.27": 6}
    assert conditions(cluster)["Progressing"] == ("Unknown", "DeploymentPaused")
    cluster.patch("deployments", "web", paused=False)
    cluster.settle()
    assert sizes(cluster) == {"nginx:1.27": 0, "nginx:1.28": 6}
    assert conditions(cluster)["Progressing"] == ("True", "NewReplicaSetAvailable")


def test_scaling_during_a_rollout_is_shared_in_proportion(cluster):
    """The example of the documentation: 10 Pods, maxSurge 3, maxUnavailable 2, a stuck rollout, then 15."""
    started(cluster, replicas=10, strategy=rolling(3, 2))
    cluster.image("deployments", "web", "nginx:no-such-tag")
    cluster.settle()
    assert sizes(cluster) == {"nginx:1.27": 8, "nginx:no-such-tag": 5}
    cluster.patch("deployments", "web", replicas=15)
    cluster.settle()
    assert sizes(cluster) == {"nginx:1.27": 11, "nginx:no-such-tag": 7}


def test_unhealthy_old_pods_go_first_so_that_a_good_rollout_passes_a_broken_one(cluster):
    started(cluster, strategy=rolling(1, 0))
    cluster.image("deployments", "web", "nginx:no-such-tag")
    cluster.settle()
    assert sizes(cluster) == {"nginx:1.27": 4, "nginx:no-such-tag": 1}
    cluster.image("deployments", "web", "nginx:1.28")
    cluster.settle()
    assert sizes(cluster) == {"nginx:1.27": 0, "nginx:no-such-tag": 0, "nginx:1.28": 4}


def test_a_rollout_without_progress_is_told_when_the_deadline_has_passed(cluster):
    started(cluster, progressDeadlineSeconds=30)
    cluster.image("deployments", "web", "nginx:no-such-tag")
    cluster.settle(20)
    assert conditions(cluster)["Progressing"] == ("True", "ReplicaSetUpdated")
    cluster.settle(20)
    told = next(each for each in status(cluster)["conditions"] if each["type"] == "Progressing")
    name = replica_set(cluster, "nginx:no-such-tag")["metadata"]["name"]
    assert (told["status"], told["reason"]) == ("False", "ProgressDeadlineExceeded")
    assert told["message"] == f'ReplicaSet "{name}" has timed out progressing.'


def test_too_few_available_pods_are_told(cluster):
    started(cluster, image="nginx:no-such-tag")
    assert conditions(cluster)["Available"] == ("False", "MinimumReplicasUnavailable")
    assert status(cluster)["unavailableReplicas"] == 4


def test_an_orphaned_replicaset_of_the_same_template_is_adopted(cluster):
    started(cluster)
    name = cluster.names("replicasets")[0]
    cluster.change("replicasets", name, lambda each: each["metadata"].pop("ownerReferences"))
    cluster.settle()
    assert cluster.names("replicasets") == [name]
    assert cluster.get("replicasets", name)["metadata"]["ownerReferences"][0]["name"] == "web"


def test_a_taken_name_is_a_collision_and_the_next_try_takes_another(cluster):
    started(cluster)
    name = cluster.names("replicasets")[0]
    cluster.delete("deployments", "web", propagationPolicy="Orphan")
    cluster.settle()
    taken = cluster.get("replicasets", name)

    def someone_else_s(each):
        each["metadata"]["labels"] = {"app": "other"}
        each["metadata"].pop("ownerReferences", None)

    cluster.change("replicasets", name, someone_else_s)
    cluster.apply(web())
    cluster.settle()
    assert status(cluster)["collisionCount"] == 1
    assert len(cluster.names("replicasets")) == 2
    assert cluster.get("replicasets", name)["metadata"]["uid"] == taken["metadata"]["uid"]


def test_scaling_to_zero_and_back_keeps_one_replicaset(cluster):
    started(cluster)
    for replicas in (0, 3):
        cluster.patch("deployments", "web", replicas=replicas)
        cluster.settle()
        assert sizes(cluster) == {"nginx:1.27": replicas}
    assert status(cluster)["availableReplicas"] == 3
