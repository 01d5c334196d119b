"""kube-controller-manager's controllers: each watches some kinds, and makes one object right at a time."""

from __future__ import annotations

from statelab.controlplane.controllers import disruption, garbagecollector, kubernetesservice, namespace, resourcequota
from statelab.controlplane.controllers.deployment import controller as deployment
from statelab.controlplane.controllers.endpoints import controller as endpoints
from statelab.controlplane.controllers.endpoints import mirroring as endpointslicemirroring
from statelab.controlplane.controllers.endpoints import slices as endpointslice
from statelab.controlplane.controllers.node import lifecycle as nodelifecycle
from statelab.controlplane.controllers.node import podgc, tainteviction
from statelab.controlplane.controllers.replicaset import controller as replicaset
from statelab.controlplane.controllers.serviceaccount import accounts as serviceaccount
from statelab.controlplane.controllers.serviceaccount import tokens
from statelab.controlplane.controllers.statefulset import controller as statefulset
from statelab.controlplane.controllers.volume import controller as volume
from statelab.controlplane.controllers.volume import expansion as volumeexpansion
from statelab.controlplane.controllers.volume import localpath
from statelab.controlplane.controllers.volume import protection as volumeprotection
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
