"""Lanes: the life of each Pod and claim as spans of time, and their drawing. What Timeline and plot() share."""

from __future__ import annotations

import itertools
import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from statelab.controlplane.kinds import Object
from statelab.notebook.pictures.customs import DEFINITIONS
from statelab.notebook.pictures.drawing import Picture, Piece, elided, text
from statelab.notebook.pictures.history import History, Moment
from statelab.notebook.pictures.scene import natural, pod_state
from statelab.notebook.strings import say

LABEL_W = 190
_LANE_H, _BAR_H = 24, 18
_TOP = 44
_MARGIN = 12
_AFTER = 24  # what is so at the end is seen to be so
_MOST_LANES = 80
_FEW_LANES = 4
_LONGEST_QUIET_S = 15.0  # a longer time without change is drawn as this much, with a mark
_QUIET_SHOWN_S = 3.0
_QUIET_WORDS_W = 80

_LIFE = ("pending", "scheduled", "running", "ready", "terminating")

# The mark at a span's beginning: what it is can be told without its colour.
MARKS = {
    "pending": "◌", "scheduled": "→", "running": "◔", "ready": "●", "bound": "▤", "terminating": "✕",
    "failing": "▲", "finished": "✓",
}  # fmt: skip


@dataclass(frozen=True)
class Span:
    """A Pod or claim in one state. `end_s` is None for what still is so."""

    state: str
    begin_s: float
    end_s: float | None
    uid: str


@dataclass(frozen=True)
class Lane:
    """All lives of one name: a Pod that comes back under its name is in the same lane."""

    kind: str  # "pod" | "persistentvolumeclaim"
    name: str
    spans: tuple[Span, ...]

    @property
    def key(self) -> str:
        return f"{self.kind}/{self.name}"

    @property
    def begin_s(self) -> float:
        return self.spans[0].begin_s


_LANE_KINDS = {"pods": "pod", "persistentvolumeclaims": "persistentvolumeclaim"}


def lanes(moments: Sequence[Moment]) -> list[Lane]:
    """A lane for each Pod and claim there ever was, Pods first, in their natural order."""
    spans: dict[tuple[str, str], list[Span]] = {}
    for moment in moments:
        if moment.plural not in _LANE_KINDS:
            continue
        lane = spans.setdefault((_LANE_KINDS[moment.plural], moment.name), [])
        uid = str(moment.object["metadata"].get("uid", ""))
        state = phase(moment.plural, moment.object)
        is_over = moment.type == "DELETED"
        if lane and lane[-1].end_s is None:
            last = lane[-1]
            if not is_over and last.state == state and last.uid == uid:
                continue
            lane[-1] = Span(last.state, last.begin_s, moment.at_s, last.uid)
        if not is_over:
            lane.append(Span(state, moment.at_s, None, uid))
    order = sorted(spans, key=lambda key: (key[0] != "pod", natural(key[1])))
    return [Lane(kind, name, tuple(spans[kind, name])) for kind, name in order if spans[kind, name]]


def phase(plural: str, obj: Object) -> str:
    """One of MARKS: how far a Pod or claim has come."""
    if plural == "persistentvolumeclaims":
        if "deletionTimestamp" in obj["metadata"]:
            return "terminating"
        return "bound" if (obj.get("status") or {}).get("phase") == "Bound" else "pending"
    state, _ = pod_state(obj)
    if state in ("pending", "starting"):
        if (obj.get("status") or {}).get("phase") == "Running":
            return "running"
        return "scheduled" if (obj.get("spec") or {}).get("nodeName") else "pending"
    return state


class Scale:
    """Time to pixels, with long quiet times drawn short. `quiet`: (x, seconds left out) for each of them.

    `window_s`: draw at most so many seconds, the last ones up to `until_s` (the end, without it).
    """

    def __init__(
        self,
        times: Sequence[float],
        left: float,
        width: float,
        window_s: float | None = None,
        until_s: float | None = None,
    ) -> None:
        ordered = sorted(times) or [0.0]
        self.begin_s = ordered[0]
        self._knots: list[tuple[float, float]] = [(ordered[0], 0.0)]  # (time, time as drawn)
        gaps: list[tuple[float, float]] = []
        for earlier, later in itertools.pairwise(ordered):
            drawn = self._knots[-1][1]
            step_s = later - earlier
            if step_s > _LONGEST_QUIET_S:
                gaps.append((drawn + _QUIET_SHOWN_S / 2, step_s))
                step_s = _QUIET_SHOWN_S
            if later > earlier:
                self._knots.append((later, drawn + step_s))
        whole = max(self._knots[-1][1], 1.0)
        self.span = min(whole, window_s) if window_s else whole
        until = whole if until_s is None else self.drawn(until_s) + self.span / 4
        self.offset = max(0.0, min(until, whole) - self.span)
        self.left, self.width = left, width
        self.edge = left + width + _AFTER
        self.quiet = [(self.at(at), seconds) for at, seconds in gaps if self.offset <= at <= self.offset + self.span]

    def at(self, drawn: float) -> float:
        """Pixels of what `drawn` gave."""
        return self.left + (drawn - self.offset) / self.span * self.width

    def x(self, at_s: float) -> float:
        """Pixels of a moment."""
        return self.at(self.drawn(at_s))

    def since(self, drawn: float) -> float:
        """How many seconds after the beginning what is drawn there was: the inverse of `drawn`, to a tenth."""
        place = max(0, bisect_right(self._knots, drawn, key=lambda knot: knot[1]) - 1)
        before = self._knots[place]
        if place + 1 == len(self._knots):
            return round(before[0] - self.begin_s + drawn - before[1], 1)
        after = self._knots[place + 1]
        share = (drawn - before[1]) / ((after[1] - before[1]) or 1.0)
        return round(before[0] + share * (after[0] - before[0]) - self.begin_s, 1)

    def drawn(self, at_s: float) -> float:
        """Seconds from the beginning, quiet times shortened."""
        place = bisect_right(self._knots, (at_s, math.inf)) - 1
        if place < 0:
            return 0.0
        before = self._knots[place]
        if place + 1 == len(self._knots):
            return before[1]
        after = self._knots[place + 1]
        return before[1] + (at_s - before[0]) / (after[0] - before[0]) * (after[1] - before[1])


def time_words(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def draw_lanes(
    found: Sequence[Lane], scale: Scale, *, width: int, cursor_s: float | None = None, marked_s: float | None = None
) -> Picture:
    """The lanes, a cursor at `cursor_s`, and a second line at `marked_s`."""
    pieces: dict[str, Piece] = {}
    shown = found[:_MOST_LANES]
    height = _TOP + _LANE_H * len(shown) + _MARGIN + (18 if len(found) > len(shown) else 0)
    pieces["axis"] = Piece(0, 0, _axis(scale, width, height))
    if shown:
        pieces["legend"] = Piece(width - _MARGIN, 11, text(0, 0, legend(), "tiny quiet end"))
    for row, lane in enumerate(shown):
        pieces[f"lane/{lane.key}"] = _lane(lane, scale, _TOP + row * _LANE_H)
    if len(found) > len(shown):
        more = say("more_lanes", count=str(len(found) - len(shown)))
        pieces["more"] = Piece(_MARGIN, height - 18, text(0, 12, more, "small quiet"))
    for key, at_s in (("marked", marked_s), ("cursor", cursor_s)):
        if at_s is not None:
            dashes = ' stroke-dasharray="4 3"' if key == "marked" else ""
            knob = '<path class="knob" d="M-6 24 h12 v6 l-6 7 l-6 -7 z"/>'
            inner = f'<path class="cursor" d="M0 30 V{height - 6}"{dashes}/>{knob}'
            pieces[key] = Piece(scale.x(at_s), 0, inner)
    return Picture(width, height, pieces, sentence_of(shown) or say("no_lanes"))


def ticks(scale: Scale) -> list[tuple[float, str]]:
    """Where words stand at a time axis, and which: quiet times first, then seconds where there is room."""
    found: list[tuple[float, str]] = []
    taken: list[tuple[float, float]] = []

    def put(x: float, said: str) -> None:
        half = 3.2 * len(said) + 4
        if x - half >= scale.left - 12 and not any(x - half < right and left < x + half for left, right in taken):
            taken.append((x - half, x + half))
            found.append((x, said))

    quiet = [x for x, _ in scale.quiet]
    is_roomy = all(later - earlier > _QUIET_WORDS_W for earlier, later in itertools.pairwise(quiet))
    for x, seconds in scale.quiet:
        put(x, say("quiet_time" if is_roomy else "quiet_short", time=time_words(seconds)))
    # About every 90 pixels; between quiet times seconds are as long as anywhere.
    most = max(2.0, scale.width / 90)
    step = next((each for each in (0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600) if scale.span / each <= most), 1200)
    number = math.ceil(scale.offset / step)
    while number * step <= scale.offset + scale.span:
        # Behind a quiet time a step falls between two round seconds: the nearer one is meant, where it is.
        since = round(scale.since(number * step) / step) * step
        put(scale.x(scale.begin_s + since), say("seconds", seconds=f"{since:g}"))
        number += 1
    return found


def legend() -> str:
    """What the marks of a Pod's life mean, in the order in which they come."""
    return "   ".join(f"{MARKS[each]} {say(each)}" for each in _LIFE)


def _axis(scale: Scale, width: int, height: int) -> str:
    inner = f'<path class="rule" d="M{scale.left:g} 34 H{width - _MARGIN}"/>'
    for x, _ in scale.quiet:
        inner += f'<path class="rule" stroke-dasharray="2 4" d="M{x:.1f} 34 V{height - _MARGIN}"/>'
    for x, said in ticks(scale):
        inner += f'<path class="rule" d="M{x:.1f} 30 V34"/>' + text(round(x, 1), 26, said, "tiny quiet middle")
    return inner


def _lane(lane: Lane, scale: Scale, y: float) -> Piece:
    mark = "▤ " if lane.kind != "pod" else ""
    inner = text(_MARGIN, 14, mark + elided(lane.name, int((scale.left - 24) / 7)), "small strong")
    right = scale.edge
    for span in lane.spans:
        x = max(scale.left, scale.x(span.begin_s))
        end = min(right, scale.x(span.end_s)) if span.end_s is not None else right
        if end < scale.left:
            continue  # it was over before the window begins
        wide = max(2.0, end - x)
        inner += f'<rect class="span {span.state}" x="{x:.1f}" y="0" width="{wide:.1f}" height="{_BAR_H}" rx="3"/>'
        words = f"{MARKS[span.state]} {_word(span.state)}"
        if wide > 7 * len(words):
            inner += text(round(x + 5, 1), 13, words, "tiny")
        elif wide > 13:
            inner += text(round(x + 3, 1), 13, MARKS[span.state], "tiny")
    return Piece(0, y, inner, "lane", "")


def _word(state: str) -> str:
    return say(state)


def sentence_of(found: Sequence[Lane]) -> str:
    """What the lanes show, in order of time: for someone who does not see them."""
    if not found:
        return ""
    begin_s = min(lane.begin_s for lane in found)
    told = []
    for lane in found[:30]:
        steps = [f"{_word(span.state)} at {span.begin_s - begin_s:.1f} s" for span in lane.spans[:12]]
        end_s = lane.spans[-1].end_s
        if end_s is not None:
            steps.append(f"{say('gone')} at {end_s - begin_s:.1f} s")
        told.append(f"{lane.name}: {', '.join(steps)}.")
    return " ".join(told)


def in_sight(lanes: Sequence[Lane], scale: Scale) -> list[Lane]:
    """Those that are there, or were in the time that is shown. Of more than a few, a claim that has been bound all that
    time is left out: nothing is to be seen of it, and the picture above needs the room.
    """
    here = [lane for lane in lanes if (end_s := lane.spans[-1].end_s) is None or scale.x(end_s) > scale.left]
    if len(here) <= _FEW_LANES:
        return here
    return [lane for lane in here if lane.spans[-1].state != "bound" or scale.x(lane.spans[-1].begin_s) > scale.left]


def scale_of(
    found: Sequence[Lane],
    moments: Sequence[Moment],
    width: int,
    window_s: float | None = None,
    until_s: float | None = None,
) -> Scale:
    """The scale that holds all moments, or the last `window_s` of them up to `until_s`."""
    times = [moment.at_s for moment in moments] or [span.begin_s for lane in found for span in lane.spans]
    left = LABEL_W if width >= 640 else 118
    return Scale(times, left, width - left - _MARGIN - _AFTER, window_s, until_s)


def of_interest(history: History, what: str = "") -> list[Moment]:
    """The moments to show: from the first Pod, claim or workload on; of `what` ("sts/web") and what belongs to it."""
    moments = [moment for moment in history.moments if moment.plural not in ("nodes", DEFINITIONS)]
    if not what:
        return moments
    from statelab.cluster.names import parse

    kind, name = parse(what)
    uids = {m.object["metadata"].get("uid") for m in moments if m.plural == kind.plural and m.name == name}
    belongs: set[tuple[str, str]] = {(kind.plural, name)}
    for _ in range(2):  # Deployment → ReplicaSet → Pod
        for moment in moments:
            owners = {each.get("uid") for each in moment.object["metadata"].get("ownerReferences") or ()}
            if owners & uids:
                uids.add(moment.object["metadata"].get("uid"))
                belongs.add((moment.plural, moment.name))
    for moment in moments:
        if moment.plural == "pods" and (moment.plural, moment.name) in belongs:
            for volume in (moment.object.get("spec") or {}).get("volumes") or ():
                claim = (volume.get("persistentVolumeClaim") or {}).get("claimName")
                if claim:
                    belongs.add(("persistentvolumeclaims", claim))
    return [moment for moment in moments if (moment.plural, moment.name) in belongs]
