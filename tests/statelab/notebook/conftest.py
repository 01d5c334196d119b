"""A cluster in virtual time, its history, and what pictures make of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from statelab.controlplane.controlplane import ControlPlane
from statelab.notebook.pictures.history import History, Moment
from statelab.notebook.pictures.scene import WATCHED


def web(replicas: int = 3, **spec: Any) -> dict[str, Any]:
    container = {"name": "nginx", "image": "nginx:1.27", "volumeMounts": [{"name": "www", "mountPath": "/www"}]}
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": "web"},
        "spec": {
            "serviceName": "nginx",
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [container]}},
            "volumeClaimTemplates": [{"metadata": {"name": "www"}, "spec": claim}],
            **spec,
        },
    }


SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "nginx"},
    "spec": {"clusterIP": "None", "selector": {"app": "web"}, "ports": [{"port": 80}]},
}


@pytest.fixture
def cluster() -> ControlPlane:
    """StatefulSet web of three, each with a claim, and its headless Service: settled."""
    made = ControlPlane(seed=7)
    made.apply(SERVICE, web())
    made.settle()
    return made


@pytest.fixture
def objects_of() -> Callable[[ControlPlane], dict[str, list[Any]]]:
    return lambda cluster: {plural: cluster.list(plural, "" if plural == "nodes" else "default") for plural in WATCHED}


@pytest.fixture
def history_of() -> Callable[[ControlPlane], History]:
    def made(cluster: ControlPlane) -> History:
        return History(
            "default",
            [
                Moment(r.number, r.type, r.plural, r.key, r.object, r.cause.actor, r.cause.why, r.at_s)
                for r in cluster.store.history
            ],
        )

    return made
