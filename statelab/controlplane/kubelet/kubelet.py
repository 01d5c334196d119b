"""kubelet: one for each node. It runs the Pods that are bound to its node, and says how they are.

A node that is stopped (`statelab node stop`) says nothing any more: its Pods stay in the API as they were, and its
containers are gone. When it starts again, or when the whole server does, that is a reboot of the machine: containers
are started again with one more restart, their last state `Unknown` with exit code 255, in a new sandbox with a new
address.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from statelab.controlplane.clock import Loop, Timer
from statelab.controlplane.errors import ApiError
from statelab.controlplane.kinds import Object, key_of
from statelab.controlplane.kubelet import ending, expanding, mounting
from statelab.controlplane.kubelet.admission import rejection
from statelab.controlplane.kubelet.backoff import BackOff
from statelab.controlplane.kubelet.images import Images
from statelab.controlplane.kubelet.nodes import Addresses, csi_node, new_node, node_status
from statelab.controlplane.kubelet.pods import PodWorker
from statelab.controlplane.kubelet.status import is_terminal
from statelab.controlplane.kubelet.tokens import PodTokens
from statelab.controlplane.kubelet.volumes import VolumeSource, references

if TYPE_CHECKING:
    from statelab.controlplane.kubelet.containers import Attempt
    from statelab.controlplane.runtime.containers import Container
    from statelab.controlplane.runtime.network import Network
    from statelab.controlplane.runtime.runtime import Runtime
    from statelab.controlplane.store import Revision
    from statelab.controlplane.view import View

_ROOM_S = 1.0
_SOURCES = ("configmaps", "secrets")
MOUNTED = (*_SOURCES, "persistentvolumeclaims")  # kinds that Pods mount: every kubelet hears of them
_HEARTBEAT_S = 300.0  # nodeStatusReportFrequency
_CACHE_S = (30.0, 90.0)  # a sync period and what the ConfigMap cache adds: how late a mounted ConfigMap follows


class Kubelet:
    """The agent of one node.

    `view` acts as "kubelet/NODE". `index` counts the cluster's nodes from 0 and decides the Pods' addresses. The
    control plane passes every revision to `observe`, and calls `start` once.
    """

    def __init__(
        self,
        node_name: str,
        view: View,
        runtime: Runtime,
        network: Network,
        volumes: VolumeSource,
        *,
        index: int,
        host_ip: str,
    ) -> None:
        self.node_name = node_name
        self.view = view
        self.loop: Loop = view.loop
        self.random = view.random
        self.runtime = runtime
        self.network = network
        self.volumes = volumes
        self.host_ip = host_ip
        self.images = Images(runtime, lambda: self.loop.now_s)
        self.back_off = BackOff()
        self.tokens = PodTokens(view, self._renew_tokens)
        self.addresses = Addresses(index)
        self.is_running = False
        self.last_heard_s = 0.0  # when it last said that it lives; meaningful while it does not run
        self._index = index
        self._workers: dict[str, PodWorker] = {}  # by uid
        self._by_key: dict[str, PodWorker] = {}
        self._admitted = 0  # how many of them run here
        self._heartbeat: Timer | None = None

    # ---- the node

    def start(self) -> None:
        """Register the node, or report it ready again; then take up the Pods that are bound to it."""
        self.is_running = True
        self.network.attach(self.host_ip)
        if self.view.get("nodes", self.node_name) is None:
            self.view.create("nodes", new_node(self.node_name, self._index), why="the kubelet registers its node")
        self._register_drivers()
        self._report()
        for pod in self.view.list("pods"):
            if pod["spec"].get("nodeName") == self.node_name:
                self._take(pod)

    def _register_drivers(self) -> None:
        """Make the node's CSINode, unless those of a new cluster are still to be made."""
        node = self.view.get("nodes", self.node_name)
        if node is not None and self.view.is_made("csinodes") and self.view.get("csinodes", self.node_name) is None:
            self.view.create("csinodes", csi_node(node), why="the kubelet tells of the drivers of its node")

    def stop(self) -> None:
        """The machine is off: containers end, nothing is said of them, and no heartbeat comes."""
        self.is_running = False
        self.last_heard_s = self.loop.now_s
        if self._heartbeat is not None:
            self._heartbeat.cancel()
        workers, self._workers, self._by_key, self._admitted = self._workers, {}, {}, 0
        for worker in workers.values():
            worker.stop()
            self.tokens.forget(worker.uid)
            for attempt in worker.record.running():
                attempt.state = "exited"
                if attempt.runtime is not None:
                    attempt.runtime.signal("KILL")
            worker.remove_sandbox()
        self.network.detach(self.host_ip)

    def heard_s(self) -> float:
        """When the node was last heard of: what a Lease says on a real cluster."""
        return self.loop.now_s if self.is_running else self.last_heard_s

    def _report(self) -> None:
        node = self.view.get("nodes", self.node_name)
        if node is not None:
            status = node_status(node, self.host_ip, self.loop.now_s)
            try:
                self.view.update_status("nodes", {**node, "status": status}, why=f"{self.node_name} is alive")
            except ApiError as error:
                if error.code not in (404, 409):
                    raise
        self._heartbeat = self.loop.call_later(_HEARTBEAT_S, self._report, housekeeping=True)

    def allocatable(self) -> Mapping[str, str]:
        node = self.view.get("nodes", self.node_name)
        return ((node or {}).get("status") or {}).get("allocatable") or {}

    # ---- what the store says

    def observe(self, revision: Revision) -> None:
        """A revision was written. Called at once, so nothing is done here that takes time."""
        if not self.is_running:
            return
        if revision.plural == "pods":
            if revision.object["spec"].get("nodeName") == self.node_name:
                self._pod_written(revision)
        elif revision.plural in _SOURCES:
            self._source_written(revision)
        elif revision.plural == "persistentvolumeclaims":
            for worker in self._workers.values():
                if worker.needs == (revision.plural, revision.key):
                    worker.hurry()
            expanding.later(self, revision.object)

    def _pod_written(self, revision: Revision) -> None:
        pod = revision.object
        worker = self._workers.get(pod["metadata"]["uid"])
        if revision.type == "DELETED":
            if worker is not None and not worker.is_done:
                worker.terminate(removed=True)
        elif worker is None:
            self._take(pod)
        else:
            worker.pod_changed(pod, by_us=revision.cause.actor == self.view.actor)

    def _source_written(self, revision: Revision) -> None:
        namespace, _, name = revision.key.partition("/")
        for worker in self._workers.values():
            if worker.pod["metadata"]["namespace"] != namespace:
                continue
            if worker.mounted is None or worker.record.waiting:
                worker.hurry()
            elif references(worker.pod, revision.plural, name):
                worker.refresh_in(self.random.uniform(*_CACHE_S))

    def _take(self, pod: Object) -> None:
        """A Pod that is new to this kubelet: bound just now, or found after a restart."""
        if is_terminal(pod):
            if pod["metadata"].get("deletionGracePeriodSeconds"):
                # Its containers had stopped, and the node went before it could say that nothing is left.
                self.loop.call_soon(lambda: self._remove(pod))
            return
        worker = PodWorker(self, pod)
        known = bool((pod.get("status") or {}).get("startTime"))
        self._workers[worker.uid] = self._by_key[worker.key] = worker
        if known:
            ending.adopt(worker)
        if pod["metadata"].get("deletionTimestamp"):
            worker.terminate()
        else:
            worker.start()

    def _remove(self, pod: Object) -> None:
        why = f"{pod['metadata']['name']} has ended, and nothing of it is left on the node"
        try:
            self.view.delete("pods", pod, why=why, grace_period_s=0)
        except ApiError:  # it could not be stored
            self.loop.call_later(_HEARTBEAT_S, lambda: self._remove(pod))

    def admit(self, worker: PodWorker) -> tuple[str, str] | None:
        """Take the Pod in. `(reason, message)` if this node does not run it."""
        node = self.view.get("nodes", self.node_name)
        others = (each.pod for each in self._workers.values() if each.is_admitted and not is_terminal(each.pod))
        refusal = rejection(worker.pod, node, self._admitted, others) if node is not None else None
        if refusal is None:
            worker.is_admitted = True
            self._admitted += 1
        return refusal

    def release(self, worker: PodWorker) -> None:
        """The Pod has ended: what it had of the node is free."""
        if worker.is_admitted:
            worker.is_admitted = False
            self._admitted -= 1
            for each in self._workers.values():
                if each.record.resizing:  # it may wait for just that room
                    each.sync_in(_ROOM_S)

    def forget(self, worker: PodWorker) -> None:
        """The worker is done: nothing of its Pod is left on the node."""
        self._workers.pop(worker.uid, None)
        self.release(worker)
        if self._by_key.get(worker.key) is worker:
            del self._by_key[worker.key]
        self.images.forget(worker.uid)
        self.back_off.forget(worker.uid)
        self.tokens.forget(worker.uid)

    def _renew_tokens(self, uid: str) -> None:
        worker = self._workers.get(uid)
        if worker is not None and worker.mounted is not None:
            mounting.refresh(worker)

    # ---- what the API server asks for: logs, exec, attach, port-forward

    def workers(self) -> Iterator[PodWorker]:
        return iter(self._workers.values())

    def container(self, pod_key: str, name: str) -> Container | None:
        """The runtime's container as last started, running or not; None when there never was one.

        Whoever asks may be about to change something in it, so what its probes find next is worth waiting for.
        """
        worker = self._by_key.get(pod_key)
        if worker is None:
            return None
        for health in worker.health.values():
            health.hurry()
        attempt = worker.record.last.get(name)
        return attempt.runtime if attempt is not None else None

    def previous(self, pod_key: str, name: str) -> Container | None:
        """The one before: `kubectl logs --previous`."""
        worker = self._by_key.get(pod_key)
        attempt = worker.record.before.get(name) if worker is not None else None
        return attempt.runtime if attempt is not None else None

    def _attempt(self, pod_key: str, name: str) -> Attempt | None:
        worker = self._by_key.get(pod_key)
        return worker.record.last.get(name) if worker is not None else None


__all__ = ["Kubelet", "key_of"]
