"""Modules that a tab fetches when they are imported: whole, once, and with a word where they cannot be had."""

from __future__ import annotations

import hashlib
import io
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from statelab.later import Later


def wheel(files: dict[str, str]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as packed:
        for path, text in files.items():
            packed.writestr(path, text)
    return made.getvalue()


CONTENT = wheel({"sl_later_one.py": "A = 1", "sl_later_two/__init__.py": "", "sl_later_two/part.py": "B = 2"})
ENTRY = {
    "file_name": "both.whl",
    "sha256": hashlib.sha256(CONTENT).hexdigest(),
    "imports": ["sl_later_one", "sl_later_two"],
}


@pytest.fixture
def fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The names that were fetched so far; what a site has is `ENTRY`."""
    yield from finding([ENTRY], tmp_path, monkeypatch)


def finding(
    entries: list[Any], folder: Path, monkeypatch: pytest.MonkeyPatch, content: bytes = CONTENT
) -> Iterator[list[str]]:
    asked: list[str] = []

    def fetch(name: str) -> bytes:
        asked.append(name)
        return content

    monkeypatch.syspath_prepend(str(folder))
    finder = Later(entries, folder, fetch)
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, finder])
    yield asked
    for name in [each for each in sys.modules if each.startswith("sl_later")]:
        del sys.modules[name]


def test_an_import_fetches_the_wheel_that_has_the_module_and_only_once(fetched):
    import sl_later_one

    assert (sl_later_one.A, fetched) == (1, ["both.whl"])
    from sl_later_two.part import B

    assert (B, fetched) == (2, ["both.whl"])


def test_what_no_wheel_has_is_fetched_from_nowhere(fetched):
    with pytest.raises(ModuleNotFoundError, match="sl_elsewhere"):
        import sl_elsewhere  # noqa: F401
    assert fetched == []


def test_a_part_of_a_package_that_is_there_can_come_later(tmp_path, monkeypatch):
    (tmp_path / "sl_later_two").mkdir()
    (tmp_path / "sl_later_two" / "__init__.py").touch()
    content = wheel({"sl_later_two/rubrics/__init__.py": "", "sl_later_two/rubrics/ps3.py": "C = 3"})
    entry = {**ENTRY, "sha256": hashlib.sha256(content).hexdigest(), "imports": ["sl_later_two.rubrics"]}
    for asked in finding([entry], tmp_path, monkeypatch, content):
        from sl_later_two.rubrics.ps3 import C

        assert (C, asked) == (3, ["both.whl"])


def test_without_a_connection_it_is_said_and_the_next_import_tries_again(tmp_path, monkeypatch):
    answers: list[Any] = [OSError("no answer"), CONTENT]

    def fetch(_: str) -> bytes:
        answer = answers.pop(0)
        if isinstance(answer, OSError):
            raise answer
        return answer

    monkeypatch.syspath_prepend(str(tmp_path))
    finder = Later([ENTRY], tmp_path, fetch)
    with pytest.raises(ImportError, match=r"could not be fetched now \(no answer\). Look at your connection"):
        finder.find_spec("sl_later_one")
    assert finder.find_spec("sl_later_one") is not None


def test_another_file_than_the_sites_own_is_not_unpacked(tmp_path):
    finder = Later([{**ENTRY, "sha256": "0" * 64}], tmp_path, lambda _: CONTENT)
    with pytest.raises(ImportError, match="not the file that this site was made with"):
        finder.find_spec("sl_later_one")
    assert list(tmp_path.iterdir()) == []
