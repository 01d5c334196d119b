"""The learner's side: `%%answer`, `check`, `hint`, in a notebook and where nbgrader runs it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

from grader import notebook
from grader.answer import Answer
from grader.judge import judge
from grader.model_answer import model_answer
from grader.notebook import MODEL_ANSWER, CheckFailed
from grader.registry import NoSuchTask, assignments, task, tasks_of
from statelab.notebook.telling import alone

CORPUS = Path(__file__).parent / "corpus"
RIGHT = (CORPUS / "ps3.lookup/right/01-the-three-mended.yaml").read_text(encoding="utf-8")
WRONG = (CORPUS / "ps3.lookup/wrong/07-servicename-still-misspelt.yaml").read_text(encoding="utf-8")


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    monkeypatch.setenv("STATELAB_HOME", str(tmp_path / "home"))  # where the learner's progress is kept
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    for name in ("NBGRADER_EXECUTION", "NBGRADER_VALIDATING"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(notebook, "_answers", {})  # a kernel that has just started
    shell = InteractiveShell()
    shell.run_line_magic("load_ext", "grader")
    yield shell
    shell.history_manager.end_session()


def test_check_says_what_the_instructors_grading_says_of_what_can_be_seen(shell: Any) -> None:
    for text in (RIGHT, WRONG):
        shell.run_cell_magic("answer", "ps3.lookup", text)
        shown = shell.ev('check("ps3.lookup")')
        theirs = judge(task("ps3.lookup"), Answer.of_cell(f"%%answer ps3.lookup\n{text}"))
        assert shown.result.checks == tuple(each for each in theirs.checks if not each.is_hidden)
        assert "2 more points are decided when you hand in." in repr(shown)


def test_an_answer_is_kept_and_not_run(shell: Any, tmp_path: Path) -> None:
    shell.run_cell_magic("answer", "ps3.lookup", f"open({str(tmp_path / 'x')!r}, 'w')")
    assert not (tmp_path / "x").exists()


def test_advice_comes_at_once_with_the_line_of_the_cell(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    shell.run_cell_magic("answer", "ps3.lookup", RIGHT.replace("apps/v1", "app/v1"))
    line = ["%%answer ps3.lookup", *RIGHT.splitlines()].index("apiVersion: apps/v1") + 1
    said = capsys.readouterr().out
    assert f"your answer, line {line}, column 13" in said
    assert "Did you mean apiVersion: apps/v1?" in said


def test_hints_come_one_by_one(shell: Any) -> None:
    shell.run_cell_magic("answer", "ps3.lookup", WRONG)
    said = [shell.ev('hint("ps3.lookup")') for _ in range(4)]
    assert ["Hint 1 of 3" in said[0], "Hint 2 of 3" in said[1], "Hint 3 of 3" in said[2], "Hint 3 of 3" in said[3]] == [
        True
    ] * 4


def test_where_nbgrader_runs_the_notebook_it_reads_a_number(shell: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    shell.run_cell_magic("answer", "ps3.lookup", WRONG)
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    assert 0 < float(repr(shell.ev('check("ps3.lookup")'))) < 15
    monkeypatch.setenv("NBGRADER_EXECUTION", "validate")
    monkeypatch.setenv("NBGRADER_VALIDATING", "1")
    with pytest.raises(CheckFailed, match="serviceName: caches"):
        shell.ev('check("ps3.lookup")')
    shell.run_cell_magic("answer", "ps3.lookup", RIGHT)
    assert float(repr(shell.ev('check("ps3.lookup")'))) == 15


def test_a_task_that_is_not_there_is_named_with_the_nearest(shell: Any) -> None:
    with pytest.raises(NoSuchTask, match=r"Did you mean ps3\.lookup\?"):
        shell.ev('check("ps3.lokup")')


def test_a_cell_that_was_never_run_is_named_with_what_to_do(shell: Any) -> None:
    shown = " ".join(repr(shell.ev('check("ps3.lookup")')).split())
    assert "The cell that begins with %%answer ps3.lookup has not been run since the kernel started" in shown
    assert "press Shift+Enter" in shown
    shell.run_cell_magic("answer", "ps3.lookup", "\n")
    assert "has not been run" not in repr(shell.ev('check("ps3.lookup")'))


def test_a_hint_is_shown_as_text(shell: Any) -> None:
    said = shell.ev('hint("ps3.lookup")')
    assert repr(said) == str(said)
    assert "\n" in said


def test_a_task_that_is_not_there_is_told_without_a_traceback(shell: Any) -> None:
    for line in ('hint("ps3.nope")', 'check("nope")'):
        with pytest.raises(NoSuchTask) as told:
            shell.ev(line)
        (said,) = told.value._render_traceback_()
        assert said.startswith(("Ps3 has no task", "There is no assignment"))


def test_the_right_answer_of_the_store_gets_no_advice(shell: Any, capsys: pytest.CaptureFixture[str]) -> None:
    for path in sorted((CORPUS / "final.store" / "right").glob("*.yaml")):
        shell.run_cell_magic("answer", "final.store", path.read_text(encoding="utf-8"))
        assert "selects none" not in capsys.readouterr().out, path.name


def test_who_learns_alone_sees_hidden_checks_at_once_and_the_model_answer_when_all_is_right(shell: Any) -> None:
    alone.say_alone()
    shell.run_cell_magic("answer", "ps3.lookup", WRONG)
    shown = shell.ev('check("ps3.lookup")')
    assert any(each.is_hidden for each in shown.result.checks)
    assert "decided when you hand in" not in repr(shown)
    assert MODEL_ANSWER not in repr(shown)
    shell.run_cell_magic("answer", "ps3.lookup", RIGHT)
    shown = shell.ev('check("ps3.lookup")')
    assert shown.result.max == task("ps3.lookup").points
    assert MODEL_ANSWER in repr(shown)
    assert "clusterIP: None" in shown.model
    assert "SOLUTION" not in repr(shown)
    assert "<details>" in shown._repr_html_()


@pytest.mark.parametrize("what", ["taken back", "no solutions", "validated", "in autograde"])
def test_elsewhere_the_model_answer_stays_where_it_is(shell: Any, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    alone.say_alone()
    if what == "taken back":
        alone.take_back()
    elif what == "no solutions":
        monkeypatch.setenv("STATELAB_SOLUTIONS", "")
    else:
        monkeypatch.setenv("NBGRADER_VALIDATING" if what == "validated" else "NBGRADER_EXECUTION", "autograde")
    shell.run_cell_magic("answer", "ps3.lookup", RIGHT)
    shown = shell.ev('check("ps3.lookup")')
    assert shown.model == ""
    assert "2 more points" in shown.note or what == "in autograde"


def test_each_graded_task_has_a_model_answer_to_show() -> None:
    for name in assignments():
        for chosen in tasks_of(name).values():
            text = model_answer(chosen)
            assert text, chosen.id
            assert "BEGIN SOLUTION" not in text
