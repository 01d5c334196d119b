"""LimitRanger: fills in what a Pod does not ask for, and refuses what a LimitRange does not allow.

Source: plugin/pkg/admission/limitranger/admission.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from statelab.controlplane import quantity
from statelab.controlplane.apiserver.registry.service_ips import Reader
from statelab.controlplane.errors import forbidden
from statelab.controlplane.kinds import KINDS, Object

Fields = dict[str, Any]
Amounts = dict[str, str]

_ANNOTATION = "kubernetes.io/limit-ranger"
_CONTAINERS = (("containers", "container"), ("initContainers", "init container"))


def fill_in(pod: Object, cluster: Reader) -> None:
    """Give the containers of a new Pod the requests and limits that they leave out."""
    for each in cluster.list("limitranges", pod["metadata"].get("namespace", "")):
        requests, limits = _usual(each)
        if requests or limits:
            told = list(_filled(pod["spec"], requests, limits))
            if told:
                annotations = dict(pod["metadata"].get("annotations") or {})
                annotations[_ANNOTATION] = f"LimitRanger plugin set: {'; '.join(told)}"
                pod["metadata"]["annotations"] = annotations


def _usual(limit_range: Object) -> tuple[Amounts, Amounts]:
    requests: Amounts = {}
    limits: Amounts = {}
    for limit in _limits(limit_range, "Container"):
        requests |= limit.get("defaultRequest") or {}
        limits |= limit.get("default") or {}
    return requests, limits


def _filled(spec: Fields, requests: Amounts, limits: Amounts) -> Iterator[str]:
    for key, what in _CONTAINERS:
        for container in spec.get(key) or ():
            resources: Fields = dict(container.get("resources") or {})
            for part, usual in (("requests", requests), ("limits", limits)):
                has: Amounts = resources.get(part) or {}
                missing = {name: amount for name, amount in usual.items() if name not in has}
                if missing:
                    resources[part] = {**has, **missing}
                    yield f"{', '.join(sorted(missing))} {part[:-1]} for {what} {container.get('name', '')}"
            container["resources"] = resources


def _limits(limit_range: Object, kind: str) -> list[Fields]:
    return [each for each in (limit_range.get("spec") or {}).get("limits") or () if each.get("type") == kind]


# ---- refusing


def check(plural: str, obj: Object, cluster: Reader) -> None:
    """Raises ApiError 403 for a Pod or a claim that is out of a LimitRange's bounds."""
    if plural not in ("pods", "persistentvolumeclaims"):
        return
    for each in cluster.list("limitranges", obj["metadata"].get("namespace", "")):
        found = list(_pod_problems(each, obj["spec"]) if plural == "pods" else _claim_problems(each, obj["spec"]))
        if found:
            found = list(dict.fromkeys(found))
            why = found[0] if len(found) == 1 else f"[{', '.join(found)}]"
            name = obj["metadata"].get("name") or obj["metadata"].get("generateName", "")
            raise forbidden(KINDS[plural], name, why)


def _pod_problems(limit_range: Object, spec: Fields) -> Iterator[str]:
    for limit in _limits(limit_range, "Container"):
        for key, _ in _CONTAINERS:
            for container in spec.get(key) or ():
                resources = container.get("resources") or {}
                yield from _problems(limit, resources.get("requests") or {}, resources.get("limits") or {})
    for limit in _limits(limit_range, "Pod"):
        yield from _problems(limit, _together(spec, "requests"), _together(spec, "limits"))


def _claim_problems(limit_range: Object, spec: Fields) -> Iterator[str]:
    requests: Amounts = (spec.get("resources") or {}).get("requests") or {}
    for limit in _limits(limit_range, "PersistentVolumeClaim"):
        for name, least in sorted((limit.get("min") or {}).items()):
            yield from _below(limit["type"], name, least, requests, {})
        for name, most in sorted((limit.get("max") or {}).items()):
            if name not in requests:
                yield f"maximum {name} usage per {limit['type']} is {most}.  No request is specified"
            elif quantity.compare(requests[name], most) > 0:
                yield f"maximum {name} usage per {limit['type']} is {most}, but request is {requests[name]}"


def _problems(limit: Fields, requests: Amounts, limits: Amounts) -> Iterator[str]:
    kind = limit["type"]
    for name, least in sorted((limit.get("min") or {}).items()):
        yield from _below(kind, name, least, requests, limits)
    for name, most in sorted((limit.get("max") or {}).items()):
        start = f"maximum {name} usage per {kind} is {most}"
        if name not in limits:
            yield f"{start}.  No limit is specified"
        elif quantity.compare(limits[name], most) > 0:
            yield f"{start}, but limit is {limits[name]}"
        elif name in requests and quantity.compare(requests[name], most) > 0:
            yield f"{start}, but request is {requests[name]}"
    for name, ratio in sorted((limit.get("maxLimitRequestRatio") or {}).items()):
        yield from _ratio(kind, name, ratio, requests.get(name), limits.get(name))


def _below(kind: str, name: str, least: str, requests: Amounts, limits: Amounts) -> Iterator[str]:
    start = f"minimum {name} usage per {kind} is {least}"
    if name not in requests:
        yield f"{start}.  No request is specified"
    elif quantity.compare(requests[name], least) < 0:
        yield f"{start}, but request is {requests[name]}"
    elif name in limits and quantity.compare(limits[name], least) < 0:
        yield f"{start}, but limit is {limits[name]}"


def _ratio(kind: str, name: str, ratio: str, request: str | None, limit: str | None) -> Iterator[str]:
    start = f"{name} max limit to request ratio per {kind} is {ratio}, but"
    if request is None or not quantity.nanos(request):
        yield f"{start} no request is specified or request is 0"
    elif limit is None or not quantity.nanos(limit):
        yield f"{start} no limit is specified or limit is 0"
    else:
        found = quantity.nanos(limit) / quantity.nanos(request)
        if found > quantity.nanos(ratio) / quantity.NANO:
            yield f"{start} provided ratio is {found:f}"


def _together(spec: Fields, part: str) -> Amounts:
    """What a Pod's containers ask for together, or a single init container where that is more.

    A resource that one container says nothing about is not counted.
    """
    containers = [(each.get("resources") or {}).get(part) or {} for each in spec.get("containers") or ()]
    total: Amounts = {}
    for name in sorted({name for each in containers for name in each}):
        if all(name in each for each in containers):
            binary = any(quantity.is_binary(each[name]) for each in containers)
            total[name] = quantity.of_nanos(sum(quantity.nanos(each[name]) for each in containers), binary=binary).text
    for container in spec.get("initContainers") or ():
        for name, amount in ((container.get("resources") or {}).get(part) or {}).items():
            if name not in total or quantity.compare(amount, total[name]) > 0:
                total[name] = amount
    return total
