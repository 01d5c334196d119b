"""The ResourceQuota controller: counts what a namespace uses. Admission refuses what would be too much.

Source: pkg/controller/resourcequota, pkg/quota/v1/evaluator/core (pods.go, services.go, persistent_volume_claims.go).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction

from statelab.controlplane.controllers.claims import Reader, class_name
from statelab.controlplane.controllers.pods import is_finished
from statelab.controlplane.kinds import KINDS, Object, key_of
from statelab.controlplane.manager import Controller
from statelab.controlplane.quantity import canonical, parse
from statelab.controlplane.store import Revision
from statelab.controlplane.view import View

# Kinds with a name of their own in `hard`; every kind can be counted as count/PLURAL.GROUP.
_PLAIN = ("configmaps", "persistentvolumeclaims", "pods", "resourcequotas", "secrets", "services")
_COMPUTE = ("cpu", "memory", "ephemeral-storage")
_COUNTED = [plural for plural, kind in KINDS.items() if kind.namespaced and plural != "events"]


def used(quota: Object, reader: Reader) -> dict[str, str]:
    """What of each resource in `hard` the quota's namespace uses now, as quantities."""
    hard: dict[str, str] = quota["spec"].get("hard") or {}
    total = dict.fromkeys(hard, Fraction(0))
    for plural in _COUNTED:
        if not any(name in hard for name in _names_of(plural)) and not _may_concern(plural, hard):
            continue
        for obj in reader.list(plural, quota["metadata"]["namespace"]):
            if in_scope(quota, plural, obj):
                for name, amount in usage(plural, obj).items():
                    if name in total:
                        total[name] += amount
    return {name: canonical(amount, binary=_is_bytes(name, hard[name])) for name, amount in total.items()}


def usage(plural: str, obj: Object) -> dict[str, Fraction]:
    """What one object uses, by the names that `hard` may have."""
    found = {name: Fraction(1) for name in _names_of(plural)}
    if plural == "pods":
        if is_finished(obj):
            return {name: found[name] for name in found if name.startswith("count/")}
        found |= _pod_compute(obj)
    elif plural == "services":
        type = obj["spec"].get("type", "ClusterIP")
        ports = sum(bool(port.get("nodePort")) for port in obj["spec"].get("ports") or ())
        found["services.loadbalancers"] = Fraction(type == "LoadBalancer")
        found["services.nodeports"] = Fraction(ports if type in ("NodePort", "LoadBalancer") else 0)
    elif plural == "persistentvolumeclaims":
        storage = parse(((obj["spec"].get("resources") or {}).get("requests") or {}).get("storage", "0"))
        found["requests.storage"] = storage
        if name := class_name(obj):
            found[f"{name}.storageclass.storage.k8s.io/requests.storage"] = storage
            found[f"{name}.storageclass.storage.k8s.io/persistentvolumeclaims"] = Fraction(1)
    return found


def _names_of(plural: str) -> list[str]:
    kind = KINDS[plural]
    counted = f"count/{plural}.{kind.group}" if kind.group else f"count/{plural}"
    return [plural, counted] if plural in _PLAIN else [counted]


def _may_concern(plural: str, hard: Iterable[str]) -> bool:
    if plural == "pods":
        return any(name.removeprefix("requests.").removeprefix("limits.") in _COMPUTE for name in hard)
    if plural == "services":
        return any(name.startswith("services.") for name in hard)
    return plural == "persistentvolumeclaims" and any("storage" in name for name in hard)


def _is_bytes(name: str, hard: str) -> bool:
    return "memory" in name or "storage" in name.rpartition("/")[2] or hard.endswith("i")


# ---- Pods


def _pod_compute(pod: Object) -> dict[str, Fraction]:
    found: dict[str, Fraction] = {}
    for resource in _COMPUTE:
        requests = _pod_amount(pod, "requests", resource)
        found[resource] = found[f"requests.{resource}"] = requests
        found[f"limits.{resource}"] = _pod_amount(pod, "limits", resource)
    return found


def _pod_amount(pod: Object, what: str, resource: str) -> Fraction:
    """All containers and sidecars together, or the init container that needs most while the sidecars before it run."""
    spec = pod["spec"]
    whole = ((spec.get("resources") or {}).get(what) or {}).get(resource)
    if whole is not None:
        return parse(whole)
    running = sum((_amount(each, what, resource) for each in spec.get("containers") or ()), Fraction(0))
    sidecars, most = Fraction(0), Fraction(0)
    for each in spec.get("initContainers") or ():
        amount = _amount(each, what, resource)
        if each.get("restartPolicy") == "Always":
            sidecars += amount
            most = max(most, sidecars)
        else:
            most = max(most, sidecars + amount)
    overhead = parse((spec.get("overhead") or {}).get(resource, "0"))
    return max(running + sidecars, most) + overhead


def _amount(container: Object, what: str, resource: str) -> Fraction:
    return parse(((container.get("resources") or {}).get(what) or {}).get(resource, "0"))


def in_scope(quota: Object, plural: str, obj: Object) -> bool:
    """Whether the quota counts this object: its scopes speak of Pods only."""
    scopes = list(_scopes(quota))
    if not scopes:
        return True
    return plural == "pods" and all(_matches(scope, operator, values, obj) for scope, operator, values in scopes)


def _scopes(quota: Object) -> Iterator[tuple[str, str, list[str]]]:
    for scope in quota["spec"].get("scopes") or ():
        yield scope, "Exists", []
    for each in (quota["spec"].get("scopeSelector") or {}).get("matchExpressions") or ():
        yield each["scopeName"], each["operator"], list(each.get("values") or ())


def _matches(scope: str, operator: str, values: list[str], pod: Object) -> bool:
    best_effort = not any(
        (each.get("resources") or {}).get(what)
        for each in [*(pod["spec"].get("containers") or ()), *(pod["spec"].get("initContainers") or ())]
        for what in ("requests", "limits")
    )
    terminating = pod["spec"].get("activeDeadlineSeconds") is not None
    match scope:
        case "BestEffort":
            return best_effort
        case "NotBestEffort":
            return not best_effort
        case "Terminating":
            return terminating
        case "NotTerminating":
            return not terminating
        case "PriorityClass":
            name = pod["spec"].get("priorityClassName") or ""
            return {
                "In": name in values,
                "NotIn": name not in values,
                "Exists": bool(name),
                "DoesNotExist": not name,
            }[operator]
    return False


# ---- the controller


def reconcile(key: str, view: View) -> float | None:
    """Write what the namespace of one quota uses."""
    quota = view.get("resourcequotas", key)
    if quota is None:
        return None
    status = {"hard": dict(quota["spec"].get("hard") or {}), "used": used(quota, view)}
    if status != (quota.get("status") or {}):
        counted = ", ".join(f"{name} {amount}" for name, amount in status["used"].items())
        view.update_status("resourcequotas", {**quota, "status": status}, why=f"its namespace uses {counted}")
    return None


def _on_quota(revision: Revision, view: View) -> Iterable[str]:
    return () if revision.type == "DELETED" else (revision.key, *_on_object(revision, view))


def _on_object(revision: Revision, view: View) -> Iterable[str]:
    """A write that can change the sums: something came or went, ended or asks for another amount."""
    quotas = view.list("resourcequotas", revision.object["metadata"]["namespace"])
    if not quotas:
        return ()
    before = revision.previous
    if (
        before is not None
        and revision.type == "MODIFIED"
        and _uses(revision, before) == _uses(revision, revision.object)
    ):
        return ()
    return [key_of(quota) for quota in quotas]


def _uses(revision: Revision, obj: Object) -> dict[str, Fraction]:
    return usage(revision.plural, obj)


CONTROLLER = Controller(
    name="resourcequota-controller",
    reconcile=reconcile,
    watches={**dict.fromkeys(_COUNTED, _on_object), "resourcequotas": _on_quota},
    latency_s=0.1,
)
