"""What the instructors' page says of the assignments is what the source notebooks say."""

from __future__ import annotations

import json
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_table_names_every_question_that_a_person_grades_with_its_points() -> None:
    page = (ROOT / "docs" / "instructors.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (ps\d|final) \|.*\| (.*?) ?\|$", page, re.MULTILINE)
    said = {(name, *re.findall(r"`(.*?)`, (\d+) points", graded)[0]) for name, graded in rows if graded}
    found = set()
    for path in sorted((ROOT / "solutions").glob("*/*.ipynb")):
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            about = cell["metadata"].get("nbgrader", {})
            if about.get("task"):
                found.add((path.stem, about["grade_id"], str(about["points"])))
    assert {name for name, _ in rows} == {path.stem for path in (ROOT / "solutions").glob("*/*.ipynb")}
    assert said == found
    sentence = re.search(r"^(.*?) ask for an explanation, graded by a person", page, re.MULTILINE)
    assert sentence is not None
    assert set(re.findall(r"ps\d|final", sentence[1])) == {name for name, *_ in found}
