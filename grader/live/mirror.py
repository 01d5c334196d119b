"""What is in the trial's namespace and what has happened there, from watches: a Store that follows a real cluster.

Threads listen, one for each kind. What they hear waits in a queue until the trial lets time pass (`pump`): between two
questions of a check nothing changes, as in virtual time.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from typing import Any, Literal

from grader.live.requests import Requests
from grader.place import CannotGrade
from statelab.cluster import Problem
from statelab.cluster.names import path_of
from statelab.controlplane.errors import ApiError
from statelab.controlplane.kinds import KINDS, Object, Objects, key_of
from statelab.controlplane.store import Cause, Revision, Store

MIRRORED = (
    "pods",
    "services",
    "endpointslices",
    "persistentvolumeclaims",
    "configmaps",
    "events",
    "controllerrevisions",
    "deployments",
    "replicasets",
    "statefulsets",
    "jobs",
    "cronjobs",
    "poddisruptionbudgets",
)
_WATCH_S = 30  # a watch that nobody listens to any more ends so soon
_LOST_AFTER_S = 20.0
_SEEN_WITHIN_S = 10.0
_Change = tuple[str, str, Any, float]  # type, plural, object or what went wrong, when (cluster seconds)


class Mirror(Store):
    """A Store whose revisions are those of the cluster. Kinds outside of the namespace are asked for when wanted."""

    def __init__(self, requests: Requests, now_s: Callable[[], float]) -> None:
        super().__init__()
        self.requests = requests
        self.made: set[tuple[str, str]] = set()  # what the trial itself created, and what it has asked to go
        self.deleted: set[tuple[str, str]] = set()
        self._now_s = now_s
        self._heard: queue.SimpleQueue[_Change] = queue.SimpleQueue()
        self._is_closed = threading.Event()
        for plural in MIRRORED:
            version = self._list_again(plural)
            name = f"watch {plural} in {requests.names.real}"
            threading.Thread(target=self._follow, args=(plural, version), daemon=True, name=name).start()
        self.pump()

    def close(self) -> None:
        self._is_closed.set()

    # ---- reading

    def get(self, plural: str, key: str) -> Object | None:
        if plural in MIRRORED:
            return super().get(plural, key)
        namespace, _, name = key.rpartition("/")
        try:
            found: Object = self.requests.send("GET", self.requests.path(plural, namespace, name))
            return found
        except ApiError as error:
            if error.code == 404:
                return None
            raise

    def list(self, plural: str, namespace: str = "") -> Objects:
        if plural in MIRRORED:
            return super().list(plural, namespace)
        found = self.requests.send("GET", self.requests.path(plural, namespace))
        kind = KINDS[plural]
        items: Objects = [{"apiVersion": kind.api_version, "kind": kind.name, **each} for each in found["items"]]
        # Volumes of others are none of the trial's business.
        return [each for each in items if plural != "persistentvolumes" or self._is_ours(each)]

    def _is_ours(self, volume: Object) -> bool:
        claim = volume["spec"].get("claimRef") or {}
        return bool(claim.get("namespace") == self.requests.names.logical)

    # ---- following

    def pump(self, timeout_s: float = 0.0) -> None:
        """Take in what has been heard; wait up to `timeout_s` of wall time for something. Raises CannotGrade."""
        try:
            change = self._heard.get(timeout=timeout_s) if timeout_s > 0 else self._heard.get_nowait()
            while True:
                self._take_in(*change)
                change = self._heard.get_nowait()
        except queue.Empty:
            pass

    def is_abreast(self) -> bool:
        """Whether nothing new comes to light when the server is asked: it may be slow, and its watches behind."""
        before, namespace = self.revision, self.requests.names.logical
        found = self.requests.send("GET", self.requests.path("pods", namespace))
        now = {(each["metadata"]["uid"], each["metadata"]["resourceVersion"]) for each in found["items"]}
        self.pump()
        known = super().list("pods", namespace)
        return self.revision == before and now == {
            (each["metadata"]["uid"], each["metadata"]["resourceVersion"]) for each in known
        }

    def sync(self, plural: str, is_seen: Callable[[], bool]) -> None:
        """After a write: until it has come back. A write that others have overtaken is not waited for much longer."""
        deadline_s = time.monotonic() + _SEEN_WITHIN_S
        while plural in MIRRORED and not is_seen() and time.monotonic() < deadline_s:
            self.pump(0.05)

    def _take_in(self, type: str, plural: str, obj: Any, at_s: float) -> None:
        if type == "LOST":
            raise CannotGrade(str(obj))
        if type == "LIST":
            now = {key_of(each): each for each in obj}
            for gone in [each for each in super().list(plural, self.requests.names.logical) if key_of(each) not in now]:
                self._record("DELETED", plural, gone, at_s)
            for each in now.values():
                self._record("MODIFIED", plural, each, at_s)
        else:
            self._record(type, plural, obj, at_s)

    def _record(self, type: str, plural: str, obj: Object, at_s: float) -> None:
        key = key_of(obj)
        previous = super().get(plural, key)
        if type == "DELETED" and previous is None:
            return
        written: Literal["ADDED", "MODIFIED", "DELETED"] = "DELETED"
        if type != "DELETED":
            if previous is not None and previous["metadata"]["resourceVersion"] == obj["metadata"]["resourceVersion"]:
                return
            written = "ADDED" if previous is None else "MODIFIED"
        # Events tell of things; they are none that would keep a cluster from being quiet.
        number = self.revision + (plural != "events")
        cause = Cause(self._actor(type, plural, key, obj), "")
        revision = Revision(number, written, plural, key, obj, previous, cause, at_s)
        self.restore(revision)
        for subscriber in (*self._subscribers[""], *self._subscribers.get(plural, ())):
            subscriber(revision)

    def _actor(self, type: str, plural: str, key: str, obj: Object) -> str:
        """Who did it, as far as a real cluster tells: we ourselves, or the controller that owns the object."""
        if type == "DELETED":
            self.deleted.discard((plural, key))
        elif (plural, key) in (self.deleted if "deletionTimestamp" in obj["metadata"] else self.made):
            return "you"
        owners = obj["metadata"].get("ownerReferences") or ()
        kind = next((each["kind"] for each in owners if each.get("controller")), None)
        return f"{kind.lower()}-controller" if kind else "the cluster"

    def _list_again(self, plural: str) -> str:
        found = self.requests.send("GET", self.requests.path(plural, self.requests.names.logical))
        kind = KINDS[plural]
        items = [{"apiVersion": kind.api_version, "kind": kind.name, **each} for each in found["items"]]
        self._heard.put(("LIST", plural, items, self._now_s()))
        return str(found["metadata"]["resourceVersion"])

    def _follow(self, plural: str, version: str) -> None:
        heard_s = time.monotonic()
        while not self._is_closed.is_set():
            try:
                version = self._watch(plural, version)
                heard_s = time.monotonic()
            except ApiError as error:
                if error.code in (401, 403):
                    self._heard.put(("LOST", plural, f"{plural} may not be watched: {error.message}", 0.0))
                    return
                self._is_closed.wait(0.5)
            except (Problem, CannotGrade) as error:
                if time.monotonic() - heard_s > _LOST_AFTER_S:
                    self._heard.put(("LOST", plural, str(error), 0.0))
                    return
                self._is_closed.wait(0.5)

    def _watch(self, plural: str, version: str) -> str:
        """Listen until the server ends it; the version to go on from."""
        params = {"watch": "1", "resourceVersion": version, "timeoutSeconds": str(_WATCH_S)}
        names = self.requests.names
        for event in self.requests.stream(path_of(KINDS[plural], names.real), params):
            if self._is_closed.is_set():
                break
            if event["type"] in ("ADDED", "MODIFIED", "DELETED"):
                obj = names.inward(event["object"])
                self._heard.put((event["type"], plural, obj, self._now_s()))
                version = str(obj["metadata"]["resourceVersion"])
            elif event["type"] == "ERROR":  # the version is too old: look at everything once more
                return self._list_again(plural)
        return version
