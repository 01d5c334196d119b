"""The course in a browser tab: how large, how soon the first cell, how long a lesson, how much memory.

It needs what `statelab site` needs, playwright and a chromium (CHROMIUM names one).
"""

from __future__ import annotations

import functools
import http.server
import os
import tempfile
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks.figure import Figure, Missing

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
LONGEST_MS = 300_000
_LESSON = "course/04-statefulset-names-that-stay.ipynb"
_RUN = """async (only) => {
  const notebook = window.jupyterapp.shell.currentWidget;
  await notebook.context.ready;
  await notebook.sessionContext.ready;
  const kernel = notebook.sessionContext.session.kernel;
  for (const cell of notebook.content.model.cells) {
    if (cell.type !== 'code') continue;
    await kernel.requestExecute({code: cell.sharedModel.source}).done;
    if (only) break;
  }
}"""
_PODS = """
from statelab.controlplane import ControlPlane
import pyodide_js
plane = ControlPlane()
template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "main", "image": "nginx:1.27"}]}}
spec = {"replicas": 100, "selector": {"matchLabels": {"app": "web"}}, "template": template}
plane.create({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec})
plane.settle()
ready = sum(pod["status"]["phase"] == "Running" for pod in plane.list("pods", "default"))
print(ready, pyodide_js._module.HEAP8.length)
"""
ASK = """async (code) => {
  const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
  const said = [];
  const asked = kernel.requestExecute({code});
  asked.onIOPub = (message) => said.push(message.content.text ?? message.content.evalue ?? '');
  await asked.done;
  return said.join('');
}"""


def browser() -> Generator[Figure]:
    """The course as a static site, in a tab."""
    for needed in ("playwright", "jupyterlite_core"):
        if find_spec(needed) is None:
            raise Missing(needed)
    if not Path(CHROMIUM).exists():
        raise Missing("a chromium")
    from playwright.sync_api import sync_playwright

    from statelab.cluster import Problem
    from statelab.site.build import build

    with tempfile.TemporaryDirectory(prefix="statelab-bench-") as name:
        site = Path(name, "site")
        try:
            counted = build(site)
        except Problem as problem:
            raise Missing(str(problem)) from None
        yield Figure("the site on disk", counted["total"] / 1e6, "MB", "lower", aim=70)
        with served(site) as (base, sent), sync_playwright() as playwright:
            context = playwright.chromium.launch_persistent_context(
                str(Path(name, "profile")), executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
            )
            cold_s = _first_cell(context, base)
            yield Figure("first cell of lesson 00, cold", cold_s, "s", "lower", aim=20)
            yield Figure("over the wire until then", sent[0] / 1e6, "MB", "lower", aim=30)
            yield Figure("first cell of lesson 00, warm", _first_cell(context, base), "s", "lower", aim=8)
            page = _opened(context, base, _LESSON)
            page.evaluate(_RUN, True)
            began_s = time.monotonic()
            page.evaluate(_RUN, False)
            yield Figure("lesson 04, every cell, at kind's pace", time.monotonic() - began_s, "s", "lower")
            ready, heap = page.evaluate(ASK, _PODS).split()
            assert ready == "100", ready
            yield Figure("the tab's heap with 100 Pods", int(heap) / 1e6, "MB", "lower", aim=400)
            context.close()


def _first_cell(context: Any, base: str) -> float:
    """Seconds from opening the lesson until its first cell is done."""
    began_s = time.monotonic()
    page = _opened(context, base, "course/00-start-here.ipynb")
    page.evaluate(_RUN, True)
    took_s = time.monotonic() - began_s
    page.close()
    return took_s


def _opened(context: Any, base: str, path: str) -> Any:
    page = context.new_page()
    page.set_default_timeout(LONGEST_MS)
    page.goto(f"{base}lab/index.html?path={path}")
    page.wait_for_function(f"window.jupyterapp?.shell?.currentWidget?.context?.path === {path!r}")
    return page


@contextmanager
def served(site: Path) -> Iterator[tuple[str, list[int]]]:
    """The site's address, and how many bytes were sent, compressed as servers do it by themselves: not at all."""
    sent = [0]

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            return

        def copyfile(self, source: Any, outputfile: Any) -> None:
            content = source.read()
            sent[0] += len(content)
            outputfile.write(content)

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/", sent
    finally:
        server.shutdown()
