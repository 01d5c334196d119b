"""An embedded Kubernetes: API server, controllers, scheduler, kubelets and DNS in one process, on simulated time.

>>> from statelab.controlplane import ControlPlane
>>> cluster = ControlPlane()
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from statelab.controlplane.controlplane import ControlPlane

__all__ = ["ControlPlane"]


def __getattr__(name: str) -> Any:
    # On demand, so that a part (a selector, a quantity) can be used without putting together the whole.
    if name == "ControlPlane":
        from statelab.controlplane.controlplane import ControlPlane

        return ControlPlane
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
