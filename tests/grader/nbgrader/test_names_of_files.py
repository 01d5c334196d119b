"""Files as browsers, learners and learning platforms call them reach the right learner of the class list, or nobody."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import programs
import pytest

from grader.nbgrader.names import Learner, Nobodys, whose

CLASS = [
    Learner("anna", "Anna", "Müller", "anna@example.org", "4711"),
    Learner("mary-jane", "Mary Jane", "Watson", "mj@example.org", "4712"),
    Learner("o.neil", "Éamon", "O'Neil", "oneil@example.org", "4713"),
    Learner("li", "Wei", "Li", "li@example.org", "4714"),
    Learner("twin1", "Kim", "Park", "p1@example.org", "4715"),
    Learner("twin2", "Kim", "Park", "p2@example.org", "4716"),
]
# What Moodle gives: "Download all submissions", without and with "Download submissions in folders".
MOODLE = {
    "Mary Jane Watson_815_assignsubmission_file_ps4.ipynb": "mary-jane",
    "Éamon O'Neil_816_assignsubmission_file_ps4.ipynb": "o.neil",
    "Anna Müller_817_assignsubmission_file_/ps4.ipynb": "anna",
    "Wei Li_818_assignsubmission_file/ps4 (1).ipynb": "li",
    "Li Wei_818_assignsubmission_file_ps4.ipynb": "li",  # where the site writes the last name first
    "Zoe Nobody_819_assignsubmission_file_ps4.ipynb": None,
    "Participant 820_820_assignsubmission_file_ps4.ipynb": None,  # marked blindly
    "Kim Park_821_assignsubmission_file_ps4.ipynb": None,  # two of that name
    "Anna Müller_817_assignsubmission_onlinetext_/onlinetext.html": None,
}
# What Canvas gives: "Download submissions".
CANVAS = {
    "watsonmaryjane_4712_90001_ps4.ipynb": "mary-jane",
    "oneileamon_LATE_4713_90002_ps4-1.ipynb": "o.neil",
    "mullerchanged_4711_90003_ps4.ipynb": "anna",  # the number is hers, though the name is not that of the list
    "parkkim_4716_90004_ps4-2.ipynb": "twin2",
    "liwei_5000_90005_ps4.ipynb": "li",  # a class list without Canvas's numbers: the name does it
    "parkkim_5001_90006_ps4.ipynb": None,
    "nobodyzoe_5002_90007_ps4.ipynb": None,
}
PLAIN = {
    "anna_ps4.ipynb": "anna",
    "anna_ps4 (1).ipynb": "anna",
    "anna-ps4-2.ipynb": "anna",
    "ANNA_PS4.ipynb": "anna",
    "mary-jane_ps4.ipynb": "mary-jane",
    "o.neil_ps4.ipynb": "o.neil",
    "oneil@example.org_ps4.ipynb": "o.neil",
    "li/ps4.ipynb": "li",
    "li_ps4/ps4.ipynb": "li",
    "deep/er/anna_ps4.ipynb": "anna",
    "ps4.ipynb": None,
    "zoe_ps4.ipynb": None,
    "anna_ps44.ipynb": None,
    "anna_ps3.ipynb": None,
    "../../etc_ps4.ipynb": None,
    "twin_ps4.ipynb": None,
}


@pytest.mark.parametrize(("name", "learner"), [*MOODLE.items(), *CANVAS.items(), *PLAIN.items()])
def test_a_file_reaches_its_learner_or_nobody(name: str, learner: str | None) -> None:
    if learner is None:
        with pytest.raises(Nobodys):
            whose(PurePosixPath(name), ["ps4"], CLASS)
    else:
        found = whose(PurePosixPath(name), ["ps4"], CLASS)
        assert (found.learner, found.notebook) == (learner, "ps4")


def test_without_a_class_list_an_id_is_taken_as_it_stands_and_a_platforms_name_is_not() -> None:
    assert whose(PurePosixPath("mary-jane_ps4 (1).ipynb"), ["ps4"], []).learner == "mary-jane"
    for name in ("Mary Jane Watson_815_assignsubmission_file_ps4.ipynb", "liwei_5000_90005_ps4.ipynb", "a b_ps4.ipynb"):
        with pytest.raises(Nobodys, match="class list"):
            whose(PurePosixPath(name), ["ps4"], [])


def test_of_two_notebooks_the_longer_name_is_meant() -> None:
    assert whose(PurePosixPath("anna_ps4-storage.ipynb"), ["storage", "ps4-storage"], CLASS).notebook == "ps4-storage"


@pytest.mark.slow
def test_zip_collect_takes_the_newest_copy_and_makes_no_learner_up(tmp_path: Path) -> None:
    root = Path(__file__).resolve().parents[3]
    (tmp_path / "nbgrader_config.py").write_bytes((root / "nbgrader_config.py").read_bytes())
    (tmp_path / "exercises/ps4").mkdir(parents=True)
    (tmp_path / "exercises/ps4/ps4.ipynb").write_text("{}")
    (tmp_path / "students.csv").write_text("id,first_name,last_name,email\nanna,Anna,Müller,a@example.org\n")
    archive = tmp_path / "downloaded/ps4/archive"
    archive.mkdir(parents=True)
    for name in ("anna_ps4.ipynb", "anna_ps4 (1).ipynb", "anna_ps4 (2).ipynb", "zoe_ps4.ipynb"):
        (archive / name).write_text(name)

    def nbgrader(*words: str) -> str:
        done = programs.run("nbgrader", *words, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        return done.stderr

    nbgrader("db", "student", "import", "students.csv")
    said = nbgrader("zip_collect", "ps4")
    assert sorted(each.name for each in (tmp_path / "submitted").iterdir()) == ["anna"]
    assert (tmp_path / "submitted/anna/ps4/ps4.ipynb").read_text() == "anna_ps4 (2).ipynb"
    assert "Nobody got zoe_ps4.ipynb: 'zoe' is nobody in your class list" in said
    assert "anna handed in again: of anna_ps4.ipynb and anna_ps4 (2).ipynb the latter counts" in said
