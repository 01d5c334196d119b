"""Takes the pages' screenshots in docs/pictures/: `python docs/screenshots.py`. Needs a chromium (CHROMIUM names one).

JupyterLab runs as `statelab lab` starts it, in a folder of its own, with a notebook whose cells are below; a browser
without a window runs them, does what a reader would do, and photographs each picture. The drawings are record.py's.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, sync_playwright

HERE = Path(__file__).parent
WEB = HERE.parent / "course" / "manifests" / "06-web.yaml"
_CHROMIUMS = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
_READY_WITHIN_S = 60

SETUP = """
from statelab.notebook import connect, edit, report, show, side_by_side, stage, timeline
%load_ext statelab
cluster = connect().fresh("shop")
WEB = open("web.yaml").read()
cluster.kubectl("apply -f -", stdin=WEB)
cluster.wait("sts/web", "Rollout")
cluster.kubectl("delete pod web-1")
cluster.wait("sts/web", "Rollout")
cluster.kubectl("scale statefulset web --replicas=2")
cluster.wait("pod/web-2", "Deleted")
WRONG = "---".join(WEB.split("---")[1:]).strip().replace("serviceName", "servicename")
VERDICT = {"task": "ps3.identity", "score": 10, "max": 16, "checks": [
    {"id": "pods", "title": "Three Pods run: web-0, web-1, web-2", "points": 5, "max": 5, "message": ""},
    {"id": "back", "title": "A Pod that is killed comes back as itself", "points": 5, "max": 5, "message": "",
     "evidence": ["  0.0 s  pod/web-1 deleted", "  2.1 s  pod/web-1 gone", "  2.1 s  pod/web-1 created",
                  "  3.9 s  pod/web-1 ready"]},
    {"id": "peers", "title": "Peers find each other by name", "points": 0, "max": 6, "line": 11,
     "message": "StatefulSet web says serviceName: ngnix, and there is no Service of that name. Did you mean nginx?",
     "hints": ["Which Service gives a StatefulSet's Pods their names?", "Compare serviceName with its name."]}]}
"""


def select(cell: Locator) -> None:
    cell.locator('g[data-key="pod/web-1"]').click()
    cell.locator(".sl-panel h4").wait_for()


def treat_both(cell: Locator) -> None:
    cell.get_by_role("button", name="Start both").click()
    cell.locator('g[data-key="pod/web-statefulset-2"].ready').wait_for()
    cell.get_by_role("button", name="Kill one Pod of each").click()
    cell.locator("td", has_text="≠ new").first.wait_for()
    cell.locator('g[data-key="pod/web-statefulset-2"].ready').wait_for()


def rewind(cell: Locator) -> None:
    slider = cell.locator("input[type=range]").first
    slider.fill(str(int(slider.get_attribute("max") or "0") * 2 // 3))
    cell.locator("button", has_text="Mark this moment").click()


def foreseen(cell: Locator) -> None:
    cell.locator(".sl-coming", has_text="It would be refused").wait_for()  # it looks ahead for a while


def hint(cell: Locator) -> None:
    cell.locator("summary", has_text="Hint 1").click()


# file → theme, cell, what the reader does before it is taken
SHOTS: dict[str, tuple[str, str, Callable[[Locator], None] | None]] = {
    "cluster-view.png": ("JupyterLab Light", "show(buttons=True)", select),
    "timeline-dark.png": ("JupyterLab Dark", "timeline('sts/web')", rewind),
    "manifest-editor-dark.png": ("JupyterLab Dark", "edit(WRONG)", foreseen),
    "report.png": ("JupyterLab Light", "report(VERDICT)", hint),
    "side-by-side.png": ("JupyterLab Light", "cluster.fresh('both'); side_by_side()", treat_both),
}


# Beside the text: the whole window, after the last of these cells.
STAGE = ["cluster.use('shop')\nstage()", "%kubectl delete pod web-1", "show()"]


@contextmanager
def jupyterlab(home: Path, sources: Sequence[str], pace: str = "2") -> Iterator[str]:
    """A running JupyterLab with a notebook of these cells; gives its address."""
    course = home / "course"
    course.mkdir(parents=True)
    shutil.copy(WEB, course / "web.yaml")
    cells = [
        {
            "cell_type": "code",
            "id": f"cell-{n}",
            "metadata": {},
            "outputs": [],
            "execution_count": None,
            "source": source,
        }
        for n, source in enumerate(sources)
    ]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    body = {"cells": cells, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}
    (course / "00-start-here.ipynb").write_text(json.dumps(body), encoding="utf-8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {name: value for name, value in os.environ.items() if name != "STATELAB_CLUSTER"}
    for name in ("JUPYTER_CONFIG_DIR", "JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR", "IPYTHONDIR"):
        environment[name] = str(home / name.lower())
    environment["STATELAB_HOME"] = str(home)
    settings = home / "jupyterlab_settings_dir" / "@jupyterlab" / "notebook-extension"
    settings.mkdir(parents=True)
    (settings / "tracker.jupyterlab-settings").write_text('{"windowingMode": "none"}', encoding="utf-8")
    command = [sys.executable, "-m", "statelab", "lab", "--no-browser", "--port", str(port), "--pace", pace]
    command += ["--allow-root", "--IdentityProvider.token=t", "--LabApp.expose_app_in_browser=True"]
    with (home / "lab.log").open("wb") as log:
        lab = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        until_s = time.monotonic() + _READY_WITHIN_S
        while not answers(f"http://localhost:{port}/api?token=t"):
            if lab.poll() is not None or time.monotonic() > until_s:
                raise SystemExit((home / "lab.log").read_text(encoding="utf-8"))
            time.sleep(0.2)
        yield f"http://localhost:{port}/lab/tree/course/00-start-here.ipynb?token=t"
    finally:
        lab.terminate()
        lab.wait(30)


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2):
            return True
    except OSError:
        return False


def run(page: Page, index: int) -> Locator:
    page.evaluate(
        """async index => {
            window.jupyterapp.shell.currentWidget.content.activeCellIndex = index;
            await window.jupyterapp.commands.execute('notebook:run-cell');
        }""",
        index,
    )
    return page.locator(".jp-Notebook .jp-Cell").nth(index)


def opened(page: Page, address: str) -> None:
    """The notebook, its kernel ready."""
    page.goto(address, wait_until="domcontentloaded")
    page.wait_for_selector(".jp-Notebook .jp-Cell")
    page.wait_for_function("window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel?.status === 'idle'")


def take(page: Page, address: str, folder: Path) -> None:
    """Every screenshot, into the folder."""
    opened(page, address)
    run(page, 0)
    for index, (file, (theme, _, act)) in enumerate(SHOTS.items(), 1):
        page.evaluate("name => window.jupyterapp.commands.execute('apputils:change-theme', {theme: name})", theme)
        page.wait_for_function(f"document.body.dataset.jpThemeLight === '{str('Light' in theme).lower()}'")
        cell = run(page, index)
        cell.locator(".sl-view").wait_for()
        if act is not None:
            act(cell)
        page.mouse.move(0, 0)
        page.wait_for_timeout(700)  # what moves has come to rest
        cell.locator(".sl-view").first.screenshot(path=str(folder / file), animations="disabled")
        print(f"{file:24} {(folder / file).stat().st_size / 1000:7.1f} kB")
    take_stage(page, folder / "stage.png")


def take_stage(page: Page, path: Path) -> None:
    """The stage beside a notebook, in a window as wide as a small laptop's."""
    page.evaluate("window.jupyterapp.commands.execute('apputils:change-theme', {theme: 'JupyterLab Light'})")
    page.set_viewport_size({"width": 1280, "height": 720})
    first = 1 + len(SHOTS)
    run(page, first)
    page.locator(".sl-stage").wait_for()
    for index in range(first + 1, first + len(STAGE)):
        cell = run(page, index)
        page.locator('.sl-stage .sl-now g[data-key="pod/web-1"].ready').wait_for()
    cell.scroll_into_view_if_needed()
    page.mouse.move(0, 0)
    page.wait_for_timeout(1500)
    page.screenshot(path=str(path), animations="disabled")
    print(f"{path.name:24} {path.stat().st_size / 1000:7.1f} kB")


@contextmanager
def window(sources: Sequence[str], width: int, height: int, pace: str = "2") -> Iterator[tuple[Page, str]]:
    """A browser's window, and the address of a notebook with these cells in a JupyterLab of its own."""
    found: Any = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, _CHROMIUMS)), None)
    if found is None:
        raise SystemExit("There is no chromium on this machine; CHROMIUM names one elsewhere.")
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        jupyterlab(Path(folder, "home"), sources, pace) as address,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=found, args=_FLAGS)
        page = browser.new_page(viewport={"width": width, "height": height})
        page.set_default_timeout(60_000)
        yield page, address
        browser.close()


def main() -> None:
    """Take them all."""
    with window([SETUP, *(cell for _, cell, _ in SHOTS.values()), *STAGE], 1280, 1500) as (page, address):
        take(page, address, HERE / "pictures")


if __name__ == "__main__":
    main()
