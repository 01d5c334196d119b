"""PersistentVolumes and StorageClasses.

Source: pkg/apis/core/validation/validation.go, pkg/apis/storage/validation/validation.go.
"""

from __future__ import annotations

from statelab.controlplane import quantity
from statelab.controlplane.apiserver.validation import (
    defaults_pods,
    difference,
    meta,
    names,
    scheduling,
    sources,
    warnings,
)
from statelab.controlplane.apiserver.validation.claims import VOLUME_MODES, access_modes
from statelab.controlplane.apiserver.validation.fields import (
    NOT_POSITIVE,
    Errors,
    Fields,
    duplicate,
    forbidden,
    immutable,
    invalid,
    not_supported,
    required,
    too_long,
)
from statelab.controlplane.apiserver.validation.rules import Rules
from statelab.controlplane.kinds import Object

# In the order in which the server looks: the first source that is there counts.
_SOURCES = (
    "hostPath", "gcePersistentDisk", "awsElasticBlockStore", "glusterfs", "flocker", "nfs", "rbd", "quobyte",
    "cephfs", "iscsi", "cinder", "fc", "flexVolume", "azureFile", "vsphereVolume", "photonPersistentDisk",
    "portworxVolume", "azureDisk", "scaleIO", "local", "storageos", "csi",
)  # fmt: skip
_RECLAIM = ("Delete", "Recycle", "Retain")
_ONE_TYPE = "may not specify more than 1 volume type"
_SPEC = "io.k8s.api.core.v1.PersistentVolumeSpec"
_SOURCE_NAMES = frozenset(_SOURCES)
_GA_LABELS = {
    "failure-domain.beta.kubernetes.io/zone": "topology.kubernetes.io/zone",
    "failure-domain.beta.kubernetes.io/region": "topology.kubernetes.io/region",
    "beta.kubernetes.io/os": "kubernetes.io/os",
    "beta.kubernetes.io/arch": "kubernetes.io/arch",
    "beta.kubernetes.io/instance-type": "node.kubernetes.io/instance-type",
}


def create_volume(volume: Object) -> Errors:
    errors = meta.metadata(volume["metadata"], namespaced=False, check_name=names.subdomain)
    return errors + _volume_spec(volume["spec"], volume["metadata"].get("name", ""))


def _volume_spec(spec: Fields, name: str) -> Errors:
    errors: Errors = []
    modes: list[str] = spec.get("accessModes") or []
    if not modes:
        errors.append(required("spec.accessModes"))
    errors += access_modes(modes, "spec.accessModes")
    errors += _capacity(spec.get("capacity"))
    policy = spec.get("persistentVolumeReclaimPolicy", "")
    if policy and policy not in _RECLAIM:
        errors.append(not_supported("spec.persistentVolumeReclaimPolicy", policy, _RECLAIM))
    affinity = spec.get("nodeAffinity")
    if affinity is not None:
        if affinity.get("required") is not None:
            errors += scheduling.node_selector(affinity["required"], "spec.nodeAffinity.required")
        else:
            errors.append(required("spec.nodeAffinity.required", "must specify required node constraints"))
    count = 0
    for key in _SOURCES:
        if spec.get(key) is None:
            continue
        count += 1
        if count > 1 and key != "flexVolume":
            errors.append(forbidden(f"spec.{'cephFS' if key == 'cephfs' else key}", _ONE_TYPE))
            continue
        field = f"spec.{sources.PATH.get(key, key)}"
        errors += sources.source(key, spec[key], field, persistent=True, volume_name=name)
        if key == "glusterfs" and spec[key].get("endpointsNamespace") is not None:
            errors += _glusterfs_namespace(spec[key]["endpointsNamespace"], f"{field}.endpointsNamespace")
        if key == "local" and affinity is None:
            errors.append(required("spec.nodeAffinity", "Local volume requires node affinity"))
    if not count:
        errors.append(required("spec", "must specify a volume type"))
    if policy == "Recycle" and sources.is_root((spec.get("hostPath") or {"path": "x"}).get("path", "")):
        why = "may not be 'recycle' for a hostPath mount of '/'"
        errors.append(forbidden("spec.persistentVolumeReclaimPolicy", why))
    if spec.get("storageClassName"):
        errors += names.check_subdomain(spec["storageClassName"], "spec.storageClassName")
    mode = spec.get("volumeMode")
    if mode is not None and mode not in VOLUME_MODES:
        errors.append(not_supported("spec.volumeMode", mode, VOLUME_MODES))
    attributes = spec.get("volumeAttributesClassName")
    if attributes is not None:
        field = "spec.volumeAttributesClassName"
        if not attributes:
            errors.append(required(field, "an empty string is disallowed"))
        else:
            errors += names.check_subdomain(attributes, field)
        if spec.get("csi") is None:
            errors.append(required("spec.csi", "has to be specified when using volumeAttributesClassName"))
    return errors


def _capacity(capacity: Fields | None) -> Errors:
    errors: Errors = []
    if not capacity:
        errors.append(required("spec.capacity"))
    if not capacity or set(capacity) != {"storage"}:
        errors.append(not_supported("spec.capacity", capacity, ("storage",)))
    for name in sorted(capacity or ()):
        amount = quantity.parse((capacity or {})[name])
        field = f"spec.capacity[{name}]"
        if amount.nanos < 0:
            errors.append(invalid(field, -(-amount.nanos // quantity.NANO), "must be a valid resource quantity"))
        if amount.nanos <= 0:
            errors.append(invalid(field, amount.text, NOT_POSITIVE))
    return errors


def _glusterfs_namespace(namespace: str, field: str) -> Errors:
    if namespace:
        return names.check_label(namespace, field)
    return [invalid(field, namespace, "if the endpointnamespace is set, it must be a valid namespace name")]


def update_volume(volume: Object, old: Object) -> Errors:
    errors = create_volume(volume) + create_volume(volume)  # twice, as upstream
    spec, before = volume["spec"], old["spec"]
    new, was = ({key: one[key] for key in _SOURCES if one.get(key) is not None} for one in (spec, before))
    if "csi" in new and "csi" in was and "controllerExpandSecretRef" not in was["csi"]:
        new["csi"] = {key: value for key, value in new["csi"].items() if key != "controllerExpandSecretRef"}
    if difference.differ(new, was):
        shown = difference.text(_SPEC, was, new, only=_SOURCE_NAMES)
        why = f"spec.persistentvolumesource is immutable after creation\n{shown}"
        errors.append(forbidden("spec.persistentvolumesource", why))
    errors += immutable(spec.get("volumeMode"), before.get("volumeMode"), "volumeMode")
    affinity, was_affinity = spec.get("nodeAffinity"), before.get("nodeAffinity")
    if was_affinity is not None and difference.differ(_with_ga_labels(affinity), _with_ga_labels(was_affinity)):
        errors.append(invalid("nodeAffinity", affinity, "field is immutable"))
    if before.get("volumeAttributesClassName") is not None and spec.get("volumeAttributesClassName") is None:
        why = "update from non-nil value to nil is forbidden"
        errors.append(forbidden("spec.volumeAttributesClassName", why))
    return errors


def _with_ga_labels(affinity: Fields | None) -> Fields | None:
    """A beta label's key may become its successor."""
    if not affinity or not affinity.get("required"):
        return affinity
    terms = []
    for term in affinity["required"].get("nodeSelectorTerms") or ():
        expressions = [
            {**one, "key": _GA_LABELS.get(one.get("key", ""), one.get("key", ""))}
            for one in term.get("matchExpressions") or ()
        ]
        terms.append({**term, "matchExpressions": expressions})
    return {"required": {"nodeSelectorTerms": terms}}


def update_volume_status(volume: Object, old: Object) -> Errors:
    return meta.metadata_update(volume["metadata"], old["metadata"])


# ---- StorageClass


def create_class(obj: Object) -> Errors:
    errors = meta.metadata(obj["metadata"], namespaced=False, check_name=names.subdomain)
    return errors + _class_fields(obj)


def _class_fields(obj: Object) -> Errors:
    errors = provisioner(obj.get("provisioner", ""), "provisioner") + parameters(obj.get("parameters") or {})
    policy = obj.get("reclaimPolicy")
    if policy is not None and policy not in ("Delete", "Retain"):
        errors.append(not_supported("reclaimPolicy", policy, ("Delete", "Retain")))
    mode = obj.get("volumeBindingMode")
    modes = ("Immediate", "WaitForFirstConsumer")
    if mode is None:
        errors.append(required("volumeBindingMode"))
    elif mode not in modes:
        errors.append(not_supported("volumeBindingMode", mode, modes))
    return errors + _topologies(obj.get("allowedTopologies") or [])


def provisioner(name: str, field: str) -> Errors:
    """What is wrong with the name of who makes volumes, or changes them."""
    if not name:
        return [required(field)]
    return [invalid(field, name, words) for words in names.qualified(name.lower())]


def parameters(given: Fields) -> Errors:
    """What is wrong with the parameters that somebody who makes volumes is given."""
    errors: Errors = []
    if len(given) > 512:
        errors.append(too_long("parameters", 512))
    if "" in given:
        errors.append(invalid("parameters", "", "field can not be empty."))
    if sum(len(key) + len(value) for key, value in given.items()) > 256 * 1024:
        errors.append(too_long("parameters", 256 * 1024))
    return errors


def _topologies(terms: list[Fields]) -> Errors:
    errors: Errors = []
    seen: set[frozenset[tuple[str, frozenset[str]]]] = set()
    for index, term in enumerate(terms):
        by_key: dict[str, frozenset[str]] = {}
        for number, one in enumerate(term.get("matchLabelExpressions") or ()):
            here = f"allowedTopologies[{index}].matchLabelExpressions[{number}]"
            values: list[str] = one.get("values") or []
            if not values:
                errors.append(required(f"{here}.values"))
            known: set[str] = set()
            for position, value in enumerate(values):
                if value in known:
                    errors.append(duplicate(f"{here}.values[{position}]", value))
                known.add(value)
            errors += names.check_qualified(one.get("key", ""), f"{here}.key")
            if one.get("key", "") in by_key:
                errors.append(duplicate(f"{here}.key", one.get("key", "")))
            by_key[one.get("key", "")] = frozenset(values)
        term_of = frozenset(by_key.items())
        if term_of in seen:
            errors.append(duplicate(f"allowedTopologies[{index}].matchLabelExpressions", ""))
        seen.add(term_of)
    return errors


def update_class(obj: Object, old: Object) -> Errors:
    errors = meta.metadata_update(obj["metadata"], old["metadata"])
    for key in ("parameters", "provisioner", "reclaimPolicy"):
        if difference.differ(obj.get(key), old.get(key)):
            errors.append(forbidden(key, f"updates to {key} are forbidden."))
    errors += immutable(obj.get("volumeBindingMode"), old.get("volumeBindingMode"), "volumeBindingMode")
    return errors + _topologies(obj.get("allowedTopologies") or [])


def _volume_defaults(obj: Object) -> None:
    spec = defaults_pods.with_spec(obj)["spec"]
    obj.setdefault("status", {}).setdefault("phase", "Pending")
    spec.setdefault("persistentVolumeReclaimPolicy", "Retain")
    spec.setdefault("volumeMode", "Filesystem")
    if "hostPath" in spec:
        spec["hostPath"].setdefault("type", "")
    if "capacity" in spec:
        defaults_pods.resource_list(spec["capacity"])
    defaults_pods.rarely_used_source(spec)


def _class_defaults(obj: Object) -> None:
    obj.setdefault("reclaimPolicy", "Delete")
    obj.setdefault("volumeBindingMode", "Immediate")


def _new_volume_status(obj: Object) -> Fields:
    now = obj["metadata"].get("creationTimestamp")
    return {"phase": "Pending", **({"lastPhaseTransitionTime": now} if now else {})}


RULES = {
    "persistentvolumes": Rules(
        create_volume,
        update_volume,
        update_volume_status,
        defaults=_volume_defaults,
        new_status=_new_volume_status,
        warnings=warnings.volume,
    ),
    "storageclasses": Rules(create_class, update_class, defaults=_class_defaults, warnings=warnings.storage_class),
}
