"""The quality of service a Pod is promised, by what it asks for. Source: pkg/apis/core/v1/helper/qos."""

from __future__ import annotations

from typing import Any

from statelab.controlplane import quantity

Fields = dict[str, Any]


def qos_class(spec: Fields) -> str:
    """Guaranteed, Burstable or BestEffort."""
    of_pod = spec.get("resources") or {}
    if of_pod.get("requests") or of_pod.get("limits"):
        parts = [of_pod]
    else:
        containers = [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]
        parts = [container.get("resources") or {} for container in containers]
    requests: dict[str, int] = {}
    limits: dict[str, int] = {}
    guaranteed = True
    for part in parts:
        found = set()
        for name in ("cpu", "memory"):
            asked, capped = (_nanos(part.get(key), name) for key in ("requests", "limits"))
            if asked:
                requests[name] = requests.get(name, 0) + asked
            if capped:
                limits[name] = limits.get(name, 0) + capped
                found.add(name)
        guaranteed = guaranteed and len(found) == 2
    if not requests and not limits:
        return "BestEffort"
    return "Guaranteed" if guaranteed and requests == limits else "Burstable"


def _nanos(amounts: Fields | None, name: str) -> int:
    text = (amounts or {}).get(name)
    return quantity.parse(text).nanos if text is not None else 0
