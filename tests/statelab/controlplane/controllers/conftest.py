"""A cluster for the workload controllers: the real store, loop and manager; a kubelet that makes Pods ready at once."""

from __future__ import annotations

import copy
import itertools
import random
from typing import Any

import pytest
import yaml

from statelab.controlplane.clock import Loop, timestamp
from statelab.controlplane.controllers import deployment, disruption, replicaset, statefulset
from statelab.controlplane.errors import ApiError, already_exists, conflict, not_found
from statelab.controlplane.kinds import BY_GROUP_VERSION_KIND, KINDS, Object, key_of
from statelab.controlplane.manager import Manager
from statelab.controlplane.store import Cause, Revision, Store


class FakeView:
    def __init__(self, actor: str, cluster: Cluster) -> None:
        self.actor, self.cluster, self.loop, self.random = actor, cluster, cluster.loop, cluster.random

    @property
    def now_s(self) -> float:
        return self.loop.now_s

    def get(self, plural, key):
        return self.cluster.store.get(plural, key)

    def list(self, plural, namespace="", selector=None):
        found = self.cluster.store.list(plural, namespace)
        return [o for o in found if selector is None or selector(o["metadata"].get("labels") or {})]

    def owned(self, plural, owner):
        return self.cluster.store.controlled_by(plural, owner["metadata"]["uid"])

    def orphans(self, plural, namespace):
        return self.cluster.store.uncontrolled(plural, namespace)

    def create(self, plural, obj, *, why):
        return self.cluster.write_new(plural, obj, Cause(self.actor, why))

    def update(self, plural, obj, *, why):
        return self.cluster.write(plural, obj, Cause(self.actor, why))

    def update_status(self, plural, obj, *, why):
        return self.cluster.write(plural, obj, Cause(self.actor, why), status=True)

    def delete(self, plural, obj, *, why, propagation=None, grace_period_s=None):
        self.cluster.remove(plural, key_of(obj), Cause(self.actor, why))

    def event(self, obj, reason, message, *, type="Normal", component=None):
        self.cluster.events.append((type, reason, key_of(obj).split("/")[-1], message))


class Cluster:
    def __init__(self) -> None:
        self.loop, self.store, self.random = Loop(), Store(), random.Random(0)
        self.events: list[tuple[str, str, str, str]] = []
        self.uids = itertools.count(1)
        self.views: dict[str, FakeView] = {}
        self.manager = Manager(self.loop, self.store, self.view)
        for module in (statefulset, deployment, replicaset, disruption):
            self.manager.add(module.CONTROLLER)
        self.store.subscribe(self._kubelet)
        self.broken: set[str] = {"nginx:no-such-tag"}  # images that never become ready
        self.refuse: dict[str, ApiError] = {}
        self.log: list[str] = []
        self.store.subscribe(lambda r: self.log.append(f"{r.plural} {r.key.split('/')[-1]} {r.type}"))

    def view(self, actor="you"):
        return self.views.setdefault(actor, FakeView(actor, self))

    def write_new(self, plural, obj, cause):
        obj = copy.deepcopy(obj)
        kind = KINDS[plural]
        if plural in self.refuse:
            raise self.refuse[plural]
        metadata = obj["metadata"]
        metadata.setdefault("namespace", "default")
        if "name" not in metadata:
            metadata["name"] = metadata["generateName"] + "".join(self.random.choices("bcdfghjkl", k=5))
        if self.store.get(plural, key_of(obj)):
            raise already_exists(kind, metadata["name"])
        metadata |= {"uid": f"u{next(self.uids)}", "creationTimestamp": timestamp(self.loop.now_s), "generation": 1}
        obj |= {"apiVersion": kind.api_version, "kind": kind.name}
        if plural == "pods":
            obj["status"] = {"phase": "Pending"}
        spec = obj.get("spec", {})
        if plural in ("deployments", "replicasets", "statefulsets"):
            spec.setdefault("replicas", 1)
            obj.setdefault("status", {"replicas": 0} if plural != "deployments" else {})
        if plural == "statefulsets":
            spec.setdefault("podManagementPolicy", "OrderedReady")
            spec.setdefault("updateStrategy", {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}})
            spec.setdefault("revisionHistoryLimit", 10)
        if plural == "deployments":
            strategy = spec.setdefault("strategy", {"type": "RollingUpdate"})
            if strategy["type"] == "RollingUpdate":
                strategy.setdefault("rollingUpdate", {"maxSurge": "25%", "maxUnavailable": "25%"})
            spec.setdefault("progressDeadlineSeconds", 600)
            spec.setdefault("revisionHistoryLimit", 10)
        return self.store.create(plural, key_of(obj), obj, cause, self.loop.now_s)

    def write(self, plural, obj, cause, status=False):
        old = self.store.get(plural, key_of(obj))
        if old is None:
            raise not_found(KINDS[plural], obj["metadata"]["name"])
        if obj["metadata"]["resourceVersion"] != old["metadata"]["resourceVersion"]:
            raise conflict(KINDS[plural], obj["metadata"]["name"], "stale")
        obj = copy.deepcopy(obj)
        if status:
            obj = {**copy.deepcopy(old), "status": obj.get("status", {})}
        elif obj.get("spec") != old.get("spec"):
            obj["metadata"]["generation"] = old["metadata"]["generation"] + 1
        if obj == old:
            return old
        return self.store.update(plural, key_of(obj), obj, cause, self.loop.now_s)

    def remove(self, plural, key, cause):
        old = self.store.get(plural, key)
        if old is None:
            return
        if plural == "pods" and old["spec"].get("nodeName"):
            if "deletionTimestamp" in old["metadata"]:
                return
            obj = copy.deepcopy(old)
            obj["metadata"]["deletionTimestamp"] = timestamp(self.loop.now_s)
            self.store.update(plural, key, obj, cause, self.loop.now_s)
            return
        self.store.delete(plural, key, cause, self.loop.now_s)

    def _kubelet(self, revision: Revision) -> None:
        if revision.plural != "pods" or revision.type == "DELETED":
            return
        key, uid = revision.key, revision.object["metadata"]["uid"]
        if revision.type == "ADDED":
            self.loop.call_later(0.01, lambda: self._start(key, uid))
            image = revision.object["spec"]["containers"][0].get("image")
            if image not in self.broken:
                self.loop.call_later(1.0, lambda: self.ready(key, uid))
        elif "deletionTimestamp" in revision.object["metadata"] and "deletionTimestamp" not in revision.previous["metadata"]:
            self.loop.call_later(0.3, lambda: self._end(key, uid))

    def _mine(self, key, uid):
        pod = self.store.get("pods", key)
        return copy.deepcopy(pod) if pod is not None and pod["metadata"]["uid"] == uid else None

    def _start(self, key, uid):
        if pod := self._mine(key, uid):
            pod["spec"]["nodeName"] = "kind-worker"
            self.store.update("pods", key, pod, Cause("kubelet", ""), self.loop.now_s)

    def ready(self, key, uid=None, value="True"):
        pod = self._mine(key, uid or self.store.get("pods", key)["metadata"]["uid"])
        if pod and "deletionTimestamp" not in pod["metadata"]:
            at = timestamp(self.loop.now_s)
            pod["status"] = {"phase": "Running", "conditions": [{"type": "Ready", "status": value, "lastTransitionTime": at}]}
            self.store.update("pods", key, pod, Cause("kubelet", ""), self.loop.now_s)

    def phase(self, key, phase):
        pod = copy.deepcopy(self.store.get("pods", key))
        pod["status"] = {"phase": phase}
        self.store.update("pods", key, pod, Cause("kubelet", ""), self.loop.now_s)

    def _end(self, key, uid):
        if self._mine(key, uid):
            self.store.delete("pods", key, Cause("kubelet", ""), self.loop.now_s)

    # ---- what tests use

    def change(self, plural: str, name: str, change: Any) -> None:
        obj = copy.deepcopy(self.store.get(plural, f"default/{name}"))
        change(obj)
        self.view().update(plural, obj, why="you")

    def apply(self, text: str | Object) -> Object:
        for obj in yaml.safe_load_all(text) if isinstance(text, str) else [text]:
            kind = BY_GROUP_VERSION_KIND[obj["apiVersion"], obj["kind"]]
            obj["metadata"].setdefault("namespace", "default")
            made = self.view().create(kind.plural, obj, why="you")
        return made

    def patch(self, plural: str, name: str, **spec: Any) -> None:
        obj = copy.deepcopy(self.store.get(plural, f"default/{name}"))
        obj["spec"] |= spec
        self.view().update(plural, obj, why="you")

    def image(self, plural: str, name: str, image: str) -> None:
        obj = copy.deepcopy(self.store.get(plural, f"default/{name}"))
        obj["spec"]["template"]["spec"]["containers"][0]["image"] = image
        self.view().update(plural, obj, why="you")

    def delete(self, plural, name):
        self.remove(plural, f"default/{name}", Cause("you", "you"))

    def settle(self, s=60.0):
        self.loop.run_for(s)

    def get(self, plural, name):
        return self.store.get(plural, f"default/{name}")

    def names(self, plural):
        return [o["metadata"]["name"] for o in self.store.list(plural, "default")]

    def messages(self, *reasons):
        return [m for _, r, _, m in self.events if not reasons or r in reasons]


@pytest.fixture
def cluster() -> Cluster:
    return Cluster()
