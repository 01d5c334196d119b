"""The Job controller: `controller.reconcile`."""

from __future__ import annotations

from statelab.controlplane.controllers.job import controller, orphans, ttl

CONTROLLERS = (controller.CONTROLLER, orphans.CONTROLLER, ttl.CONTROLLER)
