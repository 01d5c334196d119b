"""Admission: what the cluster adds to an object, and what it refuses for reasons outside the object.

The plugins a kind cluster runs and a lesson can meet: ServiceAccount, DefaultTolerationSeconds, Priority,
DefaultStorageClass, StorageObjectInUseProtection, PersistentVolumeClaimResize, PodSecurity, ResourceQuota,
NamespaceLifecycle (of namespaces that must stay). Source: plugin/pkg/admission, apiserver/pkg/admission/plugin.
"""

from __future__ import annotations

import random
from typing import Any, Literal

from statelab.controlplane.apiserver.authorization.authorizer import check_role_reference
from statelab.controlplane.apiserver.registry import (
    device_access,
    limit_ranger,
    pod_security,
    priority,
    quota,
    service_ips,
)
from statelab.controlplane.apiserver.registry.service_ips import Reader
from statelab.controlplane.errors import forbidden, not_found
from statelab.controlplane.kinds import KINDS, Kind, Object

Fields = dict[str, Any]
Operation = Literal["CREATE", "UPDATE"]

TOKEN_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"
TOKEN_VOLUME = "kube-api-access-"
# Every Pod has these, and shares them: what is in the store is never changed.
_TOKEN_PROJECTION = {
    "sources": [
        {"serviceAccountToken": {"expirationSeconds": 60 * 60 + 7, "path": "token"}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {
            "downwardAPI": {
                "items": [{"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}]
            }
        },
    ],
    "defaultMode": 0o644,
}
_LOST_NODE_TOLERATIONS = tuple(
    {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
    for key in ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
)
_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
_CLASS_ANNOTATION = "volume.beta.kubernetes.io/storage-class"
_DEFAULT_CLASS = ("storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class")
_MIRROR = "kubernetes.io/config.mirror"
_IMMORTAL = frozenset({"default", "kube-system", "kube-public"})


def mutate(
    plural: str, obj: Object, operation: Operation, old: Object | None, cluster: Reader, *, dry_run: bool = False
) -> None:
    """Let the mutating plugins change `obj` in place. Raises ApiError 403 or 422."""
    if plural == "pods":
        _default_tolerations(obj["spec"])  # again where somebody replaced them
    if plural == "pods" and operation == "CREATE":
        _service_account(obj, cluster)
        priority.admit_pod(obj, cluster)
        _runtime_class(obj, cluster)
        limit_ranger.fill_in(obj, cluster)
    elif plural == "persistentvolumeclaims":
        _protect(obj, operation, "kubernetes.io/pvc-protection")
        if operation == "CREATE":
            _default_class(obj, cluster)
    elif plural == "persistentvolumes":
        _protect(obj, operation, "kubernetes.io/pv-protection")
    elif plural == "services":
        service_ips.allocate(obj, old, cluster, dry_run=dry_run)
    elif plural in ("rolebindings", "clusterrolebindings"):
        check_role_reference(obj)


def check(plural: str, obj: Object, operation: Operation, old: Object | None, cluster: Reader) -> list[str]:
    """Let the validating plugins refuse `obj`, or warn of it. Raises ApiError 403 or 422."""
    if operation == "UPDATE" and plural == "persistentvolumeclaims" and old is not None:
        _resize(obj, old, cluster)
    if operation == "CREATE" or plural == "persistentvolumeclaims" or (plural == "pods" and _is_resized(obj, old)):
        limit_ranger.check(plural, obj, cluster)
    if plural == "priorityclasses":
        priority.check_default(obj, old, cluster)
    if plural in device_access.PLURALS and operation == "CREATE":
        device_access.check(plural, obj, cluster)
    warnings = pod_security.check(plural, obj, old, cluster)
    quota.check(plural, obj, operation, old, cluster)
    return warnings


def _is_resized(pod: Object, old: Object | None) -> bool:
    """Whether a Pod or its containers are given other resources."""
    if old is None or pod["spec"] == old["spec"]:
        return False
    new, was = (
        [one["spec"].get("resources"), *(each.get("resources") for each in one["spec"].get("containers") or ())]
        for one in (pod, old)
    )
    return new != was


def check_delete(plural: str, name: str) -> None:
    """NamespaceLifecycle: the namespaces a cluster cannot do without. Raises ApiError 403."""
    if plural == "namespaces" and name in _IMMORTAL:
        raise forbidden(KINDS[plural], name, "this namespace may not be deleted")


# ---- ServiceAccount


def _service_account(pod: Object, cluster: Reader) -> None:
    spec, metadata = pod["spec"], pod["metadata"]
    if _MIRROR in (metadata.get("annotations") or {}):
        return
    name = spec.get("serviceAccountName") or "default"
    spec["serviceAccountName"] = spec["serviceAccount"] = name
    account = cluster.get("serviceaccounts", f"{metadata.get('namespace', '')}/{name}")
    if account is None:
        where = f"{metadata.get('namespace', '')}/{name}"
        why = f'error looking up service account {where}: serviceaccount "{name}" not found'
        raise forbidden(KINDS["pods"], metadata.get("name", ""), why)
    wants = spec.get("automountServiceAccountToken")
    if wants is None:
        wants = account.get("automountServiceAccountToken")
    if wants is not False:
        _mount_token(spec, getattr(cluster, "random", None) or random.Random(0))
    if not spec.get("imagePullSecrets") and account.get("imagePullSecrets"):
        spec["imagePullSecrets"] = [dict(each) for each in account["imagePullSecrets"]]


def _mount_token(spec: Fields, dice: random.Random) -> None:
    volumes: list[Fields] = spec.get("volumes") or []
    taken = {volume.get("name", "") for volume in volumes}
    found = next((name for name in taken if name.startswith(TOKEN_VOLUME)), None)
    name = found or TOKEN_VOLUME + "".join(dice.choices(_LETTERS, k=5))
    mounted = False
    for key in ("initContainers", "containers"):
        for container in spec.get(key) or ():
            mounts: list[Fields] = container.get("volumeMounts") or []
            if any(mount.get("mountPath") == TOKEN_PATH for mount in mounts):
                continue
            container["volumeMounts"] = [*mounts, {"name": name, "readOnly": True, "mountPath": TOKEN_PATH}]
            mounted = True
    if mounted and found is None:
        spec["volumes"] = [*volumes, {"name": name, "projected": _TOKEN_PROJECTION}]


# ---- DefaultTolerationSeconds


def _default_tolerations(spec: Fields) -> None:
    """Five minutes on a node that is lost, unless the Pod says otherwise."""
    found: list[Fields] = spec.get("tolerations") or []
    added = [
        each
        for each in _LOST_NODE_TOLERATIONS
        if not any(
            one.get("key", "") in (each["key"], "") and one.get("effect", "") in ("NoExecute", "") for one in found
        )
    ]
    if added:
        spec["tolerations"] = [*found, *added]


def _runtime_class(pod: Object, cluster: Reader) -> None:
    """RuntimeClass: what a Pod costs beside its containers, and where its runtime is."""
    spec, name = pod["spec"], pod["metadata"].get("name", "")
    wanted = spec.get("runtimeClassName")
    found = cluster.get("runtimeclasses", wanted) if wanted else None
    if wanted and found is None:
        raise forbidden(KINDS["pods"], name, f'pod rejected: RuntimeClass "{wanted}" not found')
    overhead = ((found or {}).get("overhead") or {}).get("podFixed")
    if overhead:
        if spec.get("overhead") and spec["overhead"] != overhead:
            why = "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead"
            raise forbidden(KINDS["pods"], name, why)
        spec["overhead"] = dict(overhead)
    elif spec.get("overhead"):
        why = "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead"
        raise forbidden(KINDS["pods"], name, why)
    scheduling = (found or {}).get("scheduling") or {}
    if scheduling.get("nodeSelector"):
        spec["nodeSelector"] = {**(spec.get("nodeSelector") or {}), **scheduling["nodeSelector"]}
    if scheduling.get("tolerations"):
        spec["tolerations"] = [*(spec.get("tolerations") or ()), *scheduling["tolerations"]]


# ---- storage


def _protect(obj: Object, operation: Operation, finalizer: str) -> None:
    if operation == "CREATE":
        finalizers = obj["metadata"].setdefault("finalizers", [])
        if finalizer not in finalizers:
            finalizers.append(finalizer)


def _default_class(claim: Object, cluster: Reader) -> None:
    if "storageClassName" in claim["spec"] or _CLASS_ANNOTATION in (claim["metadata"].get("annotations") or {}):
        return
    defaults = [each for each in cluster.list("storageclasses") if is_default_class(each)]
    if defaults:
        # The newest wins; of equals, the first by name.
        defaults.sort(key=lambda each: each["metadata"].get("name", ""))
        newest = max(defaults, key=lambda each: str(each["metadata"].get("creationTimestamp", "")))
        claim["spec"]["storageClassName"] = newest["metadata"]["name"]


def is_default_class(storage_class: Object) -> bool:
    annotations = storage_class["metadata"].get("annotations") or {}
    return any(annotations.get(key) == "true" for key in _DEFAULT_CLASS)


def _resize(claim: Object, old: Object, cluster: Reader) -> None:
    """PersistentVolumeClaimResize: only a class that allows expansion lets a claim grow."""
    from statelab.controlplane import quantity

    new, was = (
        ((one["spec"].get("resources") or {}).get("requests") or {}).get("storage", "0") for one in (claim, old)
    )
    if quantity.compare(new, was) <= 0:
        return
    name = claim["metadata"]["name"]
    kind = KINDS["persistentvolumeclaims"]
    if (old.get("status") or {}).get("phase") != "Bound":
        raise forbidden(kind, name, "Only bound persistent volume claims can be expanded")
    class_name = claim["spec"].get("storageClassName")
    storage_class = cluster.get("storageclasses", class_name) if class_name else None
    if storage_class is None or not storage_class.get("allowVolumeExpansion"):
        why = (
            "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc "
            "must support resize"
        )
        raise forbidden(kind, name, why)


def check_namespace_lives(cluster: Reader, kind: Kind, obj: Object) -> None:
    """Admission plugin NamespaceLifecycle."""
    metadata = obj["metadata"]
    namespace = cluster.get("namespaces", metadata["namespace"])
    if namespace is None:
        raise not_found(KINDS["namespaces"], metadata["namespace"])
    if namespace["metadata"].get("deletionTimestamp"):
        why = f"unable to create new content in namespace {metadata['namespace']} because it is being terminated"
        error = forbidden(kind, metadata.get("name", ""), why)
        message = f"namespace {metadata['namespace']} is being terminated"
        error.details["causes"] = [
            {"reason": "NamespaceTerminating", "message": message, "field": "metadata.namespace"}
        ]
        raise error
