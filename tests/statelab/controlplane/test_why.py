"""The chain of causes, as it is written: one mark for each link, below the link it explains."""

from __future__ import annotations

from statelab.controlplane.controlplane import ControlPlane
from statelab.controlplane.why import Reason, why

DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "shop", "namespace": "there"},
    "spec": {
        "replicas": 1,
        "selector": {"matchLabels": {"app": "shop"}},
        "template": {
            "metadata": {"labels": {"app": "shop"}},
            "spec": {"containers": [{"name": "web", "image": "registry.k8s.io/nginx-slim:0.24"}]},
        },
    },
}
NAMESPACE = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "there"}}


def test_each_link_is_marked_once_and_indented_below_the_one_it_explains():
    last = Reason("deployment/shop", "created", 0.0, 1)
    earlier = Reason("pod/a", "deleted", 0.0, 3)
    chain = Reason("pod/a", "created", 0.0, 4, (earlier, Reason("replicaset/shop-1", "created", 0.0, 2, (last,))))
    assert str(chain).splitlines() == [
        "pod/a   created",
        "  └ pod/a   deleted",
        "  └ replicaset/shop-1   created",
        "      └ deployment/shop   created",
    ]


def test_what_an_earlier_namespace_of_the_name_held_explains_nothing():
    cluster = ControlPlane()
    for _ in range(2):
        cluster.create(NAMESPACE)
        cluster.create(DEPLOYMENT)
        cluster.settle()
        chain = why(cluster.store, "deployments", "there/shop")
        assert chain is not None
        assert chain.because == ()
        cluster.delete("namespaces", "there")
        cluster.settle()


def test_an_object_made_again_in_its_namespace_is_explained_by_the_end_of_the_first():
    cluster = ControlPlane()
    cluster.create(NAMESPACE)
    for _ in range(2):
        cluster.create(DEPLOYMENT)
        cluster.settle()
        chain = why(cluster.store, "deployments", "there/shop")
        cluster.delete("deployments", "there/shop")
        cluster.settle()
    assert chain is not None
    [before] = chain.because
    assert "deleted by you" in before.text


SET = {
    "apiVersion": "apps/v1",
    "kind": "StatefulSet",
    "metadata": {"name": "web", "namespace": "there"},
    "spec": {
        "serviceName": "web",
        "replicas": 1,
        "selector": {"matchLabels": {"app": "web"}},
        "template": DEPLOYMENT["spec"]["template"] | {"metadata": {"labels": {"app": "web"}}},
        "volumeClaimTemplates": [
            {
                "metadata": {"name": "www"},
                "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
            }
        ],
    },
}


def test_a_claim_is_kept_for_a_pods_successor_and_made_for_the_first_however_long_that_took():
    cluster = ControlPlane()
    cluster.create(NAMESPACE)
    quota = {"hard": {"pods": "0"}}
    cluster.create(
        {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "none", "namespace": "there"}, "spec": quota}
    )
    cluster.settle()
    cluster.create(SET)
    cluster.loop.run_for(30.0)  # its claim is there, and no Pod may be made yet
    assert [each["metadata"]["name"] for each in cluster.list("persistentvolumeclaims")] == ["www-web-0"]
    cluster.delete("resourcequotas", "there/none")
    cluster.loop.run_for(120.0)  # it asks again, ever more rarely
    assert "kept since" not in str(why(cluster.store, "pods", "there/web-0"))
    cluster.delete("pods", "there/web-0")
    cluster.settle()
    assert "persistentvolumeclaim/www-web-0   not created: it was there already, kept since" in str(
        why(cluster.store, "pods", "there/web-0")
    )
