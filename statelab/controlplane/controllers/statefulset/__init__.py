"""The StatefulSet controller: `controller.reconcile`."""

from __future__ import annotations

from statelab.controlplane.controllers.statefulset import controller

CONTROLLERS = (controller.CONTROLLER,)
