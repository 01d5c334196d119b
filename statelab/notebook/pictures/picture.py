"""Drawing a scene: SVG pieces with a key each, so that a live picture replaces only what changed.

The same pieces, put together, are the static picture for a reader without a kernel. Meaning is in shape and words,
then in colour. Everything that comes from an object is escaped here, once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from statelab.notebook.pictures.drawing import Picture, Piece, elided, escaped, shortened, text
from statelab.notebook.pictures.scene import ClaimShown, NodeShown, PodShown, Scene, ServiceShown, WorkloadShown
from statelab.notebook.strings import say

WIDTH = 960
_MARGIN = 12
_GAP = 10
_TITLE_H = 28
_CLAIM_W, _CLAIM_H = 182, 44
_TEXT_H = 17
_NARROWEST_ROOM = 300
_MOST_LARGE_PODS = 60  # more are drawn as tiles
_MOST_PODS = 1500  # more are counted, not drawn
_MOST_CLAIMS = 400
_MOST_TIES = 40
_MOST_SERVICES = 30
_MOST_NAMES = 12

# A mark for each state: what it is can be told without its colour.
MARKS = {"ready": "●", "starting": "◔", "pending": "◌", "terminating": "✕", "failing": "▲", "finished": "✓"}


@dataclass(frozen=True)
class _Size:
    """How large Pods are drawn: a box with all that is known, or, where there are many, a tile."""

    width: int
    height: int
    is_tile: bool = False


@dataclass(frozen=True)
class _Room:
    node: NodeShown | None
    pods: list[PodShown]
    ghosts: list[PodShown]
    left_out: int = 0


def draw(scene: Scene, *, width: int = WIDTH, ghosts: Sequence[PodShown] = ()) -> Picture:
    """The picture of a scene: workloads, nodes as rooms with Pods, claims tied to Pods, Services and their names.

    `ghosts`: Pods as they were at an earlier moment; those that are another Pod now, or gone, are shown beside.
    """
    pieces: dict[str, Piece] = {}
    y = _header(scene, pieces, width)
    y, where = _rooms(scene, pieces, y, width, ghosts)
    y = _claims(scene, pieces, y, width, where)
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


# ---- workloads


def _header(scene: Scene, pieces: dict[str, Piece], width: int) -> float:
    pieces["header"] = Piece(_MARGIN, _MARGIN, text(0, 14, say("namespace", namespace=scene.namespace), "small quiet"))
    x, y = float(_MARGIN), _MARGIN + 22.0
    for index, each in enumerate(scene.workloads[:40]):
        chip = _workload(each)
        length = 20 + 8.6 * len(_said_of(each))
        if index and x + length > width - _MARGIN:
            x, y = _MARGIN, y + 30
        pieces[f"{each.kind.lower()}/{each.name}"] = Piece(
            x, y, chip[0], "ready" if each.is_done else "starting", chip[1]
        )
        x += length + _GAP
    return y + (34.0 if scene.workloads else 2.0)


def _said_of(each: WorkloadShown) -> str:
    return f"{each.kind} {shortened(each.name, 30)}  {each.ready}/{each.wanted}"


def _workload(each: WorkloadShown) -> tuple[str, str]:
    said = _said_of(each)
    inner = f'<rect class="box" width="{20 + 8.6 * len(said):g}" height="24" rx="12"/>' + text(10, 17, said, "strong")
    return inner, say("label_workload", kind=each.kind, name=each.name, ready=str(each.ready), wanted=str(each.wanted))


# ---- nodes and Pods


def _rooms(
    scene: Scene, pieces: dict[str, Piece], y: float, width: int, ghosts: Sequence[PodShown]
) -> tuple[float, dict[str, tuple[float, float]]]:
    """Nodes side by side; Pods without a node wait in a room of their own. Returns y below, and where each Pod is."""
    rooms, known = _furnished(scene, ghosts)
    is_tile = len(scene.pods) > _MOST_LARGE_PODS
    size = _Size(46, 26, True) if is_tile else _Size(150, 80 if ghosts else 62)
    beside = max(1, min(sum(room.node is not None for room in rooms), (width - 2 * _MARGIN) // _NARROWEST_ROOM))
    narrow = (width - 2 * _MARGIN - _GAP * (beside - 1)) / beside
    where: dict[str, tuple[float, float]] = {}
    # Who waits for a node has a row of their own below: the nodes' rooms stay where they are when somebody comes.
    nodes = [room for room in rooms if room.node is not None]
    rows = [nodes[start : start + beside] for start in range(0, len(nodes), beside)]
    rows += [[room] for room in rooms if room.node is None]
    for row in rows:
        room_width = narrow if row[0].node is not None else width - 2 * _MARGIN
        columns = max(1, int((room_width - _GAP) // (size.width + _GAP)))
        lines = max(1, *(-(-(len(room.pods) + len(room.ghosts)) // columns) for room in row))
        height = _TITLE_H + lines * (size.height + _GAP)
        for index, room in enumerate(row):
            x = _MARGIN + index * (room_width + _GAP)
            pieces[f"node/{room.node.name}" if room.node else "waiting"] = _room(room, x, y, room_width, height)
            for place, pod in enumerate([*room.pods, *room.ghosts]):
                pod_x = x + _GAP + (place % columns) * (size.width + _GAP)
                pod_y = y + _TITLE_H + (place // columns) * (size.height + _GAP)
                if place < len(room.pods):
                    pieces[f"pod/{pod.name}"] = _pod(pod, pod_x, pod_y, size, known.get(pod.name))
                    where[pod.name] = (pod_x, pod_y + size.height)
                else:
                    pieces[f"ghost/{pod.name}"] = _ghost(pod, pod_x, pod_y, size)
        y += height + _GAP
    return y, where


def _furnished(scene: Scene, ghosts: Sequence[PodShown]) -> tuple[list[_Room], dict[str, PodShown]]:
    """The rooms with their Pods; and by name the ghosts of Pods that have a successor of the same name."""
    here = {pod.name: pod.uid for pod in scene.pods}
    gone = [ghost for ghost in ghosts if ghost.name not in here]
    replaced = {ghost.name: ghost for ghost in ghosts if here.get(ghost.name, ghost.uid) != ghost.uid}
    by_node: dict[str, list[PodShown]] = {}
    workers = [node for node in scene.nodes if not node.is_control_plane]
    names = {node.name for node in workers}
    for pod in scene.pods:
        by_node.setdefault(pod.node if pod.node in names else "", []).append(pod)
    most = _MOST_PODS // max(1, len(by_node))
    rooms = [
        _Room(node, pods[:most], [each for each in gone if each.node == node.name], max(0, len(pods) - most))
        for node in workers
        for pods in [by_node.get(node.name, [])]
    ]
    waiting = by_node.get("", [])
    homeless = [each for each in gone if each.node not in names]
    if waiting or homeless or not rooms:
        rooms.append(_Room(None, waiting[:most], homeless, max(0, len(waiting) - most)))
    return rooms, replaced


def _room(room: _Room, x: float, y: float, width: float, height: float) -> Piece:
    node = room.node
    is_away = node is not None and not node.is_ready
    inner = f'<rect class="room" width="{width:g}" height="{height:g}" rx="8"/>'
    title = f"{node.name}{'  ✕ ' + say('not_ready') if is_away else ''}" if node else say("no_node")
    if room.left_out:
        title += f"   {say('more_pods', count=str(room.left_out))}"
    label = say("label_node", name=node.name, state=say("not_ready" if is_away else "ready")) if node else ""
    classes = "away" if is_away or node is None else ""
    return Piece(x, y, inner + text(_GAP, 19, title, "small quiet"), classes, label)


def _pod(pod: PodShown, x: float, y: float, size: _Size, before: PodShown | None) -> Piece:
    label = say("label_pod", name=pod.name, said=pod.said) + (f", {pod.ip}" if pod.ip else "")
    inner = f'<rect class="box" width="{size.width}" height="{size.height}" rx="6"/>'
    if size.is_tile:
        inner += f'<text class="mark small" x="5" y="17">{MARKS[pod.state]}</text>'
        inner += text(18, 17, (pod.ordinal or pod.name[-4:])[-4:], "tiny")
        return Piece(x, y, inner, pod.state, label)
    inner += f'<text class="mark" x="10" y="20">{MARKS[pod.state]}</text>'
    inner += text(28, 20, elided(pod.name, 13), "name") + text(10, 38, shortened(pod.said, 20), "small")
    inner += text(10, 54, pod.ip, "mono") + text(size.width - 8, 54, pod.revision[-5:], "mono quiet end")
    if before is not None:
        inner += text(10, 72, f"↶ {before.ip or before.said} {before.uid[:4]}", "mono quiet")
        label += f"; {say('was', ip=before.ip or before.said, uid=before.uid[:4])}"
    return Piece(x, y, inner, pod.state, label)


def _ghost(pod: PodShown, x: float, y: float, size: _Size) -> Piece:
    inner = f'<rect class="box" width="{size.width}" height="{size.height}" rx="6"/>'
    if not size.is_tile:
        inner += text(10, 20, f"↶ {elided(pod.name, 13)}", "name quiet") + text(10, 38, say("gone"), "small quiet")
        inner += text(10, 54, pod.ip, "mono quiet")
    return Piece(x, y, inner, "ghost", say("label_pod", name=pod.name, said=say("gone")))


# ---- claims


def _claims(
    scene: Scene, pieces: dict[str, Piece], y: float, width: int, where: Mapping[str, tuple[float, float]]
) -> float:
    claims = scene.claims[:_MOST_CLAIMS]
    if not claims:
        return y
    columns = max(1, int((width - 2 * _MARGIN + _GAP) // (_CLAIM_W + _GAP)))
    tied = [claim for claim in claims if claim.pod in where] if len(claims) <= _MOST_TIES else []
    top = y + 6 + 3 * len(tied[:12])
    ties = {claim.name: index for index, claim in enumerate(tied)}
    for place, claim in enumerate(claims):
        x = _MARGIN + (place % columns) * (_CLAIM_W + _GAP)
        claim_y = top + (place // columns) * (_CLAIM_H + _GAP)
        if claim.name in ties:
            lane = ties[claim.name] % 12
            path = _tie(where[claim.pod], y + 3 * lane, (x, claim_y), lane % 4, place // columns)
            pieces[f"tie/{claim.name}"] = Piece(0, 0, path)
        pieces[f"persistentvolumeclaim/{claim.name}"] = _claim(claim, x, claim_y)
    y = top + -(-len(claims) // columns) * (_CLAIM_H + _GAP)
    if len(scene.claims) > len(claims):
        more = say("more_claims", count=str(len(scene.claims) - len(claims)))
        pieces["more-claims"] = Piece(_MARGIN, y, text(0, 12, more, "small quiet"))
        y += 20
    return y


def _tie(pod: tuple[float, float], bus_y: float, claim: tuple[float, float], offset: int, row: int) -> str:
    """From a Pod's foot to its claim through the gaps between Pods, so that no line crosses another Pod or claim."""
    gutter = pod[0] - 2 - 2 * offset
    end_x, end_y = (claim[0] + 20 + 6 * offset, claim[1]) if row == 0 else (claim[0] - 2 - 2 * offset, claim[1] + 22)
    last = f"V{end_y:g}" if row == 0 else f"V{end_y:g} H{claim[0]:g}"
    return f'<path class="tie" d="M{pod[0]:g} {pod[1] - 8:g} H{gutter:g} V{bus_y:g} H{end_x:g} {last}"/>'


def _claim(claim: ClaimShown, x: float, y: float) -> Piece:
    inner = f'<rect class="box" width="{_CLAIM_W}" height="{_CLAIM_H}" rx="14"/>'
    inner += text(12, 18, f"▤ {elided(claim.name, 18)}", "name")
    held = f"  ↑ {elided(claim.pod, 13)}" if claim.pod else f", {say('data_wait')}" if claim.phase == "Bound" else ""
    inner += text(12, 35, f"{claim.phase} {claim.size}{held}", "small")
    mounted = say("mounted_by", pod=claim.pod) if claim.pod else say("mounted_by_nobody")
    label = say("label_claim", name=claim.name, phase=claim.phase, mounted=mounted)
    return Piece(x, y, inner, "claim" if claim.pod else "claim waits", label)


# ---- Services


def _services(scene: Scene, pieces: dict[str, Piece], y: float, width: int) -> float:
    characters = int((width - 2 * _MARGIN - 14) / 6.7)
    for service in scene.services[:_MOST_SERVICES]:
        lines = [(name, _addresses(ips)) for name, ips in service.names[:_MOST_NAMES]]
        if len(service.names) > _MOST_NAMES:
            lines.append(("…", say("more_names", count=str(len(service.names) - _MOST_NAMES))))
        inner = text(0, 14, shortened(_title(service), int(width / 8.4)), "name")
        for number, (name, said) in enumerate(lines, 1):
            inner += text(14, 14 + _TEXT_H * number, shortened(f"{name}  →  {said}", characters), "mono")
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
