"""What is left of a notebook's pictures and predictions when its kernel is gone: what they were when they were made."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from typing import Any

import pytest

WEB = """
from statelab.notebook import connect, predict, show, timeline
cluster = connect().fresh("frames")
POD = {"metadata": {"name": "web"}, "spec": {"containers": [{"name": "c", "image": "nginx:1.27"}]}}
cluster.request("POST", "/api/v1/namespaces/frames/pods", POD)
cluster.wait("pod/web", "Ready");
"""
CELLS = [
    WEB,
    "show()",
    'predict("Does it come back?", one=["yes", "no"], key="frames-1")',
    'predict("In which order?", order=["a", "b"], key="frames-2")',
    "timeline()",
    'cluster.delete("pod/web"); cluster.request("DELETE", "/api/v1/namespaces/frames");',
]
FRAME, ASKED, UNANSWERED, TIMELINE = 1, 2, 3, 4


@pytest.fixture(scope="module")
def notebook(open_notebook: Callable[..., Any]) -> Any:
    """A notebook that was run, answered and saved; its kernel has ended, and the page was loaded anew."""
    opened = open_notebook("frames", CELLS)
    for index in range(5):
        opened.run(index)
    asked = opened.cell(ASKED)
    asked.locator("input[value=no]").check()
    asked.get_by_role("button", name="Commit").click()
    asked.locator(".sl-said", has_text="You said: no").wait_for()
    opened.run(5)
    opened.page.wait_for_function(
        "window.jupyterapp.shell.currentWidget.context.model.toString().includes('You said: no')"
    )
    opened.save()
    opened.end_kernel()
    opened.reload(with_kernel=False)
    return opened


def test_no_output_asks_for_a_widget_that_is_gone(notebook: Any) -> None:
    notebook.cell(TIMELINE).locator(".sl-still svg").wait_for()
    assert notebook.page.get_by_text("Error displaying widget").count() == 0


def test_a_picture_shows_the_moment_it_was_made_at_although_its_namespace_is_gone(notebook: Any) -> None:
    frame = notebook.cell(FRAME).locator(".sl-still svg[role=img]")
    frame.locator('[data-key="pod/web"].ready').wait_for()
    assert "Pod web: Ready" in frame.get_attribute("aria-label")


def test_a_prediction_shows_what_was_answered_and_one_without_an_answer_says_so(notebook: Any) -> None:
    notebook.cell(ASKED).get_by_text("You said: no").wait_for()
    notebook.cell(UNANSWERED).get_by_text("Not answered.").wait_for()


def test_the_saved_file_needs_nothing_but_itself(notebook: Any) -> None:
    text = (notebook.lab.home / "course" / "frames.ipynb").read_text()
    outputs = [each for cell in json.loads(text)["cells"] for each in cell["outputs"] if "data" in each]
    assert len(outputs) == 4
    for output in outputs:
        assert "application/vnd.jupyter.widget-view+json" not in output["data"]
        assert output["data"]["text/plain"]
        assert {"image/svg+xml", "text/html"} & output["data"].keys()
    assert len(text) < 150_000  # a lesson has ten such pictures, and is to weigh under 1.5 MB


def test_a_frame_follows_the_theme(notebook: Any) -> None:
    frame = notebook.cell(FRAME).locator(".sl-still svg")
    notebook.theme("JupyterLab Dark")
    frame.and_(notebook.page.locator(".dark")).wait_for()
    notebook.theme("JupyterLab Light")
    frame.and_(notebook.page.locator(":not(.dark)")).wait_for()


def test_a_frame_from_a_stranger_s_notebook_runs_nothing(open_notebook: Callable[..., Any]) -> None:
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg" class="sl" onload="window.hostile=1"><title>t</title>'
        "<style>@import url(http://example.invalid/x.css);</style><script>window.hostile=2</script>"
        '<foreignObject><img xmlns="http://www.w3.org/1999/xhtml" src="x" onerror="window.hostile=3"/></foreignObject>'
        '<a href="javascript:1"><rect width="9" height="9"/></a><text y="9">harmless</text></svg>'
    )
    data = {"application/vnd.statelab.picture+json": {}, "image/svg+xml": svg, "text/plain": "t"}
    opened = open_notebook("stranger", [""], outputs=[{"output_type": "display_data", "data": data, "metadata": {}}])
    still = opened.cell(0).locator(".sl-still svg")
    still.get_by_text("harmless").wait_for()
    assert still.locator("script, foreignObject, a, style, img").count() == 0
    assert opened.page.evaluate("window.hostile") is None


def test_the_same_is_to_be_seen_on_paper(notebook: Any) -> None:
    exporter = pytest.importorskip("nbconvert").HTMLExporter()
    page, _ = exporter.from_filename(str(notebook.lab.home / "course" / "frames.ipynb"))
    drawn = [base64.b64decode(each).decode() for each in re.findall(r"data:image/svg\+xml;base64,([\w+/=]+)", page)]
    assert any('data-key="pod/web" class="ready"' in each for each in drawn)
    assert "You said: no" in page
