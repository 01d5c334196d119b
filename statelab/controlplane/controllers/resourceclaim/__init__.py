"""ResourceClaims: made of templates for Pods, kept while a Pod uses them, freed afterwards; failed devices evict."""

from statelab.controlplane.controllers.resourceclaim import controller, eviction

CONTROLLERS = (controller.CONTROLLER, eviction.CONTROLLER)
