"""ClusterRoles that gather the rules of others, by label."""

from statelab.controlplane.controllers.clusterroleaggregation.controller import CONTROLLER

CONTROLLERS = (CONTROLLER,)
