"""edit() in a browser: JupyterLab's own editor with its marks, what would come of the text, knobs, diff and Apply."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

SETUP = """
from statelab.notebook import connect, edit
cluster = connect().fresh("editor")
MANIFEST = '''# a comment that stays
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: web
spec:
  serviceName: web
  replicas: 1   # and another
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: nginx, image: "nginx:1.27"}]}
'''
editor = edit(MANIFEST)
"""


@pytest.fixture(scope="module")
def notebook(open_notebook: Callable[..., Any]) -> Any:
    opened = open_notebook("editor", [SETUP, "editor"])
    opened.run(0)
    opened.run(1).locator(".sl-code .cm-content").wait_for()
    return opened


@pytest.fixture
def cell(notebook: Any) -> Iterator[Any]:
    """The editor's cell; each test finds the text as it was."""
    found = notebook.cell(1)
    notebook.do("editor._take(MANIFEST)")
    found.locator("p", has_text="Nothing looks wrong").wait_for()
    yield found


def type_at(cell: Any, line: str, text: str) -> None:
    """Type at the end of a line, as a person does."""
    cell.locator(".sl-code .cm-line", has_text=line).click()
    cell.page.keyboard.press("End")
    cell.page.keyboard.type(text)


def test_it_is_jupyterlabs_own_editor_and_shows_what_would_come_of_the_text(notebook: Any, cell: Any) -> None:
    assert cell.locator(".sl-code.jp-CodeMirrorEditor").count() == 1
    assert cell.locator(".sl-code textarea").count() == 0
    assert cell.locator(".sl-code .cm-line", has_text="kind: StatefulSet").locator("span").count() > 0  # as YAML
    cell.locator('.sl-coming g[data-key="pod/web-0"]').wait_for()
    assert notebook.do("print(cluster.list('statefulsets'))").strip() == "[]"  # it was only tried
    type_at(cell, "replicas: 1", " # typed")
    notebook.page.wait_for_function("() => !document.querySelector('.sl-coming.sl-old')")
    assert "# and another # typed\n" in notebook.do("print(editor.manifest)")


def test_a_slider_changes_the_text_and_the_text_moves_the_slider(notebook: Any, cell: Any) -> None:
    slider = cell.get_by_label("replicas")
    slider.focus()
    notebook.page.keyboard.press("ArrowRight")
    cell.locator(".cm-line", has_text="replicas: 2   # and another").wait_for()
    cell.locator('.sl-coming g[data-key="pod/web-1"]').wait_for()
    cell.locator(".cm-line", has_text="replicas: 2").dblclick(position={"x": 90, "y": 8})
    notebook.page.keyboard.press("Home")
    for _ in range(len("replicas: ")):
        notebook.page.keyboard.press("ArrowRight")
    notebook.page.keyboard.press("Delete")
    notebook.page.keyboard.type("4")
    notebook.page.wait_for_function("slider => slider.value === '4'", arg=slider.element_handle())
    assert notebook.do("print(editor.manifest)").startswith("# a comment that stays")


def test_what_is_wrong_is_told_at_its_line_and_a_refusal_stands_for_the_picture(notebook: Any, cell: Any) -> None:
    cell.locator(".cm-line", has_text="serviceName").dblclick(position={"x": 60, "y": 8})
    notebook.page.keyboard.type("serviceNam")
    mark = cell.locator(".cm-sl-mark")
    mark.wait_for()
    assert "Did you mean" in mark.get_attribute("title")
    cell.locator(".cm-sl-said", has_text="Did you mean").wait_for()
    refused = cell.locator(".sl-coming.sl-refused")
    refused.locator("h4", has_text="for line 7").wait_for()
    assert 'unknown field "spec.serviceNam"' in refused.inner_text()
    assert cell.locator(".sl-coming svg").is_hidden()
    cell.get_by_role("button", name="line 7").click()
    assert notebook.page.evaluate("document.activeElement.className").startswith("cm-content")
    assert notebook.page.evaluate("getSelection().toString()") == "  serviceNam: web"


def test_what_only_the_server_knows_is_marked_as_well(notebook: Any, cell: Any) -> None:
    notebook.do("editor._take(MANIFEST.replace('replicas: 1', 'replicas: -1'))")
    cell.locator(".cm-sl-said", has_text="must be greater than or equal to 0").wait_for()
    cell.locator(".sl-coming h4", has_text="for line 8").wait_for()


def test_the_keyboard_gets_out_and_what_it_types_is_no_command_of_the_notebook(notebook: Any, cell: Any) -> None:
    cells = notebook.page.locator(".jp-Notebook .jp-Cell").count()
    type_at(cell, "serviceName: web", "b")
    notebook.page.keyboard.press("Tab")  # indents: it is a text
    assert notebook.page.evaluate("document.activeElement.className").startswith("cm-content")
    notebook.page.keyboard.press("Escape")
    notebook.page.keyboard.press("Tab")
    assert not notebook.page.evaluate("document.activeElement.className").startswith("cm-content")
    assert cell.evaluate("cell => cell.contains(document.activeElement)")
    assert notebook.page.locator(".jp-Notebook .jp-Cell").count() == cells


@pytest.mark.parametrize("theme", ["JupyterLab Dark", "JupyterLab Light"])
def test_axe_finds_nothing_serious(notebook: Any, cell: Any, theme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python", reason="axe-playwright-python is not installed")
    notebook.theme(theme)
    notebook.do("editor._take(MANIFEST.replace('serviceName', 'serviceNam'))")
    cell.locator(".sl-coming.sl-refused h4", has_text="for line 7").wait_for()
    if notebook.page.evaluate("typeof axe") == "undefined":
        notebook.page.evaluate((Path(axe.__file__).parent / "axe.min.js").read_text())
    found = notebook.page.evaluate(
        "axe.run({include: [['.sl-editor']]}, {resultTypes: ['violations']}).then(result => result.violations)"
    )
    assert [
        (each["id"], [node["html"][:160] for node in each["nodes"][:3]])
        for each in found
        if each["impact"] in ("serious", "critical")
    ] == []


def test_a_difference_comes_before_applying(notebook: Any, cell: Any) -> None:
    assert cell.get_by_role("button", name="Apply").is_disabled()
    cell.get_by_role("button", name="Show what would change").click()
    cell.locator(".sl-diff .added", has_text="serviceName: web").wait_for()
    cell.get_by_role("button", name="Apply").click()
    cell.locator(".sl-status", has_text="statefulset.apps/web created").wait_for()


def test_where_there_is_no_such_editor_a_plain_one_does_the_same(notebook: Any, cell: Any) -> None:
    notebook.page.evaluate(
        "{ const key = Symbol.for('statelab.editor'); window.kept = window[key]; delete window[key]; }"
    )
    plain = notebook.run(1)
    area = plain.locator("textarea")
    area.fill(area.input_value().replace("serviceName", "serviceNam"))
    plain.locator(".sl-numbers .wrong", has_text="7").wait_for()
    plain.locator(".sl-problem", has_text="Did you mean").wait_for()
    plain.locator(".sl-coming.sl-refused h4", has_text="for line 7").wait_for()
    notebook.page.evaluate("void (window[Symbol.for('statelab.editor')] = window.kept)")


def test_the_saved_notebook_has_the_text_with_its_marks(notebook: Any) -> None:
    notebook.do("editor._take(MANIFEST.replace('serviceName', 'serviceNam'))")
    drawn = notebook.do("print(editor._repr_mimebundle_()[0]['image/svg+xml'])")
    assert "serviceNam: web" in drawn
    assert "▲" in drawn
    assert "unknown field" in drawn
    assert notebook.errors == []


def test_notebook_7_has_the_same_editor(notebook: Any, desk: Any) -> None:
    """JupyterLab's button "Notebook" opens it there."""
    notebook.save()
    page = desk.page(1280, 720)
    page.goto(f"{notebook.lab.url}/notebooks/course/{notebook.name}.ipynb?token=t", wait_until="domcontentloaded")
    page.locator(".sl-code .cm-content").wait_for()  # the kernel lives
    page.close()
