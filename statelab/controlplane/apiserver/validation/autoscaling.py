"""HorizontalPodAutoscalers, as autoscaling/v2 has them.

Source: pkg/apis/autoscaling/validation/validation.go, pkg/apis/autoscaling/v2/defaults.go.
"""

from __future__ import annotations

from collections.abc import Callable

from statelab.controlplane import quantity
from statelab.controlplane.apiserver.validation import meta, names
from statelab.controlplane.apiserver.validation.fields import (
    NEGATIVE,
    Errors,
    Fields,
    forbidden,
    invalid,
    non_negative,
    not_supported,
    required,
)
from statelab.controlplane.apiserver.validation.rules import Rules
from statelab.controlplane.kinds import Object

_TYPES = ("ContainerResource", "External", "Object", "Pods", "Resource")
_TARGETS = ("Utilization", "Value", "AverageValue")
_LONGEST_WINDOW_S, _LONGEST_PERIOD_S = 3600, 1800
_QUICK = {"type": "Percent", "value": 100, "periodSeconds": 15}


def create(obj: Object) -> Errors:
    errors = meta.metadata(obj["metadata"], namespaced=True, check_name=names.subdomain)
    return errors + _spec(obj.get("spec") or {}, None)


def update(obj: Object, old: Object) -> Errors:
    known = (old.get("spec") or {}).get("scaleTargetRef") or {}
    return meta.metadata_update(obj["metadata"], old["metadata"]) + _spec(obj.get("spec") or {}, known)


def update_status(obj: Object, old: Object) -> Errors:
    errors, status = meta.metadata_update(obj["metadata"], old["metadata"]), obj.get("status") or {}
    for key in ("currentReplicas", "desiredReplicas"):
        errors += non_negative(status.get(key), f"status.{key}")
    return errors


def _spec(spec: Fields, known: Fields | None) -> Errors:
    """`known`: the target before a change, whose version is not judged again."""
    errors: Errors = []
    least, most, metrics = spec.get("minReplicas"), spec.get("maxReplicas", 0), spec.get("metrics") or ()
    if least is not None and least < 1:
        errors.append(invalid("spec.minReplicas", least, "must be greater than or equal to 1"))
    if most < 1:
        errors.append(required("spec.maxReplicas", "must be set and greater than 0"))
    if least is not None and most < least:
        errors.append(invalid("spec.maxReplicas", most, "must be greater than or equal to `minReplicas`"))
    target = spec.get("scaleTargetRef") or {}
    errors += _reference(target, "spec.scaleTargetRef")
    if known is None or any(target.get(key, "") != known.get(key, "") for key in ("apiVersion", "kind")):
        may_have_no_group = target.get("kind") == "ReplicationController"
        errors += _version(target.get("apiVersion", ""), "spec.scaleTargetRef", needs_group=not may_have_no_group)
    for index, metric in enumerate(metrics):
        errors += _metric(metric, f"spec.metrics[{index}]")
    if least == 0 and not any(each.get("type") in ("Object", "External") for each in metrics):
        why = "must specify at least one Object or External metric to support scaling to zero replicas"
        errors.append(forbidden("spec.metrics", why))
    for way in ("scaleUp", "scaleDown"):
        rules = (spec.get("behavior") or {}).get(way)
        if rules is not None:
            errors += _behavior(rules, f"spec.behavior.{way}")
    return errors


def _version(version: str, field: str, *, needs_group: bool) -> Errors:
    if version.count("/") > 1:
        return [invalid(f"{field}.apiVersion", version, f"unexpected GroupVersion string: {version}")]
    if needs_group and not version.rpartition("/")[0]:
        return [invalid(f"{field}.apiVersion", version, "apiVersion must specify API group")]
    return []


def _reference(value: Fields, field: str) -> Errors:
    errors: Errors = []
    for key in ("kind", "name"):
        text = value.get(key, "")
        if not text:
            errors.append(required(f"{field}.{key}"))
        errors += [invalid(f"{field}.{key}", text, words) for words in names.path_segment(text)]
    return errors


def _metric(value: Fields, field: str) -> Errors:
    errors: Errors = []
    kind = value.get("type", "")
    if not kind:
        errors.append(required(f"{field}.type", "must specify a metric source type"))
    if kind not in _TYPES:
        errors.append(not_supported(f"{field}.type", kind, _TYPES))
    found = [key for key in _SOURCES if value.get(key) is not None]
    if found:
        errors += _SOURCES[found[0]](value[found[0]], f"{field}.{found[0]}")
    wanted = kind[:1].lower() + kind[1:]
    if wanted not in found:
        errors.append(required(f"{field}.{wanted}", "must populate information for the given metric source"))
    if len(found) != 1:
        why = "must populate the given metric source only"
        errors += [forbidden(f"{field}.{key}", why) for key in found if key != wanted]
    return errors


def _target(value: Fields, field: str) -> Errors:
    errors: Errors = []
    kind = value.get("type", "")
    if not kind:
        errors.append(required(f"{field}.type", "must specify a metric target type"))
    if kind not in _TARGETS:
        errors.append(invalid(f"{field}.type", kind, "must be either Utilization, Value, or AverageValue"))
    for key in ("value", "averageValue"):
        if value.get(key) is not None and quantity.nanos(value[key]) <= 0:
            errors.append(invalid(f"{field}.{key}", value[key], "must be positive"))
    percent = value.get("averageUtilization")
    if percent is not None and percent < 1:
        errors.append(invalid(f"{field}.averageUtilization", percent, "must be greater than 0"))
    return errors


def _named_metric(value: Fields, field: str) -> Errors:
    name = (value.get("metric") or {}).get("name", "")
    errors: Errors = [] if name else [required(f"{field}.metric.name", "must specify a metric name")]
    return errors + [invalid(f"{field}.metric.name", name, words) for words in names.path_segment(name)]


def _resource(value: Fields, field: str) -> Errors:
    errors: Errors = [] if value.get("name") else [required(f"{field}.name", "must specify a resource name")]
    target = value.get("target") or {}
    errors += _target(target, f"{field}.target")
    has_percent, has_value = (target.get(key) is not None for key in ("averageUtilization", "averageValue"))
    if not has_percent and not has_value:
        why = "must set either a target raw value or a target utilization"
        errors.append(required(f"{field}.target.averageUtilization", why))
    if has_percent and has_value:
        why = "may not set both a target raw value and a target utilization"
        errors.append(forbidden(f"{field}.target.averageValue", why))
    return errors


def _container_resource(value: Fields, field: str) -> Errors:
    errors: Errors = [] if value.get("container") else [required(f"{field}.container", "must specify a container")]
    return _resource(value, field) + errors


def _pods(value: Fields, field: str) -> Errors:
    target = value.get("target") or {}
    errors = _named_metric(value, field) + _target(target, f"{field}.target")
    if target.get("averageValue") is None or quantity.nanos(target["averageValue"]) <= 0:
        errors.append(required(f"{field}.target.averageValue", "must specify a positive target averageValue"))
    return errors


def _object(value: Fields, field: str) -> Errors:
    target = value.get("target") or {}
    described, here = value.get("describedObject") or {}, f"{field}.describedObject"
    errors = _reference(described, here) + _version(described.get("apiVersion", ""), here, needs_group=False)
    errors += _named_metric(value, field)
    errors += _target(target, f"{field}.target")
    if target.get("value") is None and target.get("averageValue") is None:
        errors.append(required(f"{field}.target.averageValue", "must set either a target value or averageValue"))
    return errors


def _external(value: Fields, field: str) -> Errors:
    target = value.get("target") or {}
    errors = _named_metric(value, field) + _target(target, f"{field}.target")
    has_value, has_average = (target.get(key) is not None for key in ("value", "averageValue"))
    if not has_value and not has_average:
        why = "must set either a target value for metric or a per-pod target"
        errors.append(required(f"{field}.target.averageValue", why))
    if has_value and has_average:
        why = "may not set both a target value for metric and a per-pod target"
        errors.append(forbidden(f"{field}.target.value", why))
    return errors


_SOURCES: dict[str, Callable[[Fields, str], Errors]] = {
    "object": _object,
    "external": _external,
    "pods": _pods,
    "resource": _resource,
    "containerResource": _container_resource,
}


def _behavior(value: Fields, field: str) -> Errors:
    errors: Errors = []
    window_s, select, policies = (value.get(key) for key in ("stabilizationWindowSeconds", "selectPolicy", "policies"))
    if window_s is not None and window_s < 0:
        errors.append(invalid(f"{field}.stabilizationWindowSeconds", window_s, "must be greater than or equal to zero"))
    if window_s is not None and window_s > _LONGEST_WINDOW_S:
        why = f"must be less than or equal to {_LONGEST_WINDOW_S}"
        errors.append(invalid(f"{field}.stabilizationWindowSeconds", window_s, why))
    if select is not None and select not in ("Disabled", "Max", "Min"):
        errors.append(not_supported(f"{field}.selectPolicy", select, ("Disabled", "Max", "Min")))
    if not policies:
        errors.append(required(f"{field}.policies", "must specify at least one Policy"))
    for index, policy in enumerate(policies or ()):
        here = f"{field}.policies[{index}]"
        if policy.get("type") not in ("Percent", "Pods"):
            errors.append(not_supported(f"{here}.type", policy.get("type", ""), ("Percent", "Pods")))
        for key in ("value", "periodSeconds"):
            if policy.get(key, 0) <= 0:
                errors.append(invalid(f"{here}.{key}", policy.get(key, 0), "must be greater than zero"))
        if policy.get("periodSeconds", 0) > _LONGEST_PERIOD_S:
            why = f"must be less than or equal to {_LONGEST_PERIOD_S}"
            errors.append(invalid(f"{here}.periodSeconds", policy["periodSeconds"], why))
    tolerance = value.get("tolerance")
    if tolerance is not None and quantity.nanos(tolerance) < 0:
        errors.append(invalid(f"{field}.tolerance", tolerance, NEGATIVE))
    return errors


def _defaults(obj: Object) -> None:
    spec = obj.setdefault("spec", {})
    if spec.get("minReplicas") is None:
        spec["minReplicas"] = 1
    if not spec.get("metrics"):
        target = {"type": "Utilization", "averageUtilization": 80}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    behavior = spec.get("behavior")
    if behavior is None:
        return
    up: Fields = {"stabilizationWindowSeconds": 0, "policies": [{**_QUICK, "type": "Pods", "value": 4}, dict(_QUICK)]}
    down: Fields = {"policies": [dict(_QUICK)]}
    for way, usual in (("scaleUp", up), ("scaleDown", down)):
        rules = behavior.get(way) or {}
        behavior[way] = {
            **usual,
            "selectPolicy": "Max",
            **{key: each for key, each in rules.items() if each is not None},
        }


RULES = {"horizontalpodautoscalers": Rules(create, update, update_status, defaults=_defaults)}
