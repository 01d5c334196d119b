"""The round at each save: what it is of, and that it stays one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import fast

TESTS = Path(__file__).parent.parent


def test_the_files_that_are_left_out_are_there():
    assert [name for name in sorted(fast.SLOW_FILES) if not (TESTS / name).is_file()] == []


def test_the_round_is_most_of_the_clusters_tests_and_nothing_that_needs_another_program():
    run = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--collect-only", "-m", "fast"]
    lines = subprocess.run(run, cwd=TESTS.parent, capture_output=True, text=True, check=True).stdout.splitlines()
    found = [line for line in lines if line.startswith("tests/")]
    assert len(found) > 2500
    files = {line.partition("::")[0].removeprefix("tests/") for line in found}
    assert not files & fast.SLOW_FILES
    assert {name.split("/")[0] for name in files} == {fast.FOLDER}


def test_a_marked_test_is_not_of_it():
    path = TESTS / "statelab" / "test_pace.py"
    assert fast.is_fast(path, TESTS, ["parametrize"])
    assert not fast.is_fast(path, TESTS, ["slow"])
    assert not fast.is_fast(TESTS / "grader" / "test_corpus.py", TESTS, [])
