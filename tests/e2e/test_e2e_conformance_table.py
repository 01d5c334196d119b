"""The table of conformance tests is true: each names a test that is there, and the docs count what it counts."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest
import yaml

HERE = Path(__file__).parent
GROUPS: dict[str, dict[str, str]] = yaml.safe_load((HERE / "conformance.yaml").read_text(encoding="utf-8"))
PAGE = (HERE.parents[1] / "docs" / "embedded-and-real.md").read_text(encoding="utf-8")
_ROW = re.compile(
    r"^\| (?:\*\*)?([^|*]+?)(?:\*\*)? \| (?:\*\*)?(\d+)(?:\*\*)? \| (?:\*\*)?(\d+)(?:\*\*)? \|", re.MULTILINE
)


@cache
def _functions(file: str) -> set[str]:
    body = ast.parse((HERE / f"test_e2e_{file}.py").read_text(encoding="utf-8")).body
    return {each.name for each in body if isinstance(each, ast.FunctionDef)}


@pytest.mark.parametrize("group", GROUPS)
def test_every_test_that_is_named_is_there(group: str) -> None:
    for name, reference in GROUPS[group].items():
        if reference.startswith("no:"):
            continue
        file, _, function = reference.partition("::")
        assert function in _functions(file), name


def _counts() -> dict[str, tuple[int, int]]:
    found = {}
    for group, tests in GROUPS.items():
        found[group] = (sum(not each.startswith("no:") for each in tests.values()), len(tests))
    found["all"] = (sum(each[0] for each in found.values()), sum(each[1] for each in found.values()))
    return found


def test_the_page_counts_what_the_table_counts() -> None:
    begin = PAGE.index("## Kubernetes' own conformance tests")
    section = PAGE[begin : PAGE.index("\n## ", begin + 1)]
    shown = {name: (int(had), int(all_)) for name, had, all_ in _ROW.findall(section)}
    assert shown == _counts()
    for line in section.splitlines():
        if percent := re.search(r"\| (?:\*\*)?(\d+) %", line):
            had, all_ = (int(each) for each in re.findall(r"\d+", line.partition("|")[2])[-3:-1])
            assert int(percent[1]) == 100 * had // all_, line


def test_every_reason_is_told() -> None:
    reasons = {each for tests in GROUPS.values() for each in tests.values() if each.startswith("no:")}
    for reason in reasons:
        assert f"| {reason.removeprefix('no:')} |" in PAGE
