"""kube-scheduler: takes Pods that have no node, one after the other, and binds each to the node that suits it best.

A Pod that fits nowhere waits until something happens that may help it: a node, a volume, the end of another Pod. It is
tried again at once, or when its back-off is over (1 s, doubled up to 10). If the removal of less important Pods makes
room, they are removed, and the room is kept for it (preemption).

Source: pkg/scheduler/{scheduler,schedule_one,eventhandlers}.go, pkg/scheduler/backend/queue, framework/preemption.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from statelab.controlplane.clock import Loop, Timer, timestamp
from statelab.controlplane.controllers.volume.index import VolumeIndex
from statelab.controlplane.errors import ApiError
from statelab.controlplane.kinds import Object, key_of
from statelab.controlplane.kubelet.volumes import claim_names
from statelab.controlplane.scheduling import preemption
from statelab.controlplane.scheduling.binding import Binder
from statelab.controlplane.scheduling.cycle import CycleError, Outcome, schedule, told
from statelab.controlplane.scheduling.nodeinfo import NodeInfo, PodInfo, allocatable_of, priority_of

if TYPE_CHECKING:
    from statelab.controlplane.scheduling.devices import Claimed
    from statelab.controlplane.store import Revision
    from statelab.controlplane.view import View

log = logging.getLogger(__name__)

NAME = "default-scheduler"
_LATENCY_S = 0.003
_NEXT_S = 0.0005
_FIRST_BACK_OFF_S, _LONGEST_BACK_OFF_S = 1.0, 10.0
_LEFTOVER_S = 300.0

# What may make a Pod schedulable again, by the plugin that refused it (EventsToRegister).
_HELPS: dict[str, set[str]] = {
    "NodeUnschedulable": {"node"},
    "NodeName": {"node"},
    "TaintToleration": {"node"},
    "NodeAffinity": {"node"},
    "NodePorts": {"node", "pod gone"},
    "NodeResourcesFit": {"node", "pod gone", "device"},
    "VolumeRestrictions": {"pod gone", "claim"},
    "VolumeBinding": {"node", "claim", "volume", "class"},
    "PodTopologySpread": {"node", "pod gone", "pod placed"},
    "InterPodAffinity": {"node", "pod gone", "pod placed"},
    "DynamicResources": {"node", "device", "resource claim"},
}


@dataclass(slots=True)
class _Waiting:
    """A Pod without a node. `refused_by`: the plugins that said no; empty for an error, which time alone may mend."""

    key: str
    uid: str
    since_s: float
    priority: int = 0
    attempts: int = 0
    tried_s: float = 0.0
    refused_by: set[str] = field(default_factory=set)
    timer: Timer | None = None  # its back-off, or its place in the queue


class Scheduler:
    """`view` acts as "default-scheduler". The control plane passes revisions to `observe`, and calls `start` once."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._loop: Loop = view.loop
        self._nodes: dict[str, NodeInfo] = {}
        self._homeless: dict[str, dict[str, PodInfo]] = {}  # Pods on nodes that are not known (yet), by node name
        self._waiting: dict[str, _Waiting] = {}  # by uid
        self._refused: dict[str, _Waiting] = {}  # those of them that fitted nowhere
        self._binder = Binder(view, self._not_bound)
        self._volumes = VolumeIndex()
        self._free_at_s = 0.0
        self._nominated: dict[str, tuple[str, PodInfo]] = {}  # by uid: Pods that others are removed for, and where

    def start(self) -> None:
        """Take in the cluster as it stands."""
        self._volumes = VolumeIndex(self._view.list("persistentvolumes"))
        for node in self._view.list("nodes"):
            self._node_written(node)
        for pod in self._view.list("pods"):
            self._pod_written("ADDED", pod, None)

    # ---- what the store says

    def observe(self, revision: Revision) -> None:
        """A revision was written. Called at once; the work it causes is done a little later."""
        obj = revision.object
        if revision.plural == "pods":
            self._pod_written(revision.type, obj, revision.previous)
        elif revision.plural == "nodes":
            if revision.type == "DELETED":
                info = self._nodes.pop(revision.key, None)
                if info is not None:
                    self._homeless[revision.key] = info.pods
            elif self._node_written(obj):
                self._happened("node")
        elif revision.plural == "persistentvolumeclaims":
            self._happened("claim", revision.key)
            self._binder.claim_written(revision.key)
        elif revision.plural == "persistentvolumes":
            self._volumes.note(revision)
            if revision.type == "ADDED" or _has_become_free(revision):
                self._happened("volume")
            if reference := obj["spec"].get("claimRef"):
                self._binder.claim_written(f"{reference.get('namespace')}/{reference.get('name')}")
        elif revision.plural == "storageclasses" and revision.type == "ADDED":
            self._happened("class")
        elif revision.plural in ("resourceslices", "deviceclasses"):
            self._happened("device")
        elif revision.plural == "resourceclaims" and _status_changed(revision):
            self._happened("resource claim")

    def _node_written(self, node: Object) -> bool:
        """Whether something changed that a Pod may care about: more than a heartbeat."""
        name = node["metadata"]["name"]
        info = self._nodes.get(name)
        if info is None:
            info = self._nodes[name] = NodeInfo(node, allocatable_of(node))
            self._nodes = dict(sorted(self._nodes.items()))
            for each in self._homeless.pop(name, {}).values():
                info.add(each)
            return True
        before, info.node = info.node, node
        info.allocatable = allocatable_of(node)
        same_labels = before["metadata"].get("labels") == node["metadata"].get("labels")
        same_room = (before.get("status") or {}).get("allocatable") == (node.get("status") or {}).get("allocatable")
        return not (same_labels and same_room and before["spec"] == node["spec"])

    def _pod_written(self, type: str, pod: Object, before: Object | None) -> None:
        uid = pod["metadata"]["uid"]
        node = pod["spec"].get("nodeName")
        gone = type == "DELETED" or (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")
        if gone:
            self._forget(uid, node)
            return
        if node:
            self._placed(pod, node)
            return
        if pod["spec"].get("schedulerName", NAME) != NAME or pod["metadata"].get("deletionTimestamp"):
            self._drop(uid)
            return
        if pod["spec"].get("schedulingGates"):
            return
        waiting = self._waiting.get(uid)
        if waiting is None:
            if uid not in self._binder:
                self._waiting[uid] = _Waiting(key_of(pod), uid, self._loop.now_s, priority_of(pod))
                self._enqueue(self._waiting[uid], _LATENCY_S)
        elif before is not None and _may_fit_now(before, pod):
            self._enqueue_after_back_off(waiting)

    def _placed(self, pod: Object, node: str) -> None:
        uid = pod["metadata"]["uid"]
        self._drop(uid)
        info = self._nodes.get(node)
        pods = info.pods if info is not None else self._homeless.setdefault(node, {})
        known = pods.get(uid)
        if known is not None and known.pod["spec"] is pod["spec"]:
            known.pod = pod
            return
        fresh = PodInfo.of(pod)
        if info is None:
            pods[uid] = fresh
            return
        info.remove(uid)
        info.add(fresh)
        if known is None:
            self._happened("pod placed")

    def _forget(self, uid: str, node: str | None) -> None:
        self._drop(uid)
        if node in self._nodes:
            had = uid in self._nodes[node].pods
            self._nodes[node].remove(uid)
            if had:
                self._happened("pod gone")
        elif node in self._homeless:
            self._homeless[node].pop(uid, None)

    def _drop(self, uid: str) -> None:
        self._refused.pop(uid, None)
        self._nominated.pop(uid, None)
        waiting = self._waiting.pop(uid, None)
        if waiting is not None and waiting.timer is not None:
            waiting.timer.cancel()
        node = self._binder.drop(uid)
        if node is not None:
            self._free(uid, node)

    def _free(self, uid: str, node: str) -> None:
        """The Pod that was to go to this node no longer counts on it."""
        if node in self._nodes:
            self._nodes[node].remove(uid)

    # ---- the queue

    def _happened(self, what: str, claim_key: str | None = None) -> None:
        """Something changed: Pods that it may help are tried again. A claim helps only a Pod that uses it."""
        # The queue gives the most important Pod its turn first.
        for waiting in sorted(self._refused.values(), key=lambda each: (-each.priority, each.since_s)):
            if not any(what in _HELPS.get(plugin, ()) for plugin in waiting.refused_by):
                continue
            if claim_key is None or claim_key in self._claim_keys(waiting):
                self._enqueue_after_back_off(waiting)

    def _claim_keys(self, waiting: _Waiting) -> list[str]:
        pod = self._view.get("pods", waiting.key)
        namespace = waiting.key.partition("/")[0]
        return [f"{namespace}/{name}" for name in claim_names(pod)] if pod is not None else []

    def _enqueue_after_back_off(self, waiting: _Waiting) -> None:
        back_off_s = min(_FIRST_BACK_OFF_S * 2.0 ** max(waiting.attempts - 1, 0), _LONGEST_BACK_OFF_S)
        left_s = waiting.tried_s + back_off_s - self._loop.now_s if waiting.attempts else 0.0
        self._enqueue(waiting, max(left_s, _LATENCY_S))

    def _enqueue(self, waiting: _Waiting, delay_s: float, *, housekeeping: bool = False) -> None:
        """One Pod at a time: each takes its turn behind those that are due before it."""
        at_s = self._loop.now_s + delay_s
        if not housekeeping:
            at_s = self._free_at_s = max(at_s, self._free_at_s + _NEXT_S) if delay_s <= _LATENCY_S else at_s
        if waiting.timer is not None and waiting.timer.callback is not None:
            if waiting.timer.at_s <= at_s:
                return
            waiting.timer.cancel()
        waiting.timer = self._loop.call_at(at_s, lambda: self._try(waiting), housekeeping=housekeeping)

    # ---- a cycle

    def _try(self, waiting: _Waiting) -> None:
        waiting.timer = None
        pod = self._view.get("pods", waiting.key)
        if pod is None or pod["metadata"]["uid"] != waiting.uid or waiting.uid not in self._waiting:
            self._waiting.pop(waiting.uid, None)
            return
        self._refused.pop(waiting.uid, None)
        waiting.attempts += 1
        waiting.tried_s = self._loop.now_s
        info, cluster = PodInfo.of(pod), self._binder.cluster
        try:
            outcome = schedule(info, self._nodes, cluster, self._volumes, self._nominations())
            plan = preemption.plan(info, outcome, self._nodes, cluster, self._volumes) if outcome.rejections else None
        except CycleError as error:
            waiting.refused_by = {"DynamicResources"}
            self._refused[waiting.uid] = waiting
            self._failed(waiting, pod, str(error), "SchedulerError")
            self._enqueue(waiting, _LEFTOVER_S, housekeeping=True)
            return
        except Exception as error:
            # A Pod that nobody has thought of must not stop the scheduling of all others; upstream recovers, too.
            log.exception("scheduling %s failed", waiting.key)
            self._failed(waiting, pod, f"{type(error).__name__}: {error}", "SchedulerError")
            self._enqueue(waiting, _LEFTOVER_S, housekeeping=True)
            return
        if outcome.node is None:
            waiting.refused_by = outcome.plugins
            self._refused[waiting.uid] = waiting
            if plan is not None and plan.victims is not None:
                self._preempt(waiting, info, outcome, plan.victims)
            else:
                freed = () if outcome.claimed is None else (self._free_claim(outcome.claimed),)
                message = told(outcome.rejections, plan.message, *freed) if plan is not None else outcome.message
                self._failed(waiting, pod, message, "Unschedulable")
            self._enqueue(waiting, _LEFTOVER_S, housekeeping=True)
            return
        self._assume(info, outcome)

    def _free_claim(self, claimed: Claimed) -> str:
        """What comes of looking for a claim whose devices are where the Pod cannot go."""
        from statelab.controlplane.scheduling import devices

        try:
            return devices.free_one(claimed, self._view)
        except ApiError as error:
            return error.message

    def _nominations(self) -> dict[str, list[PodInfo]]:
        found: dict[str, list[PodInfo]] = {}
        for node, info in self._nominated.values():
            found.setdefault(node, []).append(info)
        return found

    def _preempt(self, waiting: _Waiting, info: PodInfo, outcome: Outcome, victims: preemption.Victims) -> None:
        """Ask the victims to go, and keep the room for this Pod: it is tried again when they have ended."""
        pod, name = info.pod, info.pod["metadata"]["name"]
        self._nominated[waiting.uid] = (victims.node, info)
        for each in victims.pods:
            why = f"{name}, which is more important, needs its room on {victims.node}"
            try:
                self._view.preempt(each.pod, why=why)
            except ApiError as error:
                log.debug("preempting %s failed: %s", key_of(each.pod), error.message)
                continue
            words = f"Preempted by pod {pod['metadata']['uid']} on node {victims.node}"
            self._view.event(each.pod, "Preempted", words)
        self._failed(waiting, pod, told(outcome.rejections), "Unschedulable", nominated=victims.node)
        for uid, (node, other) in list(self._nominated.items()):
            if uid != waiting.uid and node == victims.node and priority_of(other.pod) < waiting.priority:
                del self._nominated[uid]  # it must look elsewhere
                self._clear_nomination(other.pod)

    def _clear_nomination(self, pod: Object) -> None:
        now = self._view.get("pods", key_of(pod))
        if now is None or not (now.get("status") or {}).get("nominatedNodeName"):
            return
        status = {name: value for name, value in now["status"].items() if name != "nominatedNodeName"}
        self._view.update_status(
            "pods", {**now, "status": status}, why="a more important Pod takes the room kept for it"
        )

    def _assume(self, info: PodInfo, outcome: Outcome) -> None:
        """The Pod counts on its node from now on, though nothing is written yet."""
        assert outcome.node is not None
        uid = info.pod["metadata"]["uid"]
        self._nominated.pop(uid, None)
        self._nodes[outcome.node].add(info)
        self._binder.begin(info.pod, outcome.node, outcome.decision)

    def _failed(self, waiting: _Waiting, pod: Object, message: str, reason: str, nominated: str | None = None) -> None:
        """Tell the user: an event, and the PodScheduled condition."""
        self._view.event(pod, "FailedScheduling", message, type="Warning")
        status = dict(pod.get("status") or {})
        old = next((each for each in status.get("conditions") or () if each["type"] == "PodScheduled"), None)
        since = timestamp(self._loop.now_s)
        if old is not None and old["status"] == "False":
            since = old["lastTransitionTime"]
        condition: Object = {
            "type": "PodScheduled",
            "observedGeneration": pod["metadata"].get("generation", 1),
            "status": "False",
            "lastProbeTime": None,
            "lastTransitionTime": since,
            "reason": reason,
            "message": message,
        }
        others = [each for each in status.get("conditions") or () if each["type"] != "PodScheduled"]
        status["conditions"] = [*others, condition]
        if nominated is not None:
            status["nominatedNodeName"] = nominated
        try:
            self._view.update_status("pods", {**pod, "status": status}, why=f"it fits no node: {message}")
        except ApiError as error:
            log.debug("telling why %s is not scheduled failed: %s", waiting.key, error.message)

    def _not_bound(self, pod: Object, node: str, message: str) -> None:
        """Binding failed: the Pod goes back to the queue."""
        uid = pod["metadata"]["uid"]
        self._free(uid, node)
        key = key_of(pod)
        now = self._view.get("pods", key)
        if now is None or now["metadata"]["uid"] != uid or now["metadata"].get("deletionTimestamp"):
            self._waiting.pop(uid, None)
            return
        waiting = self._waiting.setdefault(uid, _Waiting(key, uid, self._loop.now_s, priority_of(now), attempts=1))
        waiting.tried_s = self._loop.now_s
        waiting.refused_by = set()
        self._failed(waiting, now, message, "SchedulerError")
        self._enqueue_after_back_off(waiting)


def _may_fit_now(before: Object, pod: Object) -> bool:
    """Whether a Pod was changed in a way that may help it: its spec, its labels, claims that were made for it."""

    def said(obj: Object) -> tuple[object, ...]:
        return obj["spec"], obj["metadata"].get("labels"), (obj.get("status") or {}).get("resourceClaimStatuses")

    return said(before) != said(pod)


def _status_changed(revision: Revision) -> bool:
    return bool(revision.object.get("status") != (revision.previous or {}).get("status"))


def _has_become_free(revision: Revision) -> bool:
    def phase(volume: Object | None) -> str:
        return str(((volume or {}).get("status") or {}).get("phase", ""))

    return phase(revision.object) == "Available" != phase(revision.previous)
