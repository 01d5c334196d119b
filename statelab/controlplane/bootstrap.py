"""What a fresh cluster holds before anyone touches it: as kind leaves it."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path

from statelab.controlplane.apiserver.authorization import default_roles, rbac
from statelab.controlplane.apiserver.registry import apiservices
from statelab.controlplane.apiserver.registry.service_ips import SUBNET
from statelab.controlplane.apiserver.validation import flowcontrol_default
from statelab.controlplane.apiserver.validation.addresses import default_range, range_status
from statelab.controlplane.apiserver.validation.apiservices import new_status
from statelab.controlplane.apiserver.validation.priorityclasses import system_classes
from statelab.controlplane.clock import timestamp
from statelab.controlplane.kinds import Object, key_of, uid_of
from statelab.controlplane.kubelet.nodes import csi_node
from statelab.controlplane.p256 import Key
from statelab.controlplane.store import Placed, Store
from statelab.controlplane.view import View

NODES = ("kind-control-plane", "kind-worker", "kind-worker2")
_WHY = "every new cluster has it"


def bootstrap(view: View, api_server_ip: str) -> None:
    """Create the namespaces, the StorageClass, the PriorityClasses and the Services of an empty cluster.

    Nodes register themselves.
    """
    for name in ("default", "kube-node-lease", "kube-public", "kube-system"):
        view.create("namespaces", {"metadata": {"name": name}}, why=_WHY)
    view.create("storageclasses", _storage_class(), why=_WHY)
    for each in system_classes():
        view.create("priorityclasses", each, why=_WHY)
    service, endpoints, endpoint_slice = kubernetes_service(api_server_ip)
    view.create("services", service, why=_WHY)
    view.create("services", _dns_service(), why=_WHY)
    view.create("endpoints", endpoints, why=_WHY)
    view.create("endpointslices", endpoint_slice, why=_WHY)


def bootstrap_roles(view: View, store: Store, dice: random.Random | None) -> None:
    """The default roles and their bindings: made in a new cluster (`dice` are its own), mended in one that comes back.

    A cluster that is kept on disk has them at once. In memory they are made when somebody first looks at a role: making
    them takes longer than all else at the start of a cluster, and most trials never ask.
    """
    if store.log is None and dice is not None:
        first, salt, now = store.reserve(default_roles.COUNT), dice.getrandbits(128), timestamp(view.now_s)
        store.later(rbac.KINDS, default_roles.NAMESPACES, lambda: _roles(first, salt, now))
        return
    for plural, default in default_roles.objects():
        found = view.get(plural, key_of(default))
        if found is None:
            view.create(plural, default, why=_WHY)
        elif found.get("roleRef") != default.get("roleRef"):
            view.delete(plural, found, why="a default binding is of its own role")
            view.create(plural, default, why=_WHY)
        elif (whole := default_roles.mended(found, default)) is not None:
            view.update(plural, whole, why="a default role has at least the rights it came with")


def _roles(first: int, salt: int, now: str) -> Iterator[Placed]:
    for number, (plural, default) in enumerate(default_roles.objects(), first):
        own = {"uid": uid_of(salt, number), "resourceVersion": str(number), "creationTimestamp": now}
        yield plural, key_of(default), {**default, "metadata": {**default["metadata"], **own}}


def bootstrap_flows(view: View, store: Store, dice: random.Random | None) -> None:
    """The FlowSchemas and priority levels of a new cluster (`dice` are its own), as the roles: when somebody looks."""
    if dice is None:
        return
    now = timestamp(view.now_s)
    if store.log is not None:
        for plural, default in flowcontrol_default.objects(now):
            view.create(plural, default, why=_WHY)
        return
    salt = dice.getstate()[1][0]  # looked at, not drawn: what comes later stays as it is
    plurals = (flowcontrol_default.SCHEMAS, flowcontrol_default.LEVELS)
    store.later(plurals, [""], lambda: _flows(store, salt, now))


def _flows(store: Store, salt: object, now: str) -> Iterator[Placed]:
    made = flowcontrol_default.objects(now)
    for number, (plural, default) in enumerate(made, store.reserve(len(made))):
        name = default["metadata"]["name"]
        own = {"uid": uid_of(salt, plural, name), "resourceVersion": str(number), "creationTimestamp": now}
        yield plural, name, {**default, "metadata": {**default["metadata"], **own}}


def bootstrap_csi_nodes(store: Store, dice: random.Random | None) -> None:
    """The CSINodes of a new cluster, as the roles; where it is kept on disk, its kubelets make them at once."""
    if dice is not None and store.log is None:
        salt = dice.getstate()[1][0]
        store.later(["csinodes"], [""], lambda: _csi_nodes(store, salt))


def _csi_nodes(store: Store, salt: object) -> Iterator[Placed]:
    nodes = store.list("nodes")
    for number, node in enumerate(nodes, store.reserve(len(nodes))):
        made, name = csi_node(node), node["metadata"]["name"]
        own = {"uid": uid_of(salt, "csinodes", name), "resourceVersion": str(number)}
        own["creationTimestamp"] = node["metadata"]["creationTimestamp"]
        yield "csinodes", name, {**made, "metadata": {**made["metadata"], **own}}


def bootstrap_range(view: View, store: Store) -> None:
    """The ServiceCIDR of every cluster: in memory made when somebody looks, as the roles."""
    default, now = default_range(str(SUBNET)), timestamp(view.now_s)
    if store.log is None:
        store.later(["servicecidrs"], [""], lambda: _range(store, default, now))
    elif store.get("servicecidrs", default["metadata"]["name"]) is None:
        view.create("servicecidrs", default, why=_WHY)


def _range(store: Store, default: Object, now: str) -> Iterator[Placed]:
    name = default["metadata"]["name"]
    own = {"uid": uid_of("servicecidrs", name, now), "resourceVersion": str(store.reserve(1)), "creationTimestamp": now}
    made = {**default, "metadata": {**default["metadata"], **own}}
    yield "servicecidrs", name, {**made, "status": range_status(made)}


def bootstrap_api_services(view: View, store: Store) -> None:
    """An APIService for each group and version that is served: in memory made when somebody looks, as the roles.

    Those that are missing when a cluster comes back are made again.
    """
    if store.log is not None:
        for each in apiservices.own():
            if store.get(apiservices.PLURAL, each["metadata"]["name"]) is None:
                view.create(apiservices.PLURAL, each, why=_WHY)
    else:
        now = timestamp(view.now_s)
        store.later([apiservices.PLURAL], [""], lambda: _api_services(store, now))


def _api_services(store: Store, now: str) -> Iterator[Placed]:
    made = apiservices.own()
    for definition in store.list("customresourcedefinitions"):
        made += apiservices.of_definition(definition)
    for number, each in enumerate(made, store.reserve(len(made))):
        name = each["metadata"]["name"]
        own = {"uid": uid_of(apiservices.PLURAL, name, now), "resourceVersion": str(number), "creationTimestamp": now}
        whole = {**each, "metadata": {**each["metadata"], **own}}
        yield apiservices.PLURAL, name, {**whole, "status": new_status(whole)}


def signing_key(state: Path | None, seed: int, *, is_virtual: bool) -> Key:
    """The key that signs the tokens of ServiceAccounts: kept with what survives, for its owner alone.

    A cluster in virtual time, which nobody else reaches, has the same key each time, and so the same history.
    """
    if state is None:
        return Key.of_seed(f"statelab/{seed}") if is_virtual else Key.new()
    path = state / "service-account.key"
    try:
        return Key(int(path.read_text(), 16))
    except (OSError, ValueError):
        key = Key.new()
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(f"{key.secret:064x}")
    return key


def kubernetes_service(api_server_ip: str) -> tuple[Object, Object, Object]:
    """What kube-apiserver writes of itself, so that the Service in every Pod's environment leads somewhere.

    The Service, its Endpoints and its EndpointSlice.
    """
    return _kubernetes_service(), _kubernetes_endpoints(api_server_ip), _kubernetes_slice(api_server_ip)


def _storage_class() -> Object:
    return {
        "metadata": {
            "name": "standard",
            "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
        },
        "provisioner": "rancher.io/local-path",
        "reclaimPolicy": "Delete",
        "volumeBindingMode": "WaitForFirstConsumer",
    }


def _kubernetes_service() -> Object:
    return {
        "metadata": {
            "name": "kubernetes",
            "namespace": "default",
            "labels": {"component": "apiserver", "provider": "kubernetes"},
        },
        "spec": {
            "clusterIP": "10.96.0.1",
            "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": 6443}],
        },
    }


def _kubernetes_endpoints(ip: str) -> Object:
    return {
        "metadata": {
            "name": "kubernetes",
            "namespace": "default",
            "labels": {"endpointslice.kubernetes.io/skip-mirror": "true"},
        },
        "subsets": [{"addresses": [{"ip": ip}], "ports": [{"name": "https", "port": 6443, "protocol": "TCP"}]}],
    }


def _kubernetes_slice(ip: str) -> Object:
    return {
        "metadata": {
            "name": "kubernetes",
            "namespace": "default",
            "labels": {"kubernetes.io/service-name": "kubernetes"},
        },
        "addressType": "IPv4",
        "endpoints": [{"addresses": [ip], "conditions": {"ready": True}}],
        "ports": [{"name": "https", "port": 6443, "protocol": "TCP"}],
    }


def _dns_service() -> Object:
    labels = {"k8s-app": "kube-dns", "kubernetes.io/cluster-service": "true", "kubernetes.io/name": "CoreDNS"}
    return {
        "metadata": {"name": "kube-dns", "namespace": "kube-system", "labels": labels},
        "spec": {
            "clusterIP": "10.96.0.10",
            "ports": [
                {"name": "dns", "port": 53, "protocol": "UDP", "targetPort": 53},
                {"name": "dns-tcp", "port": 53, "protocol": "TCP", "targetPort": 53},
            ],
            # No selector: DNS is part of the control plane here, not a Pod.
        },
    }
