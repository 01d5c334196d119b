"""Defaulting: what the API server fills in before it looks any further.

`apply` changes a private copy in place. Source: pkg/apis/*/v1/defaults.go.
"""

from __future__ import annotations

import base64
from typing import Any

from statelab.controlplane.apiserver.encoding import decoding
from statelab.controlplane.apiserver.registry import defaults_pods
from statelab.controlplane.kinds import KINDS, Object

Fields = dict[str, Any]


def apply(plural: str, obj: Object) -> None:
    """Fill in the defaults of one object of that kind, Pod templates and claim templates included."""
    apply_one = _DEFAULTS.get(plural)
    if apply_one is not None:
        apply_one(obj)


def empty_status(plural: str) -> Fields:
    """The status of an object that has none yet, as Go writes it: `{}`, or the counts that are never left out."""
    made: Fields = decoding.decoder(f"{KINDS[plural].definition}Status")({})
    return made


def _pod(obj: Object) -> None:
    defaults_pods.pod(_with_spec(obj))


def _with_spec(obj: Object) -> Object:
    if obj.get("spec") is None:
        obj["spec"] = {}
    return obj


def _workload(spec: Fields) -> None:
    spec.setdefault("replicas", 1)
    defaults_pods.template(spec.setdefault("template", {}))


def _deployment(obj: Object) -> None:
    spec = _with_spec(obj)["spec"]
    _workload(spec)
    strategy = spec.setdefault("strategy", {})
    strategy.setdefault("type", "RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxUnavailable", "25%")
        rolling.setdefault("maxSurge", "25%")
    spec.setdefault("revisionHistoryLimit", 10)
    spec.setdefault("progressDeadlineSeconds", 600)


def _replica_set(obj: Object) -> None:
    _workload(_with_spec(obj)["spec"])


def _stateful_set(obj: Object) -> None:
    spec = _with_spec(obj)["spec"]
    _workload(spec)
    spec.setdefault("podManagementPolicy", "OrderedReady")
    strategy = spec.setdefault("updateStrategy", {})
    if not strategy.get("type"):
        strategy["type"] = "RollingUpdate"
        strategy.setdefault("rollingUpdate", {})
    if strategy["type"] == "RollingUpdate" and "rollingUpdate" in strategy:
        strategy["rollingUpdate"].setdefault("partition", 0)
    retention = spec.setdefault("persistentVolumeClaimRetentionPolicy", {})
    retention.setdefault("whenDeleted", "Retain")
    retention.setdefault("whenScaled", "Retain")
    spec.setdefault("revisionHistoryLimit", 10)
    for claim in spec.get("volumeClaimTemplates") or ():
        claim["apiVersion"], claim["kind"] = "v1", "PersistentVolumeClaim"
        _claim(claim)


def _claim(obj: Object) -> None:
    defaults_pods.claim_spec(_with_spec(obj)["spec"])
    status = obj.setdefault("status", {})
    status.setdefault("phase", "Pending")


def _persistent_volume(obj: Object) -> None:
    spec = _with_spec(obj)["spec"]
    obj.setdefault("status", {}).setdefault("phase", "Pending")
    spec.setdefault("persistentVolumeReclaimPolicy", "Retain")
    spec.setdefault("volumeMode", "Filesystem")
    if "hostPath" in spec:
        spec["hostPath"].setdefault("type", "")
    if "capacity" in spec:
        defaults_pods.resource_list(spec["capacity"])
    defaults_pods.rarely_used_source(spec)


def _storage_class(obj: Object) -> None:
    obj.setdefault("reclaimPolicy", "Delete")
    obj.setdefault("volumeBindingMode", "Immediate")


def _service(obj: Object) -> None:
    spec = _with_spec(obj)["spec"]
    spec.setdefault("sessionAffinity", "None")
    if spec["sessionAffinity"] == "None":
        spec.pop("sessionAffinityConfig", None)
    elif spec["sessionAffinity"] == "ClientIP":
        config = spec.get("sessionAffinityConfig") or {}
        if (config.get("clientIP") or {}).get("timeoutSeconds") is None:
            spec["sessionAffinityConfig"] = {"clientIP": {"timeoutSeconds": 10800}}
    spec.setdefault("type", "ClusterIP")
    for port in spec.get("ports") or ():
        port.setdefault("protocol", "TCP")
        if port.get("targetPort") in (None, 0, ""):
            port["targetPort"] = port.get("port", 0)
    outside = spec["type"] in ("NodePort", "LoadBalancer") or (spec["type"] == "ClusterIP" and spec.get("externalIPs"))
    if outside and not spec.get("externalTrafficPolicy"):
        spec["externalTrafficPolicy"] = "Cluster"
    if spec["type"] in ("ClusterIP", "NodePort", "LoadBalancer"):
        spec.setdefault("internalTrafficPolicy", "Cluster")
    if spec["type"] == "LoadBalancer":
        spec.setdefault("allocateLoadBalancerNodePorts", True)
    for ingress in ((obj.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ():
        if ingress.get("ip"):
            ingress.setdefault("ipMode", "VIP")
    obj.setdefault("status", {}).setdefault("loadBalancer", {})


def _secret(obj: Object) -> None:
    obj.setdefault("type", "Opaque")
    written = obj.pop("stringData", None)
    if written:
        data = obj.setdefault("data", {})
        for key, text in written.items():
            data[key] = base64.b64encode(text.encode("utf-8", "replace")).decode()


def _endpoints(obj: Object) -> None:
    for subset in obj.get("subsets") or ():
        for port in subset.get("ports") or ():
            port.setdefault("protocol", "TCP")


def _endpoint_slice(obj: Object) -> None:
    for port in obj.get("ports") or ():
        port.setdefault("name", "")
        port.setdefault("protocol", "TCP")


def _namespace(obj: Object) -> None:
    name = obj["metadata"].get("name")
    if name:
        labels = obj["metadata"].setdefault("labels", {})
        labels["kubernetes.io/metadata.name"] = name
    obj.setdefault("spec", {})
    obj.setdefault("status", {}).setdefault("phase", "Active")


def _node(obj: Object) -> None:
    status = obj.setdefault("status", {})
    for key in ("capacity", "allocatable"):
        if key in status:
            defaults_pods.resource_list(status[key])
    if status.get("capacity") and not status.get("allocatable"):
        status["allocatable"] = dict(status["capacity"])


def _resource_quota(obj: Object) -> None:
    for part in (obj.get("spec") or {}, obj.get("status") or {}):
        for key in ("hard", "used"):
            if key in part:
                defaults_pods.resource_list(part[key])


_DEFAULTS = {
    "pods": _pod,
    "deployments": _deployment,
    "replicasets": _replica_set,
    "statefulsets": _stateful_set,
    "persistentvolumeclaims": _claim,
    "persistentvolumes": _persistent_volume,
    "storageclasses": _storage_class,
    "services": _service,
    "secrets": _secret,
    "endpoints": _endpoints,
    "endpointslices": _endpoint_slice,
    "namespaces": _namespace,
    "nodes": _node,
    "resourcequotas": _resource_quota,
}
