"""No command answers a slip with a traceback: options it does not have, values that fit nowhere, nothing at all."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

import grader.cli
import statelab.__main__
import statelab.cli
from statelab.cluster import local
from statelab.cluster.paths import Home

PROGRAMS: dict[str, tuple[Any, Callable[[], None]]] = {
    "statelab": (statelab.cli.app, statelab.__main__.main),
    "grader": (grader.cli.app, grader.cli.main),
}


def commands(program: str) -> Iterator[tuple[list[str], Any]]:
    def below(words: list[str], command: Any) -> Iterator[tuple[list[str], Any]]:
        if hasattr(command, "commands"):
            for name, each in sorted(command.commands.items()):
                yield from below([*words, name], each)
        else:
            yield words, command

    yield from below([], typer.main.get_command(PROGRAMS[program][0]))


def slips(program: str) -> Iterator[list[str]]:
    """Lines that are wrong, and that start nothing: each command with an unknown option, with arguments that are
    missing or name nothing, and each option with a value that fits nowhere."""
    yield ["nope"]
    yield ["--nope"]
    for words, command in commands(program):
        parameters = [each for each in command.params if each.name != "help"]
        arguments = [each for each in parameters if each.param_type_name == "argument"]
        fill = ["/dev/null/nope" for each in arguments if each.required]
        yield [*words, *fill, "--nope" if words[-1] != "lab" else "--port=nope"]
        if fill:
            yield words
            yield [*words, *fill]
        for each in parameters:
            if each.param_type_name != "option" or each.is_flag or each.hidden:
                continue
            yield [*words, *fill, each.opts[0], "/dev/null/nope"]
            yield [*words, *fill, each.opts[0]]


def lines() -> list[tuple[str, list[str]]]:
    return [(program, line) for program in PROGRAMS for line in slips(program)]


@pytest.fixture
def say(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Callable[..., tuple[int, str]]:
    """`say(program, *words)`: the exit code, and all that was printed."""
    monkeypatch.setenv("STATELAB_HOME", str(tmp_path))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    monkeypatch.delenv("STATELAB_CLUSTER", raising=False)
    monkeypatch.chdir(tmp_path)
    for starts in ("start", "reset"):
        monkeypatch.setattr(local, starts, _nothing_starts)

    def run(program: str, *words: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", [program, *words])
        with pytest.raises(SystemExit) as ended:
            PROGRAMS[program][1]()
            sys.exit(0)
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out + said.err

    return run


def _nothing_starts(*_: object, **__: object) -> None:
    raise AssertionError("a slip starts nothing")


@pytest.mark.parametrize(
    ("program", "words"), lines(), ids=lambda each: each if isinstance(each, str) else " ".join(each)
)
def test_a_slip_is_told_in_a_sentence(program: str, words: list[str], say: Any) -> None:
    code, said = say(program, *words)
    assert code in range(1, 6), said
    assert said.strip()
    assert "Traceback" not in said


def test_the_lines_are_about_every_command() -> None:
    tried = {
        (program, *(word for word in words if word.replace("-", "").isalpha() and word[0] != "-" and word != "nope"))
        for program, words in lines()
    }
    for program in PROGRAMS:
        for words, _ in commands(program):
            assert any(each[: 1 + len(words)] == (program, *words) for each in tried), words


@pytest.mark.slow
def test_a_node_that_is_not_there_is_named_by_the_api_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STATELAB_HOME", str(tmp_path))
    local.start(Home(tmp_path))
    try:
        for action in ("stop", "start"):
            monkeypatch.setattr(sys, "argv", ["statelab", "node", action, "nope"])
            with pytest.raises(SystemExit) as ended:
                statelab.__main__.main()
            assert ended.value.code == 1
            assert 'nodes "nope" not found' in capsys.readouterr().err
    finally:
        local.stop(Home(tmp_path))


def test_the_list_of_commands_says_each_in_a_whole_line_and_the_first_is_what_a_learner_needs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(sys, "argv", ["statelab", "--help"])
    with pytest.raises(SystemExit):
        statelab.__main__.main()
    listed = capsys.readouterr().out.partition("Commands:\n")[2].splitlines()
    assert len(listed) == len({words[0] for words, _ in commands("statelab")})
    assert listed[0].split()[0] == "lab"
    assert [line for line in listed if not line.endswith(".") or line.endswith("...")] == []
