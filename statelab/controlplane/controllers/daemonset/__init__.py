"""The DaemonSet controller: `controller.reconcile`."""

from __future__ import annotations

from statelab.controlplane.controllers.daemonset import controller

CONTROLLERS = (controller.CONTROLLER,)
