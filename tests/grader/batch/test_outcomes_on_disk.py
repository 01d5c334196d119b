"""What has been graded is on disk before it counts, and is read from there: torn, stale or plenty of it."""

from __future__ import annotations

from pathlib import Path

from grader.batch.journal import Journal
from grader.batch.submission import Outcome


def outcome(student: str, score: float = 1.0) -> Outcome:
    return Outcome(student, f"digest of {student}", {"ps3": {"scores": {"ps3-order": score}}})


def journal_of(path: Path, *students: str, key: str = "rubric 1") -> Journal:
    journal = Journal(path, key, resume=True)
    journal.append([outcome(each) for each in students])
    return journal


def test_outcomes_are_read_back_as_they_were(tmp_path: Path) -> None:
    journal = journal_of(tmp_path / "ps3.jsonl", "ada", "grace")
    journal.append([outcome("ada", 2.0)])
    assert list(journal.outcomes) == ["ada", "grace"]
    assert journal.outcomes["ada"] == outcome("ada", 2.0)
    assert journal.outcomes["grace"] == outcome("grace")
    assert dict(journal.outcomes.of(["grace", "nobody"])) == {"grace": outcome("grace")}
    journal.close()
    assert journal.outcomes["ada"] == outcome("ada", 2.0)


def test_a_torn_line_is_gone_and_the_others_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "ps3.jsonl"
    journal_of(path, "ada", "grace").close()
    with path.open("ab") as file:
        file.write(b'{"student":"edsger","digest":"ab')
    journal = journal_of(path, "barbara")
    assert dict(journal.outcomes) == {each: outcome(each) for each in ("ada", "grace", "barbara")}
    journal.close()
    assert dict(Journal(path, "rubric 1", resume=True).outcomes) == dict(journal.outcomes)


def test_outcomes_of_another_rubric_or_of_a_new_run_are_not_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "ps3.jsonl"
    journal_of(path, "ada").close()
    assert not Journal(path, "rubric 2", resume=True).outcomes
    journal_of(path, "ada").close()
    assert not Journal(path, "rubric 1", resume=False).outcomes
