"""What is doubtful in ValidatingAdmissionPolicies, told in their status."""

from statelab.controlplane.controllers.validatingadmissionpolicystatus.controller import CONTROLLER

CONTROLLERS = (CONTROLLER,)
