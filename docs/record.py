"""Makes the pictures in docs/pictures/ from real histories of the embedded cluster: `python docs/record.py`.

The moving picture of the guides' first page (killed.svg) is an SVG that plays the history of a StatefulSet that starts,
loses web-1 and is scaled down: every revision of it, at the pace at which it happened. The same seed gives the same
bytes.
"""

from __future__ import annotations

from pathlib import Path

import yaml

from statelab.controlplane.controlplane import ControlPlane
from statelab.notebook.pictures.drawing import Picture, Piece, document, text
from statelab.notebook.pictures.history import History, Moment
from statelab.notebook.pictures.picture import draw
from statelab.notebook.pictures.plotting import rasterized, rollout, start_order
from statelab.notebook.pictures.scene import make_scene

HERE = Path(__file__).parent
MANIFEST = HERE.parent / "course" / "manifests" / "06-web.yaml"
_WIDTH = 840
_CAPTION_H = 30
_FASTER = 1.5  # than it happened
_HOLD_S = 2.5  # at the end, before it begins again
_QUIET_S = 1.2  # no longer than this between two frames


def recorded() -> tuple[History, list[tuple[float, str]]]:
    """A history, and what was typed when."""
    cluster = ControlPlane(seed=4)
    began = len(cluster.store.history)
    typed = [(cluster.loop.now_s, "kubectl apply -f web.yaml")]
    cluster.apply(*(each for each in yaml.safe_load_all(MANIFEST.read_text()) if each))
    cluster.settle()
    typed.append((cluster.loop.now_s, "kubectl delete pod web-1"))
    cluster.delete("pods", "default/web-1")
    cluster.settle()
    typed.append((cluster.loop.now_s, "kubectl scale statefulset web --replicas=1"))
    cluster.scale("statefulsets", "default/web", 1)
    cluster.settle()
    current = {"nodes": cluster.list("nodes")}
    moments = [
        Moment(each.number, each.type, each.plural, each.key, each.object, each.cause.actor, each.cause.why, each.at_s)
        for each in list(cluster.store.history)[began:]
    ]
    return History("default", moments, current), typed


def moving(history: History, typed: list[tuple[float, str]]) -> str:
    """One SVG in which each piece of each frame is visible for as long as it was so."""
    frames = _frames(history, typed)
    total_s = frames[-1][0] + _HOLD_S
    height = max(picture.height for _, picture, _ in frames) + _CAPTION_H
    shown: dict[tuple[str, str], list[tuple[float, float]]] = {}
    pieces: dict[tuple[str, str], Piece] = {}
    for number, (at_s, picture, caption) in enumerate(frames):
        end_s = frames[number + 1][0] if number + 1 < len(frames) else total_s
        captioned = {"caption": Piece(12, 0, text(0, 20, f"$ {caption}", "mono strong")), **picture.pieces}
        for key, piece in captioned.items():
            drawn = piece.svg(key)
            pieces[key, drawn] = piece
            spans = shown.setdefault((key, drawn), [])
            if spans and spans[-1][1] == at_s:
                spans[-1] = (spans[-1][0], end_s)
            else:
                spans.append((at_s, end_s))
    body, css = [], [".v{visibility:hidden}"]
    last_s = frames[-1][0]
    for number, ((_, drawn), spans) in enumerate(sorted(shown.items(), key=lambda each: _depth(each[0][0]))):
        if spans == [(0.0, total_s)]:
            body.append(drawn)
            continue
        is_last = any(begin <= last_s < end for begin, end in spans)
        classes, runs = "v l" if is_last else "v", f"animation:k{number} {total_s:.2f}s step-end infinite"
        body.append(f'<g class="{classes}" style="{runs}">{drawn}</g>')
        css.append(_keyframes(number, spans, total_s))
    # Who wants less motion sees how it ended.
    css.append("@media (prefers-reduced-motion:reduce){.v{animation:none!important}.v.l{visibility:visible}}")
    sentence = "A StatefulSet starts web-0, web-1, web-2 in order; web-1 is deleted and comes back with its claim; "
    sentence += "scaled to one, web-2 and then web-1 go, and their claims stay."
    return document(_WIDTH, height, f'<g transform="translate(0 4)">{"".join(body)}</g>', sentence, css="".join(css))


def _frames(history: History, typed: list[tuple[float, str]]) -> list[tuple[float, Picture, str]]:
    frames: list[tuple[float, Picture, str]] = []
    at_s, before_s = 0.0, history.moments[0].at_s
    for index, moment in enumerate(history.moments):
        at_s += min((moment.at_s - before_s) / _FASTER, _QUIET_S)
        before_s = moment.at_s
        caption = [words for when_s, words in typed if when_s <= moment.at_s][-1]
        picture = draw(make_scene(history.objects_at(index), "default"), width=_WIDTH)
        moved = {
            key: Piece(piece.x, piece.y + _CAPTION_H - 20, piece.inner, piece.classes, piece.label)
            for key, piece in picture.pieces.items()
            if key != "header"
        }
        frame = (round(at_s, 2), Picture(picture.width, picture.height, moved, picture.sentence), caption)
        if frames and frames[-1][0] == frame[0]:
            frames[-1] = frame
        else:
            frames.append(frame)
    return frames


def _depth(key: str) -> int:
    order = ("caption", "node", "waiting", "pod", "tie", "persistentvolumeclaim")
    kind = key.partition("/")[0]
    return order.index(kind) if kind in order else len(order)


def _keyframes(number: int, spans: list[tuple[float, float]], total_s: float) -> str:
    marks = {0.0: "hidden"}
    for begin, end in spans:
        marks[begin] = "visible"
        marks.setdefault(end, "hidden")
    for begin, _ in spans:
        marks[begin] = "visible"
    steps = "".join(
        f"{at / total_s * 100:.2f}%{{visibility:{state}}}" for at, state in sorted(marks.items()) if at < total_s
    )
    return f"@keyframes k{number}{{{steps}}}"


def main() -> None:
    """Write the pictures and say how large they are."""
    folder = HERE / "pictures"
    folder.mkdir(exist_ok=True)
    history, typed = recorded()
    (folder / "killed.svg").write_text(moving(history, typed), encoding="utf-8")
    last = draw(make_scene(history.objects_at(len(history) - 1), "default"), width=_WIDTH)
    (folder / "cluster.svg").write_text(last.svg(), encoding="utf-8")
    (folder / "cluster-dark.png").write_bytes(rasterized(last.svg(theme="dark")))
    start_order(history, "sts/web").save(folder / "start-order.svg")
    rollout(history, "sts/web").save(folder / "rollout.svg")
    for path in sorted(folder.glob("*")):
        print(f"{path.name:24} {path.stat().st_size / 1000:7.1f} kB")


if __name__ == "__main__":
    main()
