"""Records the README's moving picture, docs/pictures/stage.gif: `python docs/moving.py`. Needs a chromium and Pillow.

The stage beside a notebook, in a real JupyterLab: a StatefulSet starts, web-1 is killed and comes back, and the cluster
says why. What did not change between two looks is one frame, shown for as long as it lasted.
"""

from __future__ import annotations

import io
import time
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page
from screenshots import opened, run, window

TO = Path(__file__).parent / "pictures" / "stage.gif"
CELLS = [
    'from statelab.notebook import connect, stage, why\n%load_ext statelab\ncluster = connect().fresh("shop")\nstage()',
    '%kubectl apply -f web.yaml\ncluster.wait("sts/web", "Rollout")\n%kubectl get pods',
    '%kubectl delete pod web-1\ncluster.wait("pod/web-1", "Ready")\n%kubectl get pods',
    'why("pod/web-1")',
]
_WIDTH, _HEIGHT = 1180, 760
_SCALED = 0.72
_LOOK_S = 0.2
_LONGEST_S, _LAST_S = 1.5, 4.0  # no frame is shown longer, but the last
_MOST_BYTES = 400_000

Frame = tuple[Image.Image, float]


def recorded(page: Page, address: str) -> list[Frame]:
    """What was seen, and for how many seconds, while the cells ran."""
    page.emulate_media(reduced_motion="reduce")  # between two looks a piece would be half way
    opened(page, address)
    run(page, 0)
    page.locator(".sl-stage").wait_for()
    page.mouse.move(0, 0)
    page.wait_for_timeout(1500)
    frames: list[Frame] = []
    for index in range(1, len(CELLS)):
        page.evaluate(
            "index => { const notebook = window.jupyterapp.shell.currentWidget.content;"
            " notebook.activeCellIndex = index; notebook.widgets[index].node.scrollIntoView({block: 'center'});"
            " void window.jupyterapp.commands.execute('notebook:run-cell'); }",
            index,
        )
        is_done = (
            "index => { const cell = window.jupyterapp.shell.currentWidget.content.widgets[index];"
            " return cell.model.executionCount !== null && cell.model.executionState !== 'running'; }"
        )
        rest_s = 1.6  # the stage catches up, and a reader too
        while rest_s > 0:
            began_s = time.monotonic()
            seen = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
            seen = seen.resize((round(_WIDTH * _SCALED), round(_HEIGHT * _SCALED)), Image.Resampling.LANCZOS)
            page.wait_for_timeout(max(0, _LOOK_S - (time.monotonic() - began_s)) * 1000)
            lasted_s = time.monotonic() - began_s
            if frames and frames[-1][0].tobytes() == seen.tobytes():
                frames[-1] = (frames[-1][0], frames[-1][1] + lasted_s)
            else:
                frames.append((seen, lasted_s))
            if page.evaluate(is_done, index):
                rest_s -= lasted_s
    return frames


def write(frames: list[Frame], to: Path) -> None:
    """An animated GIF, its colours those of the last frame, which has them all."""
    palette = frames[-1][0].quantize(128, method=Image.Quantize.MEDIANCUT)
    drawn = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame, _ in frames]
    lasts = [min(seconds, _LONGEST_S) for _, seconds in frames]
    lasts[-1] = _LAST_S
    drawn[0].save(
        to,
        save_all=True,
        append_images=drawn[1:],
        duration=[round(each * 1000) for each in lasts],
        loop=0,
        optimize=True,
    )
    size = to.stat().st_size
    print(f"{to.name}: {len(drawn)} frames, {sum(lasts):.0f} s, {size / 1000:.0f} kB")
    if size > _MOST_BYTES:
        raise SystemExit(f"It is larger than {_MOST_BYTES / 1000:.0f} kB.")


if __name__ == "__main__":
    with window(CELLS, _WIDTH, _HEIGHT, pace="1.5") as (page, address):
        write(recorded(page, address), TO)
