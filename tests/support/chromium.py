"""The chromium of the browser tests: which, how it is started, and one for all tests that follow each other."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

_PLACES = ("/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome")
_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    # The machine's network is cut off: a page reaches what this machine serves, and nothing else.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
]
# Another notebook in the same page: what is open is closed, and its kernel ended. To load JupyterLab anew
# would take five seconds of a processor.
TURN_TO = """async (path) => {
  const app = window.jupyterapp;
  await app.restored;
  const {sessions, terminals} = app.serviceManager;
  for (const widget of [...app.shell.widgets('main')]) {
    const kernel = widget.sessionContext?.session?.id, terminal = widget.content?.session?.name;
    if (kernel) await sessions.shutdown(kernel);
    else if (terminal) await terminals.shutdown(terminal);
    widget.dispose();
  }
  if (app.shell.leftCollapsed) app.shell.expandLeft();
  if (document.body.dataset.jpThemeLight === 'false')
    await app.commands.execute('apputils:change-theme', {theme: 'JupyterLab Light'});
  await app.commands.execute('filebrowser:refresh');
  const opened = await app.commands.execute('docmanager:open', {path});
  await opened.context.ready;
  app.shell.activateById(opened.id);
}"""
# What is waited for may take as long as a test may (pyproject.toml): a slow machine is no fault, and a hang ends there.
LONGEST_MS = 280_000


def program() -> str | None:
    named = [os.environ.get("CHROMIUM", ""), *_PLACES]
    return next((each for each in named if each and Path(each).exists()), None) or shutil.which("chromium")


class Desk:
    """A chromium, with one profile for JupyterLab: what one page has fetched, the next finds there."""

    def __init__(self) -> None:
        playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
        self._started = playwright.sync_playwright().start()
        self.chromium = self._started.chromium.launch(executable_path=program(), args=_FLAGS)
        self._context: Any = None
        self.main: Any = None  # the page in which one module after the other opens its notebook

    def page(self, width: int, height: int) -> Any:
        """A new page in the profile of JupyterLab. Whoever opens it closes it."""
        if self._context is None:
            self._context = self.context(reduced_motion="reduce")
        page = self._context.new_page()
        page.set_viewport_size({"width": width, "height": height})
        return page

    def context(self, **settings: Any) -> Any:
        """A new profile. Whoever makes it closes it."""
        made = self.chromium.new_context(**settings)
        made.set_default_timeout(LONGEST_MS)
        return made

    def end(self) -> None:
        self.chromium.close()
        self._started.stop()
