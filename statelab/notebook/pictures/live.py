"""A namespace as it is now, kept up to date by list and watch, and shared by all pictures of it in this kernel.

Source: client-go's reflector. The list is what tells which objects vanished while no watch ran; a watch alone, begun
again, never would. Twenty pictures of one namespace cost as many connections as one.
"""

from __future__ import annotations

import copy
import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from statelab.cluster import Cluster, Problem, RequestRefused
from statelab.cluster.beside import later
from statelab.cluster.names import path_of
from statelab.cluster.watching import Ends
from statelab.controlplane.kinds import KINDS, Kind, Object, key_of
from statelab.notebook.pictures.customs import DEFINITIONS, is_custom, kinds_defined
from statelab.notebook.pictures.history import Moment
from statelab.notebook.pictures.recording import Recording, number_of
from statelab.notebook.pictures.scene import OPTIONAL, WATCHED

_log = logging.getLogger(__name__)
_REDRAW_S = 0.08  # at most a dozen pictures a second; what comes between is in the next one
_AGAIN_S = 1.0
_LONGEST_AGAIN_S = 10.0
_WATCH_S = 120


class Mirror:
    """The objects of WATCHED in one namespace. Get one with `mirror_of(cluster)`; give it back with `release()`.

    Raises Problem or RequestRefused when the cluster cannot be read at first; later it only becomes `away`.
    """

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = copy.copy(cluster)  # stays in its namespace when the learner goes to another
        self.namespace = cluster.namespace
        self._recording = Recording()
        self._is_begun = False
        self.is_away = False
        self._lock = threading.Lock()
        self._objects: dict[str, dict[str, Object]] = {plural: {} for plural in WATCHED}
        self._kinds: dict[str, Kind] = {plural: KINDS[plural] for plural in WATCHED}
        self._stops: list[Callable[[], None]] = []  # what ends the hearing of a cluster of this process
        self._listeners: dict[int, Callable[[], None]] = {}
        self._changed = threading.Event()
        self._closed = threading.Event()
        self._ends = Ends(self._closed)
        versions = {plural: version for plural in WATCHED if (version := self._list_at_first(plural)) is not None}
        self._recording.begin()
        self._is_begun = True
        self._told_soon = False
        stop = self.cluster.follow(WATCHED, self._hear)
        if stop is not None:
            self._stops.append(stop)
            self._learn()
            return
        threading.Thread(target=self._tell, daemon=True, name=f"pictures of {self.namespace}").start()
        for plural, version in versions.items():
            name = f"watch {plural} in {self.namespace}"
            threading.Thread(target=self._follow, args=(plural, version), daemon=True, name=name).start()
        self._learn()

    # ---- what a picture asks

    def objects(self) -> dict[str, list[Object]]:
        """All there is, by plural. The objects must not be changed."""
        with self._lock:
            return {plural: list(by_key.values()) for plural, by_key in self._objects.items()}

    def listen(self, on_change: Callable[[], None]) -> Callable[[], None]:
        """Call `on_change` after changes, at most a dozen times a second, from a thread. Returns what ends that."""
        token = id(on_change)
        with self._lock:
            self._listeners[token] = on_change

        def stop() -> None:
            with self._lock:
                self._listeners.pop(token, None)
                nobody = not self._listeners
            if nobody:
                self.close()

        return stop

    def moments(self) -> list[Moment]:
        """What was seen since this mirror began, in the order in which it happened; `number` is that of its arrival."""
        with self._lock:
            return list(self._recording.moments)

    @property
    def is_closed(self) -> bool:
        return self._closed.is_set()

    def close(self) -> None:
        """Stop following: its threads end."""
        self._ends.close()
        self._changed.set()
        for stop in self._stops:
            stop()

    # ---- following

    def _follow(self, plural: str, version: str) -> None:
        again_s = _AGAIN_S
        while not self.is_closed:
            try:
                self._watch(plural, version)
                if not self.is_closed:
                    version = self._list(plural)
                self._set_away(False)
                again_s = _AGAIN_S
                continue
            except (RequestRefused, Problem) as refusal:
                if is_custom(plural) and isinstance(refusal, RequestRefused) and refusal.code in (403, 404):
                    self._forget(plural)  # its definition is gone
                    return
                self._set_away(True)
            except Exception:  # nothing that a cluster sends may end a picture
                _log.exception("watching %s", plural)
            self._closed.wait(again_s)
            again_s = min(again_s * 1.5, _LONGEST_AGAIN_S)
            version = ""

    def _list_at_first(self, plural: str) -> str | None:
        try:
            return self._list(plural)
        except RequestRefused as refusal:
            if plural in OPTIONAL and refusal.code in (403, 404):
                return None  # this cluster has no such kind: there is nothing to follow
            raise

    def _list(self, plural: str) -> str:
        kind = self._kinds[plural]
        # "0" is any version, as a reflector asks: what a watch begins with is no sign that somebody is there.
        answer = self.cluster.request("GET", path_of(kind, self.namespace), params={"resourceVersion": "0"})
        found = {}
        for item in answer["items"]:
            obj = {"apiVersion": kind.api_version, "kind": kind.name, **item}
            found[key_of(obj)] = obj
        now_s = time.time()
        with self._lock:
            known = self._objects[plural]
            for key in known.keys() - found.keys():
                self._recording.told("DELETED", plural, known[key], now_s, number_of(answer))
            for key, obj in found.items():
                before = known.get(key)
                if not self._is_begun:
                    self._recording.found(plural, obj, now_s)
                elif before is None:
                    self._recording.met(plural, obj, now_s)
                elif _version(before) != _version(obj):
                    self._recording.told("MODIFIED", plural, obj, now_s)
            self._objects[plural] = found
        self._changed.set()
        return str(answer["metadata"]["resourceVersion"])

    def _watch(self, plural: str, version: str) -> None:
        if not version:
            version = self._list(plural)
            self._set_away(False)
        params = {"watch": "1", "resourceVersion": version, "timeoutSeconds": str(_WATCH_S)}
        path = path_of(self._kinds[plural], self.namespace)
        for event in self.cluster.connection.stream(path, params, read_timeout_s=_WATCH_S + 30.0, ends=self._ends):
            if self.is_closed or event["type"] == "ERROR":
                return
            self._apply(event["type"], plural, event["object"])

    def _apply(self, type: str, plural: str, obj: Object) -> None:
        if type not in ("ADDED", "MODIFIED", "DELETED"):
            return
        with self._lock:
            if type == "DELETED":
                self._objects[plural].pop(key_of(obj), None)
            else:
                self._objects[plural][key_of(obj)] = obj
            self._recording.told(type, plural, obj, time.time())
        if plural == DEFINITIONS:
            self._learn()
        self._changed.set()

    # ---- kinds that the cluster learns

    @property
    def customs(self) -> tuple[str, ...]:
        """The custom kinds that are followed, by plural and group."""
        with self._lock:
            return tuple(sorted(plural for plural in self._kinds if is_custom(plural)))

    def _learn(self) -> None:
        """Follow also the objects of kinds that have been defined meanwhile."""
        with self._lock:
            defined = kinds_defined(list(self._objects.get(DEFINITIONS, {}).values()))
            new = {plural: kind for plural, kind in defined.items() if plural not in self._kinds}
            self._kinds |= new
            self._objects |= {plural: {} for plural in new}
        for plural in new:
            if not self._stops:
                name = f"watch {plural} in {self.namespace}"
                threading.Thread(target=self._follow, args=(plural, ""), daemon=True, name=name).start()
                continue
            with suppress(RequestRefused, Problem):
                self._list(plural)
                stop = self.cluster.follow((plural,), self._hear)
                self._stops += [stop] if stop is not None else []

    def _forget(self, plural: str) -> None:
        with self._lock:
            self._kinds.pop(plural, None)
            self._objects.pop(plural, None)
        self._changed.set()

    def _set_away(self, is_away: bool) -> None:
        if self.is_away != is_away:
            self.is_away = is_away
            self._changed.set()

    # ---- telling

    def _hear(self, type: str, plural: str, obj: Object) -> None:
        """A change, told by a cluster of this process: no thread of ours follows it, and none tells of it."""
        self._apply(type, plural, obj)
        if not self._told_soon:
            self._told_soon = True
            later(_REDRAW_S, self._tell_once)

    def _tell_once(self) -> None:
        self._told_soon = False
        with self._lock:
            listeners = list(self._listeners.values())
        for listener in listeners:
            try:
                listener()
            except Exception:  # one picture's trouble stays its own
                _log.exception("a picture could not be drawn")

    def _tell(self) -> None:
        while not self.is_closed:
            self._changed.wait()
            self._changed.clear()
            began_s = time.thread_time()
            self._tell_once()
            # A picture that takes long is drawn less often: the kernel is the learner's. What counts is its own work:
            # where it had to wait for a cell or a busy machine, waiting longer would only show the past.
            self._closed.wait(max(_REDRAW_S, 3 * (time.thread_time() - began_s)))


_mirrors: dict[tuple[str, str], Mirror] = {}
_making = threading.Lock()


def mirror_of(cluster: Cluster) -> Mirror:
    """The one mirror of the cluster's current namespace. It closes when the last that listened has stopped."""
    key = (cluster.connection.url, cluster.namespace)
    with _making:
        found = _mirrors.get(key)
        if found is None or found.is_closed:
            found = _mirrors[key] = Mirror(cluster)
        return found


def _version(obj: Object) -> Any:
    return obj["metadata"].get("resourceVersion")
