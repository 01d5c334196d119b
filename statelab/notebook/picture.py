"""Drawing a scene: SVG pieces with a key each, so that a live picture replaces only what changed.

The same pieces, put together, are the static picture for a reader without a kernel. Meaning is in shape and words,
then in colour. Everything that comes from an object is escaped here, once.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from statelab.notebook.scene import ClaimShown, NodeShown, PodShown, Scene, ServiceShown

_WIDTH = 960
_MARGIN = 12
_GAP = 10
_POD_W, _POD_H = 138, 62
_CLAIM_H = 44
_TEXT_H = 17

# A mark for each state: what it is can be told without its colour.
_MARKS = {"ready": "●", "starting": "◔", "pending": "◌", "terminating": "✕", "failing": "▲", "finished": "✓"}

STYLE = """
.sl{font:13px/1.3 system-ui,sans-serif;color:#1f2328;background:#fff}
.sl text{fill:currentColor}
.sl .small{font-size:11px}
.sl .mono{font-family:ui-monospace,SFMono-Regular,Menlo,monospace;font-size:11px}
.sl .strong{font-weight:600}
.sl .quiet{fill:#57606a}
.sl .room{fill:#f6f8fa;stroke:#8c959f}
.sl .box{fill:#fff;stroke:#57606a;stroke-width:1.5}
.sl .ready .box{stroke:#1a7f37;stroke-width:2}
.sl .ready .mark{fill:#1a7f37}
.sl .starting .box,.sl .pending .box{stroke:#9a6700;stroke-dasharray:5 3}
.sl .starting .mark,.sl .pending .mark{fill:#9a6700}
.sl .terminating .box{stroke:#57606a;stroke-dasharray:2 3;fill:#eaeef2}
.sl .failing .box{stroke:#cf222e;stroke-width:3}
.sl .failing .mark{fill:#cf222e}
.sl .claim .box{fill:#ddf4ff;stroke:#0969da}
.sl .claim.waits .box{stroke-dasharray:5 3}
.sl .tie{stroke:#0969da;stroke-width:1.5;fill:none}
.sl g[data-key]{transition:transform .35s ease}
.sl g[tabindex]:focus{outline:3px solid #0969da;outline-offset:2px}
@media (prefers-reduced-motion:reduce){.sl g[data-key]{transition:none}}
.sl.dark{color:#e6edf3;background:#0d1117}
.sl.dark .quiet{fill:#9198a1}
.sl.dark .room{fill:#151b23;stroke:#656c76}
.sl.dark .box{fill:#0d1117;stroke:#9198a1}
.sl.dark .ready .box{stroke:#3fb950}
.sl.dark .ready .mark{fill:#3fb950}
.sl.dark .starting .box,.sl.dark .pending .box{stroke:#d29922}
.sl.dark .starting .mark,.sl.dark .pending .mark{fill:#d29922}
.sl.dark .terminating .box{fill:#212830}
.sl.dark .failing .box{stroke:#f85149}
.sl.dark .failing .mark{fill:#f85149}
.sl.dark .claim .box{fill:#0c2d4d;stroke:#4493f8}
.sl.dark .tie{stroke:#4493f8}
""".strip()


@dataclass(frozen=True)
class Picture:
    """`pieces` in drawing order: key → (x, y, inner SVG, label, classes). A piece with a label can be selected."""

    width: int
    height: int
    pieces: dict[str, Piece]
    sentence: str

    def svg(self, *, dark: bool = False) -> str:
        """The whole picture as one SVG document, for where nothing is live."""
        body = "".join(piece.svg(key) for key, piece in self.pieces.items())
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="sl{" dark" if dark else ""}" role="img" '
            f'viewBox="0 0 {self.width} {self.height}" width="100%"><title>{escape(self.sentence)}</title>'
            f"<style>{STYLE}</style>{body}</svg>"
        )


@dataclass(frozen=True)
class Piece:
    x: float
    y: float
    inner: str
    classes: str = ""
    label: str = ""

    def svg(self, key: str) -> str:
        focus = f' tabindex="0" role="button" aria-label="{escape(self.label)}"' if self.label else ""
        return (
            f'<g data-key="{escape(key)}" class="{self.classes}"{focus} '
            f'transform="translate({self.x:g} {self.y:g})">{self.inner}</g>'
        )


def draw(scene: Scene) -> Picture:
    """The picture of a scene: workloads, nodes as rooms with Pods, claims tied to Pods, Services and their names."""
    pieces: dict[str, Piece] = {}
    y = _header(scene, pieces)
    y, where = _rooms(scene, pieces, y)
    y = _claims(scene, pieces, y, where)
    y = _services(scene, pieces, y)
    return Picture(_WIDTH, int(y + _MARGIN), pieces, scene.sentence())


def _text(x: float, y: float, text: str, classes: str = "") -> str:
    named = f' class="{classes}"' if classes else ""
    return f'<text x="{x:g}" y="{y:g}"{named}>{escape(text)}</text>'


def _shortened(text: str, characters: int) -> str:
    return text if len(text) <= characters else text[: characters - 1] + "…"


def _header(scene: Scene, pieces: dict[str, Piece]) -> float:
    said = "     ".join(f"{each.kind} {each.name}  {each.ready}/{each.wanted}" for each in scene.workloads)
    inner = _text(0, 14, f"namespace {scene.namespace}", "small quiet") + _text(0, 33, _shortened(said, 120), "strong")
    pieces["header"] = Piece(_MARGIN, _MARGIN, inner)
    return _MARGIN + (40.0 if said else 22.0)


def _rooms(scene: Scene, pieces: dict[str, Piece], y: float) -> tuple[float, dict[str, tuple[float, float]]]:
    """Nodes side by side; Pods without a node wait in a room of their own. Returns y below, and each Pod's foot."""
    rooms: list[tuple[NodeShown | None, list[PodShown]]] = [
        (node, [pod for pod in scene.pods if pod.node == node.name])
        for node in scene.nodes
        if not node.is_control_plane
    ]
    roomed = {pod.name for _, pods in rooms for pod in pods}
    waiting = [pod for pod in scene.pods if pod.name not in roomed]
    if waiting or not rooms:
        rooms.append((None, waiting))
    width = (_WIDTH - 2 * _MARGIN - _GAP * (len(rooms) - 1)) / len(rooms)
    columns = max(1, int((width - _GAP) // (_POD_W + _GAP)))
    height = 28 + max(1, *(-(-len(pods) // columns) for _, pods in rooms)) * (_POD_H + _GAP)
    where: dict[str, tuple[float, float]] = {}
    for index, (node, pods) in enumerate(rooms):
        x = _MARGIN + index * (width + _GAP)
        pieces[f"node/{node.name}" if node else "waiting"] = _room(node, x, y, width, height)
        for place, pod in enumerate(pods):
            pod_x = x + _GAP + (place % columns) * (_POD_W + _GAP)
            pod_y = y + 28 + (place // columns) * (_POD_H + _GAP)
            pieces[f"pod/{pod.name}"] = _pod(pod, pod_x, pod_y)
            where[pod.name] = (pod_x + _POD_W / 2, pod_y + _POD_H)
    return y + height + _GAP, where


def _room(node: NodeShown | None, x: float, y: float, width: float, height: float) -> Piece:
    is_away = node is not None and not node.is_ready
    dashes = ' stroke-dasharray="6 4"' if is_away or node is None else ""
    inner = f'<rect class="room" width="{width:g}" height="{height:g}" rx="8"{dashes}/>'
    title = f"{node.name}{'  ✕ not ready' if is_away else ''}" if node else "no node yet"
    label = f"Node {node.name}, {'not ready' if is_away else 'ready'}" if node else ""
    return Piece(x, y, inner + _text(_GAP, 19, title, "small quiet"), "room-of-a-node", label)


def _pod(pod: PodShown, x: float, y: float) -> Piece:
    inner = f'<rect class="box" width="{_POD_W}" height="{_POD_H}" rx="6"/>'
    inner += f'<text class="mark" x="10" y="20">{_MARKS[pod.state]}</text>'
    inner += _text(28, 20, _shortened(pod.name, 16), "strong") + _text(10, 38, _shortened(pod.said, 21), "small")
    inner += _text(10, 54, pod.ip, "mono") + _text(_POD_W - 44, 54, pod.revision[-5:], "mono quiet")
    label = f"Pod {pod.name}, {pod.said}{f', {pod.ip}' if pod.ip else ''}"
    return Piece(x, y, inner, pod.state, label)


def _claims(scene: Scene, pieces: dict[str, Piece], y: float, where: dict[str, tuple[float, float]]) -> float:
    if not scene.claims:
        return y
    width = 182
    columns = int((_WIDTH - 2 * _MARGIN + _GAP) // (width + _GAP))
    y += 18
    for place, claim in enumerate(scene.claims):
        x = _MARGIN + (place % columns) * (width + _GAP)
        claim_y = y + (place // columns) * (_CLAIM_H + _GAP)
        foot = where.get(claim.pod)
        if foot is not None:
            path = f'<path class="tie" d="M{foot[0]:g} {foot[1]:g} L{x + width / 2:g} {claim_y:g}"/>'
            pieces[f"tie/{claim.name}"] = Piece(0, 0, path)
        pieces[f"persistentvolumeclaim/{claim.name}"] = _claim(claim, x, claim_y, width)
    return y + -(-len(scene.claims) // columns) * (_CLAIM_H + _GAP)


def _claim(claim: ClaimShown, x: float, y: float, width: float) -> Piece:
    inner = f'<rect class="box" width="{width}" height="{_CLAIM_H}" rx="14"/>'
    inner += _text(12, 18, f"▤ {_shortened(claim.name, 22)}", "strong")
    held = "" if claim.pod else ", its data wait" if claim.phase == "Bound" else ""
    inner += _text(12, 35, f"{claim.phase} {claim.size}{held}", "small")
    label = f"Claim {claim.name}, {claim.phase}, {f'mounted by {claim.pod}' if claim.pod else 'mounted by nobody'}"
    return Piece(x, y, inner, "claim" if claim.pod else "claim waits", label)


def _services(scene: Scene, pieces: dict[str, Piece], y: float) -> float:
    for service in scene.services:
        inner = _text(0, 14, _title(service), "strong")
        for line, (name, addresses) in enumerate(service.names):
            shown = ", ".join(addresses[:6]) + (f" and {len(addresses) - 6} more" if len(addresses) > 6 else "")
            inner += _text(14, 14 + _TEXT_H * (line + 1), f"{name}  →  {shown or 'no address (NXDOMAIN)'}", "mono")
        label = f"{'Headless ' if service.is_headless else ''}Service {service.name}"
        pieces[f"service/{service.name}"] = Piece(_MARGIN, y + 4, inner, "service", label)
        y += _TEXT_H * (len(service.names) + 1) + _GAP
    return y


def _title(service: ServiceShown) -> str:
    return f"◇ Service {service.name}" + ("  (headless: names, no address of its own)" if service.is_headless else "")
