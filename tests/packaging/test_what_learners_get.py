"""The wheel, the sdist and the bundle hold all that learners need, and nothing of the instructor's part."""

from __future__ import annotations

import ast
import json
import re
import shutil
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from typer.testing import CliRunner

from grader import bundle as bundles
from grader.bundle import BundleError
from grader.cli import app
from statelab.version import VERSION

ROOT = Path(__file__).resolve().parents[2]
ASSIGNMENTS = ("final", "ps1", "ps2", "ps3", "ps4", "ps5", "ps6", "ps7", "ps8", "ps9")
_SOLUTION = re.compile(r"### BEGIN SOLUTION\n(.*?)### END SOLUTION", re.DOTALL)
_SCHEME = re.compile(r"=== BEGIN MARK SCHEME ===\n(.*?)=== END MARK SCHEME ===", re.DOTALL)


def in_wheel(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {each: archive.read(each) for each in archive.namelist()}


def in_sdist(sdist: Path) -> dict[str, bytes]:
    with tarfile.open(sdist) as archive:
        files = [each for each in archive.getmembers() if each.isfile()]
        return {each.name.partition("/")[2]: archive.extractfile(each).read() for each in files}


@pytest.fixture(scope="module")
def bundled(tmp_path_factory) -> dict[str, bytes]:
    to = tmp_path_factory.mktemp("bundle") / "for-learners.zip"
    bundles.bundle(to)
    return {name.partition("/")[2]: data for name, data in in_wheel(to).items()}


def what_is_hidden() -> set[str]:
    """How every check's function begins, and every sentence, of the hidden checks that nothing shown has."""
    shown = (*(ROOT / "grader").rglob("*.py"), *(ROOT / "course/manifests").rglob("*.yaml"))
    known = "".join(each.read_text() for each in shown)
    found = set()
    for path in (ROOT / "solutions").glob("*/hidden.py"):
        lines = path.read_text().splitlines()
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and node.decorator_list:
                found.add("\n".join(lines[node.lineno - 1 : node.lineno + 1]))  # a name alone is nobody's
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found |= {line for line in node.value.splitlines() if len(line) >= 30 and " " in line}
    return {each for each in found if each not in known}


def model_answers() -> set[str]:
    """Each model answer and each mark scheme, as it stands in its cell, and as a JSON string has it."""
    found = set()
    for path in (ROOT / "solutions").glob("*/*.ipynb"):
        for cell in json.loads(path.read_text())["cells"]:
            source = "".join(cell["source"])
            found |= {each.strip() for pattern in (_SOLUTION, _SCHEME) for each in pattern.findall(source)}
    long = {each for each in found if len(each) >= 60}
    return long | {json.dumps(each)[1:-1] for each in long}


def test_there_is_something_to_hide():
    assert len(what_is_hidden()) >= 60
    assert len(model_answers()) >= 40
    assert any("voters" in each for each in model_answers())


def leaks(files: dict[str, bytes]) -> list[str]:
    """What learners would find of it. A notebook's lines are joined first: its JSON keeps them apart."""
    wanted = what_is_hidden() | model_answers()
    found = []
    for name, data in files.items():
        text = data.decode("utf-8", "replace")
        if name.endswith(".ipynb"):
            text = "\n".join("".join(cell["source"]) for cell in json.loads(text)["cells"])
        found += [f"{name}: {each[:60]!r}" for each in wanted if each in text]
    return found


def test_a_leak_would_be_seen():
    hidden = (ROOT / "solutions/ps3/hidden.py").read_bytes()
    answers = (ROOT / "solutions/ps3/ps3.ipynb").read_bytes()
    assert len(leaks({"grader/rubrics/ps3/more.py": hidden})) >= 5
    assert len(leaks({"exercises/ps3/ps3.ipynb": answers})) >= 4


def test_nothing_hidden_is_in_the_wheel(built):
    assert leaks(in_wheel(built.wheel)) == []


def test_nothing_hidden_is_in_the_sdist(built):
    assert leaks(in_sdist(built.sdist)) == []


def test_nothing_hidden_is_in_the_bundle(bundled):
    assert leaks(bundled) == []


def test_the_wheel_has_the_course_the_exercises_and_the_widgets_modules(built):
    names = set(in_wheel(built.wheel))
    for part, kept in (("course", "statelab/files/course"), ("exercises", "statelab/files/exercises")):
        files = {each.relative_to(ROOT / part) for each in (ROOT / part).rglob("*") if is_the_courses(each)}
        assert {f"{kept}/{each.as_posix()}" for each in files} <= names
    static = {
        f"statelab/notebook/pictures/{each.name}"
        for each in (ROOT / "statelab/notebook/pictures").iterdir()
        if each.suffix in (".js", ".css")
    }
    assert static <= names
    assert {"statelab/py.typed", "statelab/controlplane/apiserver/encoding/protobuf.tsv"} <= names


def is_the_courses(path: Path) -> bool:
    return path.is_file() and path.suffix != ".py" and not {"__pycache__", ".ipynb_checkpoints"} & set(path.parts)


def test_the_distributions_have_no_tests_no_solutions_and_no_stray_files(built):
    tops = {each.split("/")[0] for each in in_wheel(built.wheel)}
    assert tops == {"statelab", "grader", f"statelab-{VERSION}.dist-info", f"statelab-{VERSION}.data"}
    shared = f"statelab-{VERSION}.data/data/share/jupyter/labextensions/statelab/"
    assert {each for each in in_wheel(built.wheel) if ".data/" in each} == {
        shared + "package.json",
        shared + "static/editor.js",
        shared + "static/extension.js",
    }
    tops = {each.split("/")[0] for each in in_sdist(built.sdist)}
    assert not tops & {"solutions", "tests", "docs", "benchmarks", ".statelab", "gradebook.db"}


def test_the_instructors_part_has_every_model_answer_and_hidden_check_and_nothing_else(built):
    names = {each for each in in_wheel(built.instructor) if ".dist-info/" not in each}
    wanted = {f"statelab_instructor/{each}/{name}" for each in ASSIGNMENTS for name in ("hidden.py", f"{each}.ipynb")}
    assert names == wanted


def test_the_version_stands_in_one_place_and_both_distributions_have_it(built):
    for wheel in (built.wheel, built.instructor):
        metadata = next(data for name, data in in_wheel(wheel).items() if name.endswith("/METADATA"))
        assert f"\nVersion: {VERSION}\n" in metadata.decode()
    assert f"\n## {VERSION}" in (ROOT / "CHANGELOG.md").read_text()


def test_the_two_distributions_ask_for_each_other_in_this_version():
    ours, theirs = (
        tomllib.loads((ROOT / each / "pyproject.toml").read_text())["project"] for each in ("", "solutions")
    )
    (extra,), (back,) = ours["optional-dependencies"]["instructor"], theirs["dependencies"]
    assert (Requirement(extra).name, Requirement(back).name) == (theirs["name"], ours["name"])
    assert VERSION in Requirement(extra).specifier
    assert VERSION in Requirement(back).specifier


def test_a_bundle_holds_what_the_sdist_holds(built, bundled):
    sdist = {each for each in in_sdist(built.sdist) if each not in ("PKG-INFO", ".gitignore")}
    assert set(bundled) == sdist


def test_the_same_sources_make_the_same_bundle(tmp_path):
    for name in ("one.zip", "two.zip"):
        bundles.bundle(tmp_path / name)
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    bundles.bundle(tmp_path / "folder")
    assert (tmp_path / "folder/course/00-start-here.ipynb").is_file()
    with pytest.raises(BundleError, match="name a new folder"):
        bundles.bundle(tmp_path / "folder")


@pytest.fixture
def source(built, tmp_path, monkeypatch) -> Path:
    """A clone to change, which the bundle is made of."""
    clone = Path(shutil.copytree(built.clone, tmp_path / "source"))
    monkeypatch.setattr(bundles, "checkout", lambda: clone)
    return clone


def test_a_hidden_check_in_a_rubric_stops_the_bundle(source, tmp_path):
    rubric = source / "grader/rubrics/ps3/__init__.py"
    rubric.write_text(rubric.read_text() + '\n\n@repair.check(points=0, title="x", hidden="y")\ndef z(trial): ...\n')
    with pytest.raises(BundleError, match=r"move it to solutions/ps3/hidden\.py"):
        bundles.bundle(tmp_path / "x.zip")
    assert not (tmp_path / "x.zip").exists()


def test_an_exercise_that_is_no_release_stops_the_bundle(source, tmp_path):
    (source / "exercises/ps2/ps2.ipynb").write_bytes((source / "solutions/ps2/ps2.ipynb").read_bytes())
    done = CliRunner().invoke(app, ["bundle", "--to", str(tmp_path / "x.zip")])
    assert done.exit_code == 2
    assert "nbgrader generate_assignment ps2 --force" in done.output


def test_what_an_editor_leaves_behind_is_not_handed_out(source, tmp_path):
    (source / "course/.ipynb_checkpoints").mkdir()
    (source / "course/.ipynb_checkpoints/notes.ipynb").touch()
    (source / "course/manifests/.DS_Store").touch()
    bundles.bundle(tmp_path / "x.zip")
    assert not any(".ipynb_checkpoints" in each or ".DS_Store" in each for each in in_wheel(tmp_path / "x.zip"))
