"""The disruption controller: how many Pods of a PodDisruptionBudget may be evicted now; and the word on one eviction.

Source: pkg/controller/disruption/disruption.go, pkg/registry/core/pod/storage/eviction.go.
"""

from __future__ import annotations

from collections.abc import Iterable

from statelab.controlplane.clock import seconds, timestamp
from statelab.controlplane.controllers.common.owners import controller_of, labels_of
from statelab.controlplane.controllers.common.pods import (
    condition,
    is_finished,
    is_news,
    is_ready,
    is_terminating,
    phase,
)
from statelab.controlplane.controllers.common.sizes import scaled
from statelab.controlplane.errors import ApiError, forbidden, too_many_requests
from statelab.controlplane.kinds import KINDS, Object, key_of
from statelab.controlplane.labels import selector_of
from statelab.controlplane.manager import Controller
from statelab.controlplane.store import Revision
from statelab.controlplane.view import View

_DELETION_TIMEOUT_S = 120.0  # an eviction that has not ended its Pod by then is forgotten
_LATENCY_S = 0.001  # a budget that comes with its Pods is looked at before there are any
_MOST_DISRUPTED = 2000
_EVENT_SOURCE = "controllermanager"  # not the controller's name, upstream has never changed it
_SCALED_KINDS = {
    "ReplicaSet": "replicasets",
    "StatefulSet": "statefulsets",
    "Deployment": "deployments",
    "ReplicationController": "replicationcontrollers",
}


# ---- the budget's status


def reconcile(key: str, view: View) -> float | None:
    """One pass: count, and tell what may be evicted. Returns when an eviction that is under way must have ended."""
    budget = view.get("poddisruptionbudgets", key)
    if budget is None:
        return None
    pods = _pods_of(budget, view)
    if not pods:
        view.event(budget, "NoPods", "No matching pods found", component=_EVENT_SOURCE)
    try:
        expected, desired = _expected(budget, pods, view)
    except LookupError as problem:
        _tell_failure(budget, str(problem), view)
        return None
    disrupted, recheck_s = _disrupted(budget, pods, view)
    healthy = sum(
        is_ready(pod) and not is_terminating(pod) and pod["metadata"]["name"] not in disrupted for pod in pods
    )
    allowed = max(0, healthy - desired) if expected > 0 else 0
    status: Object = {"observedGeneration": budget["metadata"]["generation"]}
    if disrupted:
        status["disruptedPods"] = disrupted
    status |= {
        "disruptionsAllowed": allowed,
        "currentHealthy": healthy,
        "desiredHealthy": desired,
        "expectedPods": expected,
    }
    _write(budget, status, f"{healthy} Pods are healthy and {desired} must be", view)
    return recheck_s


def _pods_of(budget: Object, view: View) -> list[Object]:
    return view.list("pods", budget["metadata"]["namespace"], selector_of(budget["spec"].get("selector")))


def _expected(budget: Object, pods: list[Object], view: View) -> tuple[int, int]:
    """How many Pods there should be, and how many of them healthy. Raises LookupError if an owner is unknown."""
    spec = budget["spec"]
    if "maxUnavailable" in spec:
        expected = _expected_scale(pods, view)
        return expected, max(0, expected - scaled(spec["maxUnavailable"], expected, round_up=True))
    minimum = spec.get("minAvailable", 1)
    if isinstance(minimum, int):
        return len(pods), minimum
    expected = _expected_scale(pods, view)
    return expected, scaled(minimum, expected, round_up=True)


def _expected_scale(pods: list[Object], view: View) -> int:
    """What the owners of the Pods want together; Pods without an owner count for nothing."""
    sizes: dict[str, int] = {}
    for pod in pods:
        owner = _scaled_owner(pod, view)
        if owner is not None:
            sizes[owner["metadata"]["uid"]] = owner["spec"]["replicas"]
    return sum(sizes.values())


def _scaled_owner(pod: Object, view: View) -> Object | None:
    """What decides how many such Pods there are: for a ReplicaSet of a Deployment, the Deployment."""
    owner = _owner(pod, view)
    if owner is None:
        if controller_of(pod) is not None:
            raise LookupError(f'found no controllers for pod "{pod["metadata"]["name"]}"')
        return None
    return _owner(owner, view) or owner


def _owner(obj: Object, view: View) -> Object | None:
    reference = controller_of(obj)
    plural = _SCALED_KINDS.get(reference["kind"]) if reference is not None else None
    if reference is None or plural is None:
        return None
    found = view.get(plural, f"{obj['metadata']['namespace']}/{reference['name']}")
    return found if found is not None and found["metadata"]["uid"] == reference["uid"] else None


def _disrupted(budget: Object, pods: list[Object], view: View) -> tuple[dict[str, str], float | None]:
    """The evictions that are allowed but not seen to begin yet, and after how many seconds the first is given up."""
    noted = budget.get("status", {}).get("disruptedPods") or {}
    still: dict[str, str] = {}
    rechecks = []
    for pod in pods:
        name = pod["metadata"]["name"]
        if name not in noted or is_terminating(pod):
            continue
        left_s = seconds(noted[name]) + _DELETION_TIMEOUT_S - view.now_s
        if left_s <= 0:
            message = f"Pod was expected by PDB {key_of(budget)} to be deleted but it wasn't"
            view.event(pod, "NotDeleted", message, type="Warning", component=_EVENT_SOURCE)
            continue
        still[name] = noted[name]
        rechecks.append(left_s)
    return still, min(rechecks, default=None)


def _tell_failure(budget: Object, problem: str, view: View) -> None:
    """Nothing may be evicted while it cannot be counted."""
    message = f"Failed to calculate the number of expected pods: {problem}"
    view.event(budget, "CalculateExpectedPodCountFailed", message, type="Warning", component=_EVENT_SOURCE)
    status = {
        **budget.get("status", {}),
        "disruptionsAllowed": 0,
        "observedGeneration": budget["metadata"]["generation"],
    }
    for count in ("currentHealthy", "desiredHealthy", "expectedPods"):
        status.setdefault(count, 0)
    condition = _allowed_condition(budget, "False", "SyncFailed", problem, view)
    view.update_status("poddisruptionbudgets", {**budget, "status": _with(status, condition)}, why=problem)


def _write(budget: Object, status: Object, why: str, view: View) -> None:
    """The status with the condition DisruptionAllowed that goes with it; other people's conditions stay."""
    value, reason = ("True", "SufficientPods") if status["disruptionsAllowed"] > 0 else ("False", "InsufficientPods")
    if budget.get("status", {}).get("conditions"):
        status = {**status, "conditions": budget["status"]["conditions"]}
    status = _with(status, _allowed_condition(budget, value, reason, "", view))
    view.update_status("poddisruptionbudgets", {**budget, "status": status}, why=why)


def _allowed_condition(budget: Object, value: str, reason: str, message: str, view: View) -> Object:
    before = condition(budget, "DisruptionAllowed")
    is_same = before is not None and before["status"] == value
    return {
        "type": "DisruptionAllowed",
        "status": value,
        "observedGeneration": budget["metadata"]["generation"],
        "lastTransitionTime": before["lastTransitionTime"] if before and is_same else timestamp(view.now_s),
        "reason": reason,
        "message": message,
    }


def _with(status: Object, new: Object) -> Object:
    conditions = list(status.get("conditions") or ())
    places = [place for place, each in enumerate(conditions) if each["type"] == new["type"]]
    if places:
        conditions[places[0]] = new
    else:
        conditions.append(new)
    return {**status, "conditions": conditions}


# ---- one eviction


def may_evict(pod: Object, view: View, *, dry_run: bool = False) -> None:
    """Returns if the Pod may be evicted, and notes it in its budget (not in a dry run).

    Raises ApiError 429 when its budget does not allow it now, 500 when it has more than one budget. A Pod that does
    not run, has finished or is going already needs nobody's leave.
    """
    if phase(pod) == "Pending" or is_finished(pod) or is_terminating(pod):
        return
    labels = labels_of(pod)
    budgets = [
        budget
        for budget in view.list("poddisruptionbudgets", pod["metadata"]["namespace"])
        if selector_of(budget["spec"].get("selector"))(labels)
    ]
    if len(budgets) > 1:
        message = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
        raise ApiError(500, "", message)
    if not budgets or (not is_ready(pod) and _may_evict_unhealthy(budgets[0])):
        return
    _check(budgets[0])
    if not dry_run:
        _take_one(budgets[0], pod, view)


def _may_evict_unhealthy(budget: Object) -> bool:
    """A Pod that is not ready does not count; it may go if it must be waited for by no one (KEP-3017)."""
    if budget["spec"].get("unhealthyPodEvictionPolicy") == "AlwaysAllow":
        return True
    status = budget.get("status", {})
    return bool(status.get("currentHealthy", 0) >= status.get("desiredHealthy", 0) > 0)


def _check(budget: Object) -> None:
    status, name = budget.get("status", {}), budget["metadata"]["name"]
    if status.get("observedGeneration", 0) < budget["metadata"]["generation"]:
        raise _refusal(f"The disruption budget {name} is still being processed by the server.", retry_after_s=10)
    allowed = status.get("disruptionsAllowed", 0)
    if allowed < 0:
        raise forbidden(KINDS["poddisruptionbudgets"], name, "pdb disruptions allowed is negative")
    if len(status.get("disruptedPods") or {}) > _MOST_DISRUPTED:
        problem = "DisruptedPods map too big - too many evictions not confirmed by PDB controller"
        raise forbidden(KINDS["poddisruptionbudgets"], name, problem)
    if allowed == 0:
        failed = condition(budget, "DisruptionAllowed")
        if failed is not None and failed["reason"] == "SyncFailed":
            raise _refusal(f"The disruption budget {name} is failing to sync: {failed['message']}")
        desired, healthy = status.get("desiredHealthy", 0), status.get("currentHealthy", 0)
        raise _refusal(f"The disruption budget {name} needs {desired} healthy pods and has {healthy} currently")


def _refusal(cause: str, retry_after_s: int = 0) -> ApiError:
    message = "Cannot evict pod as it would violate the pod's disruption budget."
    causes = [{"reason": "DisruptionBudget", "message": cause}]
    return too_many_requests(message, retry_after_s, causes=causes)


def _take_one(budget: Object, pod: Object, view: View) -> None:
    """Count the eviction before the Pod is seen to go, so that two of them cannot both have the last leave."""
    status = dict(budget["status"])
    status["disruptionsAllowed"] -= 1
    name = pod["metadata"]["name"]
    status["disruptedPods"] = {**(status.get("disruptedPods") or {}), name: timestamp(view.now_s)}
    if status["disruptionsAllowed"] == 0:
        status = _with(status, _allowed_condition(budget, "False", "InsufficientPods", "", view))
    view.update_status("poddisruptionbudgets", {**budget, "status": status}, why=f"{name} is being evicted")


def evicted(pod: Object, view: View) -> None:
    """Count again what the Pod's budgets have: it is on its way out."""
    for budget in view.list("poddisruptionbudgets", pod["metadata"]["namespace"]):
        if selector_of(budget["spec"].get("selector"))(labels_of(pod)):
            reconcile(key_of(budget), view)


# ---- what it watches


def _on_pod(revision: Revision, view: View) -> Iterable[str]:
    if revision.type == "MODIFIED" and not is_news(revision.previous, revision.object):
        return
    for budget in view.list("poddisruptionbudgets", revision.object["metadata"]["namespace"]):
        selector = selector_of(budget["spec"].get("selector"))
        if selector(labels_of(revision.object)) or (revision.previous and selector(labels_of(revision.previous))):
            yield key_of(budget)


def _on_owner(revision: Revision, view: View) -> Iterable[str]:
    """A workload was scaled: a share of it is another number now."""
    if revision.previous is not None and revision.previous["spec"] == revision.object["spec"]:
        return
    for budget in view.list("poddisruptionbudgets", revision.object["metadata"]["namespace"]):
        yield key_of(budget)


CONTROLLER = Controller(
    "disruption-controller",
    reconcile,
    {
        "poddisruptionbudgets": lambda revision, view: (revision.key,),
        "pods": _on_pod,
        "deployments": _on_owner,
        "replicasets": _on_owner,
        "replicationcontrollers": _on_owner,
        "statefulsets": _on_owner,
    },
    latency_s=_LATENCY_S,
)
CONTROLLERS = (CONTROLLER,)
