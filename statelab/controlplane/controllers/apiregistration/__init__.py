"""The groups that CustomResourceDefinitions make have their APIServices."""

from statelab.controlplane.controllers.apiregistration.controller import CONTROLLER

CONTROLLERS = (CONTROLLER,)
