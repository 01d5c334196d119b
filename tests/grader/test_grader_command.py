"""`grader check`: 0 all points, 1 fewer, 2 cannot be graded; JSON for programs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from grader.cli import app

CORPUS = Path(__file__).parent / "corpus"
RIGHT = CORPUS / "ps3.repair/right/01-the-two-words-mended-and-nothing-else.yaml"
WRONG = CORPUS / "ps3.repair/wrong/01-the-notes-as-they-stand.yaml"


def run(*arguments: str | Path) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(each) for each in arguments])
    return result.exit_code, result.output


def test_the_end_of_the_command_tells_how_it_went() -> None:
    assert run("check", "ps3.repair", RIGHT)[0] == 0
    assert run("check", "ps3.repair", WRONG)[0] == 1


def test_json_has_the_form_that_programs_expect() -> None:
    code, output = run("check", "ps3.repair", WRONG, "--json")
    body = json.loads(output)
    assert code == 1
    assert list(body) == ["task", "score", "max", "checks"]
    assert (body["task"], body["score"], body["max"]) == ("ps3.repair", 0, 20)
    assert list(body["checks"][0]) == ["id", "title", "points", "max", "passed", "message", "evidence", "line"]


@pytest.mark.parametrize("content", [None, b"", b"\0\0", b"a: [", b"x" * 11_000_000, b"\xff\xfe", b"{" * 20_000])
def test_what_cannot_be_graded_ends_with_2_and_says_why(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "web.yaml"
    if content is not None:
        path.write_bytes(content)
    code, output = run("check", "ps3.repair", path)
    assert code == 2
    assert output.strip()
    code, output = run("check", "ps3.repair", path, "--json")
    assert code == 2
    assert json.loads(output)["error"]


def test_a_task_that_is_not_there_is_named_with_the_nearest() -> None:
    code, output = run("check", "ps3.repiar", RIGHT)
    assert code == 2
    assert "Did you mean ps3.repair?" in output


def test_an_answer_may_come_in_several_files(tmp_path: Path) -> None:
    model = (CORPUS / "ps3.identity/right/01-the-model-answer.yaml").read_text(encoding="utf-8")
    for name, text in zip(("service", "set"), model.split("---\n"), strict=True):
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
    assert run("check", "ps3.identity", tmp_path / "set.yaml", tmp_path / "service.yaml")[0] == 0


def test_tasks_are_listed() -> None:
    code, output = run("tasks", "ps3")
    assert code == 0
    assert output.count("ps3.") >= 5
    assert json.loads(run("tasks", "--json")[1])[0]["points"] > 0
