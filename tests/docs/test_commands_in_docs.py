"""A command line that stands in the docs can be typed: the command is there, and has these options."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import typer

import grader.cli
import statelab.cli

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    *sorted((ROOT / "docs").glob("*.md")),
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "course/glossary.md")),
]
OURS = {"statelab": statelab.cli.app, "grader": grader.cli.app}
_PROMPT = re.compile(r"^(?:\$ |\.venv/bin/|sudo )?")


def lines() -> list[tuple[str, str, bool]]:
    """(page, line, whether it is whole): the lines of shell blocks, and what stands between backticks in a sentence."""
    found = []
    for page in PAGES:
        if not page.is_file():
            continue
        text, name = page.read_text(encoding="utf-8"), str(page.relative_to(ROOT))
        for kind, block in re.findall(r"^```(\w*)\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
            typed = [line for line in block.splitlines() if kind == "sh" or line.startswith("$ ")]
            found += [(name, line, True) for line in typed]
        prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
        headless = re.sub(r"^#.*$", "", prose, flags=re.MULTILINE)  # headings of troubleshooting quote messages
        found += [(name, span, False) for span in re.findall(r"`([^`\n]+)`", headless)]
    return [(name, _PROMPT.sub("", line.strip()), whole) for name, line, whole in found]


def of(program: str) -> list[tuple[str, str, bool]]:
    return [each for each in lines() if re.match(rf"(?:[A-Z_]+=\S+ )*{program}(?: |$)", each[1])]


def words(line: str) -> list[str]:
    found = shlex.split(line.split(" && ")[0].replace("…", ""), comments=True)
    while "=" in found[0]:
        del found[0]
    return found


@pytest.mark.parametrize("program", sorted(OURS))
def test_our_commands_take_what_the_docs_give_them(program):
    given = of(program)
    assert len(given) > 10
    for page, line, is_whole in given:
        command = typer.main.get_command(OURS[program])
        rest = words(line)[1:]
        while hasattr(command, "commands") and rest and not rest[0].startswith("-"):
            assert rest[0] in command.commands, f"{page}: {line}: {program} has no command {rest[0]}"
            command = command.commands[rest.pop(0)]
        known = {option for each in command.params for option in (*each.opts, *each.secondary_opts)} | {"--help"}
        for word in rest:
            if word.startswith("-"):
                assert word.partition("=")[0] in known, f"{page}: {line}: there is no option {word}"
        if is_whole and not hasattr(command, "commands"):
            command.make_context(command.name, rest)  # raises what a user would read


def test_make_has_the_targets_that_the_docs_name():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    given = of("make")
    assert len(given) > 8
    for page, line, _ in given:
        for word in words(line)[1:]:
            assert "=" in word or word in targets, f"{page}: {line}"


@pytest.mark.slow
def test_nbgrader_has_the_commands_that_the_docs_name():
    from nbgrader.apps import DbApp, NbGraderApp

    given = of("nbgrader")
    assert len(given) > 12
    for page, line, _ in given:
        name, *rest = words(line)[1:]
        assert name in NbGraderApp.subcommands, f"{page}: {line}"
        if name == "db":
            assert rest[0] in DbApp.subcommands, f"{page}: {line}"
            assert rest[1] in DbApp.subcommands[rest[0]][0].subcommands, f"{page}: {line}"


def test_what_make_runs_is_what_the_readme_types_without_it_also_on_windows():
    """Its lines are: a shell's, # what it is for, Windows: PowerShell's."""
    block = (ROOT / "README.md").read_text(encoding="utf-8").split("## Without make")[1].split("```")[1]
    typed = [re.fullmatch(r"(.*?)\s+# (.*?)\s+Windows: (.*)", line) for line in block.splitlines()[1:]]
    made = (ROOT / "Makefile").read_text(encoding="utf-8")
    made = made.replace("$(BIN)", ".venv/bin").replace("$(PYTHON)", "python3").replace(" $(ARGS)", "")
    targets = dict(re.findall(r"^(\w+):[^\n]*\n\t(.*)", made, re.MULTILINE))
    assert "\tpython3 install.py $(filter-out learner,$*)" in made  # of .venv/ready-learner and .venv/ready-dev
    does = {"what make lab installs": "python3 install.py", "what the tests need": "python3 install.py dev"}
    does |= {f"make {name}": line for name, line in targets.items()}
    assert len(typed) == 4
    for line in typed:
        assert line is not None
        shell, purpose, windows = line.groups()
        assert shell == does[purpose]
        assert windows == re.sub(r"^python3 ", "py ", shell).replace(".venv/bin/", ".venv\\Scripts\\")
    installed = (ROOT / "install.py").read_text(encoding="utf-8")
    assert '"Scripts"' in installed  # where a Windows venv has its programs
