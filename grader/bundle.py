"""`grader bundle`: what learners get. The course, the exercises and the packages; no model answer, no hidden check.

What goes in is what pyproject.toml puts into the source distribution; what must not go in is looked for once more.
"""

from __future__ import annotations

import ast
import os
import shutil
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from statelab.course import checkout
from statelab.version import VERSION

NAME = f"statelab-{VERSION}"
_LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.pyc", ".*")  # caches, and what editors leave behind
_ONLY_IN_SOURCES = ("### BEGIN SOLUTION", "### BEGIN HIDDEN TESTS", "=== BEGIN MARK SCHEME ===")
_BEGAN = (1980, 1, 1, 0, 0, 0)  # the earliest date a zip can hold: the same files make the same bytes
_README = """\
# StateLab

Stateful Kubernetes, learned by breaking it: lessons in `course/`, problem sets in `exercises/`. You need Python 3.11 or
newer, and no Docker. In this folder:

```sh
python3 -m venv .venv                                        # Windows: py -m venv .venv
.venv/bin/pip install -c constraints.txt ".[kubectl]"        # Windows: .venv\\Scripts\\pip …
.venv/bin/statelab lab                                       # Windows: .venv\\Scripts\\statelab lab
```

Lesson 00 opens in your browser. `check("ps1.shop")` in a problem set tells you what your answer does; what you hand in
is tried on some variations too.
"""


class BundleError(Exception):
    """Nothing was written; `str()` says why and what to do."""


def bundle(to: Path) -> int:
    """Write the bundle to `to`, a zip if it is called so and else a new folder; how many files are in it.

    The same sources make the same bytes. Raises BundleError when there are no sources, when something in them is not
    for learners, and when `to` cannot be written.
    """
    root = checkout()
    if root is None or not (root / "pyproject.toml").is_file():
        raise BundleError("a bundle is made of StateLab's source: run this with what is installed in a clone")
    files = {each.relative_to(root).as_posix(): each.read_bytes() for each in _files(root)}
    files["README.md"] = _README.encode()
    _refuse_what_is_not_for_learners(files)
    try:
        if to.suffix == ".zip":
            _write_zip(to, files)
        else:
            _write_folder(to, files)
    except OSError as error:
        raise BundleError(f"{to} cannot be written: {error.strerror or error}") from None
    return len(files)


def _files(root: Path) -> Iterator[Path]:
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    for part in ("pyproject.toml", *project["tool"]["hatch"]["build"]["targets"]["sdist"]["only-include"]):
        if (root / part).is_file():
            yield root / part
        for here, folders, names in os.walk(root / part):
            ignored = _LEFT_OUT(here, [*folders, *names])
            folders[:] = [each for each in folders if each not in ignored]
            yield from (Path(here, each) for each in names if each not in ignored)


def _refuse_what_is_not_for_learners(files: dict[str, bytes]) -> None:
    for name, data in files.items():
        path = PurePosixPath(name)
        if path.name == "hidden.py" or "solutions" in path.parts:
            raise BundleError(f"{name} is not for learners: it belongs into solutions/")
        if path.parts[0] == "exercises":
            found = next((each for each in _ONLY_IN_SOURCES if each.encode() in data), None)
            if found is not None:
                again = f"nbgrader generate_assignment {path.parts[1]} --force"
                raise BundleError(f"{name} holds “{found}”: it is no release. Make it anew with: {again}")
        if path.is_relative_to("grader/rubrics") and path.suffix == ".py" and (line := _hidden_check(data.decode())):
            raise BundleError(
                f"{name} has a hidden check (line {line}), and learners have this file: move it to "
                f"solutions/{path.parts[2]}/hidden.py"
            )


def _hidden_check(source: str) -> int | None:
    """The line of the first check of a rubric that is marked as hidden."""
    calls = (each for each in ast.walk(ast.parse(source)) if isinstance(each, ast.Call))
    marks = (each for call in calls for each in call.keywords if each.arg == "hidden")
    return next((each.value.lineno for each in marks), None)


def _write_zip(to: Path, files: dict[str, bytes]) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    half = to.with_name(f"{to.name}.part")
    try:
        with zipfile.ZipFile(half, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in sorted(files.items()):
                about = zipfile.ZipInfo(f"{NAME}/{name}", _BEGAN)
                about.compress_type, about.create_system, about.external_attr = zipfile.ZIP_DEFLATED, 3, 0o100644 << 16
                archive.writestr(about, data)
        os.replace(half, to)
    finally:
        half.unlink(missing_ok=True)


def _write_folder(to: Path, files: dict[str, bytes]) -> None:
    if to.exists() and any(to.iterdir()):
        raise BundleError(f"{to} has something in it: name a new folder, so that nothing else gets to learners")
    for name, data in sorted(files.items()):
        (to / name).parent.mkdir(parents=True, exist_ok=True)
        (to / name).write_bytes(data)
