"""Manifests of strangers: everything malformed gets an error with its place, soon, in bounded memory."""

from __future__ import annotations

import json
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from statelab.reader import ManifestError, Place, parse, read, read_file


@pytest.fixture(
    params=["SafeLoader", *(["CSafeLoader"] if yaml.__with_libyaml__ else [])], autouse=True, scope="module"
)
def parser(request: pytest.FixtureRequest) -> Iterator[str]:
    """All of it with both of PyYAML's parsers: libyaml's, and the one in Python, which a browser has."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parse, "_Parser", getattr(yaml, request.param))
        yield str(request.param)


ALIAS_BOMB = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "\n".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 10)}]" for i in range(12)
)

MALFORMED = {
    "not YAML": ("a: b: c", 1, "a key cannot stand here"),
    "an open quote": ('a: 1\nb: "abc\nc: 2\n', 2, "never closed"),
    "no colon": ("a: 1\nb\nc: 2", 2, "no colon"),
    "a tab": ("a:\n\tb: 1", 2, "a tab"),
    "misindented": ("a:\n  b: 1\n c: 2", 3, "a key is expected"),
    "an at sign": ("a: @b", 1, "cannot begin with @"),
    "10,000 deep, flow": ("[" * 10_000, 1, "deep"),
    "10,000 deep, maps": ("{a: " * 10_000, 1, "deep"),
    "1,300 deep, block": ("\n".join(" " * i + "a:" for i in range(1300)), 101, "deep"),
    "an alias bomb": (ALIAS_BOMB, None, "aliases expand"),
    "an alias to itself": ("a: &a [*a]", 1, "itself a part"),
    "an alias to nothing": ("a: *b", 1, "not there"),
    "equal keys": ("a: 1\nb:\n  c: 1\n  c: 2", 4, "twice"),
    "equal keys, written differently": ("1: a\n'1': b", 2, "twice"),
    "a Python tag": ("a: !!python/object/apply:os.system ['x']", 1, "tag"),
    "a private tag": ("a: !secret x", 1, "tag"),
    "binary tag": ("a: !!binary aGk=", 1, "tag"),
    "a NUL byte": (b"a: 1\nb: x\0y", 2, "NUL"),
    "binary": (b"\x89PNG\r\n\x1a\n\x02\x03", 1, "not UTF-8"),
    "an escape sequence": ("a: \x1b[31mred", 1, "control character"),
    "a list as a key": ("? [1]\n: 2", 1, "key"),
    "not a number": ("a: .nan", 1, "no number"),
    "many values": ("- a\n" * 200_000, None, "more than 100,000"),
    "empty": ("", None, "nothing"),
    "only comments": ("# hello\n---\n", None, "nothing"),
    "10 MB": (b"a" * 10_000_000, None, "longer than"),
    "UTF-16": ("a: 1".encode("utf-16"), None, "UTF-16"),
    "lone surrogates": ("a: \ud800", None, "Unicode"),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_malformed_is_refused_with_its_place_and_takes_little_work_and_memory(
    name: str, parser: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw, line, words = MALFORMED[name]
    if parser == "SafeLoader" and name == "many values":  # whose count is the same code: a tenth shows that it stops
        monkeypatch.setattr(parse, "MAX_VALUES", 10_000)
        words = "more than 10,000"
    started = time.process_time()
    tracemalloc.start()
    try:
        with pytest.raises(ManifestError) as caught:
            read(raw, "web.yaml")
        assert tracemalloc.get_traced_memory()[1] < 100_000_000
    finally:
        tracemalloc.stop()
    # Not how fast a machine is, but that nothing is expanded or read again and again: such takes minutes, or for ever.
    assert time.process_time() - started < (20.0 if parser == "CSafeLoader" else 120.0)
    assert words in caught.value.problem
    assert str(caught.value).startswith("web.yaml")
    if line is not None:
        assert caught.value.place is not None
        assert caught.value.place.line == line


def test_an_error_shows_the_line_and_points_at_the_place() -> None:
    with pytest.raises(ManifestError) as caught:
        read("kind: Pod\nmetadata:\n  name: a\n  name: b\n", "pod.yaml")
    assert str(caught.value) == (
        'pod.yaml, line 4, column 3: the key "name" is there twice\n'
        "    4 │   name: b\n"
        "      │   ^^^^ it was already given on line 3"
    )


def test_what_is_shown_of_a_line_cannot_drive_a_terminal() -> None:
    with pytest.raises(ManifestError) as caught:
        read("a: \x1b]0;owned\x07", "x\x1b[2J.yaml")
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0644", 420), ("0o17", 15), ("0x1F", 31), ("0b11", 3), ("1_000", 1000), ("-5", -5), ("08", 8.0),
        ("yes", True), ("y", True), ("Off", False), ("~", None), ("", None), ("1e3", 1000.0), ("1.", 1.0), (".5", 0.5),
        ("12:30", "12:30"), ("2001-01-01", "2001-01-01"), ("1Gi", "1Gi"), ("'5'", "5"), ("!!str 5", "5"), ("-", [None]),
        ("0.24", 0.24), ("1.2.3", "1.2.3"), ("oN", "oN"),
    ],
)  # fmt: skip
def test_a_plain_scalar_means_what_it_means_to_kubectl(text: str, value: object) -> None:
    assert read(f"a:\n  {text}" if text == "-" else f"a: {text}").documents[0].value == {"a": value}


def test_members_of_lists_count_one_by_one_and_keep_their_places() -> None:
    manifest = read(
        "kind: Service\n---\napiVersion: v1\nkind: List\nitems:\n- kind: Pod\n- kind: ConfigMap\n  data: {}\n"
    )
    assert [item.kind for item in manifest.items] == ["Service", "Pod", "ConfigMap"]
    assert manifest.items[2].place(("data",)) == Place(8, 3, 4)


def test_a_path_that_is_not_there_has_the_place_of_its_nearest_parent() -> None:
    item = read("kind: Pod\nspec:\n  containers:\n  - name: a\n").items[0]
    assert item.place(("spec", "containers", 0, "image")).line == 4
    assert item.place(("spec", "hostname")).line == 2


def test_merge_keys_and_anchors_are_expanded() -> None:
    value = read("a: &a {x: 1, z: 2}\nb:\n  <<: *a\n  z: 3\n").documents[0].value
    assert value["b"] == {"x": 1, "z": 3}


def test_json_indented_with_tabs_is_a_manifest_too() -> None:
    assert read('{\n\t"kind": "Pod",\n\t"spec": {"x": [1, true, null]}\n}').objects == [
        {"kind": "Pod", "spec": {"x": [1, True, None]}}
    ]


def test_windows_line_ends_and_a_byte_order_mark_do_no_harm() -> None:
    assert read(b"\xef\xbb\xbfkind: Pod\r\nspec:\r\n- 1\r\n").objects == [{"kind": "Pod", "spec": [1]}]


def test_what_is_no_file_is_refused_by_name(tmp_path: Path) -> None:
    for path, words in ((tmp_path, "directory"), (tmp_path / "no.yaml", "no such file"), ("/dev/zero", "regular file")):
        with pytest.raises(ManifestError) as caught:
            read_file(path)
        assert words in str(caught.value)


@given(st.text(max_size=200) | st.binary(max_size=200))
def test_any_text_at_all_is_read_or_refused_and_nothing_else(raw: str | bytes) -> None:
    try:
        manifest = read(raw)
        manifest.items  # noqa: B018
    except ManifestError as error:
        assert str(error)


_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text("abcxyz", min_size=1, max_size=5), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(st.dictionaries(st.text("abcdef", min_size=1, max_size=5), _json, min_size=1, max_size=5))
def test_json_is_read_back_the_same(value: dict[str, object]) -> None:
    text = json.dumps(value, ensure_ascii=False, indent=1)
    assert read(text).documents[0].value == value
