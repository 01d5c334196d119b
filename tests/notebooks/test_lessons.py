"""Every lesson runs from top to bottom on a fresh cluster, and each claim of its prose is what its cells show.

The claims stand in claims/NN.yaml: for a cell's id, what its output must contain (`has`), match as a regular
expression (`matches`), or never contain (`lacks`). A cell may raise only where its claim says `fails: true`.
"""

from __future__ import annotations

import ast
import os
import random
import re
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

import nbformat
import pytest
import yaml

from statelab.course import solved

ROOT = Path(__file__).resolve().parents[2]
LESSONS = sorted((ROOT / "course").glob("[0-9][0-9]-*.ipynb"))
CLAIMS = Path(__file__).parent / "claims"
_HUNG_S = 180  # longer than a cell may take, and less than a test


def claims_of(lesson: Path) -> dict[str, dict[str, Any]]:
    return yaml.safe_load((CLAIMS / f"{lesson.name[:2]}.yaml").read_text())


def text_of(cell: nbformat.NotebookNode) -> str:
    """What a reader sees below a cell, as text."""
    text, stream = "", ""
    for output in cell.outputs:
        if output.output_type == "stream" and output.name == stream:
            text += output.text  # it came in several messages, perhaps in mid-line
            continue
        text += "\n" if text else ""
        stream = output.get("name", "")
        if output.output_type == "stream":
            text += output.text
        elif output.output_type == "error":
            text += "\n".join(output.traceback)
        else:
            text += output.data.get("text/plain", "")
    return text


def check(notebook: nbformat.NotebookNode, claims: dict[str, dict[str, Any]]) -> None:
    cells = {cell.id: cell for cell in notebook.cells if cell.cell_type == "code"}
    assert not set(claims) - set(cells), "claims about cells that are not there"
    for id, cell in cells.items():
        said, claim = text_of(cell), claims.get(id, {})
        failed = any(output.output_type == "error" for output in cell.outputs)
        assert failed == claim.get("fails", False), f"cell {id}: {said}"
        for wanted in claim.get("has", ()):
            assert str(wanted) in said, f"cell {id} does not show {wanted!r}:\n{said}"
        for pattern in claim.get("matches", ()):
            assert re.search(pattern, said, re.MULTILINE | re.DOTALL), f"cell {id} does not match {pattern!r}:\n{said}"
        for unwanted in claim.get("lacks", ()):
            assert str(unwanted) not in said, f"cell {id} shows {unwanted!r}:\n{said}"


class Runs:
    """Lessons being run on desks of their own, a few at a time.

    "alone": on a fresh cluster; "empty": on the cluster of another lesson that has just been run there, and whoever
    runs it writes nothing; "again": once more where it was alone, after that other one.
    The threads end with the process: one that hangs keeps nobody, and `result` says at which cell it did.
    """

    def __init__(self, asked: dict[str, list[Path]], new_desk: Callable[[str], Any]) -> None:
        self._futures: dict[tuple[str, Path], Future[nbformat.NotebookNode]] = {}
        self._desks: dict[tuple[str, Path], Any] = {}
        self._busy: list[Any] = []
        self._jobs: SimpleQueue[tuple[Any, list[tuple[str, Path]]]] = SimpleQueue()
        pairs = list(zip(LESSONS, others_of(LESSONS), strict=True))
        for lesson, other in [*pairs[-1:], *pairs[:-1]]:  # the last takes longest: it begins
            after = [("empty", other)] * (other in asked["empty"]) + [("again", lesson)] * (lesson in asked["again"])
            if after or lesson in asked["alone"]:
                self._plan(new_desk(f"lesson-{lesson.name[:2]}-"), [("alone", lesson), *after])
        for _ in range(min(4, (os.cpu_count() or 1) + 1)):  # a lesson waits more than it computes
            threading.Thread(target=self._work, daemon=True).start()

    def _plan(self, desk: Any, steps: list[tuple[str, Path]]) -> None:
        for step in steps:
            self._futures[step], self._desks[step] = Future(), desk
        self._jobs.put((desk, steps))

    def _work(self) -> None:
        with suppress(Empty):
            while True:
                desk, steps = self._jobs.get_nowait()
                self._busy.append(desk)
                for when, lesson in steps:
                    future = self._futures[when, lesson]
                    try:
                        notebook = nbformat.read(lesson, as_version=4)
                        notebook = notebook if when == "empty" else solved(notebook)
                        future.set_result(desk.run(notebook, f"{lesson.name[:2]} ({when})"))
                    except BaseException as error:
                        error.add_note(f"The server's log ends so:\n{desk.log()}")
                        future.set_exception(error)
                desk.end()
                self._busy.remove(desk)

    def result(self, when: str, lesson: Path) -> nbformat.NotebookNode:
        """The lesson with what its cells showed. Fails with the cell's name when it hangs."""
        future, desk = self._futures[when, lesson], self._desks[when, lesson]
        while not wait([future], timeout=2).done:
            awaited = [desk] if desk.at else list(self._busy)  # its own turn has come, or it waits for others
            if awaited and all(time.monotonic() - each.at_s > _HUNG_S for each in awaited):
                for each in awaited:
                    each.abandon()
                hangs = "; ".join(each.at for each in awaited)
                pytest.fail("\n".join([f"It hangs: {hangs}", *(each.log() for each in awaited)]))
        return future.result()


def others_of(lessons: list[Path]) -> list[Path]:
    """For each lesson another, each once, in no order that means anything."""
    mixed = random.Random(7).sample(lessons, len(lessons))
    following = dict(zip(mixed, [*mixed[1:], mixed[0]], strict=True))
    return [following[lesson] for lesson in lessons]


@pytest.fixture(scope="session")
def runs(request, new_desk) -> Runs:
    asked: dict[str, list[Path]] = {"alone": [], "again": [], "empty": []}
    for item in request.session.items:
        if "runs" in getattr(item, "fixturenames", ()):
            asked[item.callspec.params["when"]].append(item.callspec.params["lesson"])
    return Runs(asked, new_desk)


def lessons(when: str) -> list[Any]:
    return [pytest.param(when, lesson, id=lesson.name[:2]) for lesson in LESSONS]


@pytest.mark.kubectl
@pytest.mark.parametrize(("when", "lesson"), lessons("alone"))
def test_a_lesson_shows_what_it_says(runs, when, lesson):
    check(runs.result(when, lesson), claims_of(lesson))


@pytest.mark.kubectl
@pytest.mark.slow
@pytest.mark.parametrize(("when", "lesson"), lessons("again"))
def test_a_lesson_that_is_run_again_after_another_shows_the_same(runs, when, lesson):
    check(runs.result(when, lesson), claims_of(lesson))


@pytest.mark.kubectl
@pytest.mark.slow
@pytest.mark.parametrize(("when", "lesson"), lessons("empty"))
def test_who_comes_from_another_lesson_and_writes_nothing_gets_to_the_end(runs, when, lesson):
    claims = claims_of(lesson)
    for cell in runs.result(when, lesson).cells:
        if cell.cell_type == "code" and not claims.get(cell.id, {}).get("fails"):
            assert [said.evalue for said in cell.outputs if said.output_type == "error"] == [], cell.id


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.name[:2])
def test_a_lesson_in_git_has_no_outputs_and_a_name_for_each_cell(lesson):
    notebook = nbformat.read(lesson, as_version=4)
    for cell in notebook.cells:
        assert not re.fullmatch(r"[0-9a-f-]{8,36}", cell.id), f"{cell.id} is a number, not a name"
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None
            assert "sleep(" not in cell.source, "wait for a condition"


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.name[:2])
def test_what_is_only_plumbing_is_folded_and_nothing_else(lesson):
    """Lesson 00 shows its first cell: it explains it."""
    for cell in nbformat.read(lesson, as_version=4).cells:
        if cell.cell_type == "code":
            is_plumbing = kind_of(cell.source) in ("predict", "task", "truth")
            is_plumbing |= cell.id == "connect" and not lesson.name.startswith("00")
            assert cell.metadata.get("jupyter", {}).get("source_hidden", False) is is_plumbing, cell.id
            shown = FIRST_LINES.get(kind_of(cell.source), "")  # of a fold JupyterLab shows that line
            assert cell.source.startswith(shown), cell.id


FIRST_LINES = {"predict": "# Predict\n", "task": "# Your turn\n", "truth": "# What came of it\n"}
MOST_LETTERS = 76  # of a line of code: what fits into a window of 1280 pixels with the stage beside it


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.name[:2])
def test_no_line_of_code_runs_out_of_its_cell(lesson):
    for cell in nbformat.read(lesson, as_version=4).cells:
        if cell.cell_type == "code":
            assert [line for line in cell.source.splitlines() if len(line) > MOST_LETTERS] == [], cell.id


PLAYED = {"edit", "names", "side_by_side", "timeline"}


def kind_of(source: str) -> str:
    """What a cell asks of who runs it: "predict", "task" (of the empty cell below it), "try" (that cell), "truth" (says
    on the card what came of a prediction), "play" (a picture to act on), or "run": nothing but that."""
    if not re.sub(r"^\s*#.*$", "", source, flags=re.MULTILINE).strip():
        return "try"
    lines = re.sub(r"\\\n", " ", source).splitlines()  # a line of kubectl may go on in the next
    python = "\n".join(re.sub(r"^(\s*)%.*", r"\1pass", line) for line in lines)
    if source.startswith("%%"):
        return "run"
    called = [
        node.func.id
        for node in ast.walk(ast.parse(python))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    ]
    kinds = [("predict", {"predict"}), ("task", {"try_it"}), ("truth", {"truth"}), ("play", PLAYED)]
    return next((kind for kind, names in kinds if names & set(called)), "run")


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.name[:2])
def test_no_more_than_a_third_of_the_cells_is_run_without_a_thought(lesson):
    """What a prediction is about is looked at ("look"): that cell stands right above its truth, and is not counted."""
    code = [cell for cell in nbformat.read(lesson, as_version=4).cells if cell.cell_type == "code"]
    kinds = [kind_of(cell.source) for cell in code]
    for at, cell in enumerate(code):
        is_look = kinds[at] == "run" and kinds[at + 1 : at + 2] == ["truth"]
        assert cell.metadata.get("tags") == ["look" if is_look else kinds[at]], cell.id
    only_run = [cell.id for cell in code if "run" in cell.metadata.tags]
    assert len(only_run) * 3 <= len(code), only_run


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.name[:2])
def test_who_reads_on_does_not_find_the_answer_in_the_code_before_it_came(lesson):
    """What says the answer is folded, and does nothing else: what the learner runs and looks at stands above it."""
    for cell in nbformat.read(lesson, as_version=4).cells:
        if cell.cell_type == "code" and "truth(" in cell.source:
            assert cell.metadata.get("jupyter", {}).get("source_hidden"), cell.id
            done = re.findall(
                r"^\s*%.*|\b(?:print|display|cluster\.(?:kubectl|exec|wait\w*))\(", cell.source, re.MULTILINE
            )
            assert done == [], cell.id


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.name[:2])
def test_there_is_something_to_write_with_its_task_above_and_a_model_answer_that_nobody_sees(lesson):
    cells = nbformat.read(lesson, as_version=4).cells
    empty = [place for place, cell in enumerate(cells) if cell.cell_type == "code" and kind_of(cell.source) == "try"]
    assert empty
    for place in empty:
        assert cells[place].metadata["statelab"]["solution"].strip(), cells[place].id
        assert kind_of(cells[place - 1].source) == "task", f"no task stands above {cells[place].id}"
        assert f'key="{lesson.name[:2]}-try-' in cells[place - 1].source
    for cell in cells:
        assert ("statelab" in cell.metadata) is (cell.cell_type == "code" and kind_of(cell.source) == "try"), cell.id


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.name[:2])
def test_every_lesson_makes_claims(lesson):
    assert len(claims_of(lesson)) >= 6


def test_a_lesson_that_hangs_is_named_with_its_cell(monkeypatch):
    monkeypatch.setattr(f"{__name__}._HUNG_S", 0)
    over = threading.Event()

    class Stuck:
        at, at_s = "", time.monotonic()

        def run(self, notebook, name):
            self.at = f"{name}, cell kill"
            assert over.wait(60)

        def abandon(self):
            over.set()

        def log(self):
            return "what the server said last"

        def statelab(self, *arguments): ...

    runs = Runs({"alone": [LESSONS[4]], "again": [], "empty": []}, lambda name: Stuck())
    with pytest.raises(pytest.fail.Exception, match=r"It hangs: 04 \(alone\), cell kill\nwhat the server said"):
        runs.result("alone", LESSONS[4])
    assert over.is_set()
