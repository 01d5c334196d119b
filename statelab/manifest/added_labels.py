"""The labels that a Pod has beside those of its template: its controller adds them, and a selector may ask for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from statelab.reader import Item

POD_NAME = "statefulset.kubernetes.io/pod-name"
_MOST_PODS = 1000


def pod_names(item: Item) -> list[str]:
    """The names of a StatefulSet's Pods, in order; of a very large one the first."""
    return [f"{item.name}-{ordinal}" for ordinal in _ordinals(item)]


def selects(selector: Mapping[Any, Any], item: Item, template: Mapping[str, Any]) -> bool:
    """Whether a selector takes a Pod that this object makes: by its template's labels, or by those that are added."""
    metadata = template.get("metadata")
    labels = metadata.get("labels") if isinstance(metadata, Mapping) else None
    written = labels if isinstance(labels, Mapping) else {}
    added = _ADDED.get(item.kind, {})
    return all(
        written[key] == value if key in written else key in added and isinstance(value, str) and added[key](item, value)
        for key, value in selector.items()
    )


def _ordinals(item: Item) -> range:
    spec = item.object.get("spec")
    spec = spec if isinstance(spec, Mapping) else {}
    ordinals = spec.get("ordinals")
    start = ordinals.get("start", 0) if isinstance(ordinals, Mapping) else 0
    replicas = spec.get("replicas", 1)
    if not (isinstance(start, int) and isinstance(replicas, int)):
        return range(0)
    return range(start, start + min(max(replicas, 0), _MOST_PODS))


def _is_pods_name(item: Item, value: str) -> bool:
    return value in pod_names(item)


def _is_ordinal(item: Item, value: str) -> bool:
    return value in map(str, _ordinals(item))


def _is_revision(item: Item, value: str) -> bool:
    return value.startswith(f"{item.name}-")


def _is_any(item: Item, value: str) -> bool:
    return True


def _is_own_name(item: Item, value: str) -> bool:
    return value == item.name


# By the kind of the controller. What only the cluster will know (a hash, a uid) is taken for right.
_ADDED: dict[str, dict[str, Callable[[Item, str], bool]]] = {
    "StatefulSet": {
        POD_NAME: _is_pods_name,
        "apps.kubernetes.io/pod-index": _is_ordinal,
        "controller-revision-hash": _is_revision,
    },
    "Deployment": {"pod-template-hash": _is_any},
    "DaemonSet": {"controller-revision-hash": _is_any, "pod-template-generation": _is_any},
    "Job": {
        "batch.kubernetes.io/job-name": _is_own_name,
        "job-name": _is_own_name,
        "batch.kubernetes.io/controller-uid": _is_any,
        "controller-uid": _is_any,
        "batch.kubernetes.io/job-completion-index": _is_any,
    },
}
