"""The live picture in JupyterLab: it appears, follows, answers keyboard and mouse, and outlives its kernel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from statelab.notebook.pictures.modules import module
from statelab.notebook.pictures.style import STYLE

WEB = """
from statelab.notebook import connect, show
cluster = connect().fresh("view")
MANIFEST = '''
apiVersion: v1
kind: Service
metadata: {name: nginx}
spec: {clusterIP: None, selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: web}
spec:
  serviceName: nginx
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: nginx, image: "nginx:1.27", volumeMounts: [{name: www, mountPath: /www}]}]}
  volumeClaimTemplates:
  - metadata: {name: www}
    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
'''
print(cluster.kubectl("apply -f -", stdin=MANIFEST))
cluster.wait("sts/web", "Rollout");
"""


CLAIM = "persistentvolumeclaim/www-web-0"

_BOXES = """(cell, keys) => keys.map((key) => {
    const {x, y, width, height} = cell.querySelector(`g[data-key="${key}"]`).getBoundingClientRect();
    return {x, y, width, height};
})"""

ASK = """
from statelab.notebook import predict
predict("Which goes first?", one=["web-0", "web-1"], key="keys")
"""


@pytest.fixture(scope="module")
def notebook(open_notebook: Callable[..., Any]) -> Any:
    opened = open_notebook(
        "view", [WEB, "show(live=True)", "show(buttons=True)", "show(before=-1, live=True)", ASK, ""]
    )
    opened.run(0)
    opened.run(1)
    return opened


def test_the_picture_appears_with_every_pod_and_claim(notebook: Any) -> None:
    cell = notebook.cell(1)
    cell.locator('g[data-key="pod/web-1"].ready').wait_for()
    assert "Pod web-1, Ready" in cell.locator('g[data-key="pod/web-1"]').get_attribute("aria-label")
    assert cell.locator(f'g[data-key="{CLAIM}"]').count() == 1
    pod, claim = cell.evaluate(_BOXES, ["pod/web-0", CLAIM])  # at one moment: the notebook may still be scrolling
    assert abs(pod["y"] + pod["height"] - claim["y"]) < 6  # it lies under its Pod
    assert pod["x"] < claim["x"] < pod["x"] + pod["width"]


def test_a_pod_that_is_deleted_is_seen_going_and_coming_back(notebook: Any) -> None:
    cell = notebook.cell(1)
    notebook.do("cluster.kubectl('delete pod web-1 --wait=false')")
    cell.locator('g[data-key="pod/web-1"]:not(.ready)').wait_for()
    cell.locator('g[data-key="pod/web-1"].ready').wait_for()
    assert "web-1" in cell.locator(".sl-unseen").inner_text()


def test_a_pod_is_selected_with_the_keyboard_and_let_go_with_escape(notebook: Any) -> None:
    cell = notebook.cell(1)
    cell.locator('g[tabindex="0"]').first.focus()
    for _ in range(20):
        if notebook.page.evaluate("document.activeElement.dataset.key") == "pod/web-0":
            break
        notebook.page.keyboard.press("ArrowRight")
    notebook.page.keyboard.press("Enter")
    cell.locator("h4", has_text="pod/web-0").wait_for()
    assert "statefulset-controller" in cell.locator(".sl-panel pre").first.inner_text()
    assert (
        "comes back" in cell.locator(".sl-panel").text_content() or "again" in cell.locator(".sl-panel").text_content()
    )
    notebook.page.keyboard.press("Escape")
    cell.locator(".sl-panel").wait_for(state="hidden")
    assert notebook.page.evaluate("document.activeElement.dataset.key") == "pod/web-0"


def test_an_instructor_s_button_does_the_kubectl_line_it_shows(notebook: Any) -> None:
    cell = notebook.run(2)
    cell.locator('g[data-key="statefulset/web"]').click()
    cell.locator("code", has_text="kubectl scale statefulset web --replicas=3").wait_for()
    cell.locator("button", has_text="One more replica").click()
    cell.locator('g[data-key="pod/web-2"].ready').wait_for()
    notebook.cell(1).locator('g[data-key="pod/web-2"].ready').wait_for()


def test_the_panel_tells_of_the_selected_pod_as_it_is_now_and_stays_open_where_it_was(notebook: Any) -> None:
    view = notebook.cell(2)
    view.locator('g[data-key="pod/web-0"]').click()
    panel = view.locator(".sl-panel")
    panel.locator("h4", has_text="pod/web-0").wait_for()
    panel.locator("summary", has_text="Events").click()
    notebook.do("cluster.delete('pod/web-0')")
    panel.locator("pre", has_text="(uid").first.wait_for()  # the successor, and why there is one
    panel.locator("details[open]", has_text="Events").wait_for()
    view.locator('g[data-key="pod/web-0"].ready').wait_for()


def test_the_ghost_of_the_moment_before_tells_the_old_address(notebook: Any) -> None:
    notebook.do("cluster.kubectl('delete pod web-0'); cluster.wait('pod/web-0', 'Ready')")
    cell = notebook.run(3)
    cell.locator('g[data-key="pod/web-0"]').wait_for()
    assert "was 10.244." in cell.locator('g[data-key="pod/web-0"]').get_attribute("aria-label")


def test_keys_inside_a_picture_are_its_own_but_the_notebook_can_be_saved(notebook: Any) -> None:
    piece = notebook.cell(1).locator('g[data-key="pod/web-0"]')
    piece.focus()
    cells = notebook.page.locator(".jp-Notebook .jp-Cell").count()
    for key in ("b", "a", "d", "d", "x"):  # new cells, and cells that go, where JupyterLab hears them
        notebook.page.keyboard.press(key)
    assert notebook.page.locator(".jp-Notebook .jp-Cell").count() == cells
    notebook.page.wait_for_function("window.jupyterapp.shell.currentWidget.context.model.dirty")
    notebook.page.keyboard.press("Control+s")
    notebook.page.wait_for_function("!window.jupyterapp.shell.currentWidget.context.model.dirty")


def test_after_a_prediction_is_committed_the_reader_goes_on_with_shift_and_enter(notebook: Any) -> None:
    asked = notebook.run(4)
    first = asked.locator("input[type=radio]").first
    first.focus()
    notebook.page.keyboard.press("ArrowDown")
    assert notebook.page.evaluate("window.jupyterapp.shell.currentWidget.content.activeCellIndex") == 4
    asked.locator("input[type=radio]").nth(1).check()
    asked.get_by_role("button", name="Commit").click()
    asked.get_by_text("You said: web-1").wait_for()
    notebook.page.keyboard.press("Shift+Enter")
    notebook.page.wait_for_function("window.jupyterapp.shell.currentWidget.content.activeCellIndex === 5")


def test_a_name_with_markup_is_shown_and_not_run(notebook: Any) -> None:
    hostile = (
        "cluster.request('POST', '/api/v1/namespaces/view/pods', {'metadata': {'name': 'hostile', 'labels': {}},"
        " 'spec': {'containers': [{'name': 'c', 'image': 'x/<img src=x onerror=window.run=1>'}]}})"
    )
    notebook.do(hostile)
    assert notebook.page.evaluate("window.run") is None


def test_two_kernels_see_the_same_cluster_also_when_it_was_killed_and_is_back(
    notebook: Any, open_notebook: Callable[..., Any]
) -> None:
    again = "from statelab.notebook import connect, show\ncluster = connect().use('view')"
    other = open_notebook("other", [again, "show(live=True)"])
    other.run(0)
    views = [notebook.cell(1), other.run(1)]
    for view in views:
        view.locator('g[data-key="pod/web-0"].ready').wait_for()
    notebook.do("import os, signal; os.kill(cluster.server.pid, signal.SIGKILL)")
    for view in views:
        view.locator(".sl-status", has_text="The cluster does not answer").wait_for()
        assert view.locator('g[data-key="pod/web-0"]').is_visible()  # it shows how it was
    other.do("cluster.start(); cluster.kubectl('scale statefulset web --replicas=4')")
    for view in views:
        view.locator('g[data-key="pod/web-3"].ready').wait_for()
        assert view.locator(".sl-status").inner_text() == ""
    assert other.errors == []


def test_the_picture_outlives_its_kernel_and_is_live_again_when_run_again(notebook: Any) -> None:
    notebook.page.evaluate(
        "window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart().then(() => null)"
    )
    cell = notebook.cell(1)
    assert cell.locator('g[data-key="pod/web-0"]').count() == 1
    cell.locator('g[data-key="pod/web-0"]').click()
    notebook.page.wait_for_function(
        "window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.status === 'idle'"
    )
    notebook.do("from statelab.notebook import connect, show; cluster = connect().use('view')")
    cell = notebook.run(1)
    cell.locator('g[data-key="pod/web-0"]').wait_for()
    notebook.do("cluster.kubectl('scale sts web --replicas=1')")
    cell.locator('g[data-key="pod/web-1"]').wait_for(state="detached")


def test_the_console_has_no_error(notebook: Any) -> None:
    assert notebook.errors == []


_CROWD = """
async ([source, style]) => {
  const url = URL.createObjectURL(new Blob([source + '\\nexport {makeSvg, patch};'], {type: 'text/javascript'}));
  const {makeSvg, patch} = await import(url);
  const svg = makeSvg(style);
  document.body.append(svg);
  const shown = new Map();
  const frame = count => {
    const order = Array.from({length: count}, (_, number) => `pod/web-${number}`);
    const pieces = Object.fromEntries(order.map(key => [key, [0, 0, '<rect width="9" height="9"/>', 'ready', key]]));
    return {width: 400, height: 300, title: '', order, pieces};
  };
  patch(svg, frame(1), shown);
  patch(svg, frame(60), shown);
  const born = svg.getElementsByClassName('sl-born').length;
  patch(svg, frame(0), shown);
  return [born, svg.querySelectorAll('.sl-born, .sl-dying').length];
}
"""


def test_in_a_crowd_only_some_move(desk: Any) -> None:
    """Each that moves is a layer of its own to the browser: sixty of them took the frames' time."""
    page = desk.chromium.new_page(reduced_motion="no-preference")
    born, dying = page.evaluate(_CROWD, [module("cluster_view"), STYLE])
    assert born == 8
    assert 0 < dying <= 8
    page.close()
