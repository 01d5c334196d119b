"""The ReplicaSet controller: the number of Pods is as wanted, whoever they are. It serves ReplicationControllers too.

Source: pkg/controller/replicaset/replica_set.go and replica_set_utils.go, pkg/controller/replication.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from statelab.controlplane.clock import timestamp
from statelab.controlplane.controllers.common.owners import adopt, concerned, controller_of, labels_of, release, title
from statelab.controlplane.controllers.common.pods import (
    condition,
    first_to_remove,
    is_active,
    is_news,
    is_terminating,
    pod_from_template,
    removal_reason,
)
from statelab.controlplane.controllers.common.sizes import allowance_of, counted, slow_start
from statelab.controlplane.controllers.replicaset.pods import Replica, forget, replicas_of
from statelab.controlplane.errors import ApiError
from statelab.controlplane.kinds import KINDS, Object, kind_of
from statelab.controlplane.labels import label_selector_of, selector_of
from statelab.controlplane.manager import Controller
from statelab.controlplane.store import Revision
from statelab.controlplane.view import View


def _reconcile(plural: str, key: str, view: View) -> float | None:
    """One pass: create the Pods that are missing or delete those too many, then tell the status.

    Raises ApiError when a Pod could not be created or deleted; the status says so first.
    """
    replica_set = view.get(plural, key)
    if replica_set is None:
        return None
    replicas = replicas_of(replica_set, view)
    refusal: ApiError | None = None
    missing = granted = 0
    if not is_terminating(replica_set):
        if _adopt_and_release(replica_set, replicas, view):
            replicas = replicas_of(replica_set, view)
        active = [each.pod for each in replicas if each.is_replica]
        missing = replica_set["spec"]["replicas"] - len(active)
        granted = allowance_of(view).take(abs(missing), view.now_s)
        if missing > 0:
            refusal = _create_missing(replica_set, missing, granted, view)
        else:
            refusal = _delete_surplus(replica_set, active, granted, view)
        if missing:
            replicas = replicas_of(replica_set, view)
    status = _status(replica_set, replicas, refusal, view)
    if status != replica_set.get("status"):
        view.update_status(plural, {**replica_set, "status": status}, why=_told(status))
    if refusal is not None:
        raise refusal
    if abs(missing) > granted:
        return allowance_of(view).next_pass_s
    return _next_available_s(replica_set, replicas, view)


def _adopt_and_release(replica_set: Object, replicas: list[Replica], view: View) -> bool:
    """Whether any Pod was. Pods that have ended are left alone: they are nobody's replica."""
    selector = selector_of(label_selector_of(replica_set))
    strays = [each.pod for each in replicas if each.is_stray]
    orphans = view.orphans("pods", replica_set["metadata"]["namespace"])
    wanted = [orphan for orphan in orphans if is_active(orphan) and selector(labels_of(orphan))]
    for pod in strays:
        release("pods", pod, replica_set, view)
    for pod in wanted:
        adopt("pods", pod, replica_set, view)
    return bool(strays or wanted)


# ---- the number


def _create_missing(replica_set: Object, missing: int, granted: int, view: View) -> ApiError | None:
    wanted = replica_set["spec"]["replicas"]
    why = f"{title(replica_set)} wants {counted(wanted, 'Pod')} and has {wanted - missing}"
    refusal = slow_start(range(granted), lambda _: _create(replica_set, why, view))
    return None if _is_namespace_going(refusal) else refusal


def _create(replica_set: Object, why: str, view: View) -> Object:
    try:
        pod = view.create("pods", pod_from_template(replica_set["spec"]["template"], replica_set), why=why)
    except ApiError as error:
        if not _is_namespace_going(error):
            view.event(replica_set, "FailedCreate", f"Error creating: {error.message}", type="Warning")
        raise
    view.event(replica_set, "SuccessfulCreate", f"Created pod: {pod['metadata']['name']}")
    return pod


def _delete_surplus(replica_set: Object, active: list[Object], surplus: int, view: View) -> ApiError | None:
    wanted = replica_set["spec"]["replicas"]
    too_many = f"{title(replica_set)} wants {counted(wanted, 'Pod')} and has {len(active)}"
    refusal: ApiError | None = None
    for pod in _condemned(replica_set, active, surplus, view) if surplus else ():
        why = f"{too_many}; {removal_reason(pod)}" if wanted else too_many
        try:
            view.delete("pods", pod, why=why)
        except ApiError as error:
            view.event(replica_set, "FailedDelete", f"Error deleting: {error.message}", type="Warning")
            refusal = refusal or ApiError(error.code, error.reason, f"unable to delete pods: {error.message}")
        else:
            view.event(replica_set, "SuccessfulDelete", f"Deleted pod: {pod['metadata']['name']}")
    return refusal


def _condemned(replica_set: Object, active: list[Object], surplus: int, view: View) -> list[Object]:
    if surplus >= len(active):
        return active
    return first_to_remove(active, _related_pods(replica_set, view), view.now_s)[:surplus]


def _related_pods(replica_set: Object, view: View) -> Iterable[Object]:
    """The Pods of all ReplicaSets of the same owner: during a rollout, old and new ones share nodes."""
    owner = controller_of(replica_set)
    siblings = [replica_set]
    if owner is not None:
        siblings = [
            each
            for each in view.list(kind_of(replica_set).plural, replica_set["metadata"]["namespace"])
            if (controller_of(each) or {}).get("uid") == owner["uid"]
        ]
    found = {}
    for sibling in siblings:
        for pod in view.owned("pods", sibling):
            found[pod["metadata"]["uid"]] = pod
    return found.values()


# ---- the status


def _status(replica_set: Object, replicas: list[Replica], refusal: ApiError | None, view: View) -> Object:
    active = [each for each in replicas if each.is_replica]
    ready = [each for each in active if each.is_ready]
    counts = {
        "fullyLabeledReplicas": sum(each.is_fully_labeled for each in active),
        "readyReplicas": len(ready),
        "availableReplicas": len(ready) - len(_waits(replica_set, ready, view)),
    }
    return {
        "replicas": len(active),
        **{name: count for name, count in counts.items() if count},
        **(
            {}
            if replica_set["kind"] != "ReplicaSet"
            else {"terminatingReplicas": sum(each.is_going for each in replicas)}
        ),
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


def _next_available_s(replica_set: Object, replicas: list[Replica], view: View) -> float | None:
    """When the next ready Pod has been so for minReadySeconds."""
    ready = [each for each in replicas if each.is_replica and each.is_ready]
    return min(_waits(replica_set, ready, view), default=None)


def _waits(replica_set: Object, ready: list[Replica], view: View) -> list[float]:
    """How many seconds each of those that are ready, but not available yet, has to wait."""
    min_ready_seconds, now_s = replica_set["spec"].get("minReadySeconds", 0), view.now_s
    if not min_ready_seconds:
        return []
    waits = (each.ready_since_s + min_ready_seconds - now_s for each in ready)
    return [wait for wait in waits if wait > 0]


def _is_namespace_going(error: ApiError | None) -> bool:
    """A refusal nobody needs to hear of: everything in the namespace is about to be deleted."""
    causes = error.details.get("causes") or () if error is not None else ()
    return any(cause.get("reason") == "NamespaceTerminating" for cause in causes)


def _told(status: Object) -> str:
    ready, available = status.get("readyReplicas", 0), status.get("availableReplicas", 0)
    return f"of {counted(status['replicas'], 'Pod')} {ready} are ready and {available} available"


def _on_pod(plural: str, revision: Revision, view: View) -> Iterable[str]:
    if revision.type != "DELETED":
        if revision.cause.actor == view.actor:
            return ()  # the pass that wrote it has counted it
        if not is_news(revision.previous, revision.object):
            return ()
    return concerned(revision, KINDS[plural].name, plural, view)


def _on_replica_set(revision: Revision, view: View) -> Iterable[str]:
    if revision.type == "DELETED":
        forget(revision.object, view)
    elif revision.cause.actor == view.actor:
        return ()  # our own status
    return (revision.key,)


def _controller(name: str, plural: str) -> Controller:
    return Controller(name, partial(_reconcile, plural), {plural: _on_replica_set, "pods": partial(_on_pod, plural)})


CONTROLLER = _controller("replicaset-controller", "replicasets")
REPLICATION = _controller("replication-controller", "replicationcontrollers")
