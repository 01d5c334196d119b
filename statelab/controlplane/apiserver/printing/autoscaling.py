"""HorizontalPodAutoscalers: rows of a table. Source: pkg/printers/internalversion/printers.go."""

from __future__ import annotations

from typing import Any

from statelab.controlplane.apiserver.printing.cells import AGE, NAME, Printer, Since, age, name, part
from statelab.controlplane.kinds import Object

_V2 = "io.k8s.api.autoscaling.v2.HorizontalPodAutoscaler"
_MOST_METRICS = 2


def _autoscaler(obj: Object, since: Since) -> list[Any]:
    spec, status = part(obj, "spec"), part(obj, "status")
    target = part(spec, "scaleTargetRef")
    least = spec.get("minReplicas")
    return [
        name(obj), f"{target.get('kind', '')}/{target.get('name', '')}", _metrics(spec, status),
        "<unset>" if least is None else str(least), spec.get("maxReplicas", 0), status.get("currentReplicas", 0),
        age(obj, since),
    ]  # fmt: skip


def _metrics(spec: Object, status: Object) -> str:
    metrics, now = spec.get("metrics") or [], status.get("currentMetrics") or []
    if not metrics:
        return "<none>"
    told = [_metric(each, now[index] if index < len(now) else {}) for index, each in enumerate(metrics)]
    more = f" + {len(told) - _MOST_METRICS} more..." if len(told) > _MOST_METRICS else ""
    return ", ".join(told[:_MOST_METRICS]) + more


def _metric(spec: Object, now: Object) -> str:
    kind = spec.get("type", "")
    key = kind[:1].lower() + kind[1:]
    target, current = part(part(spec, key), "target"), part(part(now, key), "current")
    of_resource = kind in ("Resource", "ContainerResource")
    label = f"{part(spec, key).get('name', '')}: " if of_resource else ""
    if kind == "External" and target.get("averageValue") is not None:
        return f"{current.get('averageValue', '<unknown>')}/{target['averageValue']} (avg)"
    if of_resource and target.get("averageValue") is None:
        percent = target.get("averageUtilization")
        shown, wanted = current.get("averageUtilization"), "<auto>" if percent is None else f"{percent}%"
        return f"{label}{'<unknown>' if shown is None else f'{shown}%'}/{wanted}"
    field = "averageValue" if target.get("averageValue") is not None else "value"
    average = " (avg)" if kind == "Object" and field == "averageValue" else ""
    return f"{label}{current.get(field, '<unknown>')}/{target.get(field, '<auto>')}{average}"


PRINTERS = {
    "horizontalpodautoscalers": Printer(
        (
            NAME,
            ("Reference", "string", 0, _V2 + "Spec#scaleTargetRef"),
            ("Targets", "string", 0, _V2 + "Spec#metrics"),
            ("MinPods", "string", 0, _V2 + "Spec#minReplicas"),
            ("MaxPods", "string", 0, _V2 + "Spec#maxReplicas"),
            ("Replicas", "string", 0, _V2 + "Status#currentReplicas"),
            AGE,
        ),
        _autoscaler,
    ),
}
