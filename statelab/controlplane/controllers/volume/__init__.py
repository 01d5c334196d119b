"""Claims and volumes: binding, provisioning, growing, protecting and reclaiming them."""

from __future__ import annotations

from statelab.controlplane.controllers.volume import (
    controller,
    expansion,
    hostpath,
    localpath,
    protection,
    resizing,
)

CONTROLLERS = (
    controller.CONTROLLER,
    expansion.CONTROLLER,
    localpath.CONTROLLER,
    hostpath.CONTROLLER,
    resizing.CONTROLLER,
    protection.CLAIMS,
    protection.VOLUMES,
)
