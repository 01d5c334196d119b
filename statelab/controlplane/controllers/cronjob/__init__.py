"""The CronJob controller: `controller.reconcile`."""

from __future__ import annotations

from statelab.controlplane.controllers.cronjob import controller

CONTROLLERS = (controller.CONTROLLER,)
