"""The course as a static site, in a browser that reaches nothing else: lessons to their end, answers checked, kept and
handed in.

A few of the lessons are run, those in which changes elsewhere have broken a tab, one after the other in one kernel and
with a faster cluster; `STATELAB_TEST_SITE=all` runs every one as a learner does.
The site is built once for each content.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from site_pages import AT, ROOT, RUN_ALL, WRITE, Browser, Served, built, checks, graded_by_the_teacher, problems, serve

LESSONS = sorted(each.name for each in (ROOT / "course").glob("*.ipynb"))
ALL = os.environ.get("STATELAB_TEST_SITE") == "all"
CHOSEN = LESSONS if ALL else [LESSONS[0], LESSONS[4], LESSONS[6], LESSONS[13]]
SIZES = Path(__file__).parent / "site_sizes.json"


@pytest.fixture(scope="module")
def site() -> Iterator[Path]:
    pytest.importorskip("jupyterlite_core")
    if shutil.which("npm") is None:
        pytest.skip("there is no npm on this machine: it fetches Pyodide")
    with built() as folder:
        yield folder


@pytest.fixture(scope="module")
def served(site: Path) -> Iterator[Served]:
    with serve(site) as served:
        yield served


@dataclass
class Learner(Browser):
    """One who goes from notebook to notebook in the same page."""

    page: Any = None

    def turn_to(self, path: str, *, anew: bool = True) -> Any:
        """The notebook with a kernel of its own; not `anew`: with the one that is there."""
        page, self.page = self.page, None  # where this fails, the next begins with a new one
        self.page = self.notebook(path, page, anew=anew)
        return self.page


@pytest.fixture(scope="module")
def seat(served: Served, desk: Any) -> Iterator[Learner]:
    context = desk.context(accept_downloads=True)
    yield Learner(served.base, context)
    context.close()


@pytest.fixture
def learner(seat: Learner, served: Served) -> Learner:
    served.kernels.set()
    seat.requests.clear()
    seat.complaints.clear()
    return seat


@pytest.mark.slow
@pytest.mark.parametrize("lesson", CHOSEN)
def test_a_lesson_runs_from_its_first_cell_to_its_last(learner, lesson):
    page = learner.turn_to(f"course/{lesson}", anew=ALL)
    if not ALL:
        page.evaluate(BEFORE, "import os; os.environ['STATELAB_PACE'] = '10'")  # for the cluster that is yet to come
    cells = page.evaluate(RUN_ALL)
    assert problems(cells) == []
    assert learner.foreign() == []
    assert learner.complaints == []


BEFORE = """async (code) => {
  const {sessionContext} = window.jupyterapp.shell.currentWidget;
  await sessionContext.ready;
  await sessionContext.session.kernel.requestExecute({code}).done;
}"""
PS3 = "exercises/ps3/ps3.ipynb"
PS3_ORDER = """%%answer ps3.order
start: [db-0, db-1, db-2]
scale-down: [db-2, db-1]
update: [db-2, db-1, db-0]
kill: [db-1]
bad-image: [db-2]"""


@pytest.mark.slow
def test_answers_are_checked_kept_through_a_reload_and_graded_as_they_were_checked(learner, tmp_path):
    page = learner.turn_to(PS3)
    page.evaluate(WRITE, {"ps3-order-answer": PS3_ORDER})
    page.reload()
    page.wait_for_function(f"{AT}?.path === {PS3!r}")
    cells = page.evaluate(RUN_ALL)
    assert problems(cells) == []
    assert any(PS3_ORDER in cell["source"] for cell in cells), "what was written is gone after a reload"
    checked = checks(cells)
    graded = graded_by_the_teacher(learner.handed_in("ps3"), tmp_path / "class", "ps3")
    assert checked["ps3.order"][0] == graded["ps3.order"] > 0
    assert learner.foreign() == []


@pytest.mark.slow
@pytest.mark.skipif(not ALL, reason="STATELAB_TEST_SITE=all judges part two's assignments, too")
@pytest.mark.parametrize("assignment", ["ps7", "ps8", "ps9", "final"])
def test_model_answers_of_part_two_earn_in_a_tab_what_they_earn_at_the_teachers(learner, tmp_path, assignment):
    source = json.loads((ROOT / "solutions" / assignment / f"{assignment}.ipynb").read_text())
    settings = [(each["metadata"].get("nbgrader", {}), "".join(each["source"])) for each in source["cells"]]
    answers = {
        each["grade_id"]: re.sub(r"### (BEGIN|END) SOLUTION\n?", "", text)
        for each, text in settings
        if each.get("solution")
    }
    page = learner.turn_to(f"exercises/{assignment}/{assignment}.ipynb")
    page.evaluate(WRITE, answers)
    cells = page.evaluate(RUN_ALL)
    assert problems(cells) == []
    checked = checks(cells)
    assert len(checked) == len(answers) and all(earned == of for earned, of in checked.values()), checked
    graded = graded_by_the_teacher(learner.handed_in(assignment), tmp_path / "class", assignment)
    assert set(graded) == set(checked) and all(graded[task] >= earned for task, (earned, _) in checked.items())
    assert sum(graded.values()) == sum(each["points"] for each, _ in settings if each.get("grade"))
    assert learner.complaints == []


# ---- what needs no kernel: each would cost five seconds of the processor

ANOTHER = f"course/{LESSONS[1]}"
SOURCE = "() => window.jupyterapp.shell.currentWidget.content.model.sharedModel.cells.at(-1).source"
CHANGE = """(text) => {
  const {content, context} = window.jupyterapp.shell.currentWidget;
  content.model.sharedModel.cells.at(-1).source = text;
  void window.jupyterapp.commands.execute('docmanager:save');
}"""
IS_SAVED = "() => !window.jupyterapp.shell.currentWidget.context.model.dirty"
CAN_BE_FULL = """const put = IDBObjectStore.prototype.put;
IDBObjectStore.prototype.put = function (...what) {
  if (window.isFull) throw new DOMException('full', 'QuotaExceededError');
  return put.apply(this, what);
};"""


def export(browser: Browser, to: Path) -> dict[str, str]:
    """All work, as the landing page saves it into that file: path → text."""
    landing = browser.open("index.html")
    with landing.expect_download() as download:
        landing.click("#export")
    download.value.save_as(to)
    landing.close()
    with zipfile.ZipFile(to) as work:
        assert work.testzip() is None
        return {name: work.read(name).decode() for name in work.namelist()}


def last_cell(notebook: str) -> str:
    return "".join(json.loads(notebook)["cells"][-1]["source"])


@pytest.fixture
def without_kernels(served: Served) -> None:
    served.kernels.clear()


@pytest.fixture(scope="module")
def here(served: Served, desk: Any) -> Iterator[Browser]:
    """A profile with an answer to ps3."""
    served.kernels.clear()
    context = desk.context(accept_downloads=True)
    browser = Browser(served.base, context)
    browser.notebook(PS3).evaluate(WRITE, {"ps3-order-answer": PS3_ORDER})
    yield browser
    context.close()


@pytest.fixture(scope="module")
def elsewhere(here: Browser, desk: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Another profile, in which the course was never opened, with the work from here; its first page shows ps3."""
    saved = tmp_path_factory.mktemp("work") / "work.zip"
    assert "db-0, db-1, db-2" in export(here, saved)[f"work/{PS3}"]
    context = desk.context(accept_downloads=True)
    context.add_init_script(CAN_BE_FULL)
    other = Browser(here.base, context)
    landing = other.open("index.html")
    for file, answer in ((saved, "files are back"), (ROOT / "pyproject.toml", "This is no file")):
        landing.set_input_files("#import", file)
        landing.locator("#answer", has_text=answer).wait_for()
    landing.close()
    other.notebook(PS3)
    yield other
    context.close()


def test_a_page_that_is_loaded_again_at_once_shows_its_notebook(here, without_kernels, tmp_path):
    """JupyterLite takes the notebook out of the address, and remembers which were open only seconds later."""
    (page,) = here.context.pages
    page.reload()
    page.wait_for_function(f"{AT}?.path === {PS3!r}")
    page.wait_for_selector(".jp-Notebook .jp-Cell:visible")
    page.evaluate(f"window.jupyterapp.commands.execute('docmanager:open', {{path: {ANOTHER!r}}}).then(() => null)")
    page.wait_for_url(f"**path={ANOTHER.replace('/', '%2F')}")

    # A tab that is closed in the middle of a write leaves the notebook of before or the new one, whole.
    page.wait_for_function(f"{AT}.path === {ANOTHER!r} && {AT}.isReady")
    before = page.evaluate(SOURCE)
    page.evaluate(f"(text) => {{ for (let n = 0; n < 20; n++) ({CHANGE})(text + n); }}", "# at the last moment ")
    page.close()
    kept = export(here, tmp_path / "work.zip")
    after = last_cell(kept[f"work/{ANOTHER}"]) if f"work/{ANOTHER}" in kept else before
    assert after == before or re.fullmatch(r"# at the last moment \d+", after), after


def test_all_work_goes_out_as_one_file_and_comes_in_again_elsewhere(elsewhere, without_kernels):
    (page,) = elsewhere.context.pages
    assert "db-0, db-1, db-2" in page.evaluate(f"JSON.stringify({AT}.model.toJSON())")


def test_of_two_tabs_the_second_is_told_and_neither_writes_over_the_other_unasked(elsewhere, without_kernels):
    (first,) = elsewhere.context.pages
    second = elsewhere.notebook(PS3)
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


def test_a_browser_without_room_says_that_the_change_is_not_kept_and_keeps_it_in_the_tab(
    elsewhere, without_kernels, tmp_path
):
    (page,) = elsewhere.context.pages
    page.evaluate("window.isFull = true")
    page.evaluate(CHANGE, "# there is no room for this")
    notice = page.locator("#statelab-notice", has_text="could not be kept")
    notice.wait_for()
    page.keyboard.press("Escape")  # JupyterLab's own word
    assert page.evaluate(SOURCE) == "# there is no room for this"
    assert last_cell(export(elsewhere, tmp_path / "before.zip")[f"work/{PS3}"]) != "# there is no room for this"
    page.evaluate("window.isFull = false")
    page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")
    notice.wait_for(state="detached")
    assert last_cell(export(elsewhere, tmp_path / "after.zip")[f"work/{PS3}"]) == "# there is no room for this"


def test_a_private_window_opens_the_lesson_and_says_that_nothing_is_kept_also_on_a_phone(served, desk, without_kernels):
    context = desk.context(viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True)
    context.add_init_script("indexedDB.open = () => { throw new DOMException('denied', 'SecurityError'); }")
    page = Browser(served.base, context).notebook(f"course/{LESSONS[0]}")
    notice = page.locator("#statelab-notice", has_text="keeps nothing")
    notice.wait_for()
    assert notice.bounding_box()["width"] <= 390
    width = "document.querySelector('.jp-Notebook').getBoundingClientRect().width"
    page.wait_for_function(f"{width} > 280")  # the list of files does not take the text's place
    context.close()


def test_a_browser_that_cannot_is_told_so_in_a_sentence(served, desk):
    context = desk.context()
    context.add_init_script("delete window.WebAssembly")
    page = Browser(served.base, context).open("index.html")
    page.wait_for_selector("#problem:not([hidden])")
    assert "too old" in page.inner_text("#problem")
    assert page.is_hidden("#begin")
    page.wait_for_function("document.getElementById('assignment').options.length > 0")
    assert page.input_value("#assignment") == "ps1"
    titles = page.locator("#pages a").all_text_contents()
    assert len(titles) == len(LESSONS) + len(list((ROOT / "exercises").glob("*/*.ipynb"))) and all(titles)
    context.close()


def test_a_page_that_may_keep_nothing_says_so_before_anything_is_written(served, desk):
    context = desk.context()
    context.add_init_script("indexedDB.open = () => { throw new DOMException('denied', 'SecurityError'); }")
    page = Browser(served.base, context).open("index.html")
    page.wait_for_selector("#problem:not([hidden])")
    assert "private window" in page.inner_text("#problem")
    assert page.is_visible("#begin")
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
