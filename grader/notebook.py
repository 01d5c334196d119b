"""The learner's side: `%%answer ps3.identity` holds an answer, `check("ps3.identity")` judges it, offline, at once."""

from __future__ import annotations

import os
from dataclasses import replace
from textwrap import indent
from typing import Any

from grader.answer import Answer
from grader.html import as_html
from grader.judge import NO_ANSWER, judge
from grader.limits import Limits
from grader.model_answer import model_answer
from grader.registry import NoSuchTask, solutions_folder, task
from grader.result import Result, as_text, number
from grader.tasks import Task
from statelab.cluster.plainly import plainly
from statelab.notebook.telling import progress
from statelab.notebook.telling.alone import is_alone

# A learner's own program, on the learner's own machine: in the sandbox where there is one, and else as their kernel is.
LIMITS = Limits(execute="own")
_answers: dict[str, str] = {}
_hints_given: dict[str, int] = {}
MODEL_ANSWER = "One way to solve it, the model answer:"


class CheckFailed(Exception):
    """Not all points, said to `nbgrader validate`, which shows an error and nothing else of a cell."""

    def _render_traceback_(self) -> list[str]:
        return str(self).split("\n")


class Shown:
    """A Result as a notebook shows it. For nbgrader, which reads a number there, its plain text is the score."""

    def __init__(self, result: Result, note: str, points: float, model: str = "") -> None:
        self.result = result
        self.note = note
        self.points = points
        self.model = model  # the model answer, where it may be seen

    def __repr__(self) -> str:
        if os.environ.get("NBGRADER_EXECUTION"):
            return str(float(self.points))
        model = f"\n\n {MODEL_ANSWER}\n\n{indent(self.model, '    ')}" if self.model else ""
        return as_text(self.result) + (f"\n\n {self.note}" if self.note else "") + model

    def _repr_html_(self) -> str:
        return as_html(self.result, self.note, (MODEL_ANSWER, self.model) if self.model else None)


@plainly
def check(task_id: str) -> Shown:
    """Judge the answer of the last `%%answer` cell that was run for this task, as your instructor's grading will.

    Some points are for variations that are tried only when you hand in; they are not among those shown. Who has said
    `statelab alone`, and has `solutions/`, sees them at once, and the model answer once all points are won.
    Raises NoSuchTask; CheckFailed instead of returning, where `nbgrader validate` runs the notebook.
    """
    chosen = task(task_id)
    grading = os.environ.get("NBGRADER_EXECUTION") == "autograde"
    limits = Limits() if grading else LIMITS
    is_whole = grading or _nothing_is_hidden()
    result = judge(chosen, Answer.of_cell(_answers.get(chosen.id, "")), visible_only=not is_whole, limits=limits)
    if result.problem == NO_ANSWER and chosen.id not in _answers:
        result = replace(result, problem=f"{NO_ANSWER} {_never_run(chosen)}")
    later = chosen.points - result.max
    note = f"{number(later)} more points are decided when you hand in." if later > 0 else ""
    if os.environ.get("NBGRADER_VALIDATING") and not result.is_full:
        raise CheckFailed(as_text(result))
    if not grading and not os.environ.get("NBGRADER_VALIDATING"):
        progress.record_best("tasks", chosen.id, result.score, result.max)
    # Points are those of the cell: all, when all that can be seen here is right.
    points = chosen.points if result.is_full else round(chosen.points * result.score / (result.max or 1), 2)
    model = model_answer(chosen) if result.is_full and _nothing_is_hidden() else None
    return Shown(result, note, points, model or "")


def _nothing_is_hidden() -> bool:
    """Whether the learner learns alone and has all checks at hand; nbgrader has no such learners."""
    in_a_class = os.environ.get("NBGRADER_EXECUTION") or os.environ.get("NBGRADER_VALIDATING")
    return not in_a_class and is_alone() and solutions_folder() is not None


class Hint(str):
    """A hint, which a notebook shows as the text it is."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


@plainly
def hint(task_id: str) -> Hint:
    """The next hint for the first check that fails: from a nudge to nearly the answer. Asking costs nothing."""
    chosen = task(task_id)
    text = Answer.of_cell(_answers.get(chosen.id, ""))
    failed = judge(chosen, text, visible_only=not _nothing_is_hidden(), limits=LIMITS).first_failed
    if failed is None:
        return Hint("Nothing to hint at: every check passes.")
    if not failed.hints:
        return Hint(f"There is no hint for: {failed.title}")
    key = f"{chosen.id}.{failed.id}"
    given = min(_hints_given.get(key, 0) + 1, len(failed.hints))
    _hints_given[key] = given
    run_first = "" if chosen.id in _answers else f"{_never_run(chosen)}\n"
    return Hint(f"{run_first}{failed.title}\nHint {given} of {len(failed.hints)}: {failed.hints[given - 1]}")


def _never_run(chosen: Task) -> str:
    """What to do with a cell that is full, but that this kernel has never seen."""
    return (
        f"The cell that begins with %%answer {chosen.id} has not been run since the kernel started: "
        "click into it, press Shift+Enter, then run this cell again."
    )


def answer(line: str, cell: str) -> None:
    """`%%answer ps3.identity`: keep the cell's text as the answer to that task, and say what can be read off it.

    The text is kept, not run. Raises NoSuchTask.
    """
    chosen = task(line.strip())
    _answers[chosen.id] = "%%answer " + line.strip() + "\n" + cell
    if chosen.answer == "manifest":
        text = Answer.of_cell(_answers[chosen.id])
        if not text.is_empty:
            _advise(text)


def _advise(text: Answer) -> None:
    from statelab.manifest import advise_text

    for each in advise_text(text.text, text.sources[0])[:3]:
        print(each)


def load(shell: Any) -> None:
    """What `%load_ext grader` does."""
    shell.register_magic_function(answer, "cell", "answer")
    shell.push({"check": check, "hint": hint})


__all__ = ["CheckFailed", "NoSuchTask", "Shown", "answer", "check", "hint", "load"]
