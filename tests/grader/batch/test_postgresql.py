"""A gradebook in PostgreSQL gets from `grader run` what nbgrader itself writes there."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import programs
import pytest

from grader.batch.course import CourseError
from grader.batch.database import Database

ROOT = Path(__file__).resolve().parents[3]
CORPUS = ROOT / "tests/grader/corpus"
PROGRAMS = next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)), None)
pytest.importorskip("psycopg", reason="the driver of PostgreSQL is not installed")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(PROGRAMS is None, reason="there is no PostgreSQL here (Debian: apt-get install postgresql)"),
]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A server of the test's own, on a socket in a folder, as somebody who is not root: that is all it agrees to."""
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    user: dict[str, Any] = {}
    if os.getuid() == 0:
        about = pwd.getpwnam("postgres" if any(each.pw_name == "postgres" for each in pwd.getpwall()) else "nobody")
        os.chown(folder, about.pw_uid, about.pw_gid)
        user = {"user": about.pw_uid, "group": about.pw_gid, "extra_groups": []}
    data = folder / "data"

    def program(name: str, *words: str) -> None:
        done = subprocess.run(
            [f"{PROGRAMS}/{name}", *words], cwd=folder, capture_output=True, text=True, timeout=120, **user
        )
        assert done.returncode == 0, done.stderr

    try:
        program("initdb", "-D", str(data), "-U", "teacher", "--auth=trust", "--encoding=UTF8", "--no-sync")
        options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off"
        program("pg_ctl", "-D", str(data), "-w", "-o", options, "-l", str(folder / "log"), "start")
        try:
            program("createdb", "-h", str(folder), "-U", "teacher", "gradebook")
            yield f"postgresql+psycopg://teacher@/gradebook?host={folder}"
        finally:
            program("pg_ctl", "-D", str(data), "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder)


def run(course: Path, *words: str) -> None:
    done = programs.run(*words, cwd=course)
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]


ROWS = {
    "grades": """
        select s.student_id, b.name, g.auto_score, g.manual_score, g.needs_manual_grade from grade g
        join base_cell b on b.id = g.cell_id join submitted_notebook n on n.id = g.notebook_id
        join submitted_assignment s on s.id = n.assignment_id order by 1, 2
    """,
    "comments": """
        select s.student_id, b.name, c.auto_comment from comment c join base_cell b on b.id = c.cell_id
        join submitted_notebook n on n.id = c.notebook_id
        join submitted_assignment s on s.id = n.assignment_id order by 1, 2
    """,
    "late": """
        select s.student_id, s.timestamp, n.late_submission_penalty from submitted_assignment s
        join submitted_notebook n on n.assignment_id = s.id order by 1
    """,
}


def rows(url: str) -> dict[str, list[Any]]:
    database = Database(url)
    found = {name: database.execute(query).fetchall() for name, query in ROWS.items()}
    database.close()
    return found


def test_it_writes_what_nbgrader_writes(url: str, tmp_path: Path) -> None:
    import json

    config = (ROOT / "nbgrader_config.py").read_text() + f"c.CourseDirectory.db_url = {url!r}\n"
    (tmp_path / "nbgrader_config.py").write_text(config + 'c.LateSubmissionPlugin.penalty_method = "zero"\n')
    shutil.copytree(ROOT / "solutions/ps3", tmp_path / "solutions/ps3")
    for _ in range(2):  # the second time it updates rows, and PostgreSQL puts those elsewhere
        run(tmp_path, "nbgrader", "generate_assignment", "ps3")
    run(tmp_path, "nbgrader", "db", "assignment", "add", "ps3", "--duedate", "2026-12-01 12:00 UTC")
    release = json.loads((tmp_path / "exercises/ps3/ps3.ipynb").read_text())
    for student, answers, when in (("anna", "right", "2026-12-01 11:00:00"), ("ben", "wrong", "2026-12-02 11:00:00")):
        folder = tmp_path / "submitted" / student / "ps3"
        folder.mkdir(parents=True)
        mine = json.loads(json.dumps(release))
        for cell in mine["cells"]:
            name = cell["metadata"].get("nbgrader", {}).get("grade_id", "")
            if name.endswith("-answer"):
                task = "ps3." + name.removeprefix("ps3-").removesuffix("-answer")
                answer = sorted((CORPUS / task / answers).glob("*.yaml"))[0]
                cell["source"] = f"%%answer {task}\n{answer.read_text()}"
        (folder / "ps3.ipynb").write_text(json.dumps(mine))
        (folder / "timestamp.txt").write_text(f"{when} UTC")
    run(tmp_path, "nbgrader", "autograde", "ps3")
    theirs = rows(url)
    run(tmp_path, "grader.cli", "run", "ps3")
    assert rows(url) == theirs
    anna, ben = theirs["late"]
    assert anna[2] in (None, 0.0) and ben[2] > 0
    run(tmp_path, "nbgrader", "db", "student", "remove", "anna", "--force")
    run(tmp_path, "nbgrader", "db", "student", "remove", "ben", "--force")
    run(tmp_path, "grader.cli", "run", "ps3", "--resume")
    assert rows(url) == theirs
    report = json.loads((tmp_path / "reports/ps3.json").read_text())
    totals = {each["student"]: each["score"] for each in report["students"]}
    assert totals["anna"] == 100 and totals["ben"] == 0  # he was late
    notebook = json.loads((tmp_path / "autograded/anna/ps3/ps3.ipynb").read_text())
    order = [cell["metadata"].get("nbgrader", {}).get("grade_id") for cell in release["cells"]]
    assert [cell["metadata"].get("nbgrader", {}).get("grade_id") for cell in notebook["cells"]] == order


def test_all_of_a_transaction_or_nothing(url: str) -> None:
    database = Database(url)
    database.execute("create table kept (number integer)")
    with pytest.raises(ZeroDivisionError), database.transaction():
        database.execute("insert into kept values (?)", (1,))
        raise ZeroDivisionError
    assert database.execute("select * from kept").fetchall() == []
    database.execute("drop table kept")
    database.close()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("postgresql+psycopg://teacher:secret@/gradebook?host=/nowhere", "cannot be used"),
        ("mysql+pymysql://x@/y", "mysql|pymysql"),
        ("nonsense", "db_url"),
        ("nonsense://x", "db_url"),
    ],
)
def test_a_database_that_cannot_be_had_is_told_without_its_password(wrong: str, said: str) -> None:
    with pytest.raises(CourseError, match=said) as told:
        Database(wrong)
    assert "secret" not in str(told.value)
