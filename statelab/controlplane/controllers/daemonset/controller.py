"""The DaemonSet controller: a Pod on every node that may have one.

Source: pkg/controller/daemon/daemon_controller.go.
"""

from __future__ import annotations

from collections.abc import Iterable

from statelab.controlplane.controllers.common import revisions
from statelab.controlplane.controllers.common.owners import claim, concerned, title
from statelab.controlplane.controllers.common.pods import is_news, is_ready, is_terminating, phase
from statelab.controlplane.controllers.common.sizes import NEXT_PASS_S, counted, slow_start
from statelab.controlplane.controllers.daemonset.pods import HASH_LABEL, by_node, is_updated, new_pod, should_run
from statelab.controlplane.controllers.daemonset.update import is_available, roll, surge_of
from statelab.controlplane.errors import ApiError
from statelab.controlplane.kinds import Object, Objects, key_of
from statelab.controlplane.labels import selector_of
from statelab.controlplane.manager import Controller
from statelab.controlplane.store import Revision
from statelab.controlplane.view import View

_IN_ONE_PASS = 250  # BurstReplicas


def reconcile(key: str, view: View) -> float | None:
    """One pass: keep revisions, create and delete Pods, go on with an update, tell the status.

    Raises ApiError when a Pod could not be created or deleted; the status says what is there first.
    """
    daemon_set = view.get("daemonsets", key)
    if daemon_set is None or is_terminating(daemon_set):
        return None
    pods = claim("pods", daemon_set, selector_of(daemon_set["spec"]["selector"]), view)
    history = revisions.history_of(daemon_set, view)
    revision, collisions = revisions.update_revision(daemon_set, history, view, HASH_LABEL)
    hash = revision["metadata"]["labels"][HASH_LABEL]
    nodes = view.list("nodes")
    refusal = _manage(daemon_set, nodes, by_node(pods), hash, view)
    if refusal is None and (daemon_set["spec"].get("updateStrategy") or {}).get("type") == "RollingUpdate":
        refusal = _update(daemon_set, nodes, hash, view)
    pods = view.owned("pods", daemon_set)
    live = {revision["metadata"]["name"]} | {
        f"{daemon_set['metadata']['name']}-{(pod['metadata'].get('labels') or {}).get(HASH_LABEL, '')}" for pod in pods
    }
    revisions.truncate_history(daemon_set, revisions.history_of(daemon_set, view), live, view)
    again_s = _tell(daemon_set, nodes, by_node(pods), hash, collisions, view)
    if refusal is not None:
        raise refusal
    return NEXT_PASS_S if len(nodes) > _IN_ONE_PASS and _is_behind(view.get("daemonsets", key)) else again_s


def _is_behind(daemon_set: Object | None) -> bool:
    """A pass makes some of the Pods; there are nodes left without."""
    status = (daemon_set or {}).get("status") or {}
    return bool(status.get("currentNumberScheduled", 0) < status.get("desiredNumberScheduled", 0))


# ---- Pods


def _manage(daemon_set: Object, nodes: Objects, there: dict[str, Objects], hash: str, view: View) -> ApiError | None:
    """Every node that should have a Pod gets one; those too many, and those that have ended, go."""
    missing: list[str] = []
    doomed: list[tuple[Object, str]] = []
    surges = surge_of(daemon_set, 1) > 0
    for node in nodes:
        name = node["metadata"]["name"]
        pods = there.get(name, [])
        start, stay = should_run(daemon_set, node)
        if start and not pods:
            missing.append(name)
        elif stay:
            doomed += _too_many(daemon_set, name, pods, hash, surges, view)
        else:
            why = f"{name} is no longer a node for {title(daemon_set)}"
            doomed += [(pod, why) for pod in pods if not is_terminating(pod)]
    known = {node["metadata"]["name"] for node in nodes}
    for name, pods in there.items():
        if name not in known:
            waiting = [pod for pod in pods if not pod["spec"].get("nodeName") and not is_terminating(pod)]
            doomed += [(pod, f"the node {name} that it is for is gone") for pod in waiting]
    return _sync(daemon_set, doomed, missing, f"{{node}} has no Pod of {title(daemon_set)}", hash, view)


def _too_many(
    daemon_set: Object, node: str, pods: Objects, hash: str, surges: bool, view: View
) -> list[tuple[Object, str]]:
    """Of the Pods on a node that may have one: those that have ended, and all but the oldest."""
    doomed: list[tuple[Object, str]] = []
    running: Objects = []
    for pod in pods:
        name = f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
        if is_terminating(pod):
            continue
        if phase(pod) == "Failed":
            message = f"Found failed daemon pod {name} on node {node}, will try to kill it"
            view.event(daemon_set, "FailedDaemonPod", message, type="Warning")
            doomed.append((pod, f"it failed, and {title(daemon_set)} wants one that runs on {node}"))
        elif phase(pod) == "Succeeded":
            message = f"Found succeeded daemon pod {name} on node {node}, will try to delete it"
            view.event(daemon_set, "SucceededDaemonPod", message)
            doomed.append((pod, f"it ended, and {title(daemon_set)} wants one that runs on {node}"))
        else:
            running.append(pod)
    why = f"{node} has more than one Pod of {title(daemon_set)}"
    groups = [running]
    if surges:
        groups = [[pod for pod in running if is_updated(pod, hash) == new] for new in (True, False)]
    return doomed + [(pod, why) for group in groups for pod in group[1:]]


def _update(daemon_set: Object, nodes: Objects, hash: str, view: View) -> ApiError | None:
    there = by_node(view.owned("pods", daemon_set))
    wanted = [node["metadata"]["name"] for node in nodes if should_run(daemon_set, node)[0]]
    now = {name: there.get(name, []) for name in sorted({*there, *wanted})}
    doomed, second = roll(daemon_set, now, hash, len(wanted), view.now_s)
    why = f"{title(daemon_set)} has another template"
    extra = f"{why}, and {{node}} may have a second Pod"
    return _sync(daemon_set, [(pod, why) for pod in doomed], second, extra, hash, view)


def _sync(
    daemon_set: Object, doomed: list[tuple[Object, str]], nodes: list[str], why: str, hash: str, view: View
) -> ApiError | None:
    def create(node: str) -> None:
        try:
            pod = view.create("pods", new_pod(daemon_set, node, hash), why=why.format(node=node))
        except ApiError as error:
            causes = error.details.get("causes") or ()
            if not any(cause.get("reason") == "NamespaceTerminating" for cause in causes):
                view.event(daemon_set, "FailedCreate", f"Error creating: {error.message}", type="Warning")
                raise
            return
        view.event(daemon_set, "SuccessfulCreate", f"Created pod: {pod['metadata']['name']}")

    refusal = slow_start(nodes[:_IN_ONE_PASS], create)
    for pod, reason in doomed[:_IN_ONE_PASS]:
        try:
            view.delete("pods", pod, why=reason)
        except ApiError as error:
            view.event(daemon_set, "FailedDelete", f"Error deleting: {error.message}", type="Warning")
            refusal = refusal or error
        else:
            view.event(daemon_set, "SuccessfulDelete", f"Deleted pod: {pod['metadata']['name']}")
    return refusal


# ---- the status


def _tell(
    daemon_set: Object, nodes: Objects, there: dict[str, Objects], hash: str, collisions: int, view: View
) -> float | None:
    desired = current = wrong = ready = available = updated = 0
    for node in nodes:
        pods = there.get(node["metadata"]["name"], [])
        if not should_run(daemon_set, node)[0]:
            wrong += bool(pods)
            continue
        desired += 1
        if pods:
            current += 1
            ready += is_ready(pods[0])
            available += is_available(pods[0], daemon_set, view.now_s)
            updated += is_updated(pods[0], hash)
    counts = {
        "observedGeneration": daemon_set["metadata"]["generation"],
        "updatedNumberScheduled": updated,
        "numberAvailable": available,
        "numberUnavailable": desired - available,
    }
    status: Object = {
        "currentNumberScheduled": current,
        "numberMisscheduled": wrong,
        "desiredNumberScheduled": desired,
        "numberReady": ready,
        **{name: count for name, count in counts.items() if count},
        **({"collisionCount": collisions} if collisions else {}),
    }
    if daemon_set.get("status", {}).get("conditions"):
        status["conditions"] = daemon_set["status"]["conditions"]
    if status != daemon_set.get("status"):
        why = f"{available} of {counted(desired, 'node')} have an available Pod, {updated} an updated one"
        view.update_status("daemonsets", {**daemon_set, "status": status}, why=why)
    return float(daemon_set["spec"].get("minReadySeconds", 0)) if ready != available else None


# ---- what asks for a pass


def _on_pod(revision: Revision, view: View) -> Iterable[str]:
    if revision.type != "DELETED":
        if revision.cause.actor == view.actor:
            return ()  # the pass that wrote it knows
        if not is_news(revision.previous, revision.object):
            return ()
    return concerned(revision, "DaemonSet", "daemonsets", view)


def _on_node(revision: Revision, view: View) -> Iterable[str]:
    before, after = revision.previous, revision.object
    if before is not None and revision.type == "MODIFIED":
        same_labels = before["metadata"].get("labels") == after["metadata"].get("labels")
        if same_labels and before["spec"] == after["spec"]:
            return ()  # a heartbeat
    return [key_of(each) for each in view.list("daemonsets")]


def _on_daemon_set(revision: Revision, view: View) -> Iterable[str]:
    return () if revision.cause.actor == view.actor else (revision.key,)


CONTROLLER = Controller(
    "daemonset-controller", reconcile, {"daemonsets": _on_daemon_set, "pods": _on_pod, "nodes": _on_node}
)
