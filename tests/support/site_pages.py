"""What the tests of the course in a tab share: the site, built once for a content; its pages; a teacher who grades."""

from __future__ import annotations

import fcntl
import functools
import hashlib
import http.server
import json
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from chromium import TURN_TO

from statelab.cluster import Problem

ROOT = Path(__file__).resolve().parents[2]
AT = "window.jupyterapp?.shell?.currentWidget?.context"

RUN_ALL = """async () => {
  const notebook = window.jupyterapp.shell.currentWidget;
  await notebook.context.ready;
  await notebook.sessionContext.ready;
  await window.jupyterapp.commands.execute('notebook:run-all-cells');
  const found = [];
  for (const cell of notebook.content.model.cells) {
    if (cell.type !== 'code') continue;
    const outputs = [];
    for (let at = 0; at < cell.outputs.length; at++) outputs.push(cell.outputs.get(at).toJSON());
    found.push({source: cell.sharedModel.source, count: cell.executionCount, outputs});
  }
  await window.jupyterapp.commands.execute('docmanager:save');
  return found;
}"""
# Another notebook in the place of the one that is open, with its kernel: to begin one costs five seconds.
GO_ON_IN = """async (path) => {
  const {commands, shell} = window.jupyterapp;
  const before = shell.currentWidget;
  const {id, name} = before.sessionContext.session.kernel;
  const opened = await commands.execute('docmanager:open', {path, kernel: {id, name}});
  before.dispose();
  shell.activateById(opened.id);
}"""
WRITE = """async (answers) => {
  const notebook = window.jupyterapp.shell.currentWidget;
  await notebook.context.ready;
  for (const cell of notebook.content.model.cells) {
    const answer = answers[cell.metadata?.nbgrader?.grade_id];
    if (answer !== undefined) cell.sharedModel.source = answer;
  }
  await window.jupyterapp.commands.execute('docmanager:save');
}"""


# ---- the site


def _content_key() -> str:
    """What the site is made of, as one number."""
    digest = hashlib.sha256()
    for name in ("statelab", "grader", "course", "exercises", "constraints.txt"):
        path = ROOT / name
        for each in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if each.is_file() and "__pycache__" not in each.parts:
                digest.update(f"{each.relative_to(ROOT)}\0".encode() + each.read_bytes())
    return digest.hexdigest()[:16]


@contextmanager
def built() -> Iterator[Path]:
    """The site of this content: made by who comes first, kept while anybody uses it. Skips where none can be made."""
    from statelab.site import build, downloads

    folder = downloads.cache_folder() / "built"
    folder.mkdir(exist_ok=True)
    mine = folder / _content_key()
    with mine.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (mine / "statelab.json").is_file():
            try:
                build.build(mine)
            except Problem as problem:
                if "could not fetch" in str(problem):
                    pytest.skip(f"what the site needs cannot be fetched here: {problem}")
                raise
        fcntl.flock(lock, fcntl.LOCK_SH)
        _clear(folder, mine)
        yield mine


def _clear(folder: Path, mine: Path) -> None:
    """Remove the sites of other contents that nobody uses now: another run on this machine may use one."""
    for other in folder.iterdir():
        if other.is_dir() and other != mine:
            with other.with_suffix(".lock").open("w") as lock:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    continue
                shutil.rmtree(other, ignore_errors=True)


@dataclass
class Served:
    """The site under `base`. Where `kernels` is not set, a page waits for its Python as over a slow network."""

    base: str
    kernels: threading.Event


@contextmanager
def serve(site: Path) -> Iterator[Served]:
    kernels = threading.Event()
    kernels.set()

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            return

        def do_GET(self) -> None:
            if self.path.endswith("/pyodide.mjs"):
                kernels.wait()
            with suppress(ConnectionError):  # the page was closed meanwhile
                super().do_GET()

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(site.parent)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield Served(f"http://127.0.0.1:{server.server_port}/{site.name}/", kernels)  # under a path, as on Pages
    finally:
        kernels.set()
        server.shutdown()


# ---- a learner's browser


@dataclass
class Browser:
    """A learner's profile, and what went wrong in it."""

    base: str
    context: Any
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def open(self, path: str) -> Any:
        page = self.context.new_page()
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self._hear)
        page.goto(self.base + path)
        return page

    def _hear(self, message: Any) -> None:
        """JupyterLab asks of whatever looks like a path in an output whether it is one: no is no complaint. And the
        browser asks for an icon of the whole server.
        """
        url = message.location.get("url", "")
        if message.type == "error" and not ("/api/resolvePath" in url or url.endswith(("/all.json", "/favicon.ico"))):
            self.complaints.append(f"{message.text} {url}")

    def notebook(self, path: str, page: Any = None, *, anew: bool = True) -> Any:
        """The notebook in a new page, or in that one, in the place of what is open there (`anew`: a new kernel)."""
        if page is None:
            page = self.open(f"lab/index.html?path={path}")
        else:
            page.evaluate(TURN_TO if anew else GO_ON_IN, path)
        page.wait_for_function(f"{AT}?.path === {path!r} && {AT}.isReady")  # not one of last time, not half loaded
        page.wait_for_selector(".jp-Notebook .jp-Cell:visible")
        return page

    def foreign(self) -> list[str]:
        """Requests to another origin."""
        origin = "/".join(self.base.split("/")[:3]) + "/"
        return [url for url in self.requests if not url.startswith((origin, "data:", "blob:"))]

    def handed_in(self, assignment: str) -> Path:
        """The file that the landing page makes to hand in."""
        landing = self.open("index.html")
        landing.select_option("#assignment", assignment)
        landing.fill("#student", "alice")
        with landing.expect_download() as download:
            landing.click("#hand-in")
        assert download.value.suggested_filename == f"alice_{assignment}.zip"
        path = Path(download.value.path())
        landing.close()
        return path


# ---- what a notebook that has run says


def problems(cells: list[dict[str, Any]]) -> list[str]:
    """Cells that did not run, or ended in an error. An empty one, for the learner to write in, does not run."""
    found = [f"not run: {cell['source'][:60]}" for cell in cells if cell["count"] is None and cell["source"].strip()]
    for cell in cells:
        for output in cell["outputs"]:
            if output["output_type"] == "error":
                found.append(f"{output['ename']}: {output['evalue']} in {cell['source'][:60]}")
    return found


def said(cell: dict[str, Any]) -> str:
    texts = [each.get("text", "") or each.get("data", {}).get("text/plain", "") for each in cell["outputs"]]
    return "".join("".join(each) for each in texts)


def checks(cells: list[dict[str, Any]]) -> dict[str, tuple[float, float]]:
    """What `check()` gave, and of how many points that are seen before handing in, for each task."""
    found = {}
    for cell in cells:
        if cell["source"].startswith("check("):
            task = cell["source"].split('"')[1]
            line = next(line for line in said(cell).splitlines() if line.startswith(task))
            found[task] = (float(line.split()[1]), float(line.split()[3]))
    return found


def graded_by_the_teacher(handed_in: Path, course: Path, assignment: str) -> dict[str, float]:
    """What `grader run` gives for each task of the file that was handed in."""
    course.mkdir(mode=0o700)
    with zipfile.ZipFile(handed_in) as unpacked:
        unpacked.extractall(course)
    assert (course / "submitted/alice" / assignment / "timestamp.txt").is_file()
    shutil.copy(ROOT / "nbgrader_config.py", course)
    shutil.copytree(ROOT / "solutions" / assignment, course / "solutions" / assignment)
    run = functools.partial(subprocess.run, capture_output=True, text=True, cwd=course, check=False)
    made = run([sys.executable, "-m", "nbgrader", "generate_assignment", assignment])
    assert made.returncode == 0, made.stderr[-2000:]
    program = "from grader.cli import main; main()"
    done = run([sys.executable, "-c", program, "run", assignment, "--course", str(course), "--json", "--jobs", "1"])
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    (alice,) = json.loads(done.stdout)["students"]
    tasks: dict[str, float] = alice["tasks"]
    return tasks
