"""The ReplicaSet controller: the number of Pods is as wanted, whoever they are.

Source: pkg/controller/replicaset/replica_set.go and replica_set_utils.go.
"""

from __future__ import annotations

from collections.abc import Iterable

from statelab.controlplane.clock import timestamp
from statelab.controlplane.controllers.owners import claim, concerned, controller_of, labels_of, title
from statelab.controlplane.controllers.pods import (
    condition,
    first_to_remove,
    is_active,
    is_finished,
    is_news,
    is_ready,
    is_terminating,
    pod_from_template,
    removal_reason,
    seconds_to_available,
)
from statelab.controlplane.controllers.sizes import counted, slow_start
from statelab.controlplane.errors import ApiError
from statelab.controlplane.kinds import Object
from statelab.controlplane.labels import matching, selector_of
from statelab.controlplane.manager import Controller
from statelab.controlplane.store import Revision
from statelab.controlplane.view import View

_BURST = 500  # Pods created or deleted in one pass


def reconcile(key: str, view: View) -> float | None:
    """One pass: create the Pods that are missing or delete those too many, then tell the status.

    Raises ApiError when a Pod could not be created or deleted; the status says so first.
    """
    replica_set = view.get("replicasets", key)
    if replica_set is None:
        return None
    selector = selector_of(replica_set["spec"]["selector"])
    active = claim("pods", replica_set, selector, view, among=is_active)
    refusal: ApiError | None = None
    before = None
    if not is_terminating(replica_set):
        before = len(active)
        active, refusal = _manage(replica_set, active, view)
    status = _status(replica_set, active, refusal, view)
    if status != replica_set.get("status"):
        view.update_status("replicasets", {**replica_set, "status": status}, why=_told(status))
    if refusal is not None:
        raise refusal
    if before is not None and abs(replica_set["spec"]["replicas"] - before) > _BURST:
        return 0.0  # one burst was not enough
    return _next_available_s(replica_set, active, view)


def _manage(replica_set: Object, active: list[Object], view: View) -> tuple[list[Object], ApiError | None]:
    """Make the number right. The active Pods after it, and why it is not right yet."""
    wanted = replica_set["spec"]["replicas"]
    missing = wanted - len(active)
    if missing > 0:
        why = f"{title(replica_set)} wants {counted(wanted, 'Pod')} and has {len(active)}"
        created: list[Object] = []
        refusal = slow_start(range(min(missing, _BURST)), lambda _: created.append(_create(replica_set, why, view)))
        return [*active, *created], None if _is_namespace_going(refusal) else refusal
    if missing < 0:
        condemned = _condemned(replica_set, active, min(-missing, _BURST), view)
        too_many = f"{title(replica_set)} wants {counted(wanted, 'Pod')} and has {len(active)}"
        refusal = _delete(replica_set, condemned, too_many, view)
        gone = {pod["metadata"]["uid"] for pod in condemned} if refusal is None else set()
        return [pod for pod in active if pod["metadata"]["uid"] not in gone], refusal
    return active, None


def _create(replica_set: Object, why: str, view: View) -> Object:
    try:
        pod = view.create("pods", pod_from_template(replica_set["spec"]["template"], replica_set), why=why)
    except ApiError as error:
        if not _is_namespace_going(error):
            view.event(replica_set, "FailedCreate", f"Error creating: {error.message}", type="Warning")
        raise
    view.event(replica_set, "SuccessfulCreate", f"Created pod: {pod['metadata']['name']}")
    return pod


def _delete(replica_set: Object, condemned: list[Object], too_many: str, view: View) -> ApiError | None:
    refusal: ApiError | None = None
    has_choice = replica_set["spec"]["replicas"] > 0
    for pod in condemned:
        why = f"{too_many}; {removal_reason(pod)}" if has_choice else too_many
        try:
            view.delete("pods", pod, why=why)
        except ApiError as error:
            view.event(replica_set, "FailedDelete", f"Error deleting: {error.message}", type="Warning")
            refusal = refusal or ApiError(error.code, error.reason, f"unable to delete pods: {error.message}")
        else:
            view.event(replica_set, "SuccessfulDelete", f"Deleted pod: {pod['metadata']['name']}")
    return refusal


def _condemned(replica_set: Object, active: list[Object], too_many: int, view: View) -> list[Object]:
    if too_many >= len(active):
        return active
    return first_to_remove(active, _related_pods(replica_set, view), view.now_s)[:too_many]


def _related_pods(replica_set: Object, view: View) -> Iterable[Object]:
    """The Pods of all ReplicaSets of the same owner: during a rollout, old and new ones share nodes."""
    owner = controller_of(replica_set)
    siblings = [replica_set]
    if owner is not None:
        siblings = [
            each
            for each in view.list("replicasets", replica_set["metadata"]["namespace"])
            if (controller_of(each) or {}).get("uid") == owner["uid"]
        ]
    found = {}
    for sibling in siblings:
        for pod in view.owned("pods", sibling):
            found[pod["metadata"]["uid"]] = pod
    return found.values()


def _status(replica_set: Object, active: list[Object], refusal: ApiError | None, view: View) -> Object:
    spec = replica_set["spec"]
    fully_labeled = matching((spec["template"].get("metadata") or {}).get("labels"))
    selector = selector_of(spec["selector"])
    ready = [pod for pod in active if is_ready(pod)]
    min_ready_seconds = spec.get("minReadySeconds", 0)
    available = [pod for pod in ready if seconds_to_available(pod, min_ready_seconds, view.now_s) == 0]
    terminating = [
        pod
        for pod in view.owned("pods", replica_set)
        if is_terminating(pod) and not is_finished(pod) and selector(labels_of(pod))
    ]
    counts = {
        "fullyLabeledReplicas": sum(fully_labeled(labels_of(pod)) for pod in active),
        "readyReplicas": len(ready),
        "availableReplicas": len(available),
    }
    return {
        "replicas": len(active),
        **{name: count for name, count in counts.items() if count},
        "terminatingReplicas": len(terminating),
        "observedGeneration": replica_set["metadata"]["generation"],
        **_conditions(replica_set, len(active), refusal, view),
    }


def _conditions(replica_set: Object, active: int, refusal: ApiError | None, view: View) -> Object:
    """ReplicaFailure, from the first refusal until a pass without one; other people's conditions stay."""
    conditions = list(replica_set.get("status", {}).get("conditions") or ())
    failure = condition(replica_set, "ReplicaFailure")
    if refusal is not None and failure is None:
        failure = {
            "type": "ReplicaFailure",
            "status": "True",
            "lastTransitionTime": timestamp(view.now_s),
            "reason": "FailedCreate" if active < replica_set["spec"]["replicas"] else "FailedDelete",
            "message": refusal.message,
        }
        conditions.append(failure)
    elif refusal is None and failure is not None:
        conditions = [each for each in conditions if each["type"] != "ReplicaFailure"]
    return {"conditions": conditions} if conditions else {}


def _next_available_s(replica_set: Object, active: list[Object], view: View) -> float | None:
    """When the next ready Pod has been so for minReadySeconds."""
    min_ready_seconds = replica_set["spec"].get("minReadySeconds", 0)
    if not min_ready_seconds:
        return None
    waits = (seconds_to_available(pod, min_ready_seconds, view.now_s) for pod in active)
    return min((wait for wait in waits if wait), default=None)


def _is_namespace_going(error: ApiError | None) -> bool:
    """A refusal nobody needs to hear of: everything in the namespace is about to be deleted."""
    causes = error.details.get("causes") or () if error is not None else ()
    return any(cause.get("reason") == "NamespaceTerminating" for cause in causes)


def _told(status: Object) -> str:
    ready, available = status.get("readyReplicas", 0), status.get("availableReplicas", 0)
    return f"of {counted(status['replicas'], 'Pod')} {ready} are ready and {available} available"


def _on_pod(revision: Revision, view: View) -> Iterable[str]:
    if revision.type != "DELETED":
        if revision.cause.actor == view.actor:
            return ()  # the pass that wrote it has counted it
        if not is_news(revision.previous, revision.object):
            return ()
    return concerned(revision, "ReplicaSet", "replicasets", view)


def _on_replica_set(revision: Revision, view: View) -> Iterable[str]:
    if revision.cause.actor == view.actor:
        return ()  # our own status
    return (revision.key,)


CONTROLLER = Controller("replicaset-controller", reconcile, {"replicasets": _on_replica_set, "pods": _on_pod})
