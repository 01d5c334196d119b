"""The course as a static site, in a browser that reaches nothing else: lessons to their end, answers checked, kept and
handed in.

A few of the lessons are run; `STATELAB_TEST_SITE=all` runs every one. The site is built once for each content.
"""

from __future__ import annotations

import functools
import hashlib
import http.server
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from statelab.cluster import Problem

ROOT = Path(__file__).resolve().parents[2]
LESSONS = sorted(each.name for each in (ROOT / "course").glob("*.ipynb"))
CHOSEN = LESSONS if os.environ.get("STATELAB_TEST_SITE") == "all" else [LESSONS[0], LESSONS[4]]
SIZES = Path(__file__).parent / "site_sizes.json"
_LONGEST_MS = 200_000

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
WRITE = """async ([begins, text]) => {
  const notebook = window.jupyterapp.shell.currentWidget;
  await notebook.context.ready;
  for (const cell of notebook.content.model.cells)
    if (cell.sharedModel.source.startsWith(begins)) cell.sharedModel.source = begins + '\\n' + text;
  await window.jupyterapp.commands.execute('docmanager:save');
}"""


def _content_key() -> str:
    """What the site is made of, as one number."""
    digest = hashlib.sha256()
    for name in ("statelab", "grader", "course", "exercises", "constraints.txt"):
        path = ROOT / name
        for each in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if each.is_file() and "__pycache__" not in each.parts:
                digest.update(f"{each.relative_to(ROOT)}\0".encode() + each.read_bytes())
    return digest.hexdigest()[:16]


@pytest.fixture(scope="module")
def site() -> Path:
    pytest.importorskip("jupyterlite_core")
    if shutil.which("npm") is None:
        pytest.skip("there is no npm on this machine: it fetches Pyodide")
    from statelab.site import build, downloads

    built = downloads.cache_folder() / "built"
    folder = built / _content_key()
    if not (folder / "statelab.json").is_file():
        shutil.rmtree(built, ignore_errors=True)
        try:
            build.build(folder)
        except Problem as problem:
            if "could not fetch" in str(problem):
                pytest.skip(f"what the site needs cannot be fetched here: {problem}")
            raise
    return folder


def origin(url: str) -> str:
    return "/".join(url.split("/")[:3]) + "/"


@dataclass
class Browser:
    """A profile of its own, and what went wrong in it."""

    base: str
    context: Any
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def open(self, path: str) -> Any:
        page = self.context.new_page()
        page.set_default_timeout(_LONGEST_MS)
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self._hear)
        page.goto(self.base + path)
        return page

    def _hear(self, message: Any) -> None:
        """JupyterLab asks of whatever looks like a path in an output whether it is one: no is no complaint."""
        url = message.location.get("url", "")
        if message.type == "error" and not ("/api/resolvePath" in url or url.endswith("/all.json")):
            self.complaints.append(f"{message.text} {url}")

    def notebook(self, path: str) -> Any:
        page = self.open(f"lab/index.html?path={path}")
        at = "window.jupyterapp?.shell?.currentWidget?.context"
        page.wait_for_function(f"{at}?.path === {path!r} && {at}.isReady")  # not one of last time, and not half loaded
        page.wait_for_selector(".jp-Notebook .jp-Cell:visible")
        return page

    def foreign(self) -> list[str]:
        """Requests to another origin."""
        return [url for url in self.requests if not url.startswith((origin(self.base), "data:", "blob:"))]


@pytest.fixture(scope="module")
def served(site: Path) -> Iterator[str]:
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            return

    handler = functools.partial(Quiet, directory=str(site.parent))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/{site.name}/"  # under a path, as on Pages
    server.shutdown()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    named = [os.environ.get("CHROMIUM", ""), "/usr/bin/chromium", shutil.which("chromium") or ""]
    program = next(each for each in named if each and Path(each).exists())
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        yield launched
        launched.close()


@pytest.fixture
def browser(served: str, chromium: Any) -> Iterator[Browser]:
    context = chromium.new_context(accept_downloads=True)
    # The machine's network is cut off but for the site.
    home = origin(served)
    context.route(lambda url: not url.startswith((home, "data:", "blob:")), lambda route: route.abort())
    yield Browser(served, context)
    context.close()


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


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("lesson", CHOSEN)
def test_a_lesson_runs_from_its_first_cell_to_its_last(browser, lesson):
    page = browser.notebook(f"course/{lesson}")
    cells = page.evaluate(RUN_ALL)
    assert problems(cells) == []
    assert browser.foreign() == []
    assert browser.complaints == []


PS3_ORDER = """start: [db-0, db-1, db-2]
scale-down: [db-2, db-1]
update: [db-2, db-1, db-0]
kill: [db-1]
bad-image: [db-2]"""


def graded_by_the_teacher(handed_in: str, course: Path, assignment: str = "ps3") -> dict[str, float]:
    """What `grader run` gives for each task of the file that was handed in."""
    course.mkdir(mode=0o700)
    with zipfile.ZipFile(handed_in) as unpacked:
        unpacked.extractall(course)
    assert (course / "submitted/alice" / assignment / "timestamp.txt").is_file()
    shutil.copy(ROOT / "nbgrader_config.py", course)
    shutil.copytree(ROOT / "solutions", course / "solutions")
    run = functools.partial(subprocess.run, capture_output=True, text=True, cwd=course, timeout=200, check=False)
    made = run([sys.executable, "-m", "nbgrader", "generate_assignment", assignment])
    assert made.returncode == 0, made.stderr[-2000:]
    program = "from grader.cli import main; main()"
    done = run([sys.executable, "-c", program, "run", assignment, "--course", str(course), "--json", "--jobs", "1"])
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    (alice,) = json.loads(done.stdout)["students"]
    return alice["tasks"]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_answers_are_checked_kept_through_a_reload_and_graded_as_they_were_checked(browser, tmp_path):
    page = browser.notebook("exercises/ps3/ps3.ipynb")
    page.evaluate(WRITE, ["%%answer ps3.order", PS3_ORDER])
    page.reload()
    page.wait_for_function("window.jupyterapp?.shell?.currentWidget?.context?.path === 'exercises/ps3/ps3.ipynb'")
    cells = page.evaluate(RUN_ALL)
    assert problems(cells) == []
    assert any(PS3_ORDER in cell["source"] for cell in cells), "what was written is gone after a reload"
    checked = checks(cells)
    page.close()
    graded = graded_by_the_teacher(handed_in(browser, "ps3"), tmp_path / "class")
    assert checked["ps3.order"][0] == graded["ps3.order"] > 0
    assert browser.foreign() == []


def checks(cells: list[dict[str, Any]]) -> dict[str, tuple[float, float]]:
    """What `check()` gave, and of how many points that are seen before handing in, for each task."""
    found = {}
    for cell in cells:
        if cell["source"].startswith("check("):
            task = cell["source"].split('"')[1]
            line = next(line for line in said(cell).splitlines() if line.startswith(task))
            found[task] = (float(line.split()[1]), float(line.split()[3]))
    return found


def handed_in(browser: Browser, assignment: str) -> str:
    """The file that the landing page makes to hand in."""
    landing = browser.open("index.html")
    landing.select_option("#assignment", assignment)
    landing.fill("#student", "alice")
    with landing.expect_download() as download:
        landing.click("#hand-in")
    assert download.value.suggested_filename == f"alice_{assignment}.zip"
    return str(download.value.path())


ANSWER = """async (answers) => {
  const notebook = window.jupyterapp.shell.currentWidget;
  await notebook.context.ready;
  for (const cell of notebook.content.model.cells) {
    const answer = answers[cell.metadata?.nbgrader?.grade_id];
    if (answer !== undefined) cell.sharedModel.source = answer;
  }
  await window.jupyterapp.commands.execute('docmanager:save');
}"""


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.skipif(CHOSEN != LESSONS, reason="STATELAB_TEST_SITE=all judges part two's assignments, too")
@pytest.mark.parametrize("assignment", ["ps7", "ps8", "ps9", "final"])
def test_model_answers_of_part_two_earn_in_a_tab_what_they_earn_at_the_teachers(browser, tmp_path, assignment):
    source = json.loads((ROOT / "solutions" / assignment / f"{assignment}.ipynb").read_text())
    settings = [(each["metadata"].get("nbgrader", {}), "".join(each["source"])) for each in source["cells"]]
    answers = {
        each["grade_id"]: re.sub(r"### (BEGIN|END) SOLUTION\n?", "", text)
        for each, text in settings
        if each.get("solution")
    }
    page = browser.notebook(f"exercises/{assignment}/{assignment}.ipynb")
    page.evaluate(ANSWER, answers)
    cells = page.evaluate(RUN_ALL)
    assert problems(cells) == []
    checked = checks(cells)
    assert len(checked) == len(answers) and all(earned == of for earned, of in checked.values()), checked
    page.close()
    graded = graded_by_the_teacher(handed_in(browser, assignment), tmp_path / "class", assignment)
    assert set(graded) == set(checked) and all(graded[task] >= earned for task, (earned, _) in checked.items())
    assert sum(graded.values()) == sum(each["points"] for each, _ in settings if each.get("grade"))
    assert browser.complaints == []


@pytest.mark.timeout(300)
def test_all_work_goes_out_as_one_file_and_comes_in_again_elsewhere(browser, served, chromium, tmp_path):
    page = browser.notebook("exercises/ps3/ps3.ipynb")
    page.evaluate(WRITE, ["%%answer ps3.order", PS3_ORDER])
    page.close()
    landing = browser.open("index.html")
    with landing.expect_download() as download:
        landing.click("#export")
    saved = tmp_path / "work.zip"
    download.value.save_as(saved)
    with zipfile.ZipFile(saved) as work:
        assert work.testzip() is None
        assert "db-0, db-1, db-2" in work.read("work/exercises/ps3/ps3.ipynb").decode()

    context = chromium.new_context()
    other = Browser(served, context)
    elsewhere = other.notebook("course/00-start-here.ipynb")
    elsewhere.evaluate("async () => window.jupyterapp.commands.execute('docmanager:save')")
    elsewhere.close()
    landing = other.open("index.html")
    landing.set_input_files("#import", saved)
    landing.wait_for_function("document.getElementById('answer').textContent.includes('files are back')")
    page = other.notebook("exercises/ps3/ps3.ipynb")
    sources = page.evaluate("() => window.jupyterapp.shell.currentWidget.content.model.cells.model?.toString() ?? ''")
    text = page.evaluate(
        "async () => { const n = window.jupyterapp.shell.currentWidget; await n.context.ready;"
        " return JSON.stringify(n.context.model.toJSON()); }"
    )
    assert "db-0, db-1, db-2" in text, sources
    landing.set_input_files("#import", ROOT / "pyproject.toml")
    landing.wait_for_function("document.getElementById('answer').textContent.startsWith('This is no file')")
    context.close()


def test_a_browser_that_cannot_is_told_so_in_a_sentence(served, chromium):
    context = chromium.new_context()
    context.add_init_script("delete window.WebAssembly")
    page = Browser(served, context).open("index.html")
    page.wait_for_selector("#problem:not([hidden])")
    assert "too old" in page.inner_text("#problem")
    assert page.is_hidden("#begin")
    page.wait_for_function("document.getElementById('assignment').options.length > 0")
    assert page.input_value("#assignment") == "ps1"
    titles = page.locator("#pages a").all_text_contents()
    assert len(titles) == len(LESSONS) + len(list((ROOT / "exercises").glob("*/*.ipynb"))) and all(titles)
    context.close()


def test_a_page_that_may_keep_nothing_says_so_before_anything_is_written(served, chromium):
    context = chromium.new_context()
    context.add_init_script("indexedDB.open = () => { throw new DOMException('denied', 'SecurityError'); }")
    page = Browser(served, context).open("index.html")
    page.wait_for_selector("#problem:not([hidden])")
    assert "private window" in page.inner_text("#problem")
    assert page.is_visible("#begin")
    context.close()


LESSON = f"course/{LESSONS[0]}"
SOURCE = "() => window.jupyterapp.shell.currentWidget.content.model.sharedModel.cells.at(-1).source"
CHANGE = """(text) => {
  const {content, context} = window.jupyterapp.shell.currentWidget;
  content.model.sharedModel.cells.at(-1).source = text;
  void window.jupyterapp.commands.execute('docmanager:save');
}"""
IS_SAVED = "() => !window.jupyterapp.shell.currentWidget.context.model.dirty"


@pytest.mark.timeout(300)
def test_a_page_that_is_loaded_again_at_once_shows_its_notebook(browser):
    """JupyterLite takes the notebook out of the address, and remembers which were open only seconds later."""
    page = browser.notebook(LESSON)
    page.reload()
    page.wait_for_function(f"window.jupyterapp?.shell?.currentWidget?.context?.path === {LESSON!r}")
    page.wait_for_selector(".jp-Notebook .jp-Cell:visible")
    page.evaluate(f"window.jupyterapp.commands.execute('docmanager:open', {{path: 'course/{LESSONS[1]}'}})")
    page.wait_for_url(f"**path=course%2F{LESSONS[1]}")

    # A tab that is closed in the middle of a write leaves the notebook of before or the new one, whole.
    at = "window.jupyterapp.shell.currentWidget.context"
    page.wait_for_function(f"{at}.path === 'course/{LESSONS[1]}' && {at}.isReady")
    before = page.evaluate(SOURCE)
    page.evaluate(
        f"(text) => {{ for (let n = 0; n < 20; n++) ({CHANGE})(text + n); }}", "# written at the last moment "
    )
    page.close()
    after = browser.notebook(f"course/{LESSONS[1]}").evaluate(SOURCE)
    assert after == before or re.fullmatch(r"# written at the last moment \d+", after), after


@pytest.mark.timeout(300)
def test_of_two_tabs_the_second_is_told_and_neither_writes_over_the_other_unasked(browser):
    first, second = browser.notebook(LESSON), browser.notebook(LESSON)
    second.locator("#statelab-notice", has_text="open in another tab").wait_for()
    assert first.locator("#statelab-notice").count() == 0
    first.evaluate(CHANGE, "# written in the first tab")
    first.wait_for_function(IS_SAVED)
    second.evaluate(CHANGE, "# written in the second tab")
    asked = second.locator(".jp-Dialog")
    asked.wait_for()
    assert "changed" in asked.inner_text().lower()
    asked.get_by_role("button", name="Revert").click()  # what the first has saved is still there
    second.wait_for_function(f"{SOURCE[6:]} === '# written in the first tab'")
    first.close()
    second.locator("#statelab-notice").wait_for(state="detached")


@pytest.mark.timeout(300)
def test_a_browser_without_room_says_that_the_change_is_not_kept_and_keeps_it_in_the_tab(browser):
    browser.context.add_init_script(
        """const put = IDBObjectStore.prototype.put;
        IDBObjectStore.prototype.put = function (...what) {
          if (window.isFull) throw new DOMException('full', 'QuotaExceededError');
          return put.apply(this, what);
        };"""
    )
    page = browser.notebook(LESSON)
    page.evaluate("window.isFull = true")
    page.evaluate(CHANGE, "# there is no room for this")
    notice = page.locator("#statelab-notice", has_text="could not be kept")
    notice.wait_for()
    page.keyboard.press("Escape")  # JupyterLab's own word
    assert page.evaluate(SOURCE) == "# there is no room for this"
    page.evaluate("window.isFull = false")
    page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")
    notice.wait_for(state="detached")
    page.reload()
    page.wait_for_function(f"window.jupyterapp?.shell?.currentWidget?.context?.path === {LESSON!r}")
    page.wait_for_function(f"{SOURCE[6:]} === '# there is no room for this'")


@pytest.mark.timeout(300)
def test_a_private_window_opens_the_lesson_and_says_that_nothing_is_kept_also_on_a_phone(served, chromium):
    context = chromium.new_context(viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True)
    context.add_init_script("indexedDB.open = () => { throw new DOMException('denied', 'SecurityError'); }")
    page = Browser(served, context).notebook(LESSON)
    notice = page.locator("#statelab-notice", has_text="keeps nothing")
    notice.wait_for()
    assert notice.bounding_box()["width"] <= 390
    width = "document.querySelector('.jp-Notebook').getBoundingClientRect().width"
    page.wait_for_function(f"{width} > 280")  # the list of files does not take the text's place
    context.close()


def test_the_site_has_not_grown(site):
    """Written anew with: python -m statelab site --json, when it grew for a reason."""
    expected = json.loads(SIZES.read_text())
    found = json.loads((site / "statelab.json").read_text())["bytes"]
    assert set(found) == set(expected)
    for part, size in found.items():
        if part in ("notebooks", "other"):  # a lesson more is no growth to be afraid of; the total counts it
            continue
        assert size <= expected[part] * 1.05, f"{part}: {size} bytes, {expected[part]} were expected"
    assert found["total"] < 70_000_000
    assert "!enableCache" in (site / "service-worker.js").read_text()  # it does not stand between a page and its files
    for wheel in (site / "static" / "pyodide").glob("*.whl"):
        assert not [name for name in zipfile.ZipFile(wheel).namelist() if name.endswith(".py")], "compile.mjs"
    assert not list(site.rglob("*.map"))
