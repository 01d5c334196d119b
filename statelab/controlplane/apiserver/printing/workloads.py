"""Workloads, their revisions and Scales: rows of a table. Source: pkg/printers/internalversion/printers.go."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from statelab.controlplane.apiserver.printing.cells import (
    AGE,
    CONTAINERS,
    IMAGES,
    NAME,
    Printer,
    Since,
    age,
    containers,
    name,
    part,
)
from statelab.controlplane.kinds import Object
from statelab.controlplane.labels import selector_text

_APPS = "io.k8s.api.apps.v1."
_CORE = "io.k8s.api.core.v1."
_READY = ("Ready", "string", 0, "Number of the pod with ready state")


def _deployment(obj: Object, since: Since) -> list[Any]:
    spec, status = part(obj, "spec"), part(obj, "status")
    return [
        name(obj),
        f"{status.get('readyReplicas', 0)}/{spec.get('replicas', 0)}",
        status.get("updatedReplicas", 0),
        status.get("availableReplicas", 0),
        age(obj, since),
        *containers(obj),
        selector_text(spec.get("selector")),
    ]


def _replica_set(obj: Object, since: Since) -> list[Any]:
    spec, status = part(obj, "spec"), part(obj, "status")
    return [
        name(obj),
        spec.get("replicas", 0),
        status.get("replicas", 0),
        status.get("readyReplicas", 0),
        age(obj, since),
        *containers(obj),
        selector_text(spec.get("selector")) or "<none>",
    ]


def _replication_controller(obj: Object, since: Since) -> list[Any]:
    spec = part(obj, "spec")
    return [*_replica_set({**obj, "spec": {**spec, "selector": None}}, since)[:-1], map_text(spec.get("selector"))]


def _daemon_set(obj: Object, since: Since) -> list[Any]:
    spec, status = part(obj, "spec"), part(obj, "status")
    counts = ("desiredNumberScheduled", "currentNumberScheduled", "numberReady", "updatedNumberScheduled")
    node_selector = part(part(spec, "template"), "spec").get("nodeSelector")
    return [
        name(obj),
        *(status.get(count, 0) for count in (*counts, "numberAvailable")),
        map_text(node_selector),
        age(obj, since),
        *containers(obj),
        selector_text(spec.get("selector")),
    ]


def map_text(labels: Mapping[str, str] | None) -> str:
    """Labels as a cell shows them (labels.FormatLabels)."""
    return ",".join(f"{key}={value}" for key, value in sorted((labels or {}).items())) or "<none>"


def _stateful_set(obj: Object, since: Since) -> list[Any]:
    spec, status = part(obj, "spec"), part(obj, "status")
    ready = f"{status.get('readyReplicas', 0)}/{spec.get('replicas', 0)}"
    return [name(obj), ready, age(obj, since), *containers(obj)]


def _controller_revision(obj: Object, since: Since) -> list[Any]:
    owner = next((each for each in obj["metadata"].get("ownerReferences") or () if each.get("controller")), None)
    controller = "<none>"
    if owner is not None:
        group = owner["apiVersion"].rpartition("/")[0]
        kind = owner["kind"].lower()
        controller = f"{kind}.{group}/{owner['name']}" if group else f"{kind}/{owner['name']}"
    return [name(obj), controller, obj.get("revision", 0), age(obj, since)]


def _scale(obj: Object, since: Since) -> list[Any]:
    replicas = [part(obj, each).get("replicas", 0) for each in ("spec", "status")]
    return [name(obj), *replicas, age(obj, since)]


PRINTERS = {
    "replicationcontrollers": Printer(
        (
            NAME,
            ("Desired", "integer", 0, _CORE + "ReplicationControllerSpec#replicas"),
            ("Current", "integer", 0, _CORE + "ReplicationControllerStatus#replicas"),
            ("Ready", "integer", 0, _CORE + "ReplicationControllerStatus#readyReplicas"),
            AGE,
            CONTAINERS,
            IMAGES,
            ("Selector", "string", 1, _CORE + "ReplicationControllerSpec#selector"),
        ),
        _replication_controller,
    ),
    "daemonsets": Printer(
        (
            NAME,
            ("Desired", "integer", 0, _APPS + "DaemonSetStatus#desiredNumberScheduled"),
            ("Current", "integer", 0, _APPS + "DaemonSetStatus#currentNumberScheduled"),
            ("Ready", "integer", 0, _APPS + "DaemonSetStatus#numberReady"),
            ("Up-to-date", "integer", 0, _APPS + "DaemonSetStatus#updatedNumberScheduled"),
            ("Available", "integer", 0, _APPS + "DaemonSetStatus#numberAvailable"),
            ("Node Selector", "string", 0, _CORE + "PodSpec#nodeSelector"),
            AGE,
            CONTAINERS,
            IMAGES,
            ("Selector", "string", 1, _APPS + "DaemonSetSpec#selector"),
        ),
        _daemon_set,
    ),
    "deployments": Printer(
        (
            NAME,
            _READY,
            ("Up-to-date", "string", 0, _APPS + "DeploymentStatus#updatedReplicas"),
            ("Available", "string", 0, _APPS + "DeploymentStatus#availableReplicas"),
            AGE,
            CONTAINERS,
            IMAGES,
            ("Selector", "string", 1, _APPS + "DeploymentSpec#selector"),
        ),
        _deployment,
    ),
    "replicasets": Printer(
        (
            NAME,
            ("Desired", "integer", 0, _APPS + "ReplicaSetSpec#replicas"),
            ("Current", "integer", 0, _APPS + "ReplicaSetStatus#replicas"),
            ("Ready", "integer", 0, _APPS + "ReplicaSetStatus#readyReplicas"),
            AGE,
            CONTAINERS,
            IMAGES,
            ("Selector", "string", 1, _APPS + "ReplicaSetSpec#selector"),
        ),
        _replica_set,
    ),
    "statefulsets": Printer((NAME, _READY, AGE, CONTAINERS, IMAGES), _stateful_set),
    "controllerrevisions": Printer(
        (
            NAME,
            ("Controller", "string", 0, "Controller of the object"),
            ("Revision", "string", 0, _APPS + "ControllerRevision#revision"),
            AGE,
        ),
        _controller_revision,
    ),
    "scales": Printer(
        (
            NAME,
            ("Desired", "integer", 0, "io.k8s.api.autoscaling.v1.ScaleSpec#replicas"),
            ("Available", "integer", 0, "io.k8s.api.autoscaling.v1.ScaleStatus#replicas"),
            AGE,
        ),
        _scale,
    ),
}
