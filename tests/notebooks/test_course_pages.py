"""The course's pages beside the lessons: the glossary, and where each line of the notes went."""

from __future__ import annotations

import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
COURSE = ROOT / "course"
LESSONS = sorted(COURSE.glob("[0-9][0-9]-*.ipynb"))
NOTES = ROOT / "docs" / "from-the-notes.md"

# The notes' headings, as they stand there.
HEADINGS = [
    "Deployment 部署假设",
    "statefulset 设计",
    "Headless service",
    "StatefulSet如何使用DNS记录来维持Pod的拓扑状态？",
    "statefulset 存储状态",
    "如何部署StatefulSet",
]


def rows(page: Path) -> list[list[str]]:
    """The rows of a Markdown page's tables, without their heads."""
    found = []
    lines = page.read_text().splitlines()
    for at, line in enumerate(lines):
        is_head = at + 1 < len(lines) and lines[at + 1].startswith("| ---")
        if line.startswith("|") and not line.startswith("| ---") and not is_head:
            found.append([column.strip() for column in line.strip("|").split("|")])
    return found


def prose(lesson: Path) -> str:
    notebook = nbformat.read(lesson, as_version=4)
    return "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")


def plain(term: str) -> str:
    """A term as the glossary lists it: small letters, singular."""
    return term.lower().strip(".:, ").removesuffix("s")


GLOSSARY = {plain(row[0]): row for row in rows(COURSE / "glossary.md")}


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.name[:2])
def test_every_word_in_bold_is_in_the_glossary(lesson):
    for term in re.findall(r"\*\*(.+?)\*\*", prose(lesson), re.DOTALL):
        assert plain(term) in GLOSSARY, f"{term!r} is explained in {lesson.name} and not in the glossary"


@pytest.mark.parametrize("term", GLOSSARY, ids=str)
def test_a_glossary_entry_is_whole_and_names_the_lesson_that_explains_it_first(term):
    english, chinese, sentence, where = GLOSSARY[term]
    assert chinese
    assert sentence.endswith(".")
    number, file = re.fullmatch(r"\[(\d\d)\]\((\S+)\)", where).groups()
    in_bold = [
        lesson.name
        for lesson in LESSONS
        if term in {plain(each) for each in re.findall(r"\*\*(.+?)\*\*", prose(lesson), re.DOTALL)}
    ]
    assert in_bold, f"no lesson explains {english}"
    assert in_bold[0] == file
    assert file.startswith(number)


def test_the_chinese_of_a_term_is_chinese_or_the_name_itself():
    for row in GLOSSARY.values():
        assert re.search(r"[\u4e00-\u9fff]", row[1]), row


def test_every_heading_of_the_notes_has_its_row():
    firsts = {row[0] for row in rows(NOTES)}
    assert set(HEADINGS) <= firsts


def test_every_manifest_of_the_notes_has_its_row():
    for manifest in (COURSE / "manifests" / "notes").glob("*.yaml"):
        assert f"`course/manifests/notes/{manifest.name}`" in NOTES.read_text()


@pytest.mark.parametrize("row", rows(NOTES), ids=lambda row: row[0][:50])
def test_a_line_of_the_notes_is_taught_in_cells_that_exist(row):
    assert all(row), "an empty column"
    named = re.findall(r"`(\d\d) ([\w-]+)`", " ".join(row))
    assert named, "no cell is named"
    for number, cell in named:
        [lesson] = [each for each in LESSONS if each.name.startswith(number)]
        assert cell in {each.id for each in nbformat.read(lesson, as_version=4).cells}, (
            f"{lesson.name} has no cell {cell}"
        )


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.name[:2])
def test_a_lesson_is_built_as_the_others(lesson):
    text = prose(lesson)
    title, question = text.split("\n\n")[:2]
    assert title.startswith(f"# {lesson.name[:2]} · ")
    assert question.startswith("> ")
    assert "?" in question
    assert "## On a real cluster" in text
    check = text[text.index("## Check yourself") :]
    assert re.search(r"^1\. .*^2\. .*^3\. ", check, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.name[:2])
def test_every_prediction_is_shown_beside_what_happened(lesson):
    code = [cell.source for cell in nbformat.read(lesson, as_version=4).cells if cell.cell_type == "code"]
    asked = [
        key
        for source in code
        for key in re.findall(r'^predict\(.*?key="([^"]+)",?\s*\)', source, re.DOTALL | re.MULTILINE)
    ]
    shown = [key for source in code for key in re.findall(r'(?:predicted|truth)\(\s*"([^"]+)"', source)]
    assert asked
    assert sorted(asked) == sorted(shown)
    assert len(asked) == len(set(asked))


@pytest.mark.parametrize("page", [*LESSONS, COURSE / "glossary.md", NOTES], ids=lambda path: path.name[:8])
def test_links_lead_somewhere(page):
    text = prose(page) if page.suffix == ".ipynb" else page.read_text()
    for link in re.findall(r"\]\(([^)#]+?)\)", text):
        if not link.startswith("http"):
            assert (page.parent / link).exists(), f"{page.name} links to {link}"


def test_lesson_00_lists_all_lessons_and_each_leads_to_the_next():
    for lesson in LESSONS[1:]:
        assert f"({lesson.name})" in prose(LESSONS[0])
    for lesson, following in pairwise(LESSONS[1:]):
        assert f"({following.name})" in prose(lesson)


def test_pictures_are_of_today_and_all_used(tmp_path):
    """When this fails after a change of the cluster or of its pictures: python course/pictures/make.py."""
    make = COURSE / "pictures" / "make.py"
    subprocess.run([sys.executable, str(make), str(tmp_path)], check=True, timeout=120)
    drawn = {picture.name: picture.read_text() for picture in tmp_path.iterdir()}
    assert drawn == {picture.name: picture.read_text() for picture in make.parent.glob("*.svg")}
    text = "".join(prose(lesson) for lesson in LESSONS)
    for name in drawn:
        assert re.search(rf"!\[[^\]]{{40,}}\]\(pictures/{name}\)", text), f"{name} stands in no lesson, or says nothing"
