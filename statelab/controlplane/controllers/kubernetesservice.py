"""The Service `default/kubernetes` and its endpoints, which the API server itself makes again when they are deleted.

Source: pkg/controlplane/controller/kubernetesservice/controller.go (which looks every ten seconds).
"""

from __future__ import annotations

from collections.abc import Iterable

from statelab.controlplane.bootstrap import kubernetes_service
from statelab.controlplane.errors import ApiError
from statelab.controlplane.kinds import Object
from statelab.controlplane.manager import Controller
from statelab.controlplane.store import Revision
from statelab.controlplane.view import View

_KEY = "default/kubernetes"
_PLURALS = ("services", "endpoints", "endpointslices")


def reconcile(key: str, view: View) -> float | None:
    """Create whichever of the three is missing."""
    for plural, wished in zip(_PLURALS, kubernetes_service(_address(view)), strict=True):
        if view.get(plural, key) is None:
            try:
                view.create(plural, wished, why="the API server wants to be found in the cluster")
            except ApiError as error:
                if error.code != 409:
                    raise
    return None


def _address(view: View) -> str:
    """Where the API server runs: on the first node."""
    nodes: list[Object] = sorted(view.list("nodes"), key=lambda node: int(node["metadata"]["resourceVersion"]))
    control_plane = "node-role.kubernetes.io/control-plane"
    chosen = next((each for each in nodes if control_plane in (each["metadata"].get("labels") or {})), None)
    addresses = (chosen or {}).get("status", {}).get("addresses") or ()
    return next((str(each["address"]) for each in addresses if each["type"] == "InternalIP"), "127.0.0.1")


def _on_change(revision: Revision, view: View) -> Iterable[str]:
    return (_KEY,) if revision.type == "DELETED" and revision.key == _KEY else ()


CONTROLLER = Controller(
    name="apiserver",
    reconcile=reconcile,
    watches=dict.fromkeys(_PLURALS, _on_change),
    latency_s=5.0,
)
CONTROLLERS = (CONTROLLER,)
