"""autoscaling/v1: the same HorizontalPodAutoscalers as autoscaling/v2, in the older form that many manifests have.

What v1 has no field for stands in annotations. Source: pkg/apis/autoscaling/v1/conversion.go and defaults.go.
"""

from __future__ import annotations

from typing import Any

from statelab.controlplane.kinds import OTHER_VERSIONS, Object
from statelab.reader import jsonbytes

Fields = dict[str, Any]

KIND = OTHER_VERSIONS["autoscaling/v1", "horizontalpodautoscalers"]
_V2 = "autoscaling/v2"
_PERCENT = "targetCPUUtilizationPercentage"
_ANNOTATION = "autoscaling.alpha.kubernetes.io/"
_COUNTS = ("observedGeneration", "lastScaleTime", "currentReplicas", "desiredReplicas")


def to_v1(obj: Object) -> Object:
    """A v2 object as v1 shows it."""
    spec, status = dict(obj.get("spec") or {}), obj.get("status") or {}
    metrics, behavior = spec.pop("metrics", None) or [], spec.pop("behavior", None)
    percent = next((value for each in metrics if (value := _cpu(each, "target")) is not None), None)
    if percent is not None:
        spec[_PERCENT] = percent
    kept: Fields = {
        "metrics": [each for each in metrics if _cpu(each, "target") is None],
        "behavior": behavior,
        "conditions": status.get("conditions"),
    }
    metadata = dict(obj.get("metadata") or {})
    annotations = dict(metadata.get("annotations") or {})
    annotations |= {_ANNOTATION + key: jsonbytes.dumps(each).decode() for key, each in kept.items() if each}
    if annotations:
        metadata["annotations"] = annotations
    shown = {key: status[key] for key in _COUNTS if key in status}
    shown = {"currentReplicas": 0, "desiredReplicas": 0, **shown}
    now = next(
        (value for each in status.get("currentMetrics") or () if (value := _cpu(each, "current")) is not None), None
    )
    if now is not None:
        shown["currentCPUUtilizationPercentage"] = now
    return {"kind": KIND.name, "apiVersion": KIND.api_version, "metadata": metadata, "spec": spec, "status": shown}


def to_v2(obj: Object) -> Object:
    """A v1 object, or a part of one that is applied, as v2 has it."""
    found = {**obj, "apiVersion": _V2}
    annotations = dict((obj.get("metadata") or {}).get("annotations") or {})
    kept = {key: annotations.pop(_ANNOTATION + key, None) for key in ("metrics", "behavior", "conditions")}
    if any(each is not None for each in kept.values()):
        found["metadata"] = {**obj["metadata"], "annotations": annotations}
    if "spec" in obj:
        spec = dict(obj["spec"] or {})
        metrics = _read(kept["metrics"], list)
        percent = spec.pop(_PERCENT, None)
        if percent is not None:
            target = {"type": "Utilization", "averageUtilization": percent}
            metrics = [*metrics, {"type": "Resource", "resource": {"name": "cpu", "target": target}}]
        if metrics:
            spec["metrics"] = metrics
        if behavior := _read(kept["behavior"], dict):
            spec["behavior"] = behavior
        found["spec"] = spec
    if obj.get("status"):
        found["status"] = {key: obj["status"][key] for key in _COUNTS if key in obj["status"]}
    return found


def _read(text: str | None, kind: type) -> Any:
    """What an annotation holds; nothing where somebody wrote something else into it."""
    try:
        found = jsonbytes.loads(text or "null")
    except ValueError:
        found = None
    return found if isinstance(found, kind) else kind()


def _cpu(metric: Fields, part: str) -> int | None:
    """The utilization of CPU that a metric says, which is all that v1 has a field for."""
    resource = metric.get("resource") or {}
    if metric.get("type") != "Resource" or resource.get("name") != "cpu":
        return None
    percent = (resource.get(part) or {}).get("averageUtilization")
    return percent if isinstance(percent, int) else None
