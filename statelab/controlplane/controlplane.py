"""The whole embedded Kubernetes, put together: `ControlPlane()` is a cluster in one object.

In virtual time (the default) nothing waits: `settle()` jumps from event to event until nothing changes any more. With
a `pace` it follows the wall clock, and something must drive it: apiserver/wire/http.py does.
"""

from __future__ import annotations

import gc
import random
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from statelab.controlplane import errors
from statelab.controlplane.apiserver.registry.copying import fresh
from statelab.controlplane.apiserver.registry.resources import ApiServer
from statelab.controlplane.apiserver.registry.writing import WriteOptions
from statelab.controlplane.apiserver.serving import inside
from statelab.controlplane.apiserver.serving.aggregation import Availability
from statelab.controlplane.apiserver.serving.webhooks import WebhookCaller
from statelab.controlplane.bootstrap import (
    NODES,
    bootstrap,
    bootstrap_api_services,
    bootstrap_csi_nodes,
    bootstrap_flows,
    bootstrap_range,
    bootstrap_roles,
    signing_key,
)
from statelab.controlplane.clock import Loop
from statelab.controlplane.controllers import all_controllers
from statelab.controlplane.controllers.disruption import evicted, may_evict
from statelab.controlplane.controllers.node.lifecycle import NAME as NODE_LIFECYCLE
from statelab.controlplane.controllers.node.lifecycle import NodeMonitor
from statelab.controlplane.events import Recorder
from statelab.controlplane.journal import Journal, Recovered
from statelab.controlplane.kinds import KINDS, Kind, Object, Objects
from statelab.controlplane.kubelet.kubelet import MOUNTED, Kubelet
from statelab.controlplane.kubelet.nodes import host_ips
from statelab.controlplane.manager import Manager
from statelab.controlplane.runtime.network import Network
from statelab.controlplane.runtime.runtime import Runtime
from statelab.controlplane.runtime.volumes import FileRecord
from statelab.controlplane.scheduler import Scheduler
from statelab.controlplane.store import Cause, Revision, Store
from statelab.controlplane.view import View
from statelab.controlplane.volumedata import VolumeData
from statelab.controlplane.why import Reason, why

_EVENT_SWEEP_S = 60.0
YOU = "you"


class ControlPlane:
    """A cluster: API server, controllers, scheduler, one kubelet a node, DNS.

    `seed`: the same seed and the same requests give the same history, to the byte (in virtual time).
    `pace`: None for virtual time, else cluster seconds per wall second.
    `nodes`: names; the first is the control plane's, where no Pod of a user runs.
    `state`: a folder in which everything survives; None keeps it in memory. Raises JournalLocked if it is in use.
    `history_limit`: how many revisions are kept for `store.history` and `why`.
    """

    def __init__(
        self,
        *,
        seed: int = 0,
        pace: float | None = None,
        nodes: Iterable[str] = NODES,
        state: Path | None = None,
        history_limit: int = 20_000,
    ) -> None:
        _collect_seldom()
        self.random = random.Random(seed)
        self.store = Store(history_limit)
        self.journal = Journal(state) if state is not None else None
        self.recovered = self.journal.load(self.store) if self.journal is not None else Recovered()
        self.loop = Loop(pace, self._start_s(pace))
        self.api = ApiServer(self.store, self.loop, self.random, signing_key(state, seed, is_virtual=pace is None))
        self.recorder = Recorder(self.loop, self._create_event, self._update_event, self._get_event)
        self.manager = Manager(self.loop, self.store, self.view)
        self.api.evicted = lambda pod: evicted(pod, self.view("disruption-controller"))
        self.api.may_evict = lambda pod, dry_run: may_evict(pod, self.view("disruption-controller"), dry_run=dry_run)
        self.network = Network(self.loop, self.api, seed=seed)
        self.api.policies.call = WebhookCaller(self)
        self.runtime = Runtime(self.loop, self.network, self.random)
        self.scheduler = Scheduler(self.view("default-scheduler"))
        self.kubelets = self._kubelets(tuple(nodes))
        self.node_monitor = NodeMonitor(self.view(NODE_LIFECYCLE), self._heard_s)
        self.store.log = self.journal
        self.dns_port: int | None = None  # where DNS answers outside, when somebody serves it there
        self._start()
        if pace is None:
            self.settle()

    def _start(self) -> None:
        """Everything begins to listen; a new cluster gets what every cluster has, an old one is looked at once."""
        is_new = not self.store.count("namespaces")
        for name, records in self.recovered.volumes.items():
            self.runtime.named_volume(name).restore(FileRecord.from_json(record) for record in records)
        for controller in all_controllers():
            self.manager.add(controller)
        self.manager.add(Availability(self).controller())
        self.store.subscribe(self.scheduler.observe)
        self.store.subscribe(self._tell_kubelets)
        self.store.subscribe(VolumeData(self.store, self.runtime, self.journal).observe)
        if is_new:
            bootstrap(self.view("kubeadm"), next(iter(self.kubelets.values())).host_ip)
        bootstrap_roles(self.view("apiserver"), self.store, self.random if is_new else None)
        bootstrap_flows(self.view("apiserver"), self.store, self.random if is_new else None)
        bootstrap_csi_nodes(self.store, self.random if is_new else None)
        bootstrap_range(self.view("apiserver"), self.store)
        bootstrap_api_services(self.view("apiserver"), self.store)
        for kubelet in self.kubelets.values():
            kubelet.start()
        first = next(iter(self.kubelets.values()))
        inside.listen(self, first.node_name, first.host_ip)
        self.scheduler.start()
        self.node_monitor.start()
        if not is_new:
            self.manager.resync()
        self._sweep_events()

    def _kubelets(self, nodes: tuple[str, ...]) -> dict[str, Kubelet]:
        addresses = host_ips(nodes)
        return {
            name: Kubelet(
                name, self.view(f"kubelet/{name}"), self.runtime, self.network, self.runtime,
                index=index, host_ip=addresses[name],
            )
            for index, name in enumerate(nodes)
        }  # fmt: skip

    def _tell_kubelets(self, revision: Revision) -> None:
        """Each hears of its own Pods, and of what any Pod may mount."""
        if revision.plural == "pods":
            kubelet = self.kubelets.get(revision.object["spec"].get("nodeName", ""))
            if kubelet is not None:
                kubelet.observe(revision)
        elif revision.plural in MOUNTED:
            for kubelet in self.kubelets.values():
                kubelet.observe(revision)

    def _heard_s(self, node: str) -> float | None:
        kubelet = self.kubelets.get(node)
        return kubelet.heard_s() if kubelet is not None else None

    def save_volumes(self) -> None:
        """Write to the journal what containers have changed on the volumes that outlive them.

        Raises ApiError 507 when it cannot be written; it is tried again the next time.
        """
        if self.journal is None:
            return
        for name, volume in self.runtime.volumes.items():
            changes = volume.changes()
            if not changes:
                continue
            try:
                self.journal.append_volume(name, [record.to_json() for record in changes])
            except errors.ApiError:
                volume.changes_not_kept()
                raise

    def _start_s(self, pace: float | None) -> float | None:
        """Time must not run backwards for a cluster that was stopped."""
        if not self.recovered.last_at_s:
            return None
        if pace is None:
            return self.recovered.last_at_s
        return max(time.time(), self.recovered.last_at_s)

    # ---- parts

    def view(self, actor: str) -> View:
        """The cluster as a component sees it; what it writes is recorded in its name."""
        return View(actor, self.api, self.recorder, self.loop, self.random)

    def _create_event(self, event: Object, actor: str) -> Object:
        return self.api.create("events", event["metadata"]["namespace"], event, self.api.internal(actor, "telling"))

    def _update_event(self, event: Object, actor: str) -> Object:
        return self.api.update("events", event, self.api.internal(actor, "telling again"))

    def _get_event(self, key: str) -> Object | None:
        return self.store.get("events", key)

    def _sweep_events(self) -> None:
        view = self.view("apiserver")
        self.recorder.forget_old(
            self.store.list("events"), lambda event: view.delete("events", event, why="an hour old")
        )
        self.loop.call_later(_EVENT_SWEEP_S, self._sweep_events, housekeeping=True)

    # ---- time

    def settle(self, *, quiet_s: float = 5.0, max_s: float = 900.0) -> bool:
        """Let virtual time pass until nothing has changed for `quiet_s` cluster seconds; False if `max_s` is too short.

        An image that cannot be pulled or a container that crashes again and again counts as settled between its tries.
        """
        begun_s = self.loop.now_s
        while True:
            changed_s = self.store.history[-1].at_s if self.store.history else begun_s
            quiet_at_s = max(begun_s, changed_s) + quiet_s
            if self.loop.now_s >= quiet_at_s:
                return True
            if self.loop.now_s >= begun_s + max_s:
                return False
            self.loop.run_for(min(quiet_at_s, begun_s + max_s) - self.loop.now_s)

    # ---- what a client does, in process

    def options(self, why: str = "you asked for it", **more: Any) -> WriteOptions:
        return WriteOptions(Cause(YOU, why), **more)

    def get(self, plural: str, key: str) -> Object | None:
        """An object by plural and `namespace/name`; None when there is none. It must not be changed."""
        return self.store.get(plural, key)

    def list(self, plural: str, namespace: str = "") -> Objects:
        """The objects of a plural, in one namespace or ("") in all, by name. They must not be changed."""
        return self.store.list(plural, namespace)

    def create(self, obj: Object, namespace: str = "default") -> Object:
        """Create one object as `kubectl create` does. Raises ApiError."""
        from statelab.controlplane.apiserver.encoding import strict

        kind = self._kind(obj)
        namespace = (obj.get("metadata") or {}).get("namespace") or namespace
        checked, _ = strict.check(fresh(obj), kind, "Strict")
        return self.api.create(kind.plural, namespace if kind.namespaced else "", checked, self.options())

    def apply(self, *objects: Object, namespace: str = "default") -> Objects:
        """Create objects, or change those that exist, as `kubectl apply --server-side` does. Raises ApiError."""
        applied = []
        for obj in objects:
            kind = self._kind(obj)
            metadata = obj.get("metadata") or {}
            where = (metadata.get("namespace") or namespace) if kind.namespaced else ""
            options = self.options(field_manager="statelab", force=True, field_validation="Strict")
            applied.append(self.api.patch(kind.plural, where, metadata["name"], "apply", fresh(obj), options)[0])
        return applied

    def patch(self, plural: str, key: str, patch: Object, subresource: str | None = None) -> Object:
        """A JSON merge patch. Raises ApiError."""
        namespace, _, name = key.rpartition("/")
        return self.api.patch(plural, namespace, name, "merge", patch, self.options(), subresource)[0]

    def scale(self, plural: str, key: str, replicas: int) -> None:
        """As `kubectl scale --replicas`. Raises ApiError."""
        self.patch(plural, key, {"spec": {"replicas": replicas}}, "scale")

    def delete(self, plural: str, key: str, **delete_options: Any) -> None:
        """Delete as `kubectl delete --wait=false` does, with the fields of DeleteOptions. Raises ApiError."""
        namespace, _, name = key.rpartition("/")
        if "orphanDependents" not in delete_options:
            delete_options.setdefault("propagationPolicy", "Background")
        self.api.delete(plural, namespace, name, delete_options, self.options())

    def why(self, plural: str, key: str) -> Reason | None:
        """The chain of causes behind an object, or behind its absence; None when nothing of it is known."""
        return why(self.store, plural, key)

    def when(self, condition: Callable[[], bool], *, timeout_s: float = 300.0) -> bool:
        """Let virtual time pass until `condition()` holds; False when it does not within `timeout_s`."""
        return self.loop.run_until(condition, timeout_s=timeout_s)

    def _kind(self, obj: Object) -> Kind:
        kind = self.api.kinds.named(obj.get("apiVersion", ""), obj.get("kind", ""))
        if kind is None:
            message = f'no matches for kind "{obj.get("kind")}" in version "{obj.get("apiVersion")}"'
            raise errors.bad_request(message)
        return kind


def _collect_seldom() -> None:
    """Look for cycles less often than Python does by default, unless somebody has chosen otherwise.

    The store keeps hundreds of thousands of dicts that are in no cycle; looking at them took a quarter of all time. But
    what was a trial is in cycles, and not to be left for long: all of it at once made one judgement of thirty wait half
    a second for the garbage of the others.
    """
    if gc.get_threshold()[0] in (700, 2000):  # the defaults of Python 3.11 to 3.13
        gc.set_threshold(50_000, 2, 200)


__all__ = ["KINDS", "ControlPlane"]
