"""ResourceClaims: made of their templates for Pods, kept for as long as a Pod uses them, freed afterwards."""

from statelab.controlplane.controllers.resourceclaim.controller import CONTROLLER

CONTROLLERS = (CONTROLLER,)
