"""FlowSchemas that lead to nowhere are told, and those that every cluster has come back."""

from statelab.controlplane.controllers.flowcontrol.controller import CONTROLLER

CONTROLLERS = (CONTROLLER,)
