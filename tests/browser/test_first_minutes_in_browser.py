"""What a learner meets in the first minutes: a task that turns to done, a terminal and a ! that know the cluster, and
an answer that was written and never run."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

CELLS = [
    'from statelab.notebook import connect, try_it\n%load_ext statelab\ncluster = connect().fresh("first-minutes")',
    'try_it("Run a Pod called mine.", key="99-try-mine", hint="%kubectl run …",\n'
    '       wants={"there is a Pod mine": "pod/mine", "it is Ready": "pod/mine Ready"})',
    "%kubectl run mine --image=nginx:1.27",
    "!kubectl get nodes -o name",
    "%load_ext grader",
    "%%answer ps3.order\nstart: [db-0, db-1, db-2]\nscale-down: [db-2]\nupdate: []\nkill: []\nbad-image: []",
    'check("ps3.order")',
]


@pytest.fixture(scope="module")
def notebook(open_notebook: Callable[..., Any]) -> Any:
    opened = open_notebook("first-minutes", CELLS)
    opened.run(0)
    return opened


def test_the_card_of_a_task_turns_to_done_as_it_happens(notebook: Any) -> None:
    card = notebook.run(1)
    card.get_by_text("there is no pod/mine").first.wait_for()
    assert card.get_by_text("Done. So it is.").count() == 0
    card.locator("summary", has_text="A hint").click()
    card.locator("details p", has_text="%kubectl run …").wait_for()
    notebook.run(2)
    card.get_by_text("Done. So it is.").wait_for()
    assert card.locator("[aria-label='so it is']").count() == 2
    notebook.save()
    notebook.reload()
    notebook.cell(1).get_by_text("Done. So it is.").wait_for()  # it is done tomorrow, too


def test_an_exclamation_mark_and_a_terminal_know_the_course_s_cluster(notebook: Any, lab: Any) -> None:
    notebook.run(3).get_by_text("node/kind-worker2").wait_for()
    page, told = notebook.page, Path(lab.home / "course" / "told.txt")
    page.evaluate("window.jupyterapp.restored")  # or the notebook comes to the front again
    made = "window.jupyterapp.commands.execute('terminal:create-new', {cwd: 'course'}).then((made) => made.id)"
    terminal = page.evaluate(made)
    line = f"kubectl get nodes -o name > {told}; statelab status >> {told}; echo end >> {told}\n"

    def type_in_terminal() -> None:
        page.evaluate("(id) => window.jupyterapp.shell.activateById(id)", terminal)
        page.locator(".jp-Terminal .xterm-helper-textarea").wait_for(state="attached")
        page.locator(".jp-Terminal .xterm-helper-textarea").focus()
        page.keyboard.type("\n")
        page.wait_for_timeout(1000)  # what is typed before the shell has begun may be lost
        page.keyboard.type(line)

    type_in_terminal()
    begun_s, typed = time.monotonic(), 1
    while not (told.exists() and told.read_text().endswith("end\n") and "node/kind-worker2" in told.read_text()):
        waited_s = time.monotonic() - begun_s
        assert waited_s < 150, told.read_text() if told.exists() else "the terminal ran nothing"
        if waited_s > 20 * typed:  # the shell was not there yet, and heard nothing, or half of it
            type_in_terminal()
            typed += 1
        page.wait_for_timeout(100)
    assert "Running at" in told.read_text()


def test_an_answer_that_was_written_and_never_run_is_told_to_be_run(notebook: Any) -> None:
    notebook.reload()
    notebook.run(4)
    shown = notebook.run(6)
    shown.get_by_text("Shift+Enter").first.wait_for()
    notebook.run(5)
    notebook.run(6).get_by_text("ps3.order").first.wait_for()
    notebook.page.wait_for_function(
        "() => !window.jupyterapp.shell.currentWidget.content.widgets[6].node.innerText.includes('Shift+Enter')"
    )
