"""The stage beside the text: it opens, follows, is held and rewound, by mouse and keyboard, and leaves room to read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

WEB = """
from statelab.notebook import connect, stage
%load_ext statelab
cluster = connect().fresh("stage-a")
stage()
"""
POD = '{"metadata": {"name": "NAME"}, "spec": {"containers": [{"name": "c", "image": "nginx:1.27"}]}}'
MAKE = (
    'cluster.request("POST", f"/api/v1/namespaces/{cluster.namespace}/pods", POD); cluster.wait("pod/NAME", "Ready");'
)
ASK = 'from statelab.notebook import predict\npredict("Which?", one=["one", "two"], key="stage-1")'
DEMO = """
namespace: demo
steps:
- {say: "One Pod, alone.", run: "kubectl run one --image=nginx:1.27"}
- {say: "Nobody owns it.", look: pod/one}
"""
TEXT = "*Read* " + "and read on, in lines that are as long as a line may be, " * 12


def make(name: str) -> str:
    return MAKE.replace("POD", POD).replace("NAME", name)


@pytest.fixture(scope="module")
def notebook(open_notebook: Callable[..., Any]) -> Any:
    opened = open_notebook("stage", [WEB, "%kubectl run one --image=nginx:1.27", "", TEXT, ASK])
    opened.run(0)
    opened.page.locator(".sl-stage").wait_for()
    return opened


def test_it_opens_in_the_right_area_beside_a_text_of_sixty_characters(notebook: Any) -> None:
    page = notebook.page
    page.locator("#jp-right-stack .sl-stage").wait_for()
    assert notebook.cell(0).get_by_text("The stage shows namespace stage-a").is_visible()
    notebook.page.evaluate(
        "window.jupyterapp.shell.currentWidget.content.activeCellIndex = 3;"
        "window.jupyterapp.commands.execute('notebook:change-cell-to-markdown')"
        ".then(() => window.jupyterapp.commands.execute('notebook:run-cell'))"
    )
    words = notebook.cell(3).locator(".jp-MarkdownOutput p")
    words.wait_for()
    characters = words.evaluate(
        """element => {
            const range = document.createRange(), text = element.lastChild;
            let first = 0, longest = 0, top = null;
            for (let at = 0; at < text.length; at += 1) {
                range.setStart(text, at); range.setEnd(text, at + 1);
                const here = range.getBoundingClientRect().top;
                if (here !== top) [first, top] = [at, here];
                longest = Math.max(longest, at - first + 1);
            }
            return longest;
        }"""
    )
    assert characters >= 60
    assert page.locator(".sl-stage").bounding_box()["width"] >= 380


def test_it_shows_the_line_that_ran_what_came_of_it_and_why(notebook: Any) -> None:
    notebook.run(1)
    stage = notebook.page.locator(".sl-stage")
    stage.locator('.sl-now g[data-key="pod/one"].ready').wait_for()
    assert stage.locator(".sl-line").inner_text() == "$ kubectl run one --image=nginx:1.27"
    stage.locator(".sl-told", has_text="container one is ready").wait_for()
    stage.locator('.sl-past g[data-key="lane/pod/one"]').wait_for(state="attached")


def test_it_is_held_and_rewound_and_goes_back_to_now(notebook: Any) -> None:
    stage = notebook.page.locator(".sl-stage")
    stage.get_by_role("button", name="Pause").click()
    stage.get_by_role("button", name="Back to now").wait_for()
    notebook.do(make("two"))
    assert stage.locator('.sl-now g[data-key="pod/two"]').count() == 0  # it is held at an earlier moment
    stage.locator("input[type=range]").fill("0")
    stage.locator('.sl-now g[data-key="pod/one"].pending').wait_for()  # as it was when it was made
    stage.get_by_role("button", name="Back to now").click()
    stage.locator('.sl-now g[data-key="pod/two"].ready').wait_for()


def test_the_keyboard_holds_rewinds_and_selects(notebook: Any) -> None:
    page, stage = notebook.page, notebook.page.locator(".sl-stage")
    stage.locator('.sl-now g[tabindex="0"]').focus()
    page.keyboard.press("p")
    stage.locator(".sl-hold", has_text="Back to now").wait_for()
    stage.locator(".sl-past").focus()
    page.keyboard.press("ArrowLeft")
    stage.locator(".sl-when", has_text=" of ").wait_for()
    page.keyboard.press("n")
    stage.locator(".sl-hold", has_text="Pause").wait_for()
    stage.locator('.sl-now g[data-key="pod/one"]').focus()
    page.keyboard.press("Enter")
    stage.locator("h4", has_text="pod/one").wait_for()
    room, said = (stage.locator(each).bounding_box() for each in (".sl-now", ".sl-panel"))
    assert said["y"] + said["height"] <= room["y"] + room["height"] + 1  # in sight, however large the picture
    assert stage.locator('.sl-now g[aria-pressed="true"]').bounding_box()["y"] >= room["y"] - 1
    page.keyboard.press("Escape")
    stage.locator(".sl-panel").wait_for(state="hidden")


def test_it_goes_where_the_notebook_goes(notebook: Any) -> None:
    stage = notebook.page.locator(".sl-stage")
    notebook.do('cluster.fresh("stage-b")')
    stage.get_by_text("namespace stage-b: nothing in it yet").wait_for()
    notebook.do(make("three"))
    stage.locator('.sl-now g[data-key="pod/three"].ready').wait_for()
    assert stage.locator('g[data-key="pod/one"]').count() == 0


def test_it_can_be_put_aside_and_fetched_again_with_one_key(notebook: Any) -> None:
    stage = notebook.page.locator(".sl-stage")
    notebook.page.keyboard.press("Control+Alt+s")
    stage.wait_for(state="hidden")
    notebook.page.keyboard.press("Control+Alt+s")
    stage.wait_for()


def test_a_prediction_is_judged_on_its_card_which_shows_the_moment_on_the_stage(notebook: Any) -> None:
    notebook.run(0)
    asked = notebook.run(4)
    asked.locator("input[value=two]").check()
    asked.get_by_role("button", name="Commit").click()
    asked.locator(".sl-said", has_text="You said: two").wait_for()
    notebook.do(make("one"))
    notebook.do('from statelab.notebook import truth; truth("stage-1", "one", look="pod/one")')
    asked.get_by_text("You thought: two. What came: one.").wait_for()
    asked.locator("label", has_text="so it was").locator("input[value=one]").wait_for()
    notebook.do('cluster.delete("pod/one")')
    asked.get_by_role("button", name="Look").click()
    stage = notebook.page.locator(".sl-stage")
    stage.get_by_role("button", name="Back to now").wait_for()
    stage.locator('.sl-now g[data-key="pod/one"].ready').wait_for()
    stage.locator("h4", has_text="pod/one").wait_for()


def test_a_talk_is_stepped_through_with_one_key_and_begun_again_with_another(
    open_notebook: Callable[..., Any], lab: Any
) -> None:
    (lab.home / "course" / "demo.yaml").write_text(DEMO)
    opened = open_notebook("talk", [WEB.replace("stage()", 'stage(script="demo.yaml")')])
    opened.run(0)
    page, stage = opened.page, opened.page.locator(".sl-stage.sl-talk")
    stage.locator("code", has_text="kubectl run one --image=nginx:1.27").wait_for()  # the presenter sees what comes
    page.wait_for_function("document.activeElement.matches('.sl-talk')")  # nobody has clicked anything
    page.keyboard.press("PageDown")
    stage.get_by_text("One Pod, alone.").wait_for()
    stage.locator(".sl-line", has_text="$ kubectl run one --image=nginx:1.27").wait_for()
    stage.locator('.sl-now g[data-key="pod/one"].ready').wait_for()
    page.keyboard.press("PageDown")
    stage.locator("h4", has_text="pod/one").wait_for()
    page.keyboard.press("k")  # the selected Pod is killed
    stage.locator('.sl-now g[data-key="pod/one"]').wait_for(state="detached")
    page.keyboard.press("r")
    stage.get_by_text("namespace demo-2: nothing in it yet").wait_for()
    stage.get_by_text("0 of 2").wait_for()
    assert opened.errors == []


def test_a_second_stage_takes_the_first_one_s_place(notebook: Any) -> None:
    notebook.run(0)
    notebook.page.locator(".sl-stage", has_text="stage-a").wait_for()
    assert notebook.page.locator(".sl-stage").count() == 1


def test_it_is_back_when_the_page_is_loaded_again(notebook: Any) -> None:
    notebook.save()
    notebook.reload()
    notebook.page.locator("#jp-right-stack .sl-stage").wait_for()


@pytest.mark.parametrize("theme", ["JupyterLab Light", "JupyterLab Dark"])
def test_it_has_no_serious_fault_for_who_does_not_see_it(notebook: Any, theme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    notebook.theme(theme)
    notebook.page.locator(".sl-stage").wait_for()
    found = axe.run(notebook.page, context=".sl-stage").response["violations"]
    assert [each["id"] for each in found if each["impact"] in ("serious", "critical")] == []
    notebook.theme("JupyterLab Light")


def test_without_a_kernel_there_is_a_sentence_and_no_stage(notebook: Any) -> None:
    notebook.save()
    notebook.end_kernel()
    notebook.reload(with_kernel=False)
    notebook.cell(0).get_by_text("The stage shows namespace").wait_for()
    assert notebook.page.locator(".sl-stage").count() == 0
    assert notebook.errors == []
