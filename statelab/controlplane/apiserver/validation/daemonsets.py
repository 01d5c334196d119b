"""DaemonSets. Source: pkg/apis/apps/validation/validation.go, pkg/registry/apps/daemonset/strategy.go."""

from __future__ import annotations

from statelab.controlplane.apiserver.validation import defaults_pods, difference, meta, names, pods, warnings
from statelab.controlplane.apiserver.validation.apps import always_running, at_most_100_percent, int_or_percent, number
from statelab.controlplane.apiserver.validation.fields import (
    Errors,
    Fields,
    go_struct,
    immutable,
    invalid,
    non_negative,
    not_supported,
    required,
    selector,
)
from statelab.controlplane.apiserver.validation.rules import Rules, spec_changed
from statelab.controlplane.kinds import Object

_APPS = "io.k8s.api.apps.v1."
_GENERATION = "deprecated.daemonset.template.generation"
_COUNTS = (
    "currentNumberScheduled",
    "numberMisscheduled",
    "desiredNumberScheduled",
    "numberReady",
    "observedGeneration",
    "updatedNumberScheduled",
    "numberAvailable",
    "numberUnavailable",
    "collisionCount",
)


def create(obj: Object) -> Errors:
    return meta.metadata(obj["metadata"], namespaced=True, check_name=names.subdomain) + _spec(obj["spec"])


def update(obj: Object, old: Object) -> Errors:
    errors = meta.metadata_update(obj["metadata"], old["metadata"]) + _spec(obj["spec"])
    new, was = obj["spec"].get("selector"), old["spec"].get("selector")
    if difference.differ(new, was):
        errors += immutable(selector(new), selector(was), "spec.selector")
    return errors


def _spec(spec: Fields) -> Errors:
    given, template = spec.get("selector"), spec.get("template") or {}
    errors = meta.label_selector(given, "spec.selector")
    labels = (template.get("metadata") or {}).get("labels")
    matches = meta.selects(given)
    if given is None or (matches is not None and not matches(labels or {})):
        why = "`selector` does not match template `labels`"
        errors.append(invalid("spec.template.metadata.labels", labels, why))
    if given is not None and meta.is_empty(given):
        errors.append(invalid("spec.selector", selector(given), "empty selector is invalid for daemonset"))
    errors += pods.pod_template(template, "spec.template")
    errors += always_running(template.get("spec") or {}, "DaemonSet")
    errors += non_negative(spec.get("minReadySeconds"), "spec.minReadySeconds")
    errors += _strategy(spec.get("updateStrategy") or {})
    return errors + non_negative(spec.get("revisionHistoryLimit"), "spec.revisionHistoryLimit")


def _strategy(value: Fields) -> Errors:
    kind, rolling = value.get("type", ""), value.get("rollingUpdate")
    if kind == "OnDelete":
        return []
    if kind != "RollingUpdate":
        shown = go_struct(f"{_APPS}DaemonSetUpdateStrategy", value)
        return [not_supported("spec.updateStrategy", shown, ("RollingUpdate", "OnDelete"))]
    if rolling is None:
        return [required("spec.updateStrategy.rollingUpdate")]
    field = "spec.updateStrategy.rollingUpdate"
    unavailable, surge = rolling.get("maxUnavailable", 0), rolling.get("maxSurge", 0)
    errors = int_or_percent(unavailable, f"{field}.maxUnavailable") + int_or_percent(surge, f"{field}.maxSurge")
    errors += at_most_100_percent(unavailable, f"{field}.maxUnavailable")
    errors += at_most_100_percent(surge, f"{field}.maxSurge")
    if number(unavailable) and number(surge):
        errors.append(invalid(f"{field}.maxSurge", surge, "may not be set when maxUnavailable is non-zero"))
    elif not number(unavailable) and not number(surge):
        errors.append(required(f"{field}.maxUnavailable", "cannot be 0 when maxSurge is 0"))
    return errors


def update_status(obj: Object, old: Object) -> Errors:
    errors = meta.metadata_update(obj["metadata"], old["metadata"])
    status, before = obj.get("status") or {}, old.get("status") or {}
    for key in _COUNTS:
        errors += non_negative(status.get(key), f"status.{key}")
    now, was = status.get("collisionCount"), before.get("collisionCount")
    if was is not None and (now is None or now < was):
        errors.append(invalid("status.collisionCount", now or 0, "cannot be decremented"))
    return errors


def _defaults(obj: Object) -> None:
    spec = defaults_pods.with_spec(obj)["spec"]
    defaults_pods.template(spec.setdefault("template", {}))
    strategy = spec.setdefault("updateStrategy", {})
    if not strategy.get("type"):
        strategy["type"] = "RollingUpdate"
    if strategy["type"] == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxUnavailable", 1)
        rolling.setdefault("maxSurge", 0)
    spec.setdefault("revisionHistoryLimit", 10)


def _prepare(obj: Object, old: Object | None) -> None:
    """The template's generation, which old clients read, is an annotation; a client cannot set it."""
    generation = 1
    if old is not None:
        text = (old["metadata"].get("annotations") or {}).get(_GENERATION, "0")
        generation = int(text) if text.isdigit() and len(text) < 18 else 0
        generation += obj["spec"].get("template") != old["spec"].get("template")
    annotations = dict(obj["metadata"].get("annotations") or {})
    obj["metadata"]["annotations"] = {**annotations, _GENERATION: str(generation)}


RULES = {
    "daemonsets": Rules(
        create,
        update,
        update_status,
        defaults=_defaults,
        prepare=_prepare,
        counts=spec_changed,
        warnings=warnings.template,
    ),
}
