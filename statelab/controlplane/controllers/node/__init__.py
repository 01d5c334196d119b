"""What becomes of Pods when a node is lost, tainted or gone."""

from __future__ import annotations

from statelab.controlplane.controllers.node import lifecycle, podgc, tainteviction

CONTROLLERS = (lifecycle.CONTROLLER, podgc.CONTROLLER, tainteviction.CONTROLLER)
