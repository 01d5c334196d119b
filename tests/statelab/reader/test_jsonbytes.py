"""The standard library's JSON in orjson's place: the same bytes, the same values, the same refusals."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from statelab.reader import json_standard as ours

orjson = pytest.importorskip("orjson")

KEYS = st.text(max_size=5)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(min_value=-(2**70), max_value=2**70)
    | st.floats()
    | st.text(alphabet=st.characters(codec=None), max_size=8)
)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4))
OPTIONS = (None, orjson.OPT_SORT_KEYS, orjson.OPT_INDENT_2, orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS, 1024)


def outcome(function: Any, *arguments: Any) -> tuple[str, Any]:
    try:
        found = function(*arguments)
    except ValueError:
        return "refused to read", None
    except TypeError:
        return "refused to write", None
    return "made", repr(found)


@given(VALUES)
@example(1e16)
@example(1e-5)
@example(-1.5e-5)
@example([1e-7, float("nan"), 5e-324])
@example({"b": {}, "a": [], "é": "\u2028/\x7f"})
@example({1: 2})
@example({"b": 1, "a": 2**64})
@example("\ud800")
def test_what_is_written_is_the_same_to_the_byte(value: Any) -> None:
    for option in OPTIONS:
        theirs = outcome(lambda: orjson.dumps(value, option=option))  # noqa: B023  called at once
        assert outcome(lambda: ours.dumps(value, option=option)) == theirs  # noqa: B023


@given(st.binary(max_size=20) | st.text(alphabet='[]{},:"\\ud8c0-+.eE0123 tfnrl', max_size=14).map(str.encode))
@example(b"-0")
@example(b"1e999")
@example(b"18446744073709551616")
@example(b"9" * 5000)
@example(b'"\\ud800"')
@example(b'"\\ud83d\\ude00"')
@example(b'{"\\udc00": 1}')
@example(b"NaN")
@example(b'{"a":1,"a":2}')
@example(b"\xef\xbb\xbf1")
@example(b"[" * 1024 + b"]" * 1024)
@example(b"[" * 1025 + b"]" * 1025)
def test_what_is_read_is_the_same(raw: bytes) -> None:
    assert outcome(ours.loads, raw) == outcome(orjson.loads, raw)
    assert outcome(ours.loads, memoryview(raw)) == outcome(orjson.loads, memoryview(raw))


@pytest.mark.parametrize("depth", [254, 255, 2000])
def test_what_is_nested_too_deep_is_refused(depth: int) -> None:
    value: Any = []
    for _ in range(depth - 1):
        value = [value]
    assert outcome(ours.dumps, value) == outcome(orjson.dumps, value)


def test_a_cluster_runs_without_orjson() -> None:
    """Nothing else on the way imports it."""
    program = (
        "import sys; sys.modules['orjson'] = None\n"
        "from statelab.controlplane import ControlPlane\n"
        "plane = ControlPlane(); plane.settle()\n"
        "print(len(plane.list('nodes')))"
    )
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (said.stdout.strip(), said.returncode) == ("3", 0), said.stderr
    assert os.environ.get("STATELAB_JSON") is None
