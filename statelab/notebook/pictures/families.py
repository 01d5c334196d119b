"""Who owns whom, drawn: a workload, the ReplicaSets or Jobs it has made, and a slot for each Pod, also one to come."""

from __future__ import annotations

from collections.abc import Sequence

from statelab.notebook.pictures.cards import MARKS, version_mark
from statelab.notebook.pictures.drawing import Piece, elided, shortened, text
from statelab.notebook.pictures.shown import SlotShown, WorkloadShown
from statelab.notebook.strings import say

_BOX_H, _SLOT_H = 26, 26
_LINE_H = 32
_GAP = 6
_INDENT = 26
_FEWEST_LETTERS = 10
_LETTER_W = 8.6  # of words in bold, in the widest of the usual fonts
_TINY_W = 7.4  # the same, of a slot's
_MOST_FAMILIES, _MOST_SLOTS = 40, 48


def families(workloads: Sequence[WorkloadShown], pieces: dict[str, Piece], x: float, y: float, width: float) -> float:
    """Put each workload into `pieces`, from (x, y) down; returns y below."""
    for each in workloads[:_MOST_FAMILIES]:
        y = _family(each, pieces, x, y, width)
    return y + (4 if workloads else 0)


def _family(each: WorkloadShown, pieces: dict[str, Piece], x: float, y: float, width: float) -> float:
    lines, piece = _member(each, x, y, width)
    pieces[each.key] = piece
    top = y + _BOX_H
    y += lines * _LINE_H
    for part in each.parts:
        # From the parent's foot down and across: ownership is this line.
        reach = f"M{x + 14:g} {top:g} V{y + _BOX_H / 2:g} H{x + _INDENT:g}"
        pieces[f"owns/{part.key}"] = Piece(0, 0, f'<path class="owns" d="{reach}"/>')
        lines, pieces[part.key] = _member(part, x + _INDENT, y, width - _INDENT)
        y += lines * _LINE_H
    return y


def _member(each: WorkloadShown, x: float, y: float, width: float) -> tuple[int, Piece]:
    """One workload and its slots; how many lines of slots that are, and the piece."""
    count = say("count_of", ready=str(each.ready), wanted=str(each.wanted)) if each.kind != "CronJob" else ""
    # The name gives way, so that three Pods stand beside it; where that is too narrow, they stand below.
    fixed = 30 + 9 * len(count) + (34 if each.version else 0)
    slot_w = _slot_width(each.slots)
    beside = (slot_w + _GAP) * min(3, len(each.slots)) + 16
    letters = int((width - fixed - beside) / _LETTER_W) - len(each.kind) - 1
    is_below = letters < _FEWEST_LETTERS
    letters = int((width - fixed) / _LETTER_W) - len(each.kind) - 1 if is_below else letters
    said = shortened(f"{each.kind} {elided(each.name, max(4, min(30, letters)))}", 60)
    box = fixed + _LETTER_W * len(said)
    inner = f'<rect class="box" width="{box:g}" height="{_BOX_H}" rx="13"/>' + text(12, 17.5, said, "strong")
    at = 18 + _LETTER_W * len(said)
    if each.version:
        inner += version_mark(each.version, at + 8, 13)
        at += 34
    inner += text(box - 12, 17.5, count, "strong end")
    left, line = (14.0, 1) if is_below else (box + 10, 0)
    per_line = max(1, int((width - left) // (slot_w + _GAP)))
    shown = each.slots[:_MOST_SLOTS]
    rows = max(1, line + -(-len(shown) // per_line))
    if shown:
        reach = f"M14 {_BOX_H} v6" if is_below else f"M{box:g} {_BOX_H / 2} h10"
        inner += f'<path class="owns" d="{reach}"/>'
    for place, slot in enumerate(shown):
        inner += _slot(slot, slot_w, left + (place % per_line) * (slot_w + _GAP), (line + place // per_line) * _LINE_H)
    if len(each.slots) > len(shown):
        more = say("more_pods", count=str(len(each.slots) - len(shown)))
        inner += text(left, rows * _LINE_H + 10, more, "small quiet")
        rows += 1
    label = say("label_workload", kind=each.kind, name=each.name, ready=str(each.ready), wanted=str(each.wanted))
    return rows, Piece(x, y, inner, "ready" if each.is_done else "starting", label)


def _slot_width(slots: Sequence[SlotShown]) -> float:
    """As wide as the longest label with its mark, and a revision's sign where there is one: nothing covers another."""
    letters = max((len(each.label) for each in slots), default=1)
    has_mark = any(each.version > 1 for each in slots)
    return max(46.0, 20 + _TINY_W * letters + (17 if has_mark else 5))


def _slot(slot: SlotShown, width: float, x: float, y: float) -> str:
    state = slot.state or "empty"
    inner = f'<rect class="box" width="{width:g}" height="{_SLOT_H}" rx="4"/>'
    if slot.pod:
        inner += f'<text class="mark small" x="4" y="17">{MARKS[slot.state]}</text>'
    has_mark = slot.version > 1
    right = width - (17 if has_mark else 5)
    inner += text(right, 17, slot.label, "tiny strong end" if slot.pod else "tiny quiet end")
    if has_mark:
        inner += version_mark(slot.version, width - 8, 13, with_words=False)
    return f'<g class="slot {state}" transform="translate({x:g} {y:g})">{inner}</g>'
