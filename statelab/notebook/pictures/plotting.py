"""plot(): what a paper would print. The start order as a Gantt chart, a rollout as curves; the same history gives the
same bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from statelab.cluster.names import parse
from statelab.cluster.problem import Problem
from statelab.notebook.pictures.drawing import document, still, text
from statelab.notebook.pictures.history import History, Moment
from statelab.notebook.pictures.lanes import (
    LABEL_W,
    draw_lanes,
    lanes,
    of_interest,
    scale_of,
    sentence_of,
    ticks,
)
from statelab.notebook.pictures.modules import PICTURE
from statelab.notebook.pictures.style import Theme
from statelab.notebook.strings import say

_WIDTH = 800
_HEIGHT = 260
_TITLE_H = 26


@dataclass(frozen=True)
class Plot:
    """A finished drawing. A notebook shows it; `save("start.svg")` or `save("start.png")` keeps it."""

    title: str
    sentence: str
    width: int
    height: int
    body: str

    def svg(self, theme: Theme = "light") -> str:
        return document(self.width, self.height, self.body, f"{self.title}. {self.sentence}", theme)

    def png(self, *, theme: Theme = "light", zoom: int = 2) -> bytes:
        """The same as PNG, `zoom` pixels to a unit. The letters are those of this machine's fonts."""
        return rasterized(self.svg(theme), zoom)

    def save(self, path: str | Path, *, theme: Theme = "light") -> Path:
        """Write an .svg or a .png; raises Problem for another ending."""
        path = Path(path)
        if path.suffix == ".svg":
            path.write_text(self.svg(theme) + "\n", encoding="utf-8")
        elif path.suffix == ".png":
            path.write_bytes(self.png(theme=theme))
        else:
            raise Problem(f"{path.name}: a plot is saved as .svg or .png.")
        return path

    def __repr__(self) -> str:
        return f"{self.title}. {self.sentence}"

    def _repr_mimebundle_(self, **_: object) -> dict[str, Any]:
        svg = still(self.width, self.height, self.body, repr(self))
        return {"image/svg+xml": svg, "text/plain": repr(self), PICTURE: {}}


def rasterized(svg: str, zoom: int = 1) -> bytes:
    """An SVG document of ours as PNG."""
    import resvg_py

    return bytes(
        resvg_py.svg_to_bytes(
            svg_string=svg, zoom=zoom, sans_serif_family="DejaVu Sans", monospace_family="DejaVu Sans Mono"
        )
    )


def start_order(history: History, what: str) -> Plot:
    """When each Pod of `what` ("sts/web") was created, scheduled, running, ready: a Gantt chart."""
    moments = of_interest(history, what)
    found = lanes(moments)
    picture = draw_lanes(found, scale_of(found, [m for m in moments if m.plural == "pods"], _WIDTH), width=_WIDTH)
    body = "".join(piece.svg(key) for key, piece in picture.pieces.items())
    title = say("start_order", what=what)
    head = text(12, 18, title, "strong")
    body = f'{head}<g transform="translate(0 {_TITLE_H})">{body}</g>'
    return Plot(title, sentence_of(found), _WIDTH, picture.height + _TITLE_H, body)


def rollout(history: History, what: str) -> Plot:
    """How many Pods of a workload existed, were ready, and were of the newest template, over time."""
    kind, name = parse(what)
    moments = [
        each for each in history.moments if each.plural == kind.plural and each.name == name and each.type != "DELETED"
    ]
    title = say("rollout", what=what)
    if not moments:
        return Plot(title, say("nothing_yet", namespace=history.namespace), _WIDTH, 60, text(12, 18, title, "strong"))
    curves = [
        ("", say("all"), "replicas"),
        ("ready", say("ready"), "readyReplicas"),
        ("updated", say("updated"), "updatedReplicas"),
    ]
    scale = scale_of([], moments, _WIDTH)
    most = max([1, *(_count(each, "replicas") for each in moments), *(_wanted(each) for each in moments)])
    top, bottom = 52.0, _HEIGHT - 34.0

    def y(count: int) -> float:
        return bottom - count / most * (bottom - top)

    body = text(12, 18, title, "strong")
    step = max(1, -(-most // 8))
    for count in range(0, most + 1, step):
        body += f'<path class="rule" d="M{LABEL_W - 4} {y(count):.1f} H{_WIDTH - 12}" opacity=".35"/>'
        body += text(LABEL_W - 10, round(y(count) + 4, 1), str(count), "tiny quiet end")
    for number, (classes, label, field) in enumerate(curves):
        # A few pixels apart: where counts are the same, no line lies on another.
        points = [(scale.x(each.at_s), y(_count(each, field)) - 3 * (number - 1)) for each in moments]
        body += _steps(points, classes, scale.edge)
        line = 60 + 24 * number
        body += f'<path class="curve {classes}" d="M14 {line} h34"/>' + text(56, line + 4, label, "small")
    body += text(round(LABEL_W + scale.width / 2, 1), _HEIGHT - 8, say("seconds_axis"), "tiny quiet middle")
    body += text(LABEL_W - 10, round(top - 12, 1), say("all"), "tiny quiet end")
    for x, said in ticks(scale):
        body += f'<path class="rule" d="M{x:.1f} {bottom:g} v4"/>'
        body += text(round(x, 1), bottom + 16, said, "tiny quiet middle")
    return Plot(title, _rollout_sentence(moments), _WIDTH, _HEIGHT, body)


def _steps(points: Sequence[tuple[float, float]], classes: str, right: float) -> str:
    path = f"M{points[0][0]:.1f} {points[0][1]:.1f}"
    path += "".join(f" H{x:.1f} V{y:.1f}" for x, y in points[1:])
    return f'<path class="curve {classes}" d="{path} H{right:.1f}"/>'


def _count(moment: Moment, field: str) -> int:
    return int((moment.object.get("status") or {}).get(field) or 0)


def _wanted(moment: Moment) -> int:
    return int((moment.object.get("spec") or {}).get("replicas", 1))


def _rollout_sentence(moments: Sequence[Moment]) -> str:
    begin_s = moments[0].at_s
    told, last = [], None
    for each in moments:
        counts = (_count(each, "replicas"), _count(each, "readyReplicas"), _count(each, "updatedReplicas"))
        if counts != last:
            last = counts
            said = f"{counts[0]} {say('all')}, {counts[1]} {say('ready')}, {counts[2]} {say('updated')}"
            told.append(f"{each.at_s - begin_s:.1f} s: {said}.")
    return " ".join(told[:40])


_PLOTS = {"start": start_order, "rollout": rollout}


def plot(what: str, kind: str = "start") -> Plot:
    """A drawing of what happened to `what` ("sts/web"), to keep: it has `.svg()` and `.png()`.

    `kind`: "start" is a Gantt chart of its Pods and claims, "rollout" has curves of old and new Pods; the time on both
    is in cluster seconds. Raises Problem for another.
    """
    from statelab.notebook import current
    from statelab.notebook.pictures.live import mirror_of
    from statelab.notebook.pictures.source import Source

    if kind not in _PLOTS:
        raise Problem(f'There is no kind "{kind[:60]}" of plot.', f"There are: {', '.join(_PLOTS)}.")
    return _PLOTS[kind](Source(mirror_of(current())).history, what)
