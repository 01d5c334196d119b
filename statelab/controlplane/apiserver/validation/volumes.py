"""Volumes of a Pod: each has one source, and each source its own rules.

Source: pkg/apis/core/validation/validation.go (ValidateVolumes, validateVolumeSource).
"""

from __future__ import annotations

from statelab.controlplane import quantity
from statelab.controlplane.apiserver.validation import names, sources
from statelab.controlplane.apiserver.validation.claims import claim_spec
from statelab.controlplane.apiserver.validation.downward import downward_file
from statelab.controlplane.apiserver.validation.fields import (
    Errors,
    Fields,
    duplicate,
    forbidden,
    go_struct,
    invalid,
    required,
)
from statelab.controlplane.apiserver.validation.meta import check_annotations, label_selector, labels

FILE_MODE = "must be a number between 0 and 0777 (octal), both inclusive"
ONE_TYPE = "may not specify more than 1 volume type"
_LONGEST_TOKEN_S = 1 << 32


def volumes(found: list[Fields], field: str, pod_name: str = "") -> tuple[dict[str, Fields], Errors]:
    """The valid volumes by name, and what is wrong with the others. `pod_name` is "" in a template."""
    errors: Errors = []
    by_name: dict[str, Fields] = {}
    created = {f"{pod_name}-{each.get('name', '')}" for each in found if "ephemeral" in each} if pod_name else set()
    for index, volume in enumerate(found):
        here = f"{field}[{index}]"
        name = volume.get("name", "")
        wrong = _source(volume, here, name, pod_name)
        if not name:
            wrong.append(required(f"{here}.name"))
        elif names.label(name):
            wrong += names.check_label(name, f"{here}.name")
        if name in by_name:
            wrong.append(duplicate(f"{here}.name", name))
        if wrong:
            errors += wrong
        else:
            by_name[name] = volume
        claim = volume.get("persistentVolumeClaim")
        if claim is not None and claim.get("claimName") in created:
            why = "must not reference a PVC that gets created for an ephemeral volume"
            errors.append(invalid(f"{here}.persistentVolumeClaim.claimName", claim["claimName"], why))
    return by_name, errors


def _source(volume: Fields, field: str, name: str, pod_name: str) -> Errors:
    errors: Errors = []
    found = 0
    for key in volume:
        if key == "name":
            continue
        found += 1
    if found == 0:
        return [required(field, "must specify a volume type")]
    if found == 1:
        for key in volume:
            if key != "name":
                return _one(key, volume[key], field, name, pod_name)
    first = True
    for key in _ORDER:
        if key not in volume:
            continue
        if first:
            errors += _one(key, volume[key], field, name, pod_name)
            first = False
        else:
            errors.append(forbidden(f"{field}.{_SECOND_NAME.get(key, key)}", ONE_TYPE))
    return errors


def _one(key: str, source: Fields, field: str, name: str, pod_name: str) -> Errors:
    if key == "persistentVolumeClaim":
        return [] if source.get("claimName") else [required(f"{field}.persistentVolumeClaim.claimName")]
    if key == "emptyDir":
        limit = source.get("sizeLimit")
        if limit is not None and quantity.parse(limit).nanos < 0:
            why = "SizeLimit field must be a valid resource quantity"
            return [forbidden(f"{field}.emptyDir.sizeLimit", why)]
        return []
    if key in ("configMap", "secret"):
        return _keys(key, source, f"{field}.{key}")
    if key == "projected":
        return _projected(source, f"{field}.projected")
    if key == "downwardAPI":
        errors = file_mode(source.get("defaultMode"), f"{field}.downwardAPI.defaultMode")
        for item in source.get("items") or ():
            errors += downward_file(item, f"{field}.downwardAPI")
        return errors
    if key == "ephemeral":
        return _ephemeral(source, field, name, pod_name)
    errors = sources.source(key, source, f"{field}.{sources.PATH.get(key, key)}")
    portal = f"{name}:{source.get('targetPortal', '')}"
    if key == "iscsi" and source.get("initiatorName") is not None and len(portal) > 64:
        errors.append(invalid(f"{field}.name", name, sources.LONG_PORTAL))
    return errors


def file_mode(mode: int | None, field: str) -> Errors:
    return [invalid(field, mode, FILE_MODE)] if mode is not None and not 0 <= mode <= 0o777 else []


def _keys(key: str, source: Fields, field: str) -> Errors:
    name = "secretName" if key == "secret" else "name"
    errors: Errors = [] if source.get(name) else [required(f"{field}.{name}")]
    errors += file_mode(source.get("defaultMode"), f"{field}.defaultMode")
    for index, item in enumerate(source.get("items") or ()):
        errors += _key_to_path(item, f"{field}.items[{index}]")
    return errors


def _key_to_path(item: Fields, field: str) -> Errors:
    errors: Errors = []
    if not item.get("key"):
        errors.append(required(f"{field}.key"))
    if not item.get("path"):
        errors.append(required(f"{field}.path"))
    errors += sources.local_path(item.get("path", ""), f"{field}.path")
    return errors + file_mode(item.get("mode"), f"{field}.mode")


def _ephemeral(source: Fields, field: str, name: str, pod_name: str) -> Errors:
    claim = source.get("volumeClaimTemplate")
    here = f"{field}.ephemeral.volumeClaimTemplate"
    if claim is None:
        return [required(here)]
    metadata = claim.get("metadata") or {}
    errors = check_annotations(metadata.get("annotations") or {}, f"{here}.metadata.annotations")
    errors += labels(metadata.get("labels") or {}, f"{here}.metadata.labels")
    for key in metadata:
        if key not in ("annotations", "labels"):
            errors.append(forbidden(f"{here}.metadata.{_GO_CASE.get(key, key)}", "cannot be set"))
    errors += claim_spec(claim.get("spec") or {}, f"{here}.spec")
    if pod_name and name:
        claim_name = f"{pod_name}-{name}"
        for words in names.subdomain(claim_name):
            errors.append(invalid(f"{field}.name", name, f'PVC name "{claim_name}": {words}'))
    return errors


_GO_CASE = {"uid": "uID"}


def _projected(source: Fields, field: str) -> Errors:
    errors = file_mode(source.get("defaultMode"), f"{field}.defaultMode")
    paths: set[str] = set()

    def conflict(path: str, shown: str) -> None:
        if path and path in paths:
            errors.append(invalid(field, shown, "conflicting duplicate paths"))
        paths.add(path)

    for index, one in enumerate(source.get("sources") or ()):
        here = f"{field}.sources[{index}]"
        for key in ("secret", "configMap"):
            if key in one:
                part = one[key]
                if not part.get("name"):
                    errors.append(required(f"{here}.{key}.name"))
                for number, item in enumerate(part.get("items") or ()):
                    errors += _key_to_path(item, f"{here}.{key}.items[{number}]")
                    conflict(item.get("path", ""), part.get("name", ""))
        for item in (one.get("downwardAPI") or {}).get("items") or ():
            errors += downward_file(item, f"{here}.downwardAPI")
            conflict(item.get("path", ""), item.get("path", ""))
        if "serviceAccountToken" in one:
            errors += _token(one["serviceAccountToken"], here, field)
        if "clusterTrustBundle" in one:
            errors += _trust_bundle(one["clusterTrustBundle"], f"{here}.clusterTrustBundlePEM")
            conflict(one["clusterTrustBundle"].get("path", ""), one["clusterTrustBundle"].get("path", ""))
        if len(one) > 1:
            errors.append(forbidden(here, ONE_TYPE))
    return errors


def _token(token: Fields, here: str, field: str) -> Errors:
    errors: Errors = []
    seconds = token.get("expirationSeconds", 3600)
    path = f"{here}.serviceAccountToken.expirationSeconds"
    if seconds < 600:
        errors.append(invalid(path, seconds, "may not specify a duration less than 10 minutes"))
    if seconds > _LONGEST_TOKEN_S:
        errors.append(invalid(path, seconds, "may not specify a duration larger than 2^32 seconds"))
    if not token.get("path"):
        errors.append(required(f"{field}.path"))
    else:
        errors += sources.local_path(token["path"], f"{field}.path")
    return errors


def _trust_bundle(bundle: Fields, field: str) -> Errors:
    errors: Errors = []
    name, signer = bundle.get("name"), bundle.get("signerName")
    if name is not None and signer is not None:
        shown = go_struct("io.k8s.api.core.v1.ClusterTrustBundleProjection", bundle)
        errors.append(invalid(field, shown, "only one of name and signerName may be used"))
    elif name is not None:
        if not name:
            errors.append(required(f"{field}.name", "must be a valid object name"))
        if bundle.get("labelSelector") is not None:
            why = "labelSelector must be unset if name is specified"
            errors.append(invalid(f"{field}.labelSelector", bundle["labelSelector"], why))
    elif signer is not None:
        if not signer:
            errors.append(required(f"{field}.signerName", "must be a valid signer name"))
        errors += label_selector(bundle.get("labelSelector"), f"{field}.labelSelector")
    else:
        errors.append(required(field, "either name or signerName must be specified"))
    if not bundle.get("path"):
        errors.append(required(f"{field}.path"))
    return errors + sources.local_path(bundle.get("path", ""), f"{field}.path")


# In the order in which the server looks: the first source that is there counts.
_ORDER = (
    "emptyDir", "hostPath", "gitRepo", "gcePersistentDisk", "awsElasticBlockStore", "secret", "nfs", "iscsi",
    "glusterfs", "flocker", "persistentVolumeClaim", "rbd", "cinder", "cephfs", "quobyte", "downwardAPI", "fc",
    "flexVolume", "configMap", "azureFile", "vsphereVolume", "photonPersistentDisk", "portworxVolume", "azureDisk",
    "storageos", "projected", "scaleIO", "csi", "ephemeral", "image",
)  # fmt: skip
_SECOND_NAME = {"cephfs": "cephFS", "downwardAPI": "downwarAPI"}  # as the server spells them
