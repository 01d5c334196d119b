"""Endpoints and EndpointSlices: which addresses a Service leads to."""

from __future__ import annotations

from statelab.controlplane.controllers.endpoints import controller, mirroring, slices

CONTROLLERS = (controller.CONTROLLER, slices.CONTROLLER, mirroring.CONTROLLER)
