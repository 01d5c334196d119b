"""SideBySide, NameExplorer, Report and plot() in JupyterLab; and what axe-core says of all of them."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SETUP = """
from statelab.notebook import connect, names, plot, report, show, side_by_side, timeline
cluster = connect().fresh("pictures")
VERDICT = {"task": "ps3.identity", "score": 4, "max": 10, "checks": [
    {"id": "a", "title": "<img src=x onerror=window.ran=1>", "points": 4, "max": 4, "message": "yes"},
    {"id": "b", "title": "Peers find each other", "points": 0, "max": 6, "message": "NXDOMAIN", "line": 21,
     "evidence": ["  0.0 s  pod/web-1 created", "  9.5 s  pod/web-1 gone"], "hints": ["one", "two"]}]}
"""
CELLS = [SETUP, "side_by_side()", "names()", "report(VERDICT)", "plot('sts/web-statefulset')"]
CELLS += ["show(buttons=True)", "timeline()"]


@pytest.fixture(scope="module")
def notebook(open_notebook: Callable[..., Any]) -> Any:
    opened = open_notebook("pictures", CELLS)
    opened.run(0)
    return opened


def test_both_kinds_are_treated_alike_and_only_one_comes_back_as_itself(notebook: Any) -> None:
    cell = notebook.run(1)
    cell.get_by_role("button", name="Start both").click()
    cell.locator('g[data-key="pod/web-statefulset-2"].ready').wait_for()
    notebook.do("cluster.wait('deploy/web-deployment', 'Rollout')")
    kill = cell.get_by_role("button", name="Kill one Pod of each")
    kill.focus()
    notebook.page.keyboard.press("Enter")
    row = cell.locator("tr", has=notebook.page.locator("th", has_text="web-statefulset-2"))
    row.locator("td", has_text="≠ new").first.wait_for()
    assert row.locator("td").all_inner_texts()[0] == "= kept"
    cell.locator("tr", has=notebook.page.locator("th[aria-label*=' → web-deployment-']", has_text=" → …-")).wait_for()


def test_a_name_is_followed_from_the_search_path_to_the_answer(notebook: Any) -> None:
    cell = notebook.run(2)
    cell.locator("li", has_text="web-statefulset.pictures.svc.cluster.local.").wait_for()
    name = cell.get_by_label("Name").first
    name.fill("web-statefulset-0.web-statefulset")
    notebook.page.keyboard.press("Enter")
    cell.locator("li", has_text="is the host name of the Pod at 10.244.").wait_for()
    name.fill("nowhere")
    notebook.page.keyboard.press("Enter")
    cell.locator("li", has_text="There is no Service nowhere in namespace pictures").wait_for()
    assert cell.locator("ol").first.locator("li").count() == 4
    name.fill("a..b")
    notebook.page.keyboard.press("Enter")
    cell.locator("p", has_text='"a..b"').wait_for()


def test_a_verdict_shows_its_evidence_and_opens_one_hint_after_another(notebook: Any) -> None:
    cell = notebook.run(3)
    cell.locator("h4", has_text="4 of 10 points").wait_for()
    assert cell.locator("svg circle").count() == 2
    assert cell.locator("details").count() == 1
    cell.locator("summary").click()
    cell.locator("summary", has_text="Hint 2 of 2").wait_for()
    assert notebook.page.evaluate("window.ran") is None


def test_a_plot_is_the_same_each_time_and_can_be_saved_as_png(notebook: Any) -> None:
    cell = notebook.run(4)
    drawn = cell.locator(".sl-still svg.sl")
    drawn.wait_for()
    assert drawn.bounding_box()["width"] <= cell.locator(".jp-OutputArea").bounding_box()["width"]  # nothing is cut
    said = notebook.do(
        "p = plot('sts/web-statefulset'); print(p.svg() == plot('sts/web-statefulset').svg(), p.png()[:4])"
    )
    assert said.strip() == "True b'\\x89PNG'"


def test_on_a_narrow_screen_the_rooms_are_below_each_other(notebook: Any) -> None:
    cell = notebook.run(5)
    cell.locator('g[data-key="node/kind-worker2"]').wait_for()
    notebook.page.set_viewport_size({"width": 700, "height": 900})
    notebook.page.wait_for_function(
        """cell => {
            const place = name => cell.querySelector(`g[data-key="node/${name}"]`).getBoundingClientRect();
            return place('kind-worker2').top > place('kind-worker').bottom - 5;
        }""",
        arg=cell.element_handle(),
    )
    notebook.page.set_viewport_size({"width": 1280, "height": 720})


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_axe_finds_nothing_serious(notebook: Any, theme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python", reason="axe-playwright-python is not installed")
    notebook.run(6).locator('g[data-key^="lane/"]').first.wait_for()
    notebook.cell(5).locator('g[data-key="pod/web-statefulset-0"]').click()
    notebook.cell(5).locator("h4", has_text="pod/web-statefulset-0").wait_for()
    notebook.theme(theme)
    if notebook.page.evaluate("typeof axe") == "undefined":
        notebook.page.evaluate((Path(axe.__file__).parent / "axe.min.js").read_text())
    found = notebook.page.evaluate(
        "axe.run({include: [['.sl-view']]}, {resultTypes: ['violations']}).then(result => result.violations)"
    )
    serious = [
        (each["id"], [node["html"][:160] for node in each["nodes"][:3]])
        for each in found
        if each["impact"] in ("serious", "critical")
    ]
    assert serious == []


def test_a_saved_notebook_has_a_picture_and_a_sentence_for_readers_without_a_kernel(notebook: Any) -> None:
    notebook.page.evaluate("window.jupyterapp.commands.execute('docmanager:save')")
    saved = notebook.lab.home / "course" / "pictures.ipynb"
    import nbformat
    from nbconvert import HTMLExporter

    body = nbformat.read(saved, as_version=4)
    outputs = [output["data"] for cell in body.cells[1:] for output in cell.outputs if "data" in output]
    assert len(outputs) >= 5
    assert all("<svg" in "".join(each["image/svg+xml"]) and each["text/plain"] for each in outputs)
    html, _ = HTMLExporter().from_notebook_node(body)
    assert html.count("<svg") >= 5 or html.count(base64.b64encode(b"<svg")[:5].decode()) >= 5


def test_the_console_has_no_error(notebook: Any) -> None:
    assert notebook.errors == []
