"""Which files of tests stay together when they are spread over workers."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("xdist")

from by_server import scope_of  # xdist is a developer's

TESTS = Path(__file__).resolve().parents[1]


def test_all_browser_tests_share_one_jupyterlab_but_the_site_s_and_others_stand_alone():
    files = [path.relative_to(TESTS.parent).as_posix() for path in TESTS.rglob("test_*.py")]
    scopes = {scope_of(each) for each in files}
    together = [each for each in files if scope_of(each) == "tests/browser"]
    assert len(together) > 5 and all(each.startswith("tests/browser/") for each in together)
    assert {scope for scope in scopes if scope.startswith("tests/browser/")} == {
        "tests/browser/test_site_in_browser.py"
    }
    assert len(scopes) == len(files) - len(together) + 1
