"""What a fresh cluster holds before anyone touches it: as kind leaves it."""

from __future__ import annotations

from statelab.controlplane.kinds import Object
from statelab.controlplane.view import View

NODES = ("kind-control-plane", "kind-worker", "kind-worker2")
_WHY = "every new cluster has it"


def bootstrap(view: View, api_server_ip: str) -> None:
    """Create the namespaces, the StorageClass and the Services of an empty cluster. Nodes register themselves."""
    for name in ("default", "kube-node-lease", "kube-public", "kube-system"):
        view.create("namespaces", {"metadata": {"name": name}}, why=_WHY)
    view.create("storageclasses", _storage_class(), why=_WHY)
    service, endpoints, endpoint_slice = kubernetes_service(api_server_ip)
    view.create("services", service, why=_WHY)
    view.create("services", _dns_service(), why=_WHY)
    view.create("endpoints", endpoints, why=_WHY)
    view.create("endpointslices", endpoint_slice, why=_WHY)


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
