"""What a learner meets in the first minutes: a task that turns to done, a terminal and a ! that know the cluster, and
an answer that was written and never run."""

from __future__ import annotations

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

# What the terminal shows, as text.
SHOWN = """Array.from({length: window.terminal._term?.buffer.active.length ?? 0}, (_, line) =>
    window.terminal._term.buffer.active.getLine(line)?.translateToString(true) ?? '').join('\\n')"""


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
    page.evaluate(
        "window.jupyterapp.commands.execute('terminal:create-new', {cwd: 'course'})"
        ".then((made) => (window.jupyterapp.shell.activateById(made.id), (window.terminal = made.content), null))"
    )
    page.wait_for_function(f"{SHOWN}.trim() !== ''")  # the shell's prompt: what is typed before it may be lost
    page.locator(".jp-Terminal .xterm-helper-textarea").focus()
    page.keyboard.type(f"kubectl get nodes -o name > {told}; statelab status >> {told}; echo end-$((40 + 2))\n")
    page.wait_for_function(f"{SHOWN}.includes('end-42')")
    assert "node/kind-worker2" in told.read_text()
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
