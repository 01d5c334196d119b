"""What becomes of a CustomResourceDefinition: its names are accepted, its kind is served, its objects go with it."""

from statelab.controlplane.controllers.customresourcedefinition.controller import CONTROLLER

CONTROLLERS = (CONTROLLER,)
