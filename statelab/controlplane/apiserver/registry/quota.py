"""ResourceQuotas: counting what a namespace holds, and refusing what would be too much.

Source: apiserver/pkg/admission/plugin/resourcequota, pkg/quota/v1.
"""

from __future__ import annotations

from typing import Any

from statelab.controlplane import qos, quantity
from statelab.controlplane.apiserver.registry.service_ips import Reader
from statelab.controlplane.apiserver.validation import device_names
from statelab.controlplane.errors import forbidden
from statelab.controlplane.kinds import KINDS, Kind, Object, group_resource_of

Fields = dict[str, Any]
Amounts = dict[str, int]  # resource name → nanos

# Kinds that quotas count under a name of their own, beside count/<resource>.<group>.
_BY_NAME = frozenset(
    {
        "pods",
        "services",
        "secrets",
        "configmaps",
        "persistentvolumeclaims",
        "replicationcontrollers",
        "resourcequotas",
    }
)
_OF_CLASS = ".deviceclass.resource.k8s.io/devices"
_COMPUTE = ("cpu", "memory", "ephemeral-storage")


def check(plural: str, obj: Object, operation: str, old: Object | None, cluster: Reader) -> None:
    """Refuse what exceeds a quota. Raises ApiError 403."""
    namespace = obj["metadata"].get("namespace", "")
    if not namespace or plural == "events":
        return
    quotas = cluster.list("resourcequotas", namespace)
    if not quotas or (operation == "UPDATE" and plural not in ("services", "persistentvolumeclaims", "pods")):
        return
    if plural == "pods" and old is not None and charge(plural, obj) == charge(plural, old):
        return  # what may change of a Pod in use is its size
    name = obj["metadata"].get("name", "")
    group = plural.partition(".")[2]
    kind = KINDS.get(plural) or Kind(group, "", obj["kind"], plural.partition(".")[0])
    asked = charge(plural, obj)
    for each in quotas:
        hard: Fields = (each.get("spec") or {}).get("hard") or {}
        if not matches(each, plural, obj):
            continue
        missing = _unspecified(plural, obj, hard)
        if missing:
            raise forbidden(kind, name, f"failed quota: {each['metadata']['name']}: must specify {missing}")
        before = charge(plural, old) if old is not None else {}
        delta = {key: asked.get(key, 0) - before.get(key, 0) for key in hard if key in asked}
        if not any(value > 0 for value in delta.values()):
            continue
        used = usage(each, cluster)
        over = sorted(
            key
            for key, value in delta.items()
            if value > 0 and used.get(key, 0) + value > quantity.parse(hard[key]).nanos
        )
        if over:
            texts = [
                ",".join(f"{key}={_text(amounts[key], hard[key])}" for key in over)
                for amounts in (delta, {key: used.get(key, 0) for key in over})
            ]
            limited = ",".join(f"{key}={hard[key]}" for key in over)
            why = f"exceeded quota: {each['metadata']['name']}, requested: {texts[0]}, used: {texts[1]}, "
            why += f"limited: {limited}"
            raise forbidden(kind, name, why)


def _text(nanos: int, like: str) -> str:
    return quantity.of_nanos(nanos, binary=quantity.is_binary(like)).text


def usage(resource_quota: Object, cluster: Reader) -> Amounts:
    """What the namespace uses of everything the quota limits, in nanos."""
    namespace = resource_quota["metadata"]["namespace"]
    hard: Fields = (resource_quota.get("spec") or {}).get("hard") or {}
    used: Amounts = dict.fromkeys(hard, 0)
    custom = [key.removeprefix("count/") for key in hard if key.startswith("count/") and key.count(".") > 1]
    for plural in (*KINDS, *custom):
        if plural == "events" or not (plural in custom or KINDS[plural].namespaced) or not _concerns(plural, hard):
            continue
        for obj in cluster.list(plural, namespace):
            if matches(resource_quota, plural, obj):
                for key, value in charge(plural, obj).items():
                    if key in used:
                        used[key] += value
    return used


def used_texts(resource_quota: Object, cluster: Reader) -> dict[str, str]:
    """`status.used`, as a quota controller writes it."""
    hard: Fields = (resource_quota.get("spec") or {}).get("hard") or {}
    return {key: _text(value, hard[key]) for key, value in usage(resource_quota, cluster).items()}


def _concerns(plural: str, hard: Fields) -> bool:
    if f"count/{group_resource_of(plural)}" in hard or plural in hard:
        return True
    if plural == "services":
        return any(key.startswith("services") for key in hard)
    if plural == "persistentvolumeclaims":
        return any("storage" in key or "persistentvolumeclaims" in key for key in hard)
    if plural == "resourceclaims":
        return any(key.endswith(_OF_CLASS) for key in hard)
    if plural == "pods":
        return any(key.removeprefix("requests.").removeprefix("limits.") in _COMPUTE or "/" in key for key in hard)
    return False


def charge(plural: str, obj: Object | None) -> Amounts:
    """What one object counts for, in nanos by resource name."""
    if obj is None:
        return {}
    one = quantity.NANO
    found: Amounts = {f"count/{group_resource_of(plural)}": one}
    if plural == "pods":
        if (obj.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
            return found
        found["pods"] = one
        for part in ("requests", "limits"):
            for name, value in _of_pod(obj["spec"], part).items():
                found[f"{part}.{name}"] = value
                if part == "requests":
                    found[name] = value
        return found
    if plural in _BY_NAME:
        found[plural] = one
    if plural == "services":
        kind = obj["spec"].get("type")
        ports = len(obj["spec"].get("ports") or ())
        found["services.nodeports"] = found["services.loadbalancers"] = 0
        if kind == "NodePort":
            found["services.nodeports"] = ports * one
        elif kind == "LoadBalancer":
            found["services.loadbalancers"] = one
            if obj["spec"].get("allocateLoadBalancerNodePorts") is not False:
                found["services.nodeports"] = ports * one
    if plural == "resourceclaims":
        _add(found, _devices(obj["spec"]))
    if plural == "persistentvolumeclaims":
        storage = ((obj["spec"].get("resources") or {}).get("requests") or {}).get("storage")
        amount = quantity.parse(storage).nanos if storage is not None else 0
        found["requests.storage"] = amount
        class_name = obj["spec"].get("storageClassName")
        if class_name:
            suffix = f"{class_name}.storageclass.storage.k8s.io"
            found[f"{suffix}/requests.storage"], found[f"{suffix}/persistentvolumeclaims"] = amount, one
    return found


def _devices(spec: Fields) -> Amounts:
    """The devices that a claim may come to, by class; of alternatives, the most that one of them asks of a class."""
    found: Amounts = {}
    for request in (spec.get("devices") or {}).get("requests") or ():
        most: Amounts = {}
        for each in [request["exactly"]] if request.get("exactly") else request.get("firstAvailable") or ():
            count = device_names.MOST if each.get("allocationMode") == "All" else each.get("count", 1)
            key = f"{each['deviceClassName']}{_OF_CLASS}"
            most[key] = max(most.get(key, 0), count * quantity.NANO)
        _add(found, most)
    return found


def _of_pod(spec: Fields, part: str) -> Amounts:
    """A Pod's requests or limits: its containers together, or its largest init container."""
    total: Amounts = {}
    sidecars: Amounts = {}
    largest: Amounts = {}
    for container in spec.get("containers") or ():
        _add(total, _amounts(container, part))
    for container in spec.get("initContainers") or ():
        own = _amounts(container, part)
        if container.get("restartPolicy") == "Always":
            _add(total, own)
            _add(sidecars, own)
            own = dict(sidecars)
        else:
            own = {key: own.get(key, 0) + sidecars.get(key, 0) for key in {*own, *sidecars}}
        for key, value in own.items():
            largest[key] = max(largest.get(key, 0), value)
    for key, value in largest.items():
        total[key] = max(total.get(key, 0), value)
    _add(total, {key: quantity.parse(text).nanos for key, text in (spec.get("overhead") or {}).items()})
    return total


def _amounts(container: Fields, part: str) -> Amounts:
    found: Fields = (container.get("resources") or {}).get(part) or {}
    return {key: quantity.parse(text).nanos for key, text in found.items()}


def _add(total: Amounts, more: Amounts) -> None:
    for key, value in more.items():
        total[key] = total.get(key, 0) + value


def _unspecified(plural: str, obj: Object, hard: Fields) -> str:
    """Containers that say nothing about a compute resource the quota limits: `cpu for: a,b; memory for: a`."""
    if plural != "pods":
        return ""
    missing: dict[str, set[str]] = {}
    containers = [*(obj["spec"].get("containers") or ()), *(obj["spec"].get("initContainers") or ())]
    for key in hard:
        part, _, name = key.rpartition(".")
        if name not in _COMPUTE or part not in ("", "requests", "limits"):
            continue
        for container in containers:
            if name not in _amounts(container, part or "requests"):
                missing.setdefault(key, set()).add(container.get("name", ""))
    return "; ".join(f"{key} for: {','.join(sorted(missing[key]))}" for key in sorted(missing))


def matches(resource_quota: Object, plural: str, obj: Object) -> bool:
    """Whether the quota's scopes take the object in. Only Pods have scopes here."""
    spec = resource_quota.get("spec") or {}
    scopes: list[tuple[str, str, list[str]]] = [(scope, "Exists", []) for scope in spec.get("scopes") or ()]
    for one in (spec.get("scopeSelector") or {}).get("matchExpressions") or ():
        scopes.append((one.get("scopeName", ""), one.get("operator", ""), one.get("values") or []))
    if not scopes:
        return True
    return plural == "pods" and all(_in_scope(obj, *scope) for scope in scopes)


def _in_scope(pod: Object, scope: str, operator: str, values: list[str]) -> bool:
    spec = pod["spec"]
    if scope in ("Terminating", "NotTerminating"):
        return (spec.get("activeDeadlineSeconds") is not None) == (scope == "Terminating")
    if scope in ("BestEffort", "NotBestEffort"):
        return (qos.qos_class(spec) == "BestEffort") == (scope == "BestEffort")
    if scope == "PriorityClass":
        name = spec.get("priorityClassName", "")
        if operator in ("In", "NotIn"):
            return (name in values) == (operator == "In")
        return bool(name) == (operator == "Exists")
    if scope == "CrossNamespacePodAffinity":
        affinity = spec.get("affinity") or {}
        return any("namespace" in str(affinity.get(key)) for key in ("podAffinity", "podAntiAffinity"))
    return False
