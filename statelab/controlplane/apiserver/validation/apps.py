"""Deployments, ReplicaSets, StatefulSets, ControllerRevisions. Source: pkg/apis/apps/validation/validation.go."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from statelab.controlplane.apiserver.validation import defaults_pods, difference, meta, names, pods, warnings
from statelab.controlplane.apiserver.validation.claims import claim_spec
from statelab.controlplane.apiserver.validation.fields import (
    Errors,
    Fields,
    forbidden,
    go_struct,
    immutable,
    invalid,
    non_negative,
    not_supported,
    required,
    selector,
)
from statelab.controlplane.apiserver.validation.rules import Rules, keep, spec_changed
from statelab.controlplane.kinds import Object

_APPS = "io.k8s.api.apps.v1."
_MISMATCH = "`selector` does not match template `labels`"
_OVER_REPLICAS = "cannot be greater than status.replicas"
_OVER_READY = "cannot be greater than readyReplicas"
_FORBIDDEN_UPDATE = (
    "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', "
    "'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
)
_MAY_CHANGE = (
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
)


# ---- Deployment


def create_deployment(obj: Object) -> Errors:
    errors = meta.metadata(obj["metadata"], namespaced=True, check_name=names.subdomain)
    return errors + _deployment_spec(obj["spec"])


def update_deployment(obj: Object, old: Object) -> Errors:
    errors = meta.metadata_update(obj["metadata"], old["metadata"]) + _deployment_spec(obj["spec"])
    return errors + _same_selector(obj, old)


def _same_selector(obj: Object, old: Object) -> Errors:
    new, was = obj["spec"].get("selector"), old["spec"].get("selector")
    return immutable(selector(new), selector(was), "spec.selector") if difference.differ(new, was) else []


def _deployment_spec(spec: Fields) -> Errors:
    errors = non_negative(spec.get("replicas"), "spec.replicas")
    errors += _selector_and_template(spec, "invalid label selector", "deployment", _template)
    errors += _strategy(spec.get("strategy") or {})
    errors += non_negative(spec.get("minReadySeconds"), "spec.minReadySeconds")
    errors += non_negative(spec.get("revisionHistoryLimit"), "spec.revisionHistoryLimit")
    deadline = spec.get("progressDeadlineSeconds")
    if deadline is not None:
        errors += non_negative(deadline, "spec.progressDeadlineSeconds")
        if deadline <= spec.get("minReadySeconds", 0):
            errors.append(invalid("spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds"))
    return errors


def _selector_and_template(
    spec: Fields, not_a_selector: str, noun: str, template: Callable[[Fields, Any], Errors]
) -> Errors:
    errors: Errors = []
    given = spec.get("selector")
    if given is None:
        errors.append(required("spec.selector"))
    else:
        errors += meta.label_selector(given, "spec.selector")
        if meta.is_empty(given):
            errors.append(invalid("spec.selector", selector(given), f"empty selector is invalid for {noun}"))
    matches = meta.selects(given)
    if matches is None:
        errors.append(invalid("spec.selector", selector(given), not_a_selector))
    else:
        errors += template(spec, None if given is not None and meta.is_empty(given) else matches)
    return errors


def _labels_match(template: Fields, matches: Any) -> Errors:
    labels = (template.get("metadata") or {}).get("labels")
    if matches is not None and not matches(labels or {}):
        return [invalid("spec.template.metadata.labels", labels, _MISMATCH)]
    return []


def _template(spec: Fields, matches: Any) -> Errors:
    """ValidatePodTemplateSpecForReplicaSet."""
    template = spec.get("template") or {}
    errors = _labels_match(template, matches) + pods.pod_template(template, "spec.template")
    inner = template.get("spec") or {}
    if (spec.get("replicas") or 0) > 1:
        for index, volume in enumerate(inner.get("volumes") or ()):
            disk = volume.get("gcePersistentDisk")
            if disk is not None and not disk.get("readOnly"):
                why = (
                    "must be read-only for replicated pods > 1; "
                    "GCE PD can only be mounted on multiple machines if it is read-only"
                )
                field = f"spec.template.spec.volumes[{index}].gcePersistentDisk.readOnly"
                errors.append(invalid(field, False, why))
    return errors + always_running(inner, "ReplicaSet")


def always_running(spec: Fields, kind: str) -> Errors:
    """What a Pod of a workload that never ends must say: it is restarted, and has no deadline."""
    errors: Errors = []
    policy = spec.get("restartPolicy", "")
    if policy != "Always":
        errors.append(not_supported("spec.template.spec.restartPolicy", policy, ("Always",)))
    if spec.get("activeDeadlineSeconds") is not None:
        why = f"activeDeadlineSeconds in {kind} is not Supported"
        errors.append(forbidden("spec.template.spec.activeDeadlineSeconds", why))
    return errors


def _strategy(value: Fields) -> Errors:
    rolling = value.get("rollingUpdate")
    field = "spec.strategy.rollingUpdate"
    kind = value.get("type", "")
    if kind == "Recreate":
        if rolling is None:
            return []
        return [forbidden(field, "may not be specified when strategy `type` is 'Recreate'")]
    if kind != "RollingUpdate":
        shown = go_struct(f"{_APPS}DeploymentStrategy", value)
        return [not_supported("spec.strategy", shown, ("Recreate", "RollingUpdate"))]
    if rolling is None:
        return [required(field, "this should be defaulted and never be nil")]
    unavailable, surge = rolling.get("maxUnavailable", 0), rolling.get("maxSurge", 0)
    errors = int_or_percent(unavailable, f"{field}.maxUnavailable")
    errors += int_or_percent(surge, f"{field}.maxSurge")
    if number(unavailable) == 0 and number(surge) == 0:
        errors.append(invalid(f"{field}.maxUnavailable", unavailable, "may not be 0 when `maxSurge` is 0"))
    return errors + at_most_100_percent(unavailable, f"{field}.maxUnavailable")


def int_or_percent(value: int | str, field: str) -> Errors:
    """ValidatePositiveIntOrPercent: a number that is not negative, or a percentage."""
    if isinstance(value, str):
        return [invalid(field, value, words) for words in names.percent(value)]
    return non_negative(value, field)


def number(value: int | str) -> int:
    """A count or a percentage as a number; 0 where it is neither."""
    if isinstance(value, int):
        return value
    return 0 if names.percent(value) else int(value[:-1][:12] or 0)


def at_most_100_percent(value: int | str, field: str) -> Errors:
    if isinstance(value, str) and not names.percent(value) and number(value) > 100:
        return [invalid(field, value, "must not be greater than 100%")]
    return []


def update_deployment_status(obj: Object, old: Object) -> Errors:
    errors = meta.metadata_update(obj["metadata"], old["metadata"])
    status = obj.get("status") or {}
    errors += count_errors(
        status,
        ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas", "unavailableReplicas"),
        ("updatedReplicas", "readyReplicas", "availableReplicas"),
    )
    return errors + _collisions(obj, old)


def count_errors(status: Fields, counted: tuple[str, ...], limited: tuple[str, ...]) -> Errors:
    """What is wrong with the numbers of a status; `limited` are those that replicas bound."""
    errors: Errors = []
    for key in (*counted, "terminatingReplicas", "observedGeneration", "collisionCount"):
        errors += non_negative(status.get(key), f"status.{key}")
    for key in limited:
        if (status.get(key) or 0) > (status.get("replicas") or 0):
            errors.append(invalid(f"status.{key}", status.get(key) or 0, _OVER_REPLICAS))
    if (status.get("availableReplicas") or 0) > (status.get("readyReplicas") or 0):
        errors.append(invalid("status.availableReplicas", status.get("availableReplicas") or 0, _OVER_READY))
    return errors


def _collisions(obj: Object, old: Object) -> Errors:
    now, was = ((one.get("status") or {}).get("collisionCount") for one in (obj, old))
    if was is not None and (now is None or now < was):
        return [invalid("status.collisionCount", now or 0, "cannot be decremented")]
    return []


# ---- ReplicaSet


def create_replica_set(obj: Object) -> Errors:
    errors = meta.metadata(obj["metadata"], namespaced=True, check_name=names.subdomain)
    return errors + _replica_set_spec(obj["spec"])


def update_replica_set(obj: Object, old: Object) -> Errors:
    errors = create_replica_set(obj)  # upstream looks at the whole object, and then at the update
    errors += meta.metadata_update(obj["metadata"], old["metadata"]) + _replica_set_spec(obj["spec"])
    return errors + _same_selector(obj, old)


def _replica_set_spec(spec: Fields) -> Errors:
    errors = non_negative(spec.get("replicas"), "spec.replicas")
    errors += non_negative(spec.get("minReadySeconds"), "spec.minReadySeconds")
    return errors + _selector_and_template(spec, "invalid label selector", "deployment", _template)


def update_replica_set_status(obj: Object, old: Object) -> Errors:
    errors = meta.metadata_update(obj["metadata"], old["metadata"])
    keys = ("fullyLabeledReplicas", "readyReplicas", "availableReplicas")
    return errors + count_errors(obj.get("status") or {}, ("replicas", *keys), keys)


# ---- StatefulSet


def create_stateful_set(obj: Object) -> Errors:
    errors = meta.metadata(obj["metadata"], namespaced=True, check_name=names.label)
    return errors + _stateful_set_spec(obj["spec"], None)


def update_stateful_set(obj: Object, old: Object) -> Errors:
    errors = meta.metadata_update(obj["metadata"], old["metadata"])
    errors += _stateful_set_spec(obj["spec"], old["spec"])
    fixed = [{key: value for key, value in one["spec"].items() if key not in _MAY_CHANGE} for one in (obj, old)]
    if difference.differ(*fixed):
        errors.append(forbidden("spec", _FORBIDDEN_UPDATE))
    return errors


def _stateful_set_spec(spec: Fields, before: Fields | None) -> Errors:
    errors: Errors = []
    policy = spec.get("podManagementPolicy", "")
    if not policy:
        errors.append(required("spec.podManagementPolicy"))
    elif policy not in ("OrderedReady", "Parallel"):
        errors.append(invalid("spec.podManagementPolicy", policy, "must be 'OrderedReady' or 'Parallel'"))
    errors += _update_strategy(spec.get("updateStrategy") or {})
    retention = spec.get("persistentVolumeClaimRetentionPolicy") or {}
    for key in ("whenDeleted", "whenScaled"):
        if key in retention and retention[key] not in ("Retain", "Delete"):
            field = f"spec.persistentVolumeClaimRetentionPolicy.{key}"
            errors.append(not_supported(field, retention[key], ("Retain", "Delete")))
    if before is None:  # they cannot change
        for index, claim in enumerate(spec.get("volumeClaimTemplates") or ()):
            errors += claim_spec(claim.get("spec") or {}, f"spec.volumeClaimTemplates[{index}].spec")
    errors += non_negative(spec.get("replicas"), "spec.replicas")
    errors += non_negative(spec.get("minReadySeconds"), "spec.minReadySeconds")
    errors += non_negative((spec.get("ordinals") or {}).get("start"), "spec.ordinals.start")
    if spec.get("serviceName") and before is None:
        errors += names.check_label(spec["serviceName"], "spec.serviceName")
    errors += _selector_and_template(spec, "", "statefulset", _set_template)
    return errors + always_running((spec.get("template") or {}).get("spec") or {}, "StatefulSet")


def _set_template(spec: Fields, matches: Any) -> Errors:
    """The template as its Pods will be: claims are volumes, and come first; names are the set's to give."""
    template = spec.get("template") or {}
    inner = dict(template.get("spec") or {})
    inner.pop("hostname", None)
    inner.pop("subdomain", None)
    claims = {(claim.get("metadata") or {}).get("name", ""): claim for claim in spec.get("volumeClaimTemplates") or ()}
    if claims:
        mounted = [{"name": name, "persistentVolumeClaim": {"claimName": name}} for name in claims]
        own = [volume for volume in inner.get("volumes") or () if volume.get("name", "") not in claims]
        inner["volumes"] = [*mounted, *own]
    return _labels_match(template, matches) + pods.pod_template({**template, "spec": inner}, "spec.template")


def _update_strategy(value: Fields) -> Errors:
    kind, rolling = value.get("type", ""), value.get("rollingUpdate")
    if not kind:
        return [required("spec.updateStrategy")]
    if kind == "OnDelete":
        if rolling is None:
            return []
        shown = go_struct(f"{_APPS}RollingUpdateStatefulSetStrategy", {"partition": 0, **rolling})
        why = "only allowed for updateStrategy 'RollingUpdate'"
        return [invalid("spec.updateStrategy.rollingUpdate", shown, why)]
    if kind == "RollingUpdate":
        return non_negative((rolling or {}).get("partition"), "spec.updateStrategy.rollingUpdate.partition")
    shown = go_struct(f"{_APPS}StatefulSetUpdateStrategy", value)
    return [invalid("spec.updateStrategy", shown, "must be 'RollingUpdate' or 'OnDelete'")]


def update_stateful_set_status(obj: Object, old: Object) -> Errors:
    keys = ("readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas")
    errors = count_errors(obj.get("status") or {}, ("replicas", *keys), keys)
    return errors + meta.metadata_update(obj["metadata"], old["metadata"]) + _collisions(obj, old)


# ---- ControllerRevision


def create_controller_revision(obj: Object) -> Errors:
    errors = meta.metadata(obj["metadata"], namespaced=True, check_name=names.subdomain)
    if obj.get("data") is None:
        errors.append(required("data", "data is mandatory"))
    return errors + non_negative(obj.get("revision"), "revision")


def update_controller_revision(obj: Object, old: Object) -> Errors:
    errors = meta.metadata_update(obj["metadata"], old["metadata"]) + create_controller_revision(obj)
    return errors + ([] if obj.get("data") == old.get("data") else immutable(obj.get("data"), old.get("data"), "data"))


# ---- what is filled in, and what is counted


def _deployment_defaults(obj: Object) -> None:
    spec = defaults_pods.with_spec(obj)["spec"]
    defaults_pods.workload(spec)
    strategy = spec.setdefault("strategy", {})
    strategy.setdefault("type", "RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxUnavailable", "25%")
        rolling.setdefault("maxSurge", "25%")
    spec.setdefault("revisionHistoryLimit", 10)
    spec.setdefault("progressDeadlineSeconds", 600)


def _replica_set_defaults(obj: Object) -> None:
    defaults_pods.workload(defaults_pods.with_spec(obj)["spec"])


def _stateful_set_defaults(obj: Object) -> None:
    spec = defaults_pods.with_spec(obj)["spec"]
    defaults_pods.workload(spec)
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
        defaults_pods.claim(claim)


def _drop_max_unavailable(obj: Object, old: Object | None) -> None:
    """A field of a feature that is off vanishes without a word, unless the old object had it already."""
    rolling = ((obj.get("spec") or {}).get("updateStrategy") or {}).get("rollingUpdate")
    before = (((old or {}).get("spec") or {}).get("updateStrategy") or {}).get("rollingUpdate") or {}
    if rolling and "maxUnavailable" in rolling and "maxUnavailable" not in before:
        del rolling["maxUnavailable"]


def _keep_labels(obj: Object, old: Object) -> None:
    keep("labels", obj["metadata"], old["metadata"])


def _deployment_changed(obj: Object, old: Object) -> bool:
    before, now = ((each["metadata"].get("annotations") or {}) for each in (old, obj))
    return spec_changed(obj, old) or now != before


RULES = {
    "deployments": Rules(
        create_deployment,
        update_deployment,
        update_deployment_status,
        defaults=_deployment_defaults,
        prepare_status=_keep_labels,
        counts=_deployment_changed,
        warnings=warnings.template,
    ),
    "replicasets": Rules(
        create_replica_set,
        update_replica_set,
        update_replica_set_status,
        defaults=_replica_set_defaults,
        prepare_status=_keep_labels,
        counts=spec_changed,
        warnings=warnings.template,
    ),
    "statefulsets": Rules(
        create_stateful_set,
        update_stateful_set,
        update_stateful_set_status,
        defaults=_stateful_set_defaults,
        prepare=_drop_max_unavailable,
        counts=spec_changed,
        warnings=warnings.stateful_set,
    ),
    "controllerrevisions": Rules(create_controller_revision, update_controller_revision),
}
