"""kube-controller-manager's controllers: each watches some kinds, and makes one object right at a time."""

from __future__ import annotations

from statelab.controlplane.controllers import deployment, disruption, replicaset, statefulset
from statelab.controlplane.manager import Controller

CONTROLLERS: tuple[Controller, ...] = (
    deployment.CONTROLLER,
    disruption.CONTROLLER,
    replicaset.CONTROLLER,
    statefulset.CONTROLLER,
)
