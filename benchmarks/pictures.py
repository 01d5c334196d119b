"""How long a picture takes to follow one change: drawn, patched, and on the stage beside a notebook.

It needs playwright and a chromium (CHROMIUM names one).
"""

from __future__ import annotations

import json
import os
import statistics
import time
from collections.abc import Generator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks.figure import Figure, Missing
from benchmarks.stage import on_the_stage
from statelab.notebook.pictures.modules import module
from statelab.notebook.pictures.picture import draw, frame_of
from statelab.notebook.pictures.scene import ClaimShown, NodeShown, PodShown, Scene
from statelab.notebook.pictures.style import STYLE

_UPDATES = 100
_CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]

_IN_BROWSER = """
async ([source, style, base, changes]) => {
  const first = JSON.parse(base);
  const url = URL.createObjectURL(new Blob([source + '\\nexport {makeSvg, patch};'], {type: 'text/javascript'}));
  const {makeSvg, patch} = await import(url);
  const svg = makeSvg(style);
  document.body.append(svg);
  const shown = new Map();
  const times = [];
  for (const change of changes) {
    const frame = {...first, pieces: {...first.pieces, ...change}};
    const began = performance.now();
    patch(svg, frame, shown);
    svg.getBoundingClientRect();  // layout is part of the price
    times.push(performance.now() - began);
    await new Promise(done => setTimeout(done, 0));
  }
  return times;
}
"""


def scene(pods: int, change: int) -> Scene:
    """Pods on three nodes, every second with a claim; which one is not ready depends on `change`."""
    names = [f"web-{number}" for number in range(pods)]
    shown = [
        PodShown(
            name, "ready", "Ready", str(number), "5f6d", f"10.244.1.{number % 250}", f"n{number % 3}", (), f"u{number}"
        )
        for number, name in enumerate(names)
    ]
    shown[change % pods] = replace(shown[change % pods], state="starting", said="Running, not ready")
    claims = tuple(ClaimShown(f"www-{name}", "Bound", "1Gi", "", name) for name in names[::2])
    nodes = tuple(NodeShown(f"n{number}", True, False) for number in range(3))
    return Scene("default", nodes, tuple(shown), claims)


def measure(pods: int) -> dict[str, Any]:
    """Milliseconds per update, median and 95th percentile, and the bytes of one."""
    from playwright.sync_api import sync_playwright

    drawn, frames = [], []
    for change in range(_UPDATES):
        began_s = time.perf_counter()
        frames.append(frame_of(draw(scene(pods, change))))
        drawn.append((time.perf_counter() - began_s) * 1000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_CHROMIUM, args=_FLAGS)
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        source = module("cluster_view").replace("export default { render };", "")
        patched = page.evaluate(_IN_BROWSER, [source, STYLE, json.dumps(frames[0]), _changes(frames)])[
            1:
        ]  # the first draws everything
        browser.close()
    return {
        "pods": pods,
        "python_ms": round(statistics.median(drawn), 2),
        "browser_ms": round(statistics.median(patched), 2),
        "browser_p95_ms": round(statistics.quantiles(patched, n=20)[-1], 2),
        "kilobytes": round(len(json.dumps(frames[0])) / 1000, 1),
    }


def _changes(frames: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What differs from the first frame: sent instead of every frame, which takes a test's channel minutes."""
    first = frames[0]["pieces"]
    return [{key: piece for key, piece in frame["pieces"].items() if first.get(key) != piece} for frame in frames]


def widgets() -> Generator[Figure]:
    """How long a picture of 300 Pods takes to follow one change; a browser paints every 16.7 ms."""
    if find_spec("playwright") is None or not Path(_CHROMIUM).exists():
        raise Missing(f"playwright with a chromium at {_CHROMIUM} (CHROMIUM names another)")
    found = measure(300)
    yield Figure("a picture of 300 Pods drawn again, in Python", found["python_ms"], "ms", "lower", aim=20.0)
    yield Figure("and patched in the browser", found["browser_ms"], "ms", "lower", aim=16.7)
    yield Figure("what one picture of 300 Pods weighs", found["kilobytes"], "kB", "lower")
    yield from on_the_stage()
