"""JupyterLab with a course of its own in a headless chromium: one server and one browser for all, a notebook and its
kernel for a module.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import chromium
import pytest
from chromium import LONGEST_MS, TURN_TO, Desk

_PACE = 4
# JupyterLab's own words on the console, which are not ours to mend. The last is the site's kernel for a browser: an
# extension of JupyterLite, in a developer's environment only, which JupyterLab tries to load.
_NOT_OURS = re.compile(
    r"favicon|manifest\.webmanifest|/lsp/|api/contents.*(404|checkpoints)|jupyterlab_server|translations"
    r"|Shared module @jupyterlite/"
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = str(Path(__file__).parent)
    for item in items:
        if str(item.path).startswith(here):
            item.add_marker(pytest.mark.browser)
            if chromium.program() is None:
                item.add_marker(pytest.mark.skip(reason="there is no chromium on this machine (CHROMIUM names one)"))


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@dataclass
class Lab:
    """A running JupyterLab: its address and the folder it serves."""

    url: str
    home: Path

    def statelab(self, *arguments: str) -> str:
        environment = {**os.environ, "STATELAB_HOME": str(self.home)}
        command = [sys.executable, "-m", "statelab", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    home = tmp_path_factory.mktemp("lab")
    (home / "course").mkdir()
    _write_notebook(home / "course" / "00-start-here.ipynb", [])
    port = _free_port()
    environment = {**os.environ, "STATELAB_HOME": str(home), "JUPYTER_CONFIG_DIR": str(home / "jupyter")}
    settings = home / "settings" / "@jupyterlab" / "notebook-extension"
    settings.mkdir(parents=True)
    (settings / "tracker.jupyterlab-settings").write_text('{"windowingMode": "none"}')
    news = home / "settings" / "@jupyterlab" / "apputils-extension"
    news.mkdir()
    (news / "notification.jupyterlab-settings").write_text('{"fetchNews": "false", "checkForUpdates": false}')
    environment["JUPYTERLAB_SETTINGS_DIR"] = str(home / "settings")
    environment |= {"JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"), "IPYTHONDIR": str(home / "ipython")}
    environment.pop("STATELAB_CLUSTER", None)
    command = [sys.executable, "-m", "statelab", "lab", "--no-browser", "--port", str(port), "--pace", str(_PACE)]
    command += ["--allow-root", "--IdentityProvider.token=t", "--LabApp.expose_app_in_browser=True"]
    log = (home / "lab.log").open("wb")
    process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    url = f"http://localhost:{port}"
    try:
        _wait_for(f"{url}/api?token=t", process, home / "lab.log")
        yield Lab(url, home)
    finally:
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
        subprocess.run(
            [sys.executable, "-m", "statelab", "down"], env=environment, capture_output=True, check=False, timeout=120
        )


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline_s = time.monotonic() + LONGEST_MS / 1000
    while True:
        try:
            urllib.request.urlopen(url, timeout=2)
            return
        except OSError:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline_s, log.read_text()
            time.sleep(0.1)


def _write_notebook(path: Path, cells: list[str], outputs: Sequence[dict[str, Any]] = ()) -> None:
    empty = {"cell_type": "code", "metadata": {}, "outputs": list(outputs), "execution_count": None}
    body = {
        "cells": [{**empty, "id": f"cell-{n}", "source": source} for n, source in enumerate(cells)],
        "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }  # fmt: skip
    path.write_text(json.dumps(body))


_PATH = "window.jupyterapp?.shell?.currentWidget?.context?.path"
_KERNEL = "window.jupyterapp?.shell.currentWidget?.sessionContext?.session?.kernel"


@dataclass
class Notebook:
    """A notebook open in a page. `errors`: what the console complained of."""

    page: Any
    lab: Lab
    name: str
    errors: list[str] = field(default_factory=list)
    is_settled: bool = True  # nothing that JupyterLab opens by itself is still to come

    def run(self, index: int) -> Any:
        """Run a cell and wait until it is done; gives back the cell."""
        self.page.evaluate(
            """async index => {
                const panel = window.jupyterapp.shell.currentWidget;
                panel.content.activeCellIndex = index;
                panel.content.deselectAll();
                await window.jupyterapp.commands.execute('notebook:run-cell');
            }""",
            index,
        )
        return self.cell(index)

    def cell(self, index: int) -> Any:
        return self.page.locator(".jp-Notebook .jp-Cell").nth(index)

    def do(self, code: str) -> str:
        """Run code in this notebook's kernel, without a cell. Gives back what it printed."""
        return str(
            self.page.evaluate(
                """async code => {
                    const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
                    let text = '';
                    const future = kernel.requestExecute({code, store_history: false});
                    future.onIOPub = m => {
                        if (m.header.msg_type === 'stream') text += m.content.text;
                        if (m.header.msg_type === 'error') text += m.content.ename + ': ' + m.content.evalue;
                    };
                    await future.done;
                    return text;
                }""",
                code,
            )
        )

    def reload(self, *, with_kernel: bool = True) -> None:
        """Load the page, as on the next day; `with_kernel`: until its kernel is ready."""
        address = f"{self.lab.url}/lab/workspaces/{self.name}/tree/course/{self.name}.ipynb?token=t"
        self.page.goto(address, wait_until="domcontentloaded")
        self.is_settled = with_kernel
        self.wait(with_kernel=with_kernel)

    def wait(self, *, with_kernel: bool = True) -> None:
        self.page.wait_for_function(f"{_PATH} === 'course/{self.name}.ipynb'")
        self.page.wait_for_selector(".jp-Notebook .jp-Cell")
        if with_kernel:
            self.page.wait_for_function(f"() => {_KERNEL}?.status === 'idle'")

    def listen(self) -> None:
        """Hear what the page complains of, until `end()`."""
        self.page.on("console", self._hear)
        self.page.on("pageerror", self._hear_error)

    def end(self) -> None:
        self.page.remove_listener("console", self._hear)
        self.page.remove_listener("pageerror", self._hear_error)

    def _hear(self, message: Any) -> None:
        if _is_ours(message):
            self.errors.append(f"{message.text} {message.location}")

    def _hear_error(self, error: Any) -> None:
        self.errors.append(f"{error} {error.stack}")

    def save(self) -> None:
        self.page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")
        self.page.wait_for_function("!window.jupyterapp.shell.currentWidget.context.model.dirty")

    def end_kernel(self) -> None:
        """Shut it down and let the notebook keep none: its pictures have to do without."""
        self.page.evaluate(
            """async () => {
                const session = window.jupyterapp.shell.currentWidget.sessionContext;
                session.kernelPreference = {...session.kernelPreference, autoStartDefault: false, shouldStart: false};
                await session.shutdown();
            }"""
        )

    def theme(self, name: str) -> None:
        self.page.evaluate("name => window.jupyterapp.commands.execute('apputils:change-theme', {theme: name})", name)
        self.page.wait_for_function(f"document.body.dataset.jpThemeLight === '{str('Light' in name).lower()}'")

    def picture_of(self, index: int, path: Path) -> None:
        self.cell(index).locator(".sl-view, .sl-ask").first.screenshot(path=str(path))


_desks: list[Desk] = []  # one at most


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(nextitem: pytest.Item | None) -> None:
    """The browser ends with this folder's last test: in the event loop that Playwright keeps running, others cannot."""
    if _desks and (nextitem is None or Path(__file__).parent not in nextitem.path.parents):
        _desks.pop().end()


def pytest_sessionfinish() -> None:
    while _desks:  # the run was ended in the middle
        _desks.pop().end()


@pytest.fixture(scope="module")
def desk() -> Desk:
    if not _desks:
        _desks.append(Desk())
    return _desks[0]


@pytest.fixture(scope="module")
def open_notebook(lab: Lab, desk: Desk) -> Iterator[Callable[..., Notebook]]:
    """`open_notebook(name, cells)` opens a notebook with these cells, its kernel ready: a module's first one in a page
    that modules share, the others in pages of their own.
    """
    opened: list[Notebook] = []

    def open_one(
        name: str, cells: list[str], *, width: int = 1280, height: int = 720, outputs: Sequence[dict[str, Any]] = ()
    ) -> Notebook:
        path = lab.home / "course" / f"{name}.ipynb"
        if not path.exists():
            _write_notebook(path, cells, outputs)
        is_first, is_new = not opened, opened or desk.main is None
        page = desk.page(width, height) if is_new else desk.main
        notebook = Notebook(page, lab, name)
        opened.append(notebook)
        notebook.listen()
        desk.main = None if is_first else desk.main
        if is_new:
            notebook.reload()
        else:
            page.set_viewport_size({"width": width, "height": height})
            page.evaluate(TURN_TO, f"course/{name}.ipynb")
            notebook.wait()
        desk.main = page if is_first else desk.main
        return notebook

    yield open_one
    for notebook in opened:
        notebook.end()
        if notebook.page is desk.main and not notebook.is_settled:
            desk.main = None
        if notebook.page is not desk.main:
            notebook.page.close()


def _is_ours(message: Any) -> bool:
    return message.type == "error" and not _NOT_OURS.search(f"{message.text} {message.location}")
