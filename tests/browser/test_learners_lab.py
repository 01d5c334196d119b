"""A learner's JupyterLab: a learner's menus, whole file names, and lines of a length that can be read."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

LONGEST = "01-what-a-deployment-assumes"  # of the lessons' names
PROSE = "In lesson 01 a Deployment replaced a dead Pod with a stranger: another name, another address. " * 8

# How many letters of a paragraph stand in its longest line.
LETTERS = """paragraph => {
    const text = paragraph.firstChild, range = document.createRange();
    let longest = 0, line = 0, top = null;
    for (let at = 0; at < text.length; at++) {
        range.setStart(text, at); range.setEnd(text, at + 1);
        const box = range.getBoundingClientRect();
        if (top !== null && box.top > top + 4) { longest = Math.max(longest, line); line = 0; }
        top = box.top; line++;
    }
    return Math.max(longest, line);
}"""


ROOT = Path(__file__).resolve().parents[2]
LESSON = "04-statefulset-names-that-stay"


@pytest.fixture(scope="module")
def notebook(open_notebook: Callable[..., Any], lab: Any) -> Any:
    opened = open_notebook(LONGEST, [f"from IPython.display import Markdown\nMarkdown({PROSE!r})"])
    opened.run(0)
    opened.page.locator(".jp-RenderedMarkdown p").wait_for()
    return opened


def test_there_is_no_menu_of_an_instructor(notebook: Any) -> None:
    menus = notebook.page.locator(".lm-MenuBar-itemLabel").all_inner_texts()
    assert "File" in menus
    assert "Nbgrader" not in menus
    assert notebook.page.get_by_text("Create Assignment").count() == 0
    assert notebook.page.locator("button", has_text="Validate").count() == 0


def test_no_file_name_is_cut(notebook: Any) -> None:
    names = notebook.page.locator(".jp-DirListing-itemText")
    names.get_by_text(f"{LONGEST}.ipynb", exact=True).wait_for()
    for each in names.all():
        assert each.evaluate("e => e.scrollWidth <= e.clientWidth && e.scrollHeight <= e.clientHeight + 2")


@pytest.mark.parametrize("width", [1280, 1920, 2560])
def test_a_line_of_prose_has_about_75_letters_at_any_width(notebook: Any, width: int) -> None:
    notebook.page.set_viewport_size({"width": width, "height": 720})
    assert 65 <= notebook.page.locator(".jp-RenderedMarkdown p").evaluate(LETTERS) <= 85


def test_plumbing_is_folded_and_can_be_run_and_unfolded_and_what_is_run_is_written_into_the_learner_s_copy(
    open_notebook: Callable[..., Any], lab: Any
) -> None:
    tracked = ROOT / "course" / f"{LESSON}.ipynb"
    before, mine = tracked.read_bytes(), Path(shutil.copy(tracked, lab.home / "course"))
    lesson = open_notebook(LESSON, [])
    connect = lesson.cell(1)
    folded = connect.locator(".jp-InputPlaceholder")
    folded.wait_for()
    lesson.run(1)
    lesson.page.wait_for_function(
        "window.jupyterapp.shell.currentWidget.content.widgets[1].model.sharedModel.execution_count === 1"
    )
    assert lesson.do("print(cluster.namespace)").strip() == "lesson-04"
    folded.click()
    connect.locator(".cm-content", has_text="load_ext statelab").wait_for()
    lesson.save()
    assert '"execution_count": 1' in mine.read_text(encoding="utf-8")
    assert tracked.read_bytes() == before
