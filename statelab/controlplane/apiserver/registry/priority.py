"""Admission plugin Priority: a Pod's class becomes a number and a policy. Source: plugin/pkg/admission/priority."""

from __future__ import annotations

from statelab.controlplane.apiserver.registry.service_ips import Reader
from statelab.controlplane.apiserver.validation.priorityclasses import PREEMPT
from statelab.controlplane.errors import forbidden
from statelab.controlplane.kinds import KINDS, Object

_COMPUTED = "must not be provided in pod spec; priority admission controller computed"


def admit_pod(pod: Object, cluster: Reader) -> None:
    """Give a new Pod the priority of its class. Raises ApiError 403 where there is no such class or it says another."""
    spec, name = pod["spec"], pod["metadata"].get("name", "")
    priority_class = _class_of(pod, cluster)
    value, policy = 0, PREEMPT
    if priority_class is not None:
        spec["priorityClassName"] = priority_class["metadata"]["name"]
        value, policy = priority_class.get("value", 0), priority_class.get("preemptionPolicy", PREEMPT)
    given = spec.get("priority")
    if given is not None and given != value:
        why = f"the integer value of priority ({given}) {_COMPUTED} {value} from the given PriorityClass name"
        raise forbidden(KINDS["pods"], name, why)
    spec["priority"] = value
    preemption = spec.get("preemptionPolicy")
    if preemption is not None and preemption != policy:
        why = f"the string value of PreemptionPolicy ({preemption}) {_COMPUTED} {policy} from the given "
        why += "PriorityClass name"
        raise forbidden(KINDS["pods"], name, why)
    spec["preemptionPolicy"] = policy


def _class_of(pod: Object, cluster: Reader) -> Object | None:
    """The class it names, or the default of the cluster: of several (which can be for a moment), the lowest."""
    wanted = pod["spec"].get("priorityClassName")
    if wanted:
        found = cluster.get("priorityclasses", wanted)
        if found is None:
            raise forbidden(
                KINDS["pods"], pod["metadata"].get("name", ""), f"no PriorityClass with name {wanted} was found"
            )
        return found
    defaults = [each for each in cluster.list("priorityclasses") if each.get("globalDefault")]
    return min(defaults, key=lambda each: int(each.get("value", 0)), default=None)


def check_default(priority_class: Object, old: Object | None, cluster: Reader) -> None:
    """There can be one global default. Raises ApiError 403."""
    if not priority_class.get("globalDefault") or (old is not None and old.get("globalDefault")):
        return
    name = priority_class["metadata"].get("name", "")
    for each in cluster.list("priorityclasses"):
        other = each["metadata"]["name"]
        if each.get("globalDefault") and other != name:
            why = f"PriorityClass {other} is already marked as globalDefault. Only one default can exist"
            raise forbidden(KINDS["priorityclasses"], name, why)
