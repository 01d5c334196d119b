"""A learner's loop is run in the sandbox, speaks over a pipe, and is bounded whatever it does."""

from __future__ import annotations

import json
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from grader import program, sandbox
from grader.answer import Answer
from grader.judge import judge
from grader.limits import Limits
from grader.program import STOPPED, Done, InThisProcess, NoSandbox, has_processes, inside, runner
from grader.registry import task
from grader.rubrics.ps9 import desks

ROOT = Path(__file__).parents[3]


def _why_not() -> str:
    try:
        sandbox.check("sandbox")
    except NoSandbox as error:
        return str(error)
    return ""


WHY_NOT = _why_not()
confined = pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT[:120] or "bubblewrap works")
PLACES = [pytest.param("sandbox", marks=confined), "here"]


class Questions:
    """Answers, and remembers what was asked."""

    def __init__(self, **answers: Any) -> None:
        self.asked: list[dict[str, Any]] = []
        self.answers = {"now": 100.0, **answers}
        self.ends_after = 10_000

    def __call__(self, question: dict[str, Any]) -> dict[str, Any]:
        self.asked.append(question)
        if len(self.asked) > self.ends_after:
            return {"ended": True}
        return {"value": self.answers.get(question["do"])}


def called(text: str, place: str, questions: Questions | None = None, times: int = 1) -> Done:
    """How the last of some calls of a loop ended; or how its beginning did."""
    text, handle = textwrap.dedent(text), questions or Questions()
    if place == "here":
        return _called(InThisProcess(), text, handle, times)
    with runner("sandbox") as loop:
        return _called(loop, text, handle, times)


def _called(loop: Any, text: str, handle: Questions, times: int) -> Done:
    done: Done = loop.begin(text, handle)
    for _ in range(times if not done.error else 0):
        done = loop.call(handle)
    return done


@pytest.mark.parametrize("place", PLACES)
def test_a_loop_asks_its_questions_and_gets_the_answers(place: str) -> None:
    questions = Questions(exec="PONG\n", list=[{"metadata": {"name": "catalog-0"}}])
    text = """
        def reconcile(cluster):
            name = cluster.list("pods", app="catalog")[0]["metadata"]["name"]
            assert cluster.exec(name, "redis-cli", "PING") == "PONG\\n"
            cluster.delete("pods", name, force=True)
    """
    assert called(text, place, questions) == Done()
    assert [each["do"] for each in questions.asked] == ["list", "exec", "delete"]
    assert questions.asked[0]["labels"] == {"app": "catalog"}
    assert questions.asked[1] == {"do": "exec", "pod": "catalog-0", "command": ["redis-cli", "PING"]}
    assert questions.asked[2]["force"] is True


@pytest.mark.parametrize("place", PLACES)
def test_questions_may_be_put_as_in_the_lessons(place: str) -> None:
    questions = Questions()
    text = """
        def reconcile(cluster):
            cluster.get("pod/catalog-0")
            cluster.delete("pod/catalog-0")
            cluster.patch("pod/catalog-0", {"metadata": {"labels": {"role": "primary"}}})
            cluster.list("pods", "app=catalog,role=primary")
            cluster.exec("catalog-0", "redis-cli SET 'a key' 1")
            cluster.exec("catalog-0", ["redis-cli", "PING"])
    """
    assert called(text, place, questions) == Done()
    assert [(each["kind"], each["name"]) for each in questions.asked[:3]] == [("pod", "catalog-0")] * 3
    assert questions.asked[2]["patch"] == {"metadata": {"labels": {"role": "primary"}}}
    assert questions.asked[3]["labels"] == {"app": "catalog", "role": "primary"}
    assert [each["command"] for each in questions.asked[4:]] == [
        ["redis-cli", "SET", "a key", "1"],
        ["redis-cli", "PING"],
    ]


@pytest.mark.parametrize("place", PLACES)
def test_clocks_show_the_clusters_time_and_sleeping_lets_it_pass(place: str) -> None:
    questions = Questions(now=3600.0)
    text = """
        import time
        from datetime import datetime, timezone

        def reconcile(cluster):
            time.sleep(5)
            assert time.time() == time.monotonic() == cluster.now() == 3600.0
            assert datetime.now(timezone.utc).hour == 1
    """
    assert called(text, place, questions) == Done()
    assert questions.asked[0] == {"do": "sleep", "seconds": 5.0}


@pytest.mark.parametrize("place", PLACES)
def test_a_dataclass_finds_the_module_it_is_in(place: str) -> None:
    text = """
        from dataclasses import dataclass
        from typing import get_type_hints

        @dataclass
        class Member:
            name: "str"

        def reconcile(cluster):
            assert get_type_hints(Member) == {"name": str}
            assert Member("catalog-0") == Member(name="catalog-0")
    """
    assert called(text, place) == Done()
    assert inside.MODULE not in sys.modules


@pytest.mark.parametrize("place", PLACES)
def test_a_process_that_is_ended_forgets_and_one_that_is_not_remembers(place: str) -> None:
    text = """
        count = 0

        def reconcile(cluster):
            global count
            count += 1
            cluster.exec("x", str(count))
    """
    questions = Questions()
    called(text, place, questions, times=2)
    called(text, place, questions)
    assert [each["command"] for each in questions.asked] == [["1"], ["2"], ["1"]]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    ("text", "said", "line", "is_fatal"),
    [
        ("def reconcile(cluster)\n    pass\n", "Python cannot read it: expected ':'.", 1, False),
        ("def reconciles(cluster):\n    pass\n", inside.NO_RECONCILE, None, False),
        ("async def reconcile(cluster):\n    pass\n", inside.IS_ASYNC, None, False),
        ("def reconcile(cluster):\n    {}['x']\n", "It raises KeyError: 'x'.", 2, False),
        ("import kubernetes_that_is_not_there\n", "No module named 'kubernetes_that_is_not_there'", 1, False),
        ("def reconcile(cluster):\n    while True:\n        pass\n", inside.TOO_LONG, None, True),
        (
            "def reconcile(cluster):\n    for n in range(10**9):\n        print('x' * 99)\n",
            "It printed more than",
            3,
            True,
        ),
    ],
    ids=["syntax", "name", "async", "error", "module", "endless", "prints"],
)
def test_what_is_wrong_is_told_in_a_sentence_with_its_line(
    place: str, text: str, said: str, line: int | None, is_fatal: bool
) -> None:
    done = called(text, place)
    assert said in done.error
    assert done.is_fatal == is_fatal
    if line is not None:
        assert done.line == line


@confined
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import os\ndef reconcile(cluster):\n    os.fork()\n", inside.NO_PROCESSES),
        ("import subprocess\ndef reconcile(cluster):\n    subprocess.run(['ls'])\n", inside.NO_PROCESSES),
        ("import socket\ndef reconcile(cluster):\n    socket.socket()\n", inside.NO_PROCESSES),
        ("import os\ndef reconcile(cluster):\n    os._exit(0)\n", STOPPED),
        ("def reconcile(cluster):\n    x = []\n    while True:\n        x.append(bytes(10**8))\n", "MemoryError"),
        ("def reconcile(cluster):\n    cluster.exec('x', 'y' * 10**6)\n", "more than 100,000 characters"),
        ("def reconcile(cluster):\n    open('/etc/passwd')\n", "FileNotFoundError"),
    ],
    ids=["fork", "process", "socket", "exit", "memory", "question", "file"],
)
def test_what_a_loop_may_not_is_refused_or_ends_it(text: str, said: str) -> None:
    assert said in called(text, "sandbox").error


@confined
def test_what_it_writes_to_its_own_output_is_none_of_its_questions() -> None:
    questions = Questions()
    text = """
        import os, sys

        def reconcile(cluster):
            os.write(1, b'{"done": {}}\\n' * 1000)
            sys.stdout.write('{"ask": {"do": "delete"}}\\n')
            sys.stdout.flush()
            cluster.now()
    """
    assert called(text, "sandbox", questions) == Done()
    assert [each["do"] for each in questions.asked] == ["now"]


@pytest.mark.parametrize("place", PLACES)
def test_a_loop_that_is_ended_in_the_middle_of_a_call_ends_there(place: str) -> None:
    questions = Questions()
    questions.ends_after = 2
    text = """
        def reconcile(cluster):
            for n in range(9):
                try:
                    cluster.exec("x", str(n))
                except Exception:
                    pass
    """
    assert called(text, place, questions) == Done()
    assert len(questions.asked) == 3


def test_where_nothing_may_be_run_the_answer_is_not_run_and_says_so(tmp_path: Path) -> None:
    text = f"open({str(tmp_path / 'x')!r}, 'w')\ndef reconcile(cluster):\n    pass\n"
    result = judge(task("ps9.loop"), Answer.of_cell(text), limits=Limits(execute="never"))
    assert result.score == 0
    assert "has to be run to be graded, and was not" in result.checks[0].message
    assert not (tmp_path / "x").exists()


@pytest.mark.skipif(not has_processes(), reason="there is no other process here")
def test_a_learners_own_machine_without_a_sandbox_runs_it_in_a_process_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sandbox.shutil, "which", lambda name: None)
    questions = Questions()
    with runner("own") as loop:
        assert loop.begin("def reconcile(cluster):\n    cluster.now()\n", questions) == Done()
        assert loop.call(questions) == Done()
    assert len(questions.asked) == 1
    with pytest.raises(NoSandbox), runner("sandbox"):
        pass


def test_where_there_is_no_other_process_the_verdict_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "has_processes", lambda: False)
    folder = ROOT / "tests/grader/corpus/ps9.loop"
    for path, score in ((folder / "right/01-the-model-answer.py", 30), (folder / "wrong/01-pass.py", 0)):
        result = judge(task("ps9.loop"), Answer.of_files([path]), limits=Limits(execute="own"))
        assert result.score == score, [(each.id, each.message) for each in result.checks]


def test_the_loop_that_is_foretold_is_the_one_in_the_notebook() -> None:
    for folder in ("solutions", "exercises"):
        cells = json.loads((ROOT / folder / "ps9/ps9.ipynb").read_text(encoding="utf-8"))["cells"]
        assert any(desks.LOOP.rstrip() in "".join(each["source"]) for each in cells)
