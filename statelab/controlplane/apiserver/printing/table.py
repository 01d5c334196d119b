"""Tables: objects as rows, printed by the server, which is what `kubectl get` shows.

A client asks with `Accept: application/json;as=Table;v=v1;g=meta.k8s.io`. The columns are here, the cells in
printers.py.
Source: pkg/printers/internalversion/printers.go (columns), pkg/printers/storage/storage.go (TableConvertor),
apiserver/pkg/endpoints/handlers/response.go (what a row carries of its object).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from statelab.controlplane.apiserver.encoding import schemas
from statelab.controlplane.apiserver.printing import printers
from statelab.controlplane.errors import bad_request
from statelab.controlplane.kinds import Object

_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
_CORE = "io.k8s.api.core.v1."
_APPS = "io.k8s.api.apps.v1."
_DISCOVERY = "io.k8s.api.discovery.v1."
_STORAGE = "io.k8s.api.storage.v1."

# A column is (name, type, priority, description). A description written "Definition#field" is that field's own.
_Column = tuple[str, str, int, str]
_NAME: _Column = ("Name", "string", 0, _META + "#name")
_AGE: _Column = ("Age", "string", 0, _META + "#creationTimestamp")
_CONTAINERS: _Column = ("Containers", "string", 1, "Names of each container in the template.")
_IMAGES: _Column = ("Images", "string", 1, "Images referenced by each container in the template.")
_READY: _Column = ("Ready", "string", 0, "Number of the pod with ready state")

_COLUMNS: dict[str, tuple[_Column, ...]] = {
    "pods": (
        _NAME,
        ("Ready", "string", 0, "The aggregate readiness state of this pod for accepting traffic."),
        ("Status", "string", 0, "The aggregate status of the containers in this pod."),
        (
            "Restarts",
            "string",
            0,
            "The number of times the containers in this pod have been restarted and when the last container in this pod"
            " has restarted.",
        ),
        _AGE,
        ("IP", "string", 1, _CORE + "PodStatus#podIP"),
        ("Node", "string", 1, _CORE + "PodSpec#nodeName"),
        ("Nominated Node", "string", 1, _CORE + "PodStatus#nominatedNodeName"),
        ("Readiness Gates", "string", 1, _CORE + "PodSpec#readinessGates"),
    ),
    "deployments": (
        _NAME,
        _READY,
        ("Up-to-date", "string", 0, _APPS + "DeploymentStatus#updatedReplicas"),
        ("Available", "string", 0, _APPS + "DeploymentStatus#availableReplicas"),
        _AGE,
        _CONTAINERS,
        _IMAGES,
        ("Selector", "string", 1, _APPS + "DeploymentSpec#selector"),
    ),
    "replicasets": (
        _NAME,
        ("Desired", "integer", 0, _APPS + "ReplicaSetSpec#replicas"),
        ("Current", "integer", 0, _APPS + "ReplicaSetStatus#replicas"),
        ("Ready", "integer", 0, _APPS + "ReplicaSetStatus#readyReplicas"),
        _AGE,
        _CONTAINERS,
        _IMAGES,
        ("Selector", "string", 1, _APPS + "ReplicaSetSpec#selector"),
    ),
    "statefulsets": (_NAME, _READY, _AGE, _CONTAINERS, _IMAGES),
    "controllerrevisions": (
        _NAME,
        ("Controller", "string", 0, "Controller of the object"),
        ("Revision", "string", 0, _APPS + "ControllerRevision#revision"),
        _AGE,
    ),
    "services": (
        _NAME,
        ("Type", "string", 0, _CORE + "ServiceSpec#type"),
        ("Cluster-IP", "string", 0, _CORE + "ServiceSpec#clusterIP"),
        ("External-IP", "string", 0, _CORE + "ServiceSpec#externalIPs"),
        ("Port(s)", "string", 0, _CORE + "ServiceSpec#ports"),
        _AGE,
        ("Selector", "string", 1, _CORE + "ServiceSpec#selector"),
    ),
    "endpoints": (_NAME, ("Endpoints", "string", 0, _CORE + "Endpoints#subsets"), _AGE),
    "endpointslices": (
        _NAME,
        ("AddressType", "string", 0, _DISCOVERY + "EndpointSlice#addressType"),
        ("Ports", "string", 0, _DISCOVERY + "EndpointSlice#ports"),
        ("Endpoints", "string", 0, _DISCOVERY + "EndpointSlice#endpoints"),
        _AGE,
    ),
    "persistentvolumes": (
        _NAME,
        ("Capacity", "string", 0, _CORE + "PersistentVolumeSpec#capacity"),
        ("Access Modes", "string", 0, _CORE + "PersistentVolumeSpec#accessModes"),
        ("Reclaim Policy", "string", 0, _CORE + "PersistentVolumeSpec#persistentVolumeReclaimPolicy"),
        ("Status", "string", 0, _CORE + "PersistentVolumeStatus#phase"),
        ("Claim", "string", 0, _CORE + "PersistentVolumeSpec#claimRef"),
        ("StorageClass", "string", 0, "StorageClass of the pv"),
        ("VolumeAttributesClass", "string", 0, "VolumeAttributesClass of the pv"),
        ("Reason", "string", 0, _CORE + "PersistentVolumeStatus#reason"),
        _AGE,
        ("VolumeMode", "string", 1, _CORE + "PersistentVolumeSpec#volumeMode"),
    ),
    "persistentvolumeclaims": (
        _NAME,
        ("Status", "string", 0, _CORE + "PersistentVolumeClaimStatus#phase"),
        ("Volume", "string", 0, _CORE + "PersistentVolumeClaimSpec#volumeName"),
        ("Capacity", "string", 0, _CORE + "PersistentVolumeClaimStatus#capacity"),
        ("Access Modes", "string", 0, _CORE + "PersistentVolumeClaimStatus#accessModes"),
        ("StorageClass", "string", 0, "StorageClass of the pvc"),
        ("VolumeAttributesClass", "string", 0, "VolumeAttributesClass of the pvc"),
        _AGE,
        ("VolumeMode", "string", 1, _CORE + "PersistentVolumeClaimSpec#volumeMode"),
    ),
    "storageclasses": (
        _NAME,
        ("Provisioner", "string", 0, _STORAGE + "StorageClass#provisioner"),
        ("ReclaimPolicy", "string", 0, _STORAGE + "StorageClass#reclaimPolicy"),
        ("VolumeBindingMode", "string", 0, _STORAGE + "StorageClass#volumeBindingMode"),
        ("AllowVolumeExpansion", "string", 0, _STORAGE + "StorageClass#allowVolumeExpansion"),
        _AGE,
    ),
    "nodes": (
        _NAME,
        ("Status", "string", 0, "The status of the node"),
        ("Roles", "string", 0, "The roles of the node"),
        _AGE,
        ("Version", "string", 0, _CORE + "NodeSystemInfo#kubeletVersion"),
        ("Internal-IP", "string", 1, _CORE + "NodeStatus#addresses"),
        ("External-IP", "string", 1, _CORE + "NodeStatus#addresses"),
        ("OS-Image", "string", 1, _CORE + "NodeSystemInfo#osImage"),
        ("Kernel-Version", "string", 1, _CORE + "NodeSystemInfo#kernelVersion"),
        ("Container-Runtime", "string", 1, _CORE + "NodeSystemInfo#containerRuntimeVersion"),
    ),
    "namespaces": (_NAME, ("Status", "string", 0, "The status of the namespace"), _AGE),
    "events": (
        ("Last Seen", "string", 0, _CORE + "Event#lastTimestamp"),
        ("Type", "string", 0, _CORE + "Event#type"),
        ("Reason", "string", 0, _CORE + "Event#reason"),
        ("Object", "string", 0, _CORE + "Event#involvedObject"),
        ("Subobject", "string", 1, _CORE + "ObjectReference#fieldPath"),
        ("Source", "string", 1, _CORE + "Event#source"),
        ("Message", "string", 0, _CORE + "Event#message"),
        ("First Seen", "string", 1, _CORE + "Event#firstTimestamp"),
        ("Count", "string", 1, _CORE + "Event#count"),
        ("Name", "string", 1, _META + "#name"),
    ),
    "configmaps": (_NAME, ("Data", "string", 0, _CORE + "ConfigMap#data"), _AGE),
    "secrets": (
        _NAME,
        ("Type", "string", 0, _CORE + "Secret#type"),
        ("Data", "string", 0, _CORE + "Secret#data"),
        _AGE,
    ),
    "serviceaccounts": (_NAME, ("Secrets", "string", 0, _CORE + "ServiceAccount#secrets"), _AGE),
    "poddisruptionbudgets": (
        _NAME,
        ("Min Available", "string", 0, "The minimum number of pods that must be available."),
        ("Max Unavailable", "string", 0, "The maximum number of pods that may be unavailable."),
        ("Allowed Disruptions", "integer", 0, "Calculated number of pods that may be disrupted at this time."),
        _AGE,
    ),
    "resourcequotas": (
        _NAME,
        (
            "Request",
            "string",
            0,
            "Request represents a minimum amount of cpu/memory that a container may consume.",
        ),
        (
            "Limit",
            "string",
            0,
            "Limits control the maximum amount of cpu/memory that a container may use independent of contention on the"
            " node.",
        ),
        _AGE,
    ),
}
_COLUMNS["scales"] = (
    _NAME,
    ("Desired", "integer", 0, "io.k8s.api.autoscaling.v1.ScaleSpec#replicas"),
    ("Available", "integer", 0, "io.k8s.api.autoscaling.v1.ScaleStatus#replicas"),
    _AGE,
)
_OTHERS: tuple[_Column, ...] = (_NAME, ("Created At", "date", 0, _META + "#creationTimestamp"))


@lru_cache(maxsize=64)
def columns(plural: str) -> list[Object]:
    """The column definitions of a kind's table."""
    return [
        {
            "name": name,
            "type": kind,
            "format": "name" if name == "Name" else "",
            "description": _description(description),
            "priority": priority,
        }
        for name, kind, priority, description in _COLUMNS.get(plural, _OTHERS)
    ]


def _description(text: str) -> str:
    definition, _, field = text.partition("#")
    if not field:
        return text
    found: str = schemas.definition(definition)["properties"][field]["description"]
    return found


def table(
    plural: str,
    objects: Sequence[Object],
    now_s: float,
    include_object: str = "Metadata",
    *,
    resource_version: str = "",
    continue_token: str = "",
    remaining: int | None = None,
    headers: bool = True,
    version: str = "v1",
) -> Object:
    """The table of some objects of a kind. `now_s` (seconds since the Unix epoch) is what ages are counted to.

    `headers` False leaves the columns out, as in every event of a watch but the first. `version` is that of
    meta.k8s.io. Raises ApiError 400 for an `include_object` that is not one.
    """
    if include_object not in ("", "None", "Metadata", "Object"):
        raise bad_request(f'unrecognized includeObject value: "{include_object}"')
    if objects and objects[0].get("kind") == "Scale":  # the scale subresource of a workload
        plural = "scales"
    metadata: Object = {"resourceVersion": resource_version} if resource_version else {}
    if continue_token:
        metadata["continue"] = continue_token
    if remaining is not None:
        metadata["remainingItemCount"] = remaining
    return {
        "kind": "Table",
        "apiVersion": f"meta.k8s.io/{version}",
        "metadata": metadata,
        "columnDefinitions": columns(plural) if headers else None,
        "rows": [_row(plural, obj, now_s, include_object, version) for obj in objects],
    }


def _row(plural: str, obj: Object, now_s: float, include_object: str, version: str) -> Object:
    row: Object = {"cells": printers.cells(plural, obj, now_s)}
    conditions = printers.row_conditions(plural, obj)
    if conditions:
        row["conditions"] = conditions
    row["object"] = _shown(obj, include_object, version)
    return row


def _shown(obj: Object, include_object: str, version: str) -> Any:
    if include_object == "Object":
        return obj
    if include_object == "None":
        return None
    return partial_metadata(obj, version)


def partial_metadata(obj: Object, version: str = "v1") -> Object:
    """An object reduced to its metadata, also what `Accept: …;as=PartialObjectMetadata` asks for."""
    return {"kind": "PartialObjectMetadata", "apiVersion": f"meta.k8s.io/{version}", "metadata": obj["metadata"]}
