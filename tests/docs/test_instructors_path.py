"""The path of the instructors' page is walked: every line is typed, in this order, and a learner has their feedback."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import programs
import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "instructors.md"
EXCHANGE = "/srv/nbgrader/exchange"


@dataclass(frozen=True)
class Step:
    """A block of the path. `kind`: its language; `note`: the comment above it, "" without one."""

    kind: str
    text: str
    note: str


def path() -> list[Step]:
    section = PAGE.read_text(encoding="utf-8").partition("\n## The path\n")[2].partition("\n## ")[0]
    found = re.findall(r"(?:^<!-- (.*?) -->\n)?^```(\w+)\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    return [Step(kind, text, note) for note, kind, text in found]


def test_what_is_not_walked_says_why_and_is_little() -> None:
    notes = [step.note for step in path() if step.kind == "sh"]
    assert len(notes) >= 13
    assert {note for note in notes if note and note != "as a learner"} == {
        "not walked: the tests run in an environment that was made so"
    }


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.skipif(sys.platform == "win32", reason="nbgrader's exchange is not for Windows")
def test_from_a_closed_folder_to_feedback(tmp_path: Path) -> None:
    course, desk, exchange, typed = (tmp_path / each for each in ("course", "desk", "exchange", "typed"))
    for name in ("solutions/ps3", "exercises", "course"):
        shutil.copytree(ROOT / name, course / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "nbgrader_config.py", course)
    desk.mkdir()
    typed.mkdir()
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("STATELAB_", "JUPYTER"))}
    path_to = [str(programs.on_path(typed)), str(Path(sys.executable).parent), os.environ["PATH"]]
    environment |= {"PATH": os.pathsep.join(path_to), "XDG_DATA_HOME": str(tmp_path / "data")}
    environment["JUPYTER_DATA_DIR"] = str(tmp_path / "jupyter")

    def walk(step: Step) -> str:
        where = desk if step.note == "as a learner" else course
        text = step.text.replace(EXCHANGE, str(exchange)).replace("sudo ", "")
        done = subprocess.run(
            ["sh", "-e", "-c", text], cwd=where, env=environment, capture_output=True, text=True, timeout=240
        )
        assert done.returncode == 0, f"{step.text}\n{done.stdout}\n{done.stderr[-3000:]}"
        return done.stdout + done.stderr

    said = ""
    for step in path():
        if step.note.startswith("not walked"):
            continue
        if step.kind == "sh":
            said += walk(step)
        elif step.kind == "csv":
            (course / "students.csv").write_text(step.text, encoding="utf-8")
        elif step.kind == "python":
            with (course / "nbgrader_config.py").open("a", encoding="utf-8") as config:
                config.write(step.text.replace(EXCHANGE, str(exchange)))
            shutil.copy(course / "nbgrader_config.py", desk)  # a learner's machine knows the exchange, too
    assert course.stat().st_mode & 0o077 == 0
    assert (course / "learners.zip").stat().st_size > 100_000
    report = json.loads((course / "reports/ps3.json").read_text())
    by_learner = {each["student"]: each["in_class_list"] for each in report["students"]}
    assert by_learner.pop("alice") and by_learner.pop("bob")
    assert list(by_learner.values()) == [False]  # who runs this test handed in, and is in no class list
    assert list((desk / "ps3/feedback").rglob("ps3.html"))
    assert "alice did not hand in through the exchange: send them the pages in " in said
    assert "Traceback" not in said
