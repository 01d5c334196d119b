"""The stage: one place beside the text where the lesson's namespace is to be seen, with its past, as it happens."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Any

import anywidget
import traitlets
from IPython import get_ipython
from IPython.display import display

from statelab.cluster import Cluster, Problem, RequestRefused
from statelab.notebook.pictures.cluster_view import news
from statelab.notebook.pictures.drawing import escaped
from statelab.notebook.pictures.history import Moment
from statelab.notebook.pictures.lanes import Scale, scale_of
from statelab.notebook.pictures.live import mirror_of
from statelab.notebook.pictures.modules import lasting, module
from statelab.notebook.pictures.picture import draw, frame_of
from statelab.notebook.pictures.scene import Scene, make_scene
from statelab.notebook.pictures.selecting import Selection
from statelab.notebook.pictures.source import Source
from statelab.notebook.pictures.timeline_view import Timeline, told
from statelab.notebook.strings import say

_WINDOW_S = 40.0  # seconds of the past that are seen at once
_LINE = re.compile(r"^\s*(?:%+|!)(kubectl\s.*|manifest\s.*)$", re.MULTILINE)
# What only counts what else happened tells nothing of its own.
_COUNTING = ("endpointslices", "statefulsets", "deployments", "replicasets", "nodes")


class Stage(Timeline):
    """The namespace now or at a moment of its past, the lanes that lead there, and one line that says what happened.

    It follows the notebook: when a cell has gone to another namespace, so does the stage. `talk`: large, with an
    instructor's buttons and keys.
    """

    _esm = module("stage")
    chosen = traitlets.Dict({}).tag(sync=True)
    line = traitlets.Unicode("").tag(sync=True)
    news = traitlets.Unicode("").tag(sync=True)
    talk = traitlets.Bool(False).tag(sync=True)

    def __init__(self, cluster: Cluster, *, talk: bool = False) -> None:
        self._seen = Scene(cluster.namespace)
        self._selection = Selection(mirror_of(cluster), has_buttons=talk)
        super().__init__(cluster)
        self.talk = talk

    # ---- following the notebook

    def follow(self, cluster: Cluster) -> None:
        """Go where the notebook is now: another namespace, or another cluster."""
        mirror = mirror_of(cluster)
        if mirror is self._mirror:
            return
        self._stop()
        self._mirror, self._source = mirror, Source(mirror)
        self._selection = Selection(mirror, has_buttons=self.talk)
        self._at = self._marked = None
        self._seen = Scene(mirror.namespace)
        self.chosen = {}
        self._stop = mirror.listen(self._on_change)
        self._refresh()

    def on_cell(self, source: str) -> None:
        """A cell is about to run: its kubectl line is shown, so that an audience can read it."""
        found = _LINE.findall(source)
        if found:
            self.line = found[-1].strip()

    # ---- following the cluster

    def _on_change(self) -> None:
        if not self._views:
            return
        if self._at is None:  # first what everybody looks at; what led there takes longer
            self._paint_scene(self._now())
        super()._on_change()
        if self._selection.has_changed():
            with suppress(Problem, RequestRefused):
                self.chosen = self._selection.select(self._selection.key)

    def _now(self) -> Scene:
        return make_scene(self._mirror.objects(), self._mirror.namespace)

    def _paint_scene(self, scene: Scene) -> None:
        said = news(self._seen, scene)
        self._seen = scene
        with self.hold_sync():
            self.scene = frame_of(draw(scene, width=self._width))
            if said:
                self.news = said

    def _scene_now(self) -> Scene:
        return self._now() if self._at is None else self.scene_at(self.index)

    def _cursor_s(self) -> float | None:
        return self._at_s(self._at)  # now is the right edge, and needs no line

    def _scale_now(self) -> Scale:
        return scale_of(self._lanes, self._moments, self._width, _WINDOW_S, self._at_s(self._at))

    def _said(self, index: int) -> str:
        moment = self._telling(index)
        return told(moment) if moment else say("stage_empty", namespace=self.history.namespace)

    def _telling(self, index: int) -> Moment | None:
        """The last moment up to `index` in which something happened that is worth a sentence."""
        for moment in reversed(self._moments[: index + 1]):
            if moment.plural == "controllerrevisions":
                continue
            if moment.plural not in _COUNTING or moment.type != "MODIFIED" or moment.actor == "you":
                return moment
        return None

    # ---- what the browser tells

    def _on_message(self, message: dict[str, Any]) -> None:
        try:
            if "select" in message:
                self._select(message["select"])
            elif "act" in message:
                line, said = self._selection.act(str(message["act"]), str(message.get("value", "")))
                if line:
                    self.line, self.status = line, said
            else:
                super()._on_message(message)
        except (Problem, RequestRefused) as problem:
            self.status = str(problem)

    def _select(self, key: Any) -> None:
        is_known = isinstance(key, str) and key in self.scene["pieces"]
        self.chosen = self._selection.select(key if is_known else None)

    # ---- where it is shown

    def _repr_mimebundle_(self, **more: Any) -> Any:
        said = say("stage_beside", namespace=self._mirror.namespace)
        title = say("stage", namespace=self._mirror.namespace)
        bundle = anywidget.AnyWidget._repr_mimebundle_(self, **more)
        area = "main" if self.talk else "right"
        return lasting(bundle, said, html=f"<p>◧ {escaped(said)}</p>", place="stage", title=title, area=area)


class _Following:
    """What this kernel's stage hears of its cells."""

    def __init__(self) -> None:
        self.stage: Stage | None = None
        self._shell: Any = None

    def put(self, stage: Stage) -> None:
        if self.stage is not None:
            self.stage.close()
        self.stage = stage
        shell = get_ipython()
        if shell is not None and shell is not self._shell:
            shell.events.register("pre_run_cell", self._before)
            shell.events.register("post_run_cell", self._after)
            self._shell = shell

    def _before(self, info: Any) -> None:
        if self.stage is not None:
            self.stage.on_cell(str(info.raw_cell or ""))

    def _after(self, _result: Any) -> None:
        from statelab.notebook import connected

        cluster = connected()
        if self.stage is not None and cluster is not None:
            with suppress(Problem, RequestRefused):  # the cell said it already
                self.stage.follow(cluster)


_following = _Following()


def stage(*, talk: bool = False) -> None:
    """Open the stage beside the text; in a place without one, here in the cell. One for each notebook.

    `talk`: for an audience: it takes the window, is large, and has buttons and keys.
    """
    from statelab.notebook import current

    opened = Stage(current(), talk=talk)
    _following.put(opened)
    display(opened)
