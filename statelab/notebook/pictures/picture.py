"""Drawing a scene: SVG pieces with a key each, so that a live picture replaces only what changed.

The same pieces, put together, are the static picture for a reader without a kernel. Meaning is in shape and words,
then in colour. Everything that comes from an object is escaped here, once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from statelab.notebook.pictures.cards import MARKS, Card, claim_card, ghost_card, pod_card, tile
from statelab.notebook.pictures.customs import customs
from statelab.notebook.pictures.drawing import Picture, Piece, escaped, shortened, text, wrapped
from statelab.notebook.pictures.families import families
from statelab.notebook.pictures.scene import Scene
from statelab.notebook.pictures.shown import ClaimShown, NodeShown, PodShown, ServiceShown
from statelab.notebook.strings import say

WIDTH = 960
_MARGIN = 12
_GAP = 10
_TITLE_H = 28
_TEXT_H = 17
_NARROWEST_ROOM = 300
_NARROWEST_CARD, _WIDEST_CARD = 150, 232
_MOST_LARGE_PODS = 40  # more are drawn as tiles: a picture of 2,000 pixels is nobody's, and dear
_MOST_PODS = 1500  # more are counted, not drawn
_MOST_CLAIMS = 400
_MOST_SERVICES = 30


@dataclass(frozen=True)
class _Room:
    """A node and what is on it; without a node: what waits for one."""

    node: NodeShown | None
    pods: list[PodShown]
    ghosts: list[PodShown]
    claims: list[ClaimShown]  # those whose data wait here for a Pod
    left_out: int = 0


def draw(scene: Scene, *, width: int = WIDTH, ghosts: Sequence[PodShown] = ()) -> Picture:
    """The picture of a scene: who owns which Pod, nodes as rooms with Pods and their claims, Services and names.

    `ghosts`: Pods as they were at an earlier moment; those that are another Pod now, or gone, are shown beside.
    """
    pieces: dict[str, Piece] = {}
    header = say("namespace_empty" if scene.is_empty else "namespace", namespace=scene.namespace)
    pieces["header"] = Piece(_MARGIN, _MARGIN, text(0, 14, header, "small quiet"))
    y = customs(scene.customs, pieces, _MARGIN, _MARGIN + 24.0, width - 2 * _MARGIN)
    y = families(scene.workloads, pieces, _MARGIN, y, width - 2 * _MARGIN)
    y = _rooms(scene, pieces, y, width, ghosts)
    y = _services(scene, pieces, y, width)
    return Picture(width, int(y + _MARGIN), pieces, scene.sentence())


def frame_of(picture: Picture, **more: Any) -> dict[str, Any]:
    """A picture as drawing.js's `patch` takes it."""
    return {
        "width": picture.width,
        "height": picture.height,
        "title": picture.sentence,
        "order": list(picture.pieces),
        "pieces": {
            key: [round(piece.x, 1), round(piece.y, 1), piece.inner, piece.classes, piece.label]
            for key, piece in picture.pieces.items()
        },
        **more,
    }


# ---- nodes, Pods and claims


def _rooms(scene: Scene, pieces: dict[str, Piece], y: float, width: int, ghosts: Sequence[PodShown]) -> float:
    """Nodes side by side; what has no node waits in a room of its own. Returns y below."""
    rooms, known, more_claims = _furnished(scene, ghosts)
    is_tiled = len(scene.pods) > _MOST_LARGE_PODS
    claims = {claim.name: claim for claim in scene.claims}
    inside = width - 2 * _MARGIN
    beside = max(1, min(sum(room.node is not None for room in rooms), inside // _NARROWEST_ROOM))
    narrow = (inside - _GAP * (beside - 1)) / beside
    # Who waits for a node has a row of their own below: the nodes' rooms stay where they are when somebody comes.
    nodes = [room for room in rooms if room.node is not None]
    rows = [nodes[start : start + beside] for start in range(0, len(nodes), beside)]
    rows += [[room] for room in rooms if room.node is None]
    for row in rows:
        room_width = narrow if row[0].node is not None else inside
        filled = [_cards(room, claims, known, room_width, is_tiled) for room in row]
        height = _TITLE_H + max(max((y + card.height for _, y, card in each), default=44) for each in filled) + _GAP
        for index, (room, cards) in enumerate(zip(row, filled, strict=True)):
            x = _MARGIN + index * (room_width + _GAP)
            pieces[f"node/{room.node.name}" if room.node else "waiting"] = _room(room, x, y, room_width, height)
            for card_x, card_y, card in cards:
                for key, piece in card.pieces.items():
                    pieces[key] = replace(piece, x=x + card_x + piece.x, y=y + _TITLE_H + card_y + piece.y)
        y += height + _GAP
    if more_claims:
        pieces["more-claims"] = Piece(
            _MARGIN, y, text(0, 12, say("more_claims", count=str(more_claims)), "small quiet")
        )
        y += 20
    return y


def _cards(
    room: _Room, claims: dict[str, ClaimShown], known: dict[str, PodShown], room_width: float, is_tiled: bool
) -> list[tuple[float, float, Card]]:
    """What stands in a room, in columns as wide as it allows: (x, y, card), from the room's inner corner."""
    across = room_width - 2 * _GAP
    if is_tiled:
        cards = [tile(pod) for pod in room.pods] + [tile(pod, is_ghost=True) for pod in room.ghosts]
        columns, card_width = max(1, int((across + 6) // 52)), 46.0
    else:
        columns = max(1, int((across + _GAP) // (_NARROWEST_CARD + _GAP)))
        count = len(room.pods) + len(room.ghosts) + len(room.claims)
        columns = max(1, min(columns, max(count, int((across + _GAP) // (_WIDEST_CARD + _GAP)))))
        card_width = min(_WIDEST_CARD, (across - _GAP * (columns - 1)) / columns)
        cards = [
            pod_card(pod, card_width, [claims[name] for name in pod.claims if name in claims], known.get(pod.name))
            for pod in room.pods
        ]
        cards += [ghost_card(pod, card_width) for pod in room.ghosts]
        cards += [claim_card(claim, card_width) for claim in room.claims]
    gap = 6 if is_tiled else _GAP
    placed, y = [], 0.0
    for start in range(0, len(cards), columns):
        line = cards[start : start + columns]
        placed += [(_GAP + place * (card_width + gap), y, card) for place, card in enumerate(line)]
        y += max(card.height for card in line) + gap
    return placed


def _furnished(scene: Scene, ghosts: Sequence[PodShown]) -> tuple[list[_Room], dict[str, PodShown], int]:
    """The rooms with what is in them; by name the ghosts of Pods that have a successor; how many claims are not."""
    here = {pod.name: pod.uid for pod in scene.pods}
    gone = [ghost for ghost in ghosts if ghost.name not in here]
    replaced = {ghost.name: ghost for ghost in ghosts if here.get(ghost.name, ghost.uid) != ghost.uid}
    workers = [node for node in scene.nodes if not node.is_control_plane]
    names = {node.name for node in workers}
    by_node: dict[str, list[PodShown]] = {}
    for pod in scene.pods:
        by_node.setdefault(pod.node if pod.node in names else "", []).append(pod)
    unmounted = [claim for claim in scene.claims if claim.pod not in here]
    shown = unmounted[:_MOST_CLAIMS] if len(scene.pods) <= _MOST_LARGE_PODS else []
    claims: dict[str, list[ClaimShown]] = {}
    for claim in shown:
        claims.setdefault(claim.node if claim.node in names else "", []).append(claim)
    most = _MOST_PODS // max(1, len(by_node))
    rooms = [
        _Room(
            node,
            pods[:most],
            [each for each in gone if each.node == node.name],
            claims.get(node.name, []),
            max(0, len(pods) - most),
        )
        for node in workers
        for pods in [by_node.get(node.name, [])]
    ]
    waiting = by_node.get("", [])
    homeless = [each for each in gone if each.node not in names]
    if waiting or homeless or claims.get("") or not rooms:
        rooms.append(_Room(None, waiting[:most], homeless, claims.get("", []), max(0, len(waiting) - most)))
    return rooms, replaced, len(unmounted) - len(shown)


def _room(room: _Room, x: float, y: float, width: float, height: float) -> Piece:
    node = room.node
    is_away = node is not None and not node.is_ready
    inner = f'<rect class="room" width="{width:g}" height="{height:g}" rx="8"/>'
    title = (
        say("node_room", name=node.name) + (f"  ✕ {say('not_ready')}" if is_away else "") if node else say("no_node")
    )
    if room.left_out:
        title += f"   {say('more_pods', count=str(room.left_out))}"
    label = say("label_node", name=node.name, state=say("not_ready" if is_away else "ready")) if node else ""
    classes = "away" if is_away or node is None else ""
    return Piece(x, y, inner + text(_GAP, 19, title, "small quiet"), classes, label)


# ---- Services


def _services(scene: Scene, pieces: dict[str, Piece], y: float, width: int) -> float:
    characters = int((width - 2 * _MARGIN - 14) / 6.7)
    for service in scene.services[:_MOST_SERVICES]:
        # The names of single Pods stand at the Pods they lead to.
        title = _title(service)
        if len(title) > width / 8:
            title = f"◇ {say('label_headless' if service.is_headless else 'label_service', name=service.name)}"
        inner = text(0, 14, shortened(title, int(width / 8)), "name")
        lines = [
            line for name, ips in service.names[:1] for line in wrapped(f"{name}  →  {_addresses(ips)}", characters)
        ]
        for number, line in enumerate(lines, 1):
            inner += text(14, 14 + _TEXT_H * number, line, "mono")
        label = say("label_headless" if service.is_headless else "label_service", name=service.name)
        pieces[f"service/{service.name}"] = Piece(_MARGIN, y + 4, inner, "service", label)
        y += _TEXT_H * (len(lines) + 1) + _GAP
    return y


def _addresses(addresses: Sequence[str]) -> str:
    more = f" and {len(addresses) - 6} more" if len(addresses) > 6 else ""
    return (", ".join(addresses[:6]) + more) or say("no_address")


def _title(service: ServiceShown) -> str:
    if service.is_headless:
        return "◇ " + say("title_headless", name=service.name, headless=say("headless"))
    return "◇ " + say("label_service", name=service.name)


__all__ = ["MARKS", "WIDTH", "Picture", "Piece", "draw", "escaped", "frame_of"]
