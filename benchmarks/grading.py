"""Grading a class three ways in one run: a kernel for each notebook, nbgrader without a kernel, `grader run`.

    python benchmarks/grading.py [--students 100] [--trivial] [--skip-kernel]

Each student answers each task of ps3 with something of the corpora, right or wrong, made unique by a comment, so that
nothing can be remembered. Wall time, and the peak memory of the largest process. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CORPUS = ROOT / "tests/grader/corpus"
TASKS = ("repair", "identity", "order", "peers", "lookup")
STOCK = """
c = get_config()  # noqa: F821
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "exercises"
c.CourseDirectory.course_id = "statelab"
c.CourseDirectory.ignore = ["hidden.py", "__pycache__", ".ipynb_checkpoints", "*.pyc", "feedback"]
"""


@dataclass(frozen=True)
class Measured:
    """One way of grading: seconds of wall time, and the peak resident memory of its largest process in MB."""

    name: str
    seconds: float
    megabytes: float
    scores: dict[str, float]


def nbgrader(course: Path, *arguments: str) -> None:
    command = [sys.executable, "-m", "nbgrader", *arguments]
    subprocess.run(command, cwd=course, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def make_course(folder: Path, students: int, *, trivial: bool) -> Path:
    folder.mkdir()
    shutil.copy(ROOT / "nbgrader_config.py", folder)
    shutil.copytree(ROOT / "solutions", folder / "solutions", ignore=shutil.ignore_patterns("__pycache__"))
    nbgrader(folder, "generate_assignment", "ps3")
    release = json.loads((folder / "exercises/ps3/ps3.ipynb").read_text(encoding="utf-8"))
    answers = {task: sorted((CORPUS / f"ps3.{task}").glob("*/*.yaml")) for task in TASKS}
    chance = random.Random(3)
    for number in range(students):
        mine = copy.deepcopy(release)
        for cell in mine["cells"]:
            name = cell["metadata"].get("nbgrader", {}).get("grade_id", "")
            if name.endswith("-answer") and not trivial:
                task = name.removeprefix("ps3-").removesuffix("-answer")
                text = chance.choice(answers[task]).read_text(encoding="utf-8")
                cell["source"] = f"%%answer ps3.{task}\n# student {number}\n{text}"
        handed_in = folder / "submitted" / f"student-{number:04}" / "ps3"
        handed_in.mkdir(parents=True)
        (handed_in / "ps3.ipynb").write_text(json.dumps(mine), encoding="utf-8")
    return folder


def measure(name: str, course: Path, *commands: list[str]) -> Measured:
    """Run the commands one after the other in a process of their own, so that the memory counted is theirs."""
    script = (
        "import resource, subprocess, sys, json\n"
        "for command in json.loads(sys.argv[1]):\n"
        "    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)\n"
        "    assert done.returncode in (0, 1), command\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)\n"
    )
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", script, json.dumps(commands)], cwd=course, check=True, capture_output=True, text=True
    )
    seconds = time.monotonic() - began
    return Measured(name, seconds, int(done.stdout) / 1024, scores(course))


def scores(course: Path) -> dict[str, float]:
    import sqlite3

    query = """
        select s.student_id, sum(g.auto_score) from grade g join submitted_notebook n on n.id = g.notebook_id
        join submitted_assignment s on s.id = n.assignment_id group by 1
    """
    with sqlite3.connect(course / "gradebook.db") as database:
        return dict(database.execute(query).fetchall())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--students", type=int, default=100)
    parser.add_argument("--trivial", action="store_true", help="everybody hands in the release as it is")
    parser.add_argument("--skip-kernel", action="store_true", help="do not measure stock nbgrader: it takes minutes")
    arguments = parser.parse_args()
    python = [sys.executable, "-m"]
    ways: list[Measured] = []
    with tempfile.TemporaryDirectory() as folder:
        first = make_course(Path(folder) / "course", arguments.students, trivial=arguments.trivial)
        copies = {name: Path(shutil.copytree(first, Path(folder) / name)) for name in ("kernel", "text", "run")}
        autograde = [[*python, "nbgrader", "autograde", "ps3"], [*python, "nbgrader", "generate_feedback", "ps3"]]
        if not arguments.skip_kernel:
            (copies["kernel"] / "nbgrader_config.py").write_text(STOCK, encoding="utf-8")
            ways.append(measure("nbgrader, a kernel for each notebook", copies["kernel"], *autograde))
        ways.append(measure("nbgrader with our preprocessors", copies["text"], *autograde))
        ways.append(measure("grader run", copies["run"], [*python, "grader.cli", "run", "ps3"]))
    print(
        f"{arguments.students} submissions of ps3, {os.cpu_count()} cores; "
        "gradebook, autograded notebooks and feedback.\n"
    )
    print("| way | wall time | each | peak memory | times as fast |\n| --- | ---: | ---: | ---: | ---: |")
    for each in ways:
        per = each.seconds / arguments.students
        speed = ways[0].seconds / each.seconds
        print(f"| {each.name} | {each.seconds:.1f} s | {per * 1000:.0f} ms | {each.megabytes:.0f} MB | {speed:.1f} |")
    same = all(each.scores == ways[-1].scores for each in ways)
    print(f"\nThe gradebooks' scores are {'the same' if same else 'NOT the same'}.")


if __name__ == "__main__":
    main()
