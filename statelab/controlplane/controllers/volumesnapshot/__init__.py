"""Snapshots of volumes: their definitions, the snapshot-controller, and what the driver's sidecar does."""

from __future__ import annotations

from statelab.controlplane.controllers.volumesnapshot import controller, definitions, sidecar

CONTROLLERS = (definitions.CONTROLLER, controller.CONTROLLER, sidecar.CONTROLLER)
