"""Timeline in JupyterLab: lanes appear and follow; dragging, keys and buttons rewind; two moments are compared."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

SETUP = """
from statelab.notebook import connect, timeline
cluster = connect().fresh("timeline")
MANIFEST = '''
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: web}
spec:
  serviceName: web
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: nginx, image: "nginx:1.27"}]}
'''
print(cluster.kubectl("apply -f -", stdin=MANIFEST))
cluster.wait("sts/web", "Rollout");
"""


@pytest.fixture(scope="module")
def notebook(open_notebook: Callable[..., Any]) -> Any:
    opened = open_notebook("timeline", [SETUP, "timeline()"])
    opened.run(0)
    opened.run(1)
    opened.cell(1).locator('g[data-key="lane/pod/web-1"] .span.ready').wait_for()
    return opened


def _index(notebook: Any) -> int:
    return int(notebook.cell(1).locator("input[type=range]").input_value())


def test_every_pod_has_a_lane_that_grows_when_it_is_killed(notebook: Any) -> None:
    lane = notebook.cell(1).locator('g[data-key="lane/pod/web-0"]')
    before = lane.locator(".span").count()
    notebook.do("cluster.kubectl('delete pod web-0'); cluster.wait('pod/web-0', 'Ready')")
    lane.locator(".span.terminating").wait_for()
    notebook.page.wait_for_function(
        "([element, before]) => element.querySelectorAll('.span').length > before",
        arg=[lane.element_handle(), before],
    )


def test_dragging_to_the_left_edge_shows_the_beginning(notebook: Any) -> None:
    cell = notebook.cell(1)
    box = cell.locator('g[data-key="lane/pod/web-0"] .span').first.bounding_box()
    page = notebook.page
    page.mouse.move(box["x"] + 200, box["y"] + 5)
    page.mouse.down()
    page.mouse.move(box["x"] + 60, box["y"] + 5)
    page.mouse.move(box["x"] - 30, box["y"] + 5)
    page.mouse.up()
    cell.locator(".sl-told", has_text="1 of ").wait_for()
    page.wait_for_function("cell => !cell.querySelector('g[data-key=\"pod/web-1\"]')", arg=cell.element_handle())


def test_the_arrow_keys_step_from_revision_to_revision_and_say_why(notebook: Any) -> None:
    cell = notebook.cell(1)
    slider = cell.locator("input[type=range]")
    slider.focus()
    notebook.page.keyboard.press("Home")
    for _ in range(3):
        notebook.page.keyboard.press("ArrowRight")
    cell.locator(".sl-told", has_text="4 of ").wait_for()
    assert "4 of" in slider.get_attribute("aria-valuetext")
    notebook.page.keyboard.press("End")
    cell.locator("tbody td", has_text="web-1").wait_for()


def test_two_moments_are_compared_as_yaml(notebook: Any) -> None:
    cell = notebook.cell(1)
    cell.locator("input[type=range]").focus()
    notebook.page.keyboard.press("Home")
    cell.locator(".sl-told", has_text="1 of ").wait_for()
    cell.get_by_role("button", name="Mark this moment").click()
    cell.locator("input[type=range]").focus()
    notebook.page.keyboard.press("End")
    cell.locator("tbody td", has_text="web-1").wait_for()
    cell.get_by_role("button", name="Compare with the marked moment").click()
    cell.locator(".sl-diff .place", has_text="pod/web-0").wait_for()
    assert cell.locator(".sl-diff .added").count() > 10


def test_playing_runs_to_the_end_and_stops(notebook: Any) -> None:
    cell = notebook.cell(1)
    cell.get_by_label("Speed").select_option("50")
    cell.locator("input[type=range]").focus()
    notebook.page.keyboard.press("Home")
    cell.locator(".sl-play").click()
    cell.locator(".sl-play", has_text="Play").wait_for()
    notebook.page.wait_for_function(
        "cell => { const s = cell.querySelector('input[type=range]'); return s.value === s.max; }",
        arg=cell.element_handle(),
    )
    cell.get_by_role("button", name="Now").click()
    cell.locator('button[aria-pressed="true"]', has_text="Now").wait_for()


def test_the_console_has_no_error(notebook: Any) -> None:
    assert notebook.errors == []
