"""The ReplicaSet controller: `controller.reconcile`."""

from __future__ import annotations

from statelab.controlplane.controllers.replicaset import controller

CONTROLLERS = (controller.CONTROLLER, controller.REPLICATION)
