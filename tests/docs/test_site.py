"""What makes the site: lessons that changed are run, and only those; docstrings come out as they were meant."""

from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture
def lessons(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(DOCS))
    module = importlib.import_module("lessons")
    monkeypatch.setattr(module, "KEPT", tmp_path / "kept")
    yield module
    sys.modules.pop("lessons", None)


def lesson(folder: Path, *cells: str) -> Path:
    made = folder / "10-small.ipynb"
    nbformat.write(new_notebook(cells=[new_code_cell(each, id=f"cell-{n}") for n, each in enumerate(cells)]), made)
    return made


@pytest.mark.slow
def test_a_lesson_is_run_when_it_has_changed_and_only_then(lessons, tmp_path):
    said: list[str] = []
    small = lesson(tmp_path, "import os; print('in', os.environ['STATELAB_HOME'])")
    lessons.run_changed(said.append, [small])
    lessons.run_changed(said.append, [small])
    assert said[0].startswith("  10-small: run in ")
    assert said[1:] == ["  10-small: unchanged"]
    shown = nbformat.read(lessons.kept(small), as_version=4).cells[0].outputs[0].text
    assert shown == "in ~\n"  # no path of the machine that made the site
    lesson(tmp_path, "1 + 1", "not_defined")
    with pytest.raises(lessons.LessonFailed, match=r"10-small\.ipynb, cell cell-1: NameError"):
        lessons.run_changed(said.append, [small])
    assert said[-1] == "  10-small: failed"


@pytest.mark.slow
@pytest.mark.parametrize("page", [page for page in sorted(DOCS.glob("*.md")) if "```ipython\n" in page.read_text()])
def test_the_cells_of_a_page_run_in_a_notebook(lessons, tmp_path, page):
    cells = re.findall(r"^```ipython\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    lessons.run_changed(print, [lesson(tmp_path, *cells)])


def test_a_picture_in_a_widgets_place_keeps_its_sentence(lessons):
    data = {
        "application/vnd.jupyter.widget-view+json": {"model_id": "x"},
        "image/svg+xml": "<svg/>",
        "text/plain": "web-0 is\nReady",
    }
    cell = new_code_cell("show()", outputs=[nbformat.v4.new_output("display_data", data)])
    lessons._as_page(cell)
    assert sorted(cell.outputs[0].data) == ["image/svg+xml", "text/plain"]
    assert cell.metadata["mystnb"]["image"]["alt"] == "web-0 is Ready"


def test_a_docstring_becomes_what_it_looks_like(lessons):
    conf = importlib.import_module("conf")
    try:
        lines = [
            "Takes `kubectl` lines *as they are*.",
            "",
            "`seed`: a number",
            "and more of it.",
            "`pace`: None, or faster",
            "Raises ValueError.",
            "",
            "    check(name_)",
        ]
        conf.as_restructured_text(None, "function", "f", None, None, lines)
    finally:
        sys.modules.pop("conf", None)
    assert lines == [
        "Takes ``kubectl`` lines \\*as they are\\*.",
        "",
        "* ``seed``: a number",
        "  and more of it.",
        "* ``pace``: None, or faster",
        "",
        "Raises ValueError.",
        "",
        "::",
        "",
        "    check(name_)",
    ]


def test_on_the_site_a_lesson_names_its_tasks_without_a_link_to_where_they_are_not(lessons):
    text = "See [ps3, Identity](../exercises/ps3/ps3.ipynb), then [lesson 05](05-x.ipynb)."
    assert lessons.for_the_site(text) == "See ps3, Identity, then [lesson 05](05-x.ipynb)."


def test_a_cell_that_is_left_to_its_reader_is_empty_on_the_site_too(lessons, tmp_path):
    made = lesson(tmp_path, "# Write here.", "print(answer)")
    notebook = nbformat.read(made, as_version=4)
    notebook.cells[0].metadata["statelab"] = {"solution": "answer = 42; print('secret')"}
    nbformat.write(notebook, made)
    lessons.run_changed(lambda said: None, [made])
    ran = nbformat.read(lessons.kept(made), as_version=4)
    assert (ran.cells[0].source, ran.cells[0].outputs) == ("# Write here.", [])
    assert ran.cells[1].outputs[0].text == "42\n"
