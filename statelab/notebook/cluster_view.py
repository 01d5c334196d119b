"""ClusterView: the learner's own cluster as a live picture; select anything to see its YAML, its events and why."""

from __future__ import annotations

import threading
from typing import Any

import anywidget
import traitlets
import yaml

from statelab.cluster import Cluster, Problem, RequestRefused
from statelab.controlplane.kinds import Object, key_of
from statelab.notebook.modules import css, module
from statelab.notebook.picture import STYLE, Picture, draw
from statelab.notebook.scene import WATCHED, make_scene
from statelab.notebook.strings import say

_REDRAW_S = 0.08  # at most a dozen pictures a second; what comes between is in the next one


class ClusterView(anywidget.AnyWidget):
    """A live picture of a cluster's current namespace.

    `buttons`: also offer what an instructor does on stage (delete, scale, stop a node); each shows its kubectl line.
    """

    _esm = module("cluster_view")
    _css = css()
    style = traitlets.Unicode(STYLE).tag(sync=True)
    frame = traitlets.Dict().tag(sync=True)
    status = traitlets.Unicode("").tag(sync=True)
    chosen = traitlets.Dict({}).tag(sync=True)

    def __init__(self, cluster: Cluster, *, buttons: bool = False) -> None:
        super().__init__()
        self._cluster = cluster
        self._namespace = cluster.namespace
        self._buttons = buttons
        self._objects: dict[str, dict[str, Object]] = {plural: {} for plural in WATCHED}
        self._lock = threading.Lock()
        self._changed = threading.Event()
        self._closing = threading.Event()
        self._selected: str | None = None
        self._load()
        self._redraw()
        self._watcher = cluster.watch(WATCHED, self._on_event)
        threading.Thread(target=self._follow, daemon=True, name="cluster view").start()
        self.on_msg(self._on_message)

    # ---- following the cluster

    def _load(self) -> None:
        """What is there now, so that the first picture is whole."""
        for plural in WATCHED:
            self._objects[plural] = {key_of(obj): obj for obj in self._cluster.list(plural)}

    def _on_event(self, type: str, plural: str, obj: Object) -> None:
        with self._lock:
            if type == "RESET":
                return  # the objects come again; what is gone is found by the reload in _follow
            if type == "DELETED":
                self._objects[plural].pop(key_of(obj), None)
            elif type in ("ADDED", "MODIFIED"):
                self._objects[plural][key_of(obj)] = obj
        self._changed.set()

    def _follow(self) -> None:
        while not self._closing.is_set():
            self._changed.wait()
            self._changed.clear()
            self._redraw()
            self._closing.wait(_REDRAW_S)

    def _redraw(self) -> None:
        picture = self.picture()
        self.frame = {
            "width": picture.width,
            "height": picture.height,
            "title": picture.sentence,
            "order": list(picture.pieces),
            "pieces": {
                key: [piece.x, piece.y, piece.inner, piece.classes, piece.label]
                for key, piece in picture.pieces.items()
            },
        }

    def picture(self) -> Picture:
        """The picture as it stands, for a static copy: `.picture().svg()`."""
        with self._lock:
            objects = {plural: list(by_key.values()) for plural, by_key in self._objects.items()}
        return draw(make_scene(objects, self._namespace))

    def close(self) -> None:
        self._closing.set()
        self._changed.set()
        self._watcher.close()
        super().close()

    # ---- selecting

    def _on_message(self, _widget: Any, message: dict[str, Any], _buffers: Any) -> None:
        try:
            if "select" in message:
                self._select(message["select"])
            elif "act" in message:
                self._act(str(message["act"]))
        except (Problem, RequestRefused) as problem:
            self.status = str(problem)

    def _select(self, key: str | None) -> None:
        self._selected = key
        if key is None or not key.partition("/")[2]:
            self.chosen = {}
            return
        self.chosen = {
            "title": key,
            "close": say("close"),
            "actions": [
                {"id": id, "label": f"{label}   ({line})", "line": line} for id, label, line in self._actions(key)
            ],
            "parts": [
                {"title": say("why"), "text": self._cluster.why(key), "open": True},
                {"title": say("events"), "text": self._events(key), "open": False},
                {"title": say("yaml"), "text": self._yaml(key), "open": False},
            ],
        }

    def _events(self, key: str) -> str:
        kind, _, name = key.partition("/")
        events = self._cluster.list("events")
        told = [
            e for e in events if e["involvedObject"]["name"] == name and e["involvedObject"]["kind"].lower() == kind
        ]
        told.sort(key=lambda event: event.get("lastTimestamp") or event.get("eventTime") or "")
        return "\n".join(f"{event['reason']}: {event['message']}" for event in told) or say("no_events")

    def _yaml(self, key: str) -> str:
        obj = self._cluster.get(key)
        if obj is None:
            return ""
        metadata = {name: value for name, value in obj["metadata"].items() if name != "managedFields"}
        return yaml.safe_dump({**obj, "metadata": metadata}, sort_keys=False)

    # ---- an instructor's buttons

    def _actions(self, key: str) -> list[tuple[str, str, str]]:
        if not self._buttons:
            return []
        kind, _, name = key.partition("/")
        if kind == "pod":
            return [("delete", say("delete_pod"), f"kubectl delete pod {name} --wait=false")]
        if kind == "node" and self._cluster.place == "embedded":
            return [
                ("stop", say("stop_node"), f"statelab node stop {name}"),
                ("start", say("start_node"), f"statelab node start {name}"),
            ]
        return []

    def _act(self, action: str) -> None:
        key = self._selected or ""
        for id, _, line in self._actions(key):
            if id == action:
                self.status = line
                words = line.split()
                if words[0] == "kubectl":
                    self._cluster.kubectl(words[1:])
                else:
                    getattr(self._cluster, f"{words[2]}_node")(words[3])

    # ---- where nothing is live

    def _repr_mimebundle_(self, **more: Any) -> Any:
        bundle = super()._repr_mimebundle_(**more)
        data = bundle[0] if isinstance(bundle, tuple) else bundle
        if data is not None:
            picture = self.picture()
            data["image/svg+xml"] = picture.svg()
            data["text/plain"] = picture.sentence
        return bundle


def show(*, buttons: bool = False) -> ClusterView:
    """A live picture of the current namespace."""
    from statelab.notebook import current

    return ClusterView(current(), buttons=buttons)
