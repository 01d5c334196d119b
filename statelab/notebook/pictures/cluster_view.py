"""ClusterView: the learner's own cluster as a live picture; select anything to see its YAML, its events and why."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import traitlets

from statelab.cluster import Cluster, Problem, RequestRefused
from statelab.cluster.beside import Later, later
from statelab.controlplane.kinds import Object
from statelab.notebook.pictures.customs import DEFINITIONS, kinds_defined
from statelab.notebook.pictures.live import Mirror, mirror_of
from statelab.notebook.pictures.modules import PICTURE, answering, css, lasting, module
from statelab.notebook.pictures.picture import WIDTH, Picture, draw, frame_of
from statelab.notebook.pictures.scene import OPTIONAL, WATCHED, PodShown, Scene, make_scene
from statelab.notebook.pictures.selecting import Selection
from statelab.notebook.pictures.source import Source
from statelab.notebook.pictures.stand_ins import stand_ins_of
from statelab.notebook.pictures.style import STYLE
from statelab.notebook.pictures.widget import Widget
from statelab.notebook.strings import ENGLISH, say

_WIDTHS = (WIDTH, 840, 720, 600, 480, 400, 330)
FRAME_WIDTH = 720  # what a notebook's column leaves beside a stage
_MOST_NEWS = 4
_MOMENT_S = 1.0


class ClusterView(Widget):
    """A live picture of a cluster's current namespace.

    `buttons`: also offer what an instructor does on stage (delete, scale, update, stop a node); each shows its line.
    `ghosts`: Pods of an earlier moment, shown beside what they are now.
    """

    _esm = module("cluster_view")
    _css = css()
    sheet = traitlets.Unicode(STYLE).tag(sync=True)
    text = traitlets.Dict(ENGLISH).tag(sync=True)
    frame = traitlets.Dict().tag(sync=True)
    status = traitlets.Unicode("").tag(sync=True)
    news = traitlets.Unicode("").tag(sync=True)
    chosen = traitlets.Dict({}).tag(sync=True)

    def __init__(self, cluster: Cluster, *, buttons: bool = False, ghosts: tuple[PodShown, ...] = ()) -> None:
        super().__init__()
        self._mirror: Mirror = mirror_of(cluster)
        self._cluster = self._mirror.cluster
        self._selection = Selection(self._mirror, has_buttons=buttons)
        self._ghosts = ghosts
        self._width = WIDTH
        self._views = 0
        self._again: Later | None = None
        self._newcomers = Newcomers()
        self._scene = self._look()
        self.frame = frame_of(self._draw(self._scene))
        self._stop = self._mirror.listen(self._on_change)
        self.on_msg(answering(self._on_message))

    # ---- following the cluster

    def _look(self) -> Scene:
        return make_scene(self._mirror.objects(), self._mirror.namespace, stand_ins_of(self._cluster))

    def _calm(self, scene: Scene) -> Scene:
        """The scene without Pods that will have a node in a moment; it is drawn again when that moment is over."""
        calm, again_s = self._newcomers.without(scene, time.monotonic())
        if again_s > 0 and self._again is None:
            self._again = later(again_s, self._look_again)
        return calm

    def _look_again(self) -> None:
        self._again = None
        self._on_change()

    def _draw(self, scene: Scene) -> Picture:
        return draw(scene, width=self._width, ghosts=self._ghosts)

    def _on_change(self) -> None:
        if self._views:  # a picture that nobody sees need not be drawn
            self._redraw()

    def _redraw(self) -> None:
        looked = self._look()
        if self._has_gone(looked):
            self.status = say("namespace_gone", namespace=self._mirror.namespace)
            return
        scene = self._calm(looked)
        told = news(self._scene, scene)
        self._scene = scene
        with self.hold_sync():
            self.frame = frame_of(self._draw(scene))
            if told:
                self.news = told
            if self._mirror.is_away:
                self.status = say("reconnecting")
            elif self.status in (say("reconnecting"), say("namespace_gone", namespace=self._mirror.namespace)):
                self.status = ""
        if self._selection.has_changed():
            with suppress(Problem, RequestRefused):  # away; the status says so
                self.chosen = self._selection.select(self._selection.key)

    def _has_gone(self, scene: Scene) -> bool:
        """Whether all there was has gone, and its namespace with it: then the last picture stays."""
        if is_empty(scene) == is_empty(self._scene) or self._mirror.is_away:
            return False
        with suppress(Problem, RequestRefused):
            return is_empty(scene) and self._cluster.get(f"namespace/{self._mirror.namespace}") is None
        return False

    def picture(self) -> Picture:
        """The picture as it stands, for a static copy: `.picture().svg()`."""
        return draw(self._look(), ghosts=self._ghosts)

    def close(self) -> None:
        self._stop()
        if self._again is not None:
            self._again.cancel()
        super().close()

    # ---- what the browser tells

    def _on_message(self, message: dict[str, Any]) -> None:
        try:
            if "shown" in message:
                self._on_shown(bool(message["shown"]))
            elif "width" in message:
                self._on_width(message["width"])
            elif "select" in message:
                self._select(message["select"])
            elif "act" in message:
                self._act(str(message["act"]), str(message.get("value", "")))
        except (Problem, RequestRefused) as problem:
            self.status = str(problem)

    def _on_shown(self, is_shown: bool) -> None:
        self._views = max(0, self._views + (1 if is_shown else -1))
        if is_shown:
            self._redraw()

    def _on_width(self, width: Any) -> None:
        wanted = fitting(width)
        if wanted != self._width:
            self._width = wanted
            self._redraw()

    # ---- selecting

    def _select(self, key: Any) -> None:
        is_known = isinstance(key, str) and key in self.frame["pieces"]
        self.chosen = self._selection.select(key if is_known else None)

    def _act(self, id: str, value: str) -> None:
        line, said = self._selection.act(id, value)
        if line:
            self.status = f"$ {line}\n{said}"
            self._select(self._selection.key)

    # ---- where nothing is live

    def _repr_mimebundle_(self, **more: Any) -> Any:
        picture = self.picture()
        return lasting(super()._repr_mimebundle_(**more), picture.sentence, svg=picture.still())


def is_empty(scene: Scene) -> bool:
    return not (scene.pods or scene.claims or scene.services or scene.workloads)


class Newcomers:
    """Pods that have just been made and have no node yet: for a second they are in no room, so that nothing jumps."""

    def __init__(self) -> None:
        self._since_s: dict[str, float] = {}

    def without(self, scene: Scene, now_s: float) -> tuple[Scene, float]:
        """The scene without them, and in how many seconds to look again (0: nothing is left out)."""
        waiting = [pod for pod in scene.pods if not pod.node]
        self._since_s = {pod.uid: self._since_s.get(pod.uid, now_s) for pod in waiting}
        young = {uid: since_s for uid, since_s in self._since_s.items() if now_s - since_s < _MOMENT_S}
        if not young:
            return scene, 0.0
        staying = tuple(pod for pod in scene.pods if pod.node or pod.uid not in young)
        return replace(scene, pods=staying), min(young.values()) + _MOMENT_S - now_s


def fitting(width: Any) -> int:
    """The widest width we draw for that does not exceed what the browser has."""
    if not isinstance(width, (int, float)):
        return WIDTH
    return next((each for each in _WIDTHS if each <= width + 40), _WIDTHS[-1])


def news(before: Scene, after: Scene) -> str:
    """What changed between two scenes, for a screen reader: a few short sentences."""
    old = {pod.name: (pod.uid, pod.said) for pod in before.pods}
    told = [
        say("said_pod", name=pod.name, said=pod.said) for pod in after.pods if old.get(pod.name) != (pod.uid, pod.said)
    ]
    here = {pod.name for pod in after.pods}
    told += [say("gone_now", what=say("a_pod", name=name)) for name in old if name not in here]
    was_ready = {node.name: node.is_ready for node in before.nodes}
    told += [
        say("said_node", name=node.name, state=say("ready" if node.is_ready else "not_ready"))
        for node in after.nodes
        if was_ready.get(node.name, node.is_ready) != node.is_ready
    ]
    more = [say("and_more", count=str(len(told) - _MOST_NEWS))] if len(told) > _MOST_NEWS else []
    return " ".join([*told[:_MOST_NEWS], *more])


class Frame:
    """The picture of one moment: what `show()` leaves in a cell. It needs no kernel and does not change."""

    def __init__(self, picture: Picture) -> None:
        self.picture = picture

    def svg(self) -> str:
        return self.picture.still()

    def __repr__(self) -> str:
        return self.picture.sentence

    def _repr_mimebundle_(self, **_: object) -> dict[str, Any]:
        return {"text/plain": self.picture.sentence, "image/svg+xml": self.svg(), PICTURE: {}}


def show(*, before: int | None = None, live: bool = False, buttons: bool = False) -> Frame | ClusterView:
    """The current namespace as it is at this moment: a drawing that stays in the cell. What moves is `stage()`.

    `before=-1` also shows what was there before the last thing you did: Pods that are gone, and what a Pod of the same
    name was then. -2 goes back two things.
    `live`: a picture that follows the cluster while its kernel lives, in the cell; `buttons`: live, and with what an
    instructor does on stage.
    """
    from statelab.notebook import current

    cluster = current()
    ghosts: tuple[PodShown, ...] = ()
    if before is not None:
        history = Source(mirror_of(cluster)).history
        ghosts = make_scene(history.objects_at(history.before(before)), cluster.namespace).pods
    if live or buttons:
        return ClusterView(cluster, buttons=buttons, ghosts=ghosts)
    return Frame(draw(scene_of(cluster), width=FRAME_WIDTH, ghosts=ghosts))


def scene_of(cluster: Cluster) -> Scene:
    """The current namespace of a cluster, asked for once, now."""
    objects: dict[str, Sequence[Object]] = {}
    for plural in WATCHED:
        try:
            objects[plural] = cluster.list(plural)
        except RequestRefused as refusal:
            if plural not in OPTIONAL or refusal.code not in (403, 404):
                raise
    for plural in kinds_defined(objects.get(DEFINITIONS, ())):
        with suppress(RequestRefused, Problem):
            objects[plural] = cluster.list(plural)
    return make_scene(objects, cluster.namespace, stand_ins_of(cluster))
