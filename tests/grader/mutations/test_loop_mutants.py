"""Each thing that ps9.loop asks for has a mutant of the model answer that breaks it, and loses points for just that.

What changes nothing that anybody could see is named, too, and keeps all points.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from grader import sandbox
from grader.answer import Answer
from grader.judge import judge
from grader.registry import task

ROOT = Path(__file__).parents[3]
MODEL = (ROOT / "tests/grader/corpus/ps9.loop/right/01-the-model-answer.py").read_text(encoding="utf-8")
TEXT = "".join(
    "".join(cell["source"])
    for cell in json.loads((ROOT / "exercises/ps9/ps9.ipynb").read_text(encoding="utf-8"))["cells"]
)
Change = tuple[str, str]
PROMOTE = '        cluster.exec(best, "redis-cli", "REPLICAOF", "NO", "ONE")\n'
DELETE = '            cluster.delete("pods", name)\n'
# What the text says → what of the model is changed, and a check that fails for it.
BROKEN: list[tuple[str, str, list[Change]]] = [
    ("there is **one** primary soon", "from-nothing", [(PROMOTE, "")]),
    ("that all others follow it", "from-nothing", [("    for name, said in info.items():\n        if said and",
                                                    "    for name, said in ():\n        if said and")]),
    ("and that this is so again after whatever happens to one of them", "takes-the-best",
     [("        follow(cluster, primaries[0], info)\n", "")]),
    ("**never two** members that take writes", "fences-first", [("if not silent and answering", "if answering")]),
    ("who leads next is the one with the highest offset", "takes-the-best", [("best = max(", "best = min(")]),
    ("and who is silent now may be that one", "five-members",
     [("    if not silent and answering:", "    if len(silent) < 2 and len(answering) > 2:")]),
    ("**a silence of six seconds is nothing**", "no-haste", [("SILENT_S = 15", "SILENT_S = 5")]),
    ("A member that has not answered for fifteen seconds counts as lost", "fences-first",
     [(DELETE, "            pass\n")]),
    ("nobody is made the primary\n  before its Pod has gone", "fences-first",
     [(DELETE, DELETE + "            silent = []\n")]),
    ("Within a minute and a half all is well again", "fences-first", [("SILENT_S = 15", "SILENT_S = 100")]),
    ("if a Pod is deleted and does not go, nobody knows whether it takes writes", "node-cut-off",
     [(DELETE, DELETE + "    now = cluster.now()\n    asked.update({name: asked.get(name, now) for name in silent})\n"
                        "    silent = [name for name in silent if now - asked[name] < 60]\n"),
      ("heard = {}", "asked = {}\nheard = {}")]),
    ("(Taking it out of the list by force does not stop it.)", "node-cut-off",
     [('cluster.delete("pods", name)', 'cluster.delete("pods", name, force=True)')]),
    ("the loop's own process may end at any moment", "goes-on",
     [("heard = {}", "led = []\nheard = {}"), ('if info[name]["role"] == "master"]', "if name in led[-1:]]"),
      (PROMOTE, PROMOTE + "        led.append(best)\n")]),
    ("it is tried with five members as well", "five-members",
     [('cluster.list("pods", app="catalog")}', 'cluster.list("pods", app="catalog")[:3]}')]),
]  # fmt: skip
EQUAL: dict[str, list[Change]] = {
    "who has been asked to stop may be asked again": [(' and "deletionTimestamp" not in pods[name]', "")],
    "a moment more or less is nobody's": [(">= SILENT_S", "> SILENT_S + 1")],
    "a replica's own offset in the stream is the same number": [('["slave_repl_offset"]', '["master_repl_offset"]')],
    "who follows already may be told again": [(' and said.get("master_host") != f"{primary}.catalog"', "")],
    "no Pod is no silent one, and no answering one either": [("if not silent and answering", "if not silent and info")],
}  # fmt: skip


def no_sandbox() -> str:
    try:
        sandbox.check("sandbox")
    except sandbox.NoSandbox as error:
        return str(error)
    return ""


WHY_NOT = no_sandbox()
pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT[:120] or "bubblewrap works")]


def mutant(changes: list[Change]) -> Answer:
    text = MODEL
    for before, after in changes:
        assert text.count(before) == 1, before
        text = text.replace(before, after)
    compile(text, "mutant", "exec")
    return Answer.of_cell(text)


@pytest.mark.parametrize(("said", "check", "changes"), BROKEN, ids=[each[0] for each in BROKEN])
def test_what_the_text_asks_for_costs_points_where_it_is_not_done(said: str, check: str, changes: list[Change]) -> None:
    assert said in TEXT
    result = judge(task("ps9.loop"), mutant(changes))
    lost = [each.id for each in result.checks if each.points < each.max]
    assert check in lost, lost
    assert result.score < 30


@pytest.mark.parametrize("changes", EQUAL.values(), ids=EQUAL)
def test_what_nobody_can_see_costs_nothing(changes: list[Change]) -> None:
    result = judge(task("ps9.loop"), mutant(changes))
    assert result.is_full, [(each.id, each.detail or each.message) for each in result.checks]
