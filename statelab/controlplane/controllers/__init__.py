"""kube-controller-manager's controllers: each watches some kinds, and makes one object right at a time."""

from __future__ import annotations

from statelab.controlplane.controllers import (
    deployment,
    disruption,
    endpoints,
    endpointslice,
    endpointslicemirroring,
    garbagecollector,
    kubernetesservice,
    localpath,
    namespace,
    nodelifecycle,
    podgc,
    replicaset,
    resourcequota,
    serviceaccount,
    statefulset,
    tainteviction,
    tokens,
    volume,
    volumeexpansion,
    volumeprotection,
)
from statelab.controlplane.manager import Controller

CONTROLLERS: tuple[Controller, ...] = (
    deployment.CONTROLLER,
    disruption.CONTROLLER,
    endpoints.CONTROLLER,
    endpointslice.CONTROLLER,
    endpointslicemirroring.CONTROLLER,
    garbagecollector.CONTROLLER,
    kubernetesservice.CONTROLLER,
    localpath.CONTROLLER,
    namespace.CONTROLLER,
    nodelifecycle.CONTROLLER,
    podgc.CONTROLLER,
    replicaset.CONTROLLER,
    resourcequota.CONTROLLER,
    serviceaccount.ACCOUNTS,
    serviceaccount.CERTIFICATES,
    statefulset.CONTROLLER,
    tainteviction.CONTROLLER,
    tokens.CONTROLLER,
    volume.CONTROLLER,
    volumeexpansion.CONTROLLER,
    volumeprotection.CLAIMS,
    volumeprotection.VOLUMES,
)
