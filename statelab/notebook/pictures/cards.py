"""A Pod as a card, with its names, its revision and, under it, its claims; and the same for what is alone or gone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from statelab.notebook.pictures.drawing import Piece, elided, shortened, text, wrapped
from statelab.notebook.pictures.shown import ClaimShown, PodShown
from statelab.notebook.strings import say

# A mark for each state: what it is can be told without its colour.
MARKS = {"ready": "●", "starting": "◔", "pending": "◌", "terminating": "✕", "failing": "▲", "finished": "✓"}
# A shape for each revision, in turn: what is of one revision can be seen at a glance, without its colour too.
_SHAPES = (
    "M-4.5 -4.5 h9 v9 h-9 z",
    "M0 -6 l6 6 l-6 6 l-6 -6 z",
    "M0 -6 l6 10.5 h-12 z",
    "M-2 -6 h4 v4 h4 v4 h-4 v4 h-4 v-4 h-4 v-4 h4 z",
)
_DRAWER_H = 24


@dataclass(frozen=True)
class Card:
    """Pieces that stand together; their places are from the card's corner."""

    height: float
    pieces: dict[str, Piece]


def version_mark(version: int, x: float, y: float, *, with_words: bool = True) -> str:
    """The sign of a revision, its middle at (x, y), and "v2" beside it; nothing where there is no number."""
    if version <= 0:
        return ""
    number = (version - 1) % len(_SHAPES)
    said = text(x + 9, y + 4, f"v{version}", "tiny strong") if with_words else ""
    return f'<path class="version v{number}" transform="translate({x:g} {y:g})" d="{_SHAPES[number]}"/>{said}'


def pod_card(pod: PodShown, width: float, claims: Sequence[ClaimShown], before: PodShown | None) -> Card:
    """A Pod, and under it a drawer for each claim it mounts. `before`: the Pod of its name that was there earlier."""
    characters = int((width - 20) / 6.8)  # of the fixed font, the widest here
    label = say("label_pod", name=pod.name, said=pod.said) + (f", {pod.ip}" if pod.ip else "")
    lines = [text(10, 38, shortened(pod.said, characters), "small")]
    if len(pod.said) + len(pod.ip) < characters:  # how it stands comes first; its address is a click away
        lines.append(text(width - 10, 38, pod.ip, "mono end"))
    y = 54.0
    for name in pod.names[:2]:
        lines.append(text(10, y, f"◇ {elided(name, characters - 2)}", "mono name-of"))
        y += 16
    if pod.is_stand_in:
        label += f"; {say('stand_in')}"
        for line in wrapped(f"≈ {say('stand_in')}", characters):
            lines.append(text(10, y, line, "small"))
            y += 16
    if before is not None:
        was = f"↶ {before.ip or before.said} {before.uid[:4]}"
        lines.append(text(10, y, shortened(was, characters), "mono quiet"))
        label += f"; {say('was', ip=before.ip or before.said, uid=before.uid[:4])}"
        y += 16
    height = y - 6
    badge = 30 if pod.version else 0
    inner = f'<rect class="box" width="{width:g}" height="{height:g}" rx="6"/>'
    inner += f'<text class="mark" x="10" y="20">{MARKS[pod.state]}</text>'
    inner += text(28, 20, elided(pod.name, int((width - 42 - badge) / 8.3)), "name")
    inner += version_mark(pod.version, width - 32, 16) + "".join(lines)
    classes = f"{pod.state} stand-in" if pod.is_stand_in else pod.state
    pieces = {f"pod/{pod.name}": Piece(0, 0, inner, classes, label)}
    for claim in claims:
        is_mine = claim.pod == pod.name
        key = f"persistentvolumeclaim/{claim.name}" if is_mine else f"mount/{claim.name}/{pod.name}"
        pieces[key] = _drawer(claim, width, height, is_mine)
        height += _DRAWER_H + 2
    return Card(height, pieces)


def _drawer(claim: ClaimShown, width: float, y: float, is_mine: bool) -> Piece:
    wide = width - 16
    inner = f'<path class="box" d="M0 0 h{wide:g} v{_DRAWER_H - 8} q0 8 -8 8 h{16 - wide:g} q-8 0 -8 -8 z"/>'
    size = claim.size if claim.phase == "Bound" else claim.phase
    inner += text(8, 16, f"▤ {elided(claim.name, int((wide - 34 - 7 * len(size)) / 6.6))}", "small")
    inner += text(wide - 8, 16, size, "small end")
    if not is_mine:
        return Piece(8, y, inner, "claim shared")
    mounted = say("mounted_by", pod=claim.pod)
    label = say("label_claim", name=claim.name, phase=claim.phase, mounted=mounted)
    return Piece(8, y, inner, "claim" if claim.phase == "Bound" else "claim waits", label)


def claim_card(claim: ClaimShown, width: float) -> Card:
    """A claim that no Pod mounts: on the node of its volume its data wait; without a volume it waits itself."""
    said = f"{claim.phase} {claim.size}" + (f", {say('data_wait')}" if claim.phase == "Bound" else "")
    lines = wrapped(said, int((width - 24) / 6.4))
    height = 28 + 16.0 * len(lines)
    inner = f'<rect class="box" width="{width:g}" height="{height:g}" rx="14"/>'
    inner += text(12, 18, f"▤ {elided(claim.name, int((width - 40) / 7.8))}", "name")
    inner += "".join(text(12, 35 + 16 * number, line, "small") for number, line in enumerate(lines))
    label = say("label_claim", name=claim.name, phase=claim.phase, mounted=say("mounted_by_nobody"))
    return Card(height, {f"persistentvolumeclaim/{claim.name}": Piece(0, 0, inner, "claim waits", label)})


def ghost_card(pod: PodShown, width: float) -> Card:
    """A Pod that is not there any more, where it was."""
    inner = f'<rect class="box" width="{width:g}" height="48" rx="6"/>'
    inner += text(10, 20, f"↶ {elided(pod.name, int((width - 42) / 7.8))}", "name quiet")
    inner += text(10, 38, say("gone"), "small quiet") + text(width - 10, 38, pod.ip, "mono quiet end")
    return Card(
        48, {f"ghost/{pod.name}": Piece(0, 0, inner, "ghost", say("label_pod", name=pod.name, said=say("gone")))}
    )


def tile(pod: PodShown, *, is_ghost: bool = False) -> Card:
    """A Pod among many."""
    said = say("gone") if is_ghost else pod.said
    inner = '<rect class="box" width="46" height="26" rx="6"/>'
    if not is_ghost:
        inner += f'<text class="mark small" x="5" y="17">{MARKS[pod.state]}</text>'
        inner += text(18, 17, (pod.ordinal or pod.name[-4:])[-4:], "tiny")
        inner += version_mark(pod.version, 40, 6, with_words=False) if pod.version > 1 else ""
    key, classes = (f"ghost/{pod.name}", "ghost") if is_ghost else (f"pod/{pod.name}", pod.state)
    label = say("label_pod", name=pod.name, said=said) + (f", {pod.ip}" if pod.ip and not is_ghost else "")
    return Card(26, {key: Piece(0, 0, inner, classes, label)})
