"""Claims and volumes: binding, provisioning, growing, protecting and reclaiming them."""

from __future__ import annotations

from statelab.controlplane.controllers.volume import controller, expansion, localpath, protection

CONTROLLERS = (controller.CONTROLLER, expansion.CONTROLLER, localpath.CONTROLLER, protection.CLAIMS, protection.VOLUMES)
