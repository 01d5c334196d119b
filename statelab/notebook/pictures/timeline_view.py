"""Timeline: everything that happened, in lanes, to rewind, step through, play again and compare."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import traitlets

from statelab.cluster import Cluster, Problem, RequestRefused
from statelab.notebook.pictures.cluster_view import fitting
from statelab.notebook.pictures.consequences import listed
from statelab.notebook.pictures.customs import singular_of
from statelab.notebook.pictures.differing import by_name, differences
from statelab.notebook.pictures.history import History, Moment
from statelab.notebook.pictures.lanes import Lane, Scale, draw_lanes, lanes, of_interest, scale_of
from statelab.notebook.pictures.live import mirror_of
from statelab.notebook.pictures.modules import answering, css, lasting, module
from statelab.notebook.pictures.picture import WIDTH, Picture, draw, frame_of
from statelab.notebook.pictures.scene import Scene, make_scene, natural
from statelab.notebook.pictures.source import Source
from statelab.notebook.pictures.stand_ins import stand_ins_of
from statelab.notebook.pictures.style import STYLE
from statelab.notebook.pictures.widget import Widget
from statelab.notebook.strings import ENGLISH, say

_MOST_ROWS = 200


class Timeline(Widget):
    """The lanes of a namespace (or of `what` in it), and the cluster as it was at the chosen moment.

    It follows the present until a moment is chosen; "Now" goes back to it.
    """

    _esm = module("timeline")
    _css = css()
    sheet = traitlets.Unicode(STYLE).tag(sync=True)
    text = traitlets.Dict(ENGLISH).tag(sync=True)
    frame = traitlets.Dict().tag(sync=True)
    scene = traitlets.Dict().tag(sync=True)
    table = traitlets.Dict().tag(sync=True)
    state = traitlets.Dict().tag(sync=True)
    difference = traitlets.List().tag(sync=True)
    status = traitlets.Unicode("").tag(sync=True)

    def __init__(self, cluster: Cluster, *, what: str = "") -> None:
        super().__init__()
        self._mirror = mirror_of(cluster)
        self._source = Source(self._mirror)
        self._what = what
        self._width = WIDTH
        self._views = 0
        self._at: int | None = None  # None: the present
        self._marked: int | None = None
        self.status = self._origin()
        self._refresh()
        self._stop = self._mirror.listen(self._on_change)
        self.on_msg(answering(self._on_message))

    # ---- what is known

    @property
    def history(self) -> History:
        return self._source.history

    @property
    def index(self) -> int:
        """Which of the shown moments is looked at."""
        last = len(self._moments) - 1
        return last if self._at is None else min(self._at, last)

    def _on_change(self) -> None:
        if not self._views:
            return
        try:
            self._source.update()
            if self._drawn != self._newest():  # not whether there was news: a cell that asked may have taken it
                self._refresh()
            if self._mirror.is_away:
                self.status = say("reconnecting")
            elif self.status == say("reconnecting"):
                self.status = self._origin()
        except (Problem, RequestRefused):
            self.status = say("reconnecting")

    def _origin(self) -> str:
        """Where its beginning is, on a cluster that keeps no history and no causes."""
        return "" if self._mirror.cluster.place == "embedded" else say("watched_since")

    def _newest(self) -> tuple[int, int]:
        """Which history, and its last moment."""
        moments = self.history.moments
        return id(self.history), moments[-1].number if moments else 0

    def _refresh(self) -> None:
        """All anew: there are more moments."""
        self._drawn = self._newest()
        self._moments = of_interest(self.history, self._what)
        self._places = {id(moment): place for place, moment in enumerate(self.history.moments)}
        self._lanes = lanes(self._moments)
        self._paint()

    def _objects(self, index: int) -> dict[str, list[Any]]:
        if index < 0 or not self._moments:
            return self.history.objects_at(-1)
        return self.history.objects_at(self._places[id(self._moments[index])])

    def scene_at(self, index: int) -> Scene:
        """How everything stood just after moment `index`."""
        return make_scene(self._objects(index), self.history.namespace, stand_ins_of(self._mirror.cluster))

    def _at_s(self, index: int | None) -> float | None:
        if index is None or not self._moments:
            return None
        return self._moments[max(0, index)].at_s

    def _cursor_s(self) -> float | None:
        return self._at_s(self.index)

    def _scene_now(self) -> Scene:
        return self.scene_at(self.index)

    def _said(self, index: int) -> str:
        """What is told of moment `index`; -1: there is none yet."""
        return told(self._moments[index]) if index >= 0 else say("nothing_yet", namespace=self.history.namespace)

    def _scale_now(self) -> Scale:
        return scale_of(self._lanes, self._moments, self._width)

    def picture(self) -> Picture:
        """The lanes as they stand, for a static copy."""
        return draw_lanes(self._lanes, self._scale, width=self._width)

    # ---- showing it

    def _paint(self) -> None:
        with self.hold_sync():
            self._paint_lanes()
            self._paint_scene(self._scene_now())
            self.state = self._state()

    def _paint_scene(self, scene: Scene) -> None:
        self.scene = frame_of(draw(scene, width=self._width))
        self.table = _table(scene, self._moments[: self.index + 1])

    def _paint_lanes(self) -> None:
        self._scale = self._scale_now()
        lanes_now = draw_lanes(
            self._lanes_now(),
            self._scale,
            width=self._width,
            cursor_s=self._cursor_s(),
            marked_s=self._at_s(self._marked),
        )
        times = [round(self._scale.drawn(moment.at_s), 3) for moment in self._moments]
        xs = [round(self._scale.x(moment.at_s), 1) for moment in self._moments]
        self.frame = frame_of(lanes_now, times=times, xs=xs)

    def _lanes_now(self) -> list[Lane]:
        return self._lanes

    def _state(self) -> dict[str, Any]:
        index = self.index
        moment = self._moments[index] if index >= 0 else None
        number, count = str(index + 1), str(len(self._moments))
        return {
            "index": index,
            "count": len(self._moments),
            "value": say("moment_value", number=number, count=count, time=clock(moment)) if moment else "",
            "said": self._said(index),
            "is_now": self._at is None,
            "marked": say("marked", time=clock(self._moments[self._marked])) if self._marked is not None else "",
        }

    # ---- what the browser tells

    def _on_message(self, message: dict[str, Any]) -> None:
        if "shown" in message:
            self._views = max(0, self._views + (1 if message["shown"] else -1))
            self._on_change()
        elif "width" in message:
            wanted = fitting(message["width"])
            if wanted != self._width:
                self._width = wanted
                self._refresh()
        elif "index" in message:
            self.go(message["index"])
        elif "now" in message:
            self._at = None
            self._paint()
        elif "mark" in message:
            self._marked = self.index if message["mark"] and self._moments else None
            self.difference = []
            self._paint()
        elif "compare" in message and self._marked is not None:
            self.difference = self.compared(self._marked, self.index)

    def go(self, index: Any) -> None:
        """Look at moment `index`."""
        if not isinstance(index, int) or not self._moments:
            return
        self._at = max(0, min(index, len(self._moments) - 1))
        self._paint()

    def compared(self, one: int, two: int) -> list[list[str]]:
        """Moment `one` against `two` as YAML, line by line: [mark, line]."""
        lines = differences(by_name(self._objects(min(one, two))), by_name(self._objects(max(one, two))))
        return [list(line) for line in lines] or [["", say("no_difference")]]

    def close(self) -> None:
        self._stop()
        super().close()

    def _repr_mimebundle_(self, **more: Any) -> Any:
        picture = self.picture()
        return lasting(super()._repr_mimebundle_(**more), picture.sentence or self.state["said"], svg=picture.still())


def clock(moment: Moment) -> str:
    return datetime.fromtimestamp(moment.at_s, UTC).strftime("%H:%M:%S.") + f"{int(moment.at_s * 1000) % 1000:03d}"


def told(moment: Moment) -> str:
    """What happened in a moment: who did what to which object, and why."""
    what = say(f"did_{moment.type}", what=f"{singular_of(moment.plural, moment.object)}/{moment.name}")
    if moment.why:
        what = say("did_because", what=what, why=moment.why)
    return say("did", who=moment.actor, what=what) if moment.actor else what


def _table(scene: Scene, moments: Sequence[Moment]) -> dict[str, Any]:
    """The Pods at a moment, as rows; where none is there, a sentence on those that were, by the moments until then."""
    if not scene.pods:
        return {"caption": none_left(moments), "heads": [], "rows": []}
    heads = [say(each) for each in ("pod", "state", "node", "ip", "uid")]
    rows = [[pod.name, pod.said, pod.node, pod.ip, pod.uid[:8]] for pod in scene.pods[:_MOST_ROWS]]
    return {"caption": say("pods_then"), "heads": heads, "rows": rows}


def none_left(moments: Sequence[Moment]) -> str:
    """Which Pods there were, where none is left; or that there was none yet."""
    gone = [each for each in moments if (each.plural, each.type) == ("pods", "DELETED")]
    if not gone:
        return say("no_pod_yet")
    names = sorted({each.name for each in gone}, key=natural)
    return say("no_pod_left", names=listed(names), last=gone[-1].name, time=clock(gone[-1]))


def timeline(what: str = "") -> Timeline:
    """The timeline of the current namespace, or of one object ("sts/web") and what belongs to it."""
    from statelab.notebook import current

    return Timeline(current(), what=what)
