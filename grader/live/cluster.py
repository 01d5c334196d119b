"""A namespace of a real cluster behind the face of a ControlPlane: what a Trial acts on."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from grader.live.admission import refuse_outside
from grader.live.mirror import Mirror
from grader.live.names import Names
from grader.live.requests import Requests
from grader.place import CannotGrade
from statelab.cluster.connection import Connection
from statelab.controlplane.apiserver.registry.writing import WriteOptions
from statelab.controlplane.errors import ApiError
from statelab.controlplane.kinds import BY_GROUP_VERSION_KIND, Object, key_of
from statelab.controlplane.store import Cause

LONGEST_WAIT_S = 300.0  # cluster seconds: no single wait takes longer, whatever it was meant for
_LOOK_EVERY_S = 0.2
_LONGEST_LOOK_S = 1.0  # of wall time
_MOST_PATIENCE = 4
_MANAGER = {"fieldManager": "statelab", "fieldValidation": "Strict"}


class WallClock:
    """Real time, in cluster seconds: `pace` of them pass in one on the wall (1 on every cluster that is real)."""

    def __init__(self, pace: float = 1.0) -> None:
        self.pace = pace
        self.pump: Callable[[float], None] = time.sleep
        self.is_over = False  # nobody waits any more for what is tried here
        self._began_s = time.monotonic()

    @property
    def now_s(self) -> float:
        return (time.monotonic() - self._began_s) * self.pace

    def run_until(self, condition: Callable[[], bool], *, timeout_s: float) -> bool:
        """Wait until `condition()` holds; False when it does not within `timeout_s`, at most LONGEST_WAIT_S.

        A look that takes long (a kubectl that was waited for, a machine that had no turn for us) is no patience: no
        more than _LONGEST_LOOK_S of it counts, until it all has taken _MOST_PATIENCE times as long.
        """
        left_s = min(timeout_s, LONGEST_WAIT_S) / self.pace
        looked_s = time.monotonic()
        gives_up_s = looked_s + left_s * _MOST_PATIENCE
        while not condition():
            if self.is_over:
                raise CannotGrade("The trial was ended before its time.")
            now_s = time.monotonic()
            left_s -= min(now_s - looked_s, _LONGEST_LOOK_S)
            looked_s = now_s
            if left_s <= 0 or now_s >= gives_up_s:
                return False
            self.pump(min(left_s, _LOOK_EVERY_S))
        return True


class LiveApi:
    """Writes, each seen in the mirror before it returns."""

    def __init__(self, requests: Requests, mirror: Mirror) -> None:
        self._requests = requests
        self._mirror = mirror

    def create(self, plural: str, namespace: str, obj: Object) -> Object:
        refuse_outside(plural)
        name = str((obj.get("metadata") or {}).get("name"))
        self._mirror.made.add((plural, f"{namespace}/{name}"))
        made = self._requests.send("POST", self._requests.path(plural, namespace), self._in_place(obj), params=_MANAGER)
        return self._seen(plural, made)

    def patch(
        self,
        plural: str,
        namespace: str,
        name: str,
        patch_type: str,
        body: Any,
        options: WriteOptions,
        subresource: str | None = None,
    ) -> tuple[Object, bool]:
        refuse_outside(plural)
        path = self._requests.path(plural, namespace, name, subresource or "")
        params = {**_MANAGER, "force": "true"} if patch_type == "apply" else _MANAGER
        says_where = isinstance(body, dict) and "namespace" in (body.get("metadata") or {})
        if patch_type == "apply" or says_where:  # a real server refuses a patch that names another namespace
            body = self._in_place(body)
        found = self._requests.send("PATCH", path, body, params=params, patch=patch_type)
        return (found if subresource else self._seen(plural, found)), False

    def evict(self, namespace: str, name: str, eviction: Object, options: WriteOptions) -> Object:
        path = self._requests.path("pods", namespace, name, "eviction")
        return self._going("pods", f"{namespace}/{name}", lambda: self._requests.send("POST", path, eviction))

    def delete(self, plural: str, namespace: str, name: str, delete_options: Object) -> Object:
        refuse_outside(plural)
        path = self._requests.path(plural, namespace, name)
        body = {"apiVersion": "v1", "kind": "DeleteOptions", **delete_options}
        return self._going(plural, f"{namespace}/{name}", lambda: self._requests.send("DELETE", path, body))

    def _in_place(self, obj: Object) -> Object:
        """The object with the namespace's real name: that one is set, not searched for in texts."""
        return {**obj, "metadata": {**(obj.get("metadata") or {}), "namespace": self._requests.names.real}}

    def _seen(self, plural: str, made: Object) -> Object:
        key, version = key_of(made), made["metadata"]["resourceVersion"]

        def is_seen() -> bool:
            now = self._mirror.get(plural, key)
            return now is not None and _is_as_new(now["metadata"]["resourceVersion"], version)

        self._mirror.sync(plural, is_seen)
        return made

    def _going(self, plural: str, key: str, send: Callable[[], Any]) -> Object:
        before = self._mirror.get(plural, key)
        self._mirror.deleted.add((plural, key))
        answer: Object = send()
        uid = before["metadata"]["uid"] if before is not None else None

        def is_seen() -> bool:
            now = self._mirror.get(plural, key)
            return now is None or now["metadata"]["uid"] != uid or "deletionTimestamp" in now["metadata"]

        self._mirror.sync(plural, is_seen)
        return answer


def _is_as_new(version: str, wanted: str) -> bool:
    """Source: KEP-5504, resource versions of one kind can be compared as numbers."""
    return version == wanted or (version.isdigit() and wanted.isdigit() and int(version) >= int(wanted))


class LiveCluster:
    """One namespace, for one trial. `close()` ends its watches; the namespace is the caller's to delete."""

    def __init__(self, connection: Connection, names: Names, pace: float = 1.0) -> None:
        self.names = names
        self.loop = WallClock(pace)
        self.requests = Requests(connection, names)
        self.store = Mirror(self.requests, lambda: self.loop.now_s)
        self.loop.pump = self.store.pump
        self.api = LiveApi(self.requests, self.store)
        self.kubelets: Mapping[str, Any] = {}  # nobody stops a node of a cluster that others use

    def close(self) -> None:
        self.loop.is_over = True
        self.store.close()

    def options(self) -> WriteOptions:
        return WriteOptions(Cause("you", "you asked for it"))

    def get(self, plural: str, key: str) -> Object | None:
        return self.store.get(plural, key)

    def create(self, obj: Object, namespace: str = "default") -> Object:
        return self.api.create(*_where(obj, namespace), obj)

    def apply(self, *objects: Object, namespace: str = "default") -> list[Object]:
        made = []
        for obj in objects:
            plural, where = _where(obj, namespace)
            made.append(self.api.patch(plural, where, obj["metadata"]["name"], "apply", obj, self.options())[0])
        return made

    def patch(self, plural: str, key: str, patch: Object) -> Object:
        namespace, _, name = key.rpartition("/")
        return self.api.patch(plural, namespace, name, "merge", patch, self.options())[0]

    def scale(self, plural: str, key: str, replicas: int) -> None:
        namespace, _, name = key.rpartition("/")
        self.api.patch(plural, namespace, name, "merge", {"spec": {"replicas": replicas}}, self.options(), "scale")

        def is_seen() -> bool:
            now = self.store.get(plural, key)
            return now is None or now["spec"].get("replicas") == replicas

        self.store.sync(plural, is_seen)

    def delete(self, plural: str, key: str, **delete_options: Any) -> None:
        namespace, _, name = key.rpartition("/")
        self.api.delete(plural, namespace, name, delete_options)


def _where(obj: Object, namespace: str) -> tuple[str, str]:
    """The plural of an object's kind, and its namespace. Raises ApiError where the kind is not known."""
    kind = BY_GROUP_VERSION_KIND.get((obj.get("apiVersion", ""), obj.get("kind", "")))
    if kind is None:
        message = f'no matches for kind "{obj.get("kind")}" in version "{obj.get("apiVersion")}"'
        raise ApiError(400, "BadRequest", message)
    return kind.plural, str((obj.get("metadata") or {}).get("namespace") or namespace)
