"""Grading a class three ways in one run: a kernel for each notebook, nbgrader without a kernel, `grader run`.

    python -m benchmarks.grading [--students 100] [--mix distinct|class|untouched] [--kernel-students 100]
    python -m benchmarks.grading --memory 2000

Each student answers each task of ps3 with something of the corpora, right or wrong. In the mix *distinct* every answer
of every student is in words of its own (an annotation on each object and a comment), so that nothing can be remembered
from one to the next. In *class*, half of the answers are one of the five most usual ones as it stands, a tenth is
what was released, and the others are in words of their own. In *untouched*, nobody wrote anything.

Wall time; the processor's time of all processes, which a busy machine changes less; and the peak resident memory of the
largest process. Prints a Markdown table.
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
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

Mix = Literal["distinct", "class", "untouched"]
ROOT = Path(__file__).resolve().parent.parent
CORPUS = ROOT / "tests/grader/corpus"
TASKS = ("repair", "identity", "order", "peers", "lookup")
# Thousands of answers: libyaml, where PyYAML has it, is many times as fast.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DUMPER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
STOCK = """
c = get_config()  # noqa: F821
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "exercises"
c.CourseDirectory.course_id = "statelab"
c.CourseDirectory.ignore = ["hidden.py", "__pycache__", ".ipynb_checkpoints", "*.pyc", "feedback"]
"""


@dataclass(frozen=True)
class Measured:
    """One way of grading. `megabytes`: the peak resident memory of its largest process. `cpu_s`: of all of them."""

    name: str
    students: int
    seconds: float
    cpu_s: float
    megabytes: float
    scores: dict[str, float]


def nbgrader(course: Path, *arguments: str) -> None:
    command = [sys.executable, "-m", "nbgrader", *arguments]
    subprocess.run(command, cwd=course, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def make_course(folder: Path, students: int, mix: Mix = "distinct") -> Path:
    """A course with what so many students handed in for ps3."""
    folder.mkdir()
    shutil.copy(ROOT / "nbgrader_config.py", folder)
    shutil.copytree(ROOT / "solutions", folder / "solutions", ignore=shutil.ignore_patterns("__pycache__"))
    nbgrader(folder, "generate_assignment", "ps3")
    release = json.loads((folder / "exercises/ps3/ps3.ipynb").read_text(encoding="utf-8"))
    answers = {task: _corpus(task) for task in TASKS}
    chance = random.Random(3)
    for number in range(students):
        mine = copy.deepcopy(release)
        for cell in mine["cells"]:
            name = cell["metadata"].get("nbgrader", {}).get("grade_id", "")
            task = name.removeprefix("ps3-").removesuffix("-answer")
            if name.endswith("-answer") and (text := _answer(answers[task], number, mix, chance)) is not None:
                cell["source"] = f"%%answer ps3.{task}\n{text}"
        handed_in = folder / "submitted" / f"student-{number:04}" / "ps3"
        handed_in.mkdir(parents=True)
        (handed_in / "ps3.ipynb").write_text(json.dumps(mine), encoding="utf-8")
    return folder


def _corpus(task: str) -> list[str]:
    """The answers of a task, in an order of chance that is always the same: the first are taken for the usual ones."""
    texts = [each.read_text(encoding="utf-8") for each in sorted((CORPUS / f"ps3.{task}").glob("*/*.yaml"))]
    return random.Random(task).sample(texts, len(texts))


def _answer(texts: list[str], student: int, mix: Mix, chance: random.Random) -> str | None:
    """None: what was released."""
    if mix == "untouched":
        return None
    kind = chance.random() if mix == "class" else 1.0
    if kind < 0.5:
        return chance.choice(texts[:5])
    return None if kind < 0.6 else _in_own_words(chance.choice(texts), student)


def _in_own_words(text: str, student: int) -> str:
    comment = f"# student {student}\n"
    try:
        objects: list[Any] = list(yaml.load_all(text, _LOADER))
        for each in objects:
            each["metadata"].setdefault("annotations", {})["example.com/student"] = str(student)
    except (yaml.YAMLError, KeyError, TypeError, AttributeError):  # a prediction, or what is no manifest
        return comment + text
    return comment + str(yaml.dump_all(objects, Dumper=_DUMPER, sort_keys=False))


def measure(name: str, course: Path, *commands: list[str]) -> Measured:
    """Run the commands one after the other in a process of their own, so that what is counted is theirs."""
    script = (
        "import resource, subprocess, sys, json\n"
        "for command in json.loads(sys.argv[1]):\n"
        "    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)\n"
        "    assert done.returncode in (0, 1), command\n"
        "used = resource.getrusage(resource.RUSAGE_CHILDREN)\n"
        "print(used.ru_maxrss, used.ru_utime + used.ru_stime)\n"
    )
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", script, json.dumps(commands)], cwd=course, check=True, capture_output=True, text=True
    )
    seconds = time.monotonic() - began
    kilobytes, cpu_s = done.stdout.split()
    students = sum(1 for _ in (course / "submitted").iterdir())
    return Measured(name, students, seconds, float(cpu_s), int(kilobytes) / 1024, scores(course))


def scores(course: Path) -> dict[str, float]:
    import sqlite3

    query = """
        select s.student_id, sum(g.auto_score) from grade g join submitted_notebook n on n.id = g.notebook_id
        join submitted_assignment s on s.id = n.assignment_id group by 1
    """
    with sqlite3.connect(course / "gradebook.db") as database:
        return dict(database.execute(query).fetchall())


def three_ways(students: int, mix: Mix, kernel_students: int) -> list[Measured]:
    """Stock nbgrader, nbgrader with our preprocessors, `grader run`; each on the same submissions.

    `kernel_students`: stock nbgrader takes seconds for each submission, one after the other; the first so many of the
    class tell how many. 0: it is not measured.
    """
    python = [sys.executable, "-m"]
    autograde = [[*python, "nbgrader", each, "ps3"] for each in ("autograde", "generate_feedback")]
    ways: list[Measured] = []
    with tempfile.TemporaryDirectory() as folder:
        first = make_course(Path(folder) / "course", students, mix)
        copies = {name: Path(shutil.copytree(first, Path(folder) / name)) for name in ("kernel", "text", "run")}
        if kernel_students:
            for each in sorted((copies["kernel"] / "submitted").iterdir())[kernel_students:]:
                shutil.rmtree(each)
            (copies["kernel"] / "nbgrader_config.py").write_text(STOCK, encoding="utf-8")
            ways.append(measure("nbgrader, a kernel for each notebook", copies["kernel"], *autograde))
        ways.append(measure("nbgrader with our preprocessors", copies["text"], *autograde))
        ways.append(measure("`grader run`", copies["run"], [*python, "grader.cli", "run", "ps3"]))
    return ways


def work(course: Path) -> float:
    """The processor's milliseconds for one submission, read, judged and written, in a process that has graded others.

    With what `grader run` makes ready for its workers; the mean of the second half of the class.
    """
    from grader import shared
    from grader.batch import course as courses
    from grader.batch.gradebook import Gradebook
    from grader.batch.run import begun, job_of
    from grader.batch.submission import grade_submission
    from grader.nbgrader.grade import Results

    found = courses.load(course)
    with Gradebook(found.database, "ps3") as gradebook:
        released = gradebook.released()
    jobs = [job_of(found, "ps3", student, "sandbox") for student in found.students("ps3")]
    results = Results()
    half = len(jobs) // 2
    for each in jobs[:half]:
        grade_submission(each, released, results)
        shared.take_over(shared.learned(), len(jobs) - half)
    while shared.prepare(begun):
        pass
    began_s = time.process_time()
    for each in jobs[half:]:
        grade_submission(each, released, results)
    return (time.process_time() - began_s) * 1000 / (len(jobs) - half)


def memory(students: int, every: int) -> Iterator[tuple[int, float, float]]:
    """While `grader run` works: how many are graded, the memory of its first process and of the largest worker (MB)."""
    with tempfile.TemporaryDirectory() as folder:
        course = make_course(Path(folder) / "course", students, "distinct")
        journal = course / ".statelab/grading/ps3.jsonl"
        command = [sys.executable, "-m", "grader.cli", "run", "ps3"]
        running = subprocess.Popen(command, cwd=course, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        largest, told = 0.0, 0
        while running.poll() is None:
            time.sleep(0.2)
            first, workers = _resident(running.pid)
            largest = max([largest, *workers])
            graded = journal.read_bytes().count(b"\n") - 1 if journal.is_file() else 0
            if graded >= told + every and first:
                told = graded - graded % every
                yield graded, first, largest
                largest = 0.0


def _resident(pid: int) -> tuple[float, list[float]]:
    """The resident memory of a process and of each of its children, in MB. Linux only."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    except OSError:
        return 0.0, []
    return _megabytes(str(pid)), [_megabytes(each) for each in children]


def _megabytes(pid: str) -> float:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    except (OSError, IndexError):  # it has ended meanwhile
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--students", type=int, default=100)
    parser.add_argument("--mix", choices=("distinct", "class", "untouched"), default="distinct")
    parser.add_argument("--kernel-students", type=int, help="how many of them stock nbgrader grades; 0: do without it")
    parser.add_argument("--memory", type=int, metavar="STUDENTS", help="how much `grader run` uses for so many (Linux)")
    arguments = parser.parse_args()
    if arguments.memory:
        print("| graded | first process | largest worker |\n| ---: | ---: | ---: |")
        for graded, first, worker in memory(arguments.memory, max(1, arguments.memory // 8)):
            print(f"| {graded:,} | {first:.0f} MB | {worker:.0f} MB |", flush=True)
        return
    students, kernel_students = arguments.students, arguments.kernel_students
    ways = three_ways(students, arguments.mix, students if kernel_students is None else min(kernel_students, students))
    print(
        f"{students} submissions of ps3, mix {arguments.mix}, {os.cpu_count()} cores; "
        "gradebook, autograded notebooks and feedback.\n"
    )
    print("| way | wall time each | CPU each | peak memory | times as fast | times less CPU |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    stock_ms, stock_cpu_ms = (1000 * spent / ways[0].students for spent in (ways[0].seconds, ways[0].cpu_s))
    for each in ways:
        wall_ms, cpu_ms = (1000 * spent / each.students for spent in (each.seconds, each.cpu_s))
        of = f" ({each.students} of them)" if each.students < students else ""
        print(
            f"| {each.name}{of} | {wall_ms:,.0f} ms | {cpu_ms:,.0f} ms | {each.megabytes:.0f} MB "
            f"| {stock_ms / wall_ms:.1f} | {stock_cpu_ms / cpu_ms:.1f} |"
        )
    same = all(ways[-1].scores.get(name) == score for each in ways for name, score in each.scores.items())
    print(f"\nThe gradebooks' scores are {'the same' if same else 'NOT the same'}.")


if __name__ == "__main__":
    main()
