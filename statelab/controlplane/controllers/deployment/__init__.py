"""The Deployment controller: `controller.reconcile`."""

from __future__ import annotations

from statelab.controlplane.controllers.deployment import controller

CONTROLLERS = (controller.CONTROLLER,)
