"""Who has predicted looks at what comes, and nothing on the page has told it: no wait for the very thing, no word of an
option, no state that the question does not name.

Folded cells are not read: a learner does not see them. Only the notebooks are looked at, no cell is run.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pytest

LESSONS = sorted((Path(__file__).resolve().parents[2] / "course").glob("[0-9][0-9]-*.ipynb"))
# How things end. Good ends ("Ready", "Rollout") may be waited for: most predictions are about something else.
ENDS = re.compile(
    r"\b(CrashLoopBackOff|ImagePullBackOff|Pending|Released|Terminating|Failed|Bound|Lost|NXDOMAIN|exitCode|lastState"
    r"|deletionTimestamp|FailedScheduling|Unhealthy|PodScheduled=false|Ready=false)\b|--previous\b"
)
ASKED_AS = {"Ready=false": "not Ready", "deletionTimestamp": "deletion"}  # what a question says of it
KINDS = {"pvc": "claim", "pv": "volume", "pod": "Pod", "sts": "set", "deploy": "Deployment"}
SHORTEST = 4  # words of an option that stands on the page before: shorter ones say nothing ("yes", "the old one")


@dataclass(frozen=True)
class Asked:
    """A prediction, and what is on the page from it to the cell that says what came of it."""

    key: str
    question: str
    options: tuple[str, ...]
    told_by: str  # the title, and all since the prediction before: what stands above it
    seen: tuple[nbformat.NotebookNode, ...]  # the cells that one sees before the answer is told


def is_seen(cell: nbformat.NotebookNode) -> bool:
    return not cell.metadata.get("jupyter", {}).get("source_hidden", False)


def asked_in(cells: list[nbformat.NotebookNode]) -> Iterator[Asked]:
    places: dict[str, int] = {}
    answered = [0]
    for place, cell in enumerate(cells):
        if cell.cell_type != "code" or not (said := re.search(r'^\s*truth\(\s*"([^"]+)"', cell.source, re.MULTILINE)):
            for call in calls(cell, "predict"):
                places[key_of(call)] = place
            continue
        begun = places[said[1]]
        [call] = calls(cells[begun], "predict")
        above = [each for each in cells[max(before for before in answered if before <= begun) : begun] if is_seen(each)]
        yield Asked(
            said[1],
            ast.literal_eval(call.args[0]),
            tuple(option for each in call.keywords if each.arg != "key" for option in ast.literal_eval(each.value)),
            "\n".join(map(prose, (cells[0], *above))),
            tuple(each for each in cells[begun + 1 : place] if is_seen(each)),
        )
        answered.append(place + 1)


def calls(cell: nbformat.NotebookNode, name: str) -> list[ast.Call]:
    if cell.cell_type != "code" or f"{name}(" not in cell.source or cell.source.startswith("%"):
        return []
    nodes = ast.walk(ast.parse(cell.source))
    return [each for each in nodes if isinstance(each, ast.Call) and getattr(each.func, "id", "") == name]


def key_of(call: ast.Call) -> str:
    return next(ast.literal_eval(each.value) for each in call.keywords if each.arg == "key")


def hints(asked: Asked) -> list[str]:
    """What on the page says how the prediction will end, in words for who has to mend it."""
    found = []
    options = " ".join(asked.options)
    for cell in asked.seen:
        if cell.cell_type == "code":
            for end in {each[0] for each in ENDS.finditer(cell.source)}:
                if ASKED_AS.get(end, end).lower() not in asked.question.lower():
                    found.append(f"{cell.id} says {end}; cluster.wait_and_see() says nothing")
            for what in re.findall(r'cluster\.wait\(f?"([\w{}/.-]+)", "(?:Deleted|Bound|Exists)"', cell.source):
                kind, _, name = what.partition("/")
                if re.search(rf"\b{re.escape(name)}\b|\b{KINDS.get(kind, kind)}", options):
                    found.append(f"{cell.id} waits for {what}, which is an option; cluster.wait_and_see() says nothing")
    text = plain("\n".join([asked.told_by, *map(prose, asked.seen)]))
    for option in asked.options:
        if len(option.split()) >= SHORTEST and plain(option) in text:
            found.append(f"“{option}” stands on the page before it is asked for")
    return found


def prose(cell: nbformat.NotebookNode) -> str:
    """What a cell says: its text, or its comments. An option in the code itself is looked up there, like all others."""
    return cell.source if cell.cell_type == "markdown" else "\n".join(re.findall(r"#.*", cell.source))


def plain(text: str) -> str:
    return re.sub(r"\W+", " ", text).lower().strip()


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.name[:2])
def test_no_word_on_the_page_tells_what_is_to_be_found_out(lesson: Path) -> None:
    asked = list(asked_in(nbformat.read(lesson, as_version=4).cells))
    assert len(asked) >= 3
    assert {each.key: hints(each) for each in asked if hints(each)} == {}


@pytest.mark.parametrize(
    ("looked_at", "told"),
    [
        ('cluster.wait("pod/second", "CrashLoopBackOff")', "CrashLoopBackOff"),
        ("%kubectl logs second --previous", "--previous"),
        ('cluster.wait("pvc/pv-claim", "Deleted")', "which is an option"),
        ("# the claim goes with it, of course", "stands on the page"),
        ("cluster.wait_and_see()\n%kubectl get pods", ""),
    ],
)
def test_a_hint_is_found(looked_at: str, told: str) -> None:
    new = nbformat.v4
    asked = 'predict("The Pod goes. What comes?", one=["the claim goes with it", "nothing"], key="99-what")'
    cells = [
        new.new_markdown_cell("# 99 · A lesson"),
        new.new_code_cell(asked, metadata={"jupyter": {"source_hidden": True}}),
        new.new_code_cell(looked_at),
        new.new_code_cell('# What came of it\ntruth("99-what", "the claim goes with it")'),
    ]
    [found] = asked_in(cells)
    assert told in "; ".join(hints(found)) if told else hints(found) == []
