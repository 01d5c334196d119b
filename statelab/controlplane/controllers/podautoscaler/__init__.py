"""HorizontalPodAutoscalers on a cluster that has no metrics."""

from statelab.controlplane.controllers.podautoscaler.controller import CONTROLLER

CONTROLLERS = (CONTROLLER,)
