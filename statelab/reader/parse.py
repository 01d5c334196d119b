"""Manifests as text, read safely: anything at all goes in; objects with places come out, or a ManifestError.

The text may come from anyone, so everything is bounded: size, depth, the number of values after aliases are expanded.
No tag constructs anything. Nothing is written, nothing is fetched, and a refusal takes well under a second.
The obvious alternative, `yaml.safe_load_all`, expands aliases without end, recurses as deep as the text does, takes
the last of two equal keys in silence, and forgets the lines.
"""

from __future__ import annotations

import math
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from statelab.reader.errors import ManifestError, Place
from statelab.reader.explain import explained
from statelab.reader.nodes import Document, Manifest, Node
from statelab.reader.scalars import Scalar, key_text, plain

MAX_BYTES = 1_000_000
MAX_DEPTH = 100
MAX_VALUES = 100_000

NOTHING = "there is nothing in it"

_Parser: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]")
_TAGS = {"tag:yaml.org,2002:" + each: each for each in ("str", "int", "float", "bool", "null", "map", "seq")}


def read_file(path: str | Path) -> Manifest:
    """Read a manifest from a regular file. Raises ManifestError also for what is missing or no file at all."""
    path = Path(path)
    try:
        found = path.stat()
        if stat.S_ISDIR(found.st_mode):
            raise ManifestError("is a directory; name a file in it", source=str(path))
        if not stat.S_ISREG(found.st_mode):
            raise ManifestError("is not a regular file", source=str(path))
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise ManifestError("no such file", source=str(path)) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ManifestError(f"cannot be read: {reason}", source=str(path)) from None
    return read(raw, str(path))


def read(raw: bytes | str, source: str = "manifest", *, last_wins: bool = False) -> Manifest:
    """Read YAML (or JSON) text into documents. Raises ManifestError, with the place, for what cannot be read.

    `last_wins`: of two equal keys the last one is taken, as kubectl does, where otherwise the second is refused.
    """
    text = _decode(raw, source)
    # JSON may be indented with tabs, YAML may not. Inside a JSON string a tab is written \t, so this changes none.
    parsed = text.replace("\t", " ") if text.lstrip()[:1] in ("{", "[") else text
    try:
        documents = tuple(_documents(parsed, last_wins))
    except ManifestError as error:
        raise ManifestError(error.problem, error.place, error.advice, source=source, text=text) from None
    except yaml.YAMLError as error:
        raise explained(error, source, text) from None
    if not documents:
        raise ManifestError(NOTHING, advice="write a manifest: apiVersion, kind, metadata, spec", source=source)
    return Manifest(source, text, documents)


# ---- text


def _decode(raw: bytes | str, source: str) -> str:
    size = len(raw)
    if size > MAX_BYTES:
        raise ManifestError(f"is longer than {MAX_BYTES // 1000:,} kB, which no manifest needs to be", source=source)
    if isinstance(raw, str):
        try:
            raw = raw.encode()
        except UnicodeEncodeError:
            raise ManifestError("holds characters that are not Unicode text", source=source) from None
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise ManifestError("is UTF-16 text", advice="save it as UTF-8", source=source)
    raw = raw.removeprefix(b"\xef\xbb\xbf")
    nul = raw.find(b"\0")
    if nul >= 0:
        raise ManifestError("holds a NUL byte: it is not text", _place_of_byte(raw, nul), source=source)
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise ManifestError(
            f"byte 0x{raw[error.start]:02x} is not UTF-8: it is not text, or saved in another encoding",
            _place_of_byte(raw, error.start),
            source=source,
        ) from None
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    control = _CONTROL.search(text)
    if control:
        start = text.rfind("\n", 0, control.start()) + 1
        place = Place(text.count("\n", 0, start) + 1, control.start() - start + 1)
        problem = f"holds the control character 0x{ord(control[0]):02x}: it is not text"
        raise ManifestError(problem, place, source=source, text=text)
    return text


def _place_of_byte(raw: bytes, index: int) -> Place:
    start = raw.rfind(b"\n", 0, index) + 1
    return Place(raw.count(b"\n", 0, index) + 1, len(raw[start:index].decode(errors="replace")) + 1)


# ---- events to nodes to values


def _documents(text: str, last_wins: bool) -> Iterator[Document]:
    number = 0
    values = 0
    anchors: dict[str, Node] = {}
    open_: list[Node] = []  # the collections being read, outermost first
    waiting: list[Node | None] = []  # beside each open mapping: the key whose value comes next
    root: Node | None = None
    event: Any
    for event in yaml.parse(text, Loader=_Parser):
        if isinstance(event, yaml.DocumentStartEvent):
            anchors, root = {}, None
            continue
        if isinstance(event, yaml.DocumentEndEvent):
            if root is not None and not (root.kind == "scalar" and root.content is None):
                yield Document(_value(root, _Budget(last_wins)), root, number)
                number += 1
            continue
        if isinstance(event, (yaml.SequenceEndEvent, yaml.MappingEndEvent)):
            open_.pop()
            waiting.pop()
            continue
        if not isinstance(event, yaml.NodeEvent):
            continue
        values += 1
        mark: Any = event.start_mark
        if values > MAX_VALUES:
            raise ManifestError(f"holds more than {MAX_VALUES:,} values", Place(mark.line + 1, mark.column + 1))
        node = _node(event, anchors, open_)
        if event.anchor and not isinstance(event, yaml.AliasEvent):
            anchors[event.anchor] = node
        if not open_:
            root = node
        elif open_[-1].kind == "sequence":
            open_[-1].content.append(node)
        elif waiting[-1] is None:
            waiting[-1] = node
        else:
            open_[-1].content.append((waiting[-1], node))
            waiting[-1] = None
        if isinstance(event, yaml.CollectionStartEvent):
            if len(open_) >= MAX_DEPTH:
                raise ManifestError(f"nests more than {MAX_DEPTH} deep", node.place)
            open_.append(node)
            waiting.append(None)


def _node(event: Any, anchors: dict[str, Node], open_: list[Node]) -> Node:
    line, column = event.start_mark.line + 1, event.start_mark.column + 1
    if isinstance(event, yaml.AliasEvent):
        found = anchors.get(str(event.anchor))
        if found is None:
            raise ManifestError(
                f"*{event.anchor} refers to an anchor &{event.anchor} that is not there", Place(line, column)
            )
        if any(found is each for each in open_):
            raise ManifestError(f"*{event.anchor} refers to what it is itself a part of", Place(line, column))
        return found
    tag = event.tag
    if tag is not None and tag not in _TAGS and tag != "!":
        shown = tag.replace("tag:yaml.org,2002:", "!!")[:60]
        raise ManifestError(
            f"the tag {shown} has no meaning in a manifest", Place(line, column), "write the value without it"
        )
    if isinstance(event, yaml.ScalarEvent):
        end: Any = event.end_mark
        length = max(1, end.column + 1 - column) if end.line + 1 == line else 1
        return Node("scalar", _scalar(event, tag, Place(line, column, length)), line, column, length)
    kind = "sequence" if isinstance(event, yaml.SequenceStartEvent) else "mapping"
    return Node(kind, [], line, column)


def _scalar(event: Any, tag: str | None, place: Place) -> Scalar:
    text: str = event.value
    if tag is None:
        value = plain(text) if event.implicit[0] else text
    elif tag == "!" or _TAGS[tag] == "str":
        return text
    else:
        value = plain(text)
        wanted: Any = {"int": int, "float": (int, float), "bool": bool, "null": type(None)}.get(_TAGS[tag], str)
        if not isinstance(value, wanted) or (isinstance(value, bool) and _TAGS[tag] != "bool"):
            raise ManifestError(f"{text[:40]!r} is no !!{_TAGS[tag]}", place)
    if isinstance(value, float) and not math.isfinite(value):
        raise ManifestError(f"{text[:40]} is no number a manifest can hold", place)
    # Manifests become JSON on their way, and Go writes 30.0 as 30: so it may stand where an integer is wanted.
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 2**63 else value


class _Budget:
    """How many values a document may still become: an alias counts each time it is used."""

    __slots__ = ("last_wins", "left")

    def __init__(self, last_wins: bool) -> None:
        self.left = MAX_VALUES
        self.last_wins = last_wins

    def spend(self, node: Node) -> None:
        self.left -= 1
        if self.left < 0:
            raise ManifestError(f"its aliases expand to more than {MAX_VALUES:,} values", node.place)


def _value(node: Node, budget: _Budget, depth: int = 0) -> Any:
    budget.spend(node)
    if node.kind == "scalar":
        return node.content
    if depth >= MAX_DEPTH:
        raise ManifestError(f"nests more than {MAX_DEPTH} deep once its aliases are expanded", node.place)
    if node.kind == "sequence":
        return [_value(each, budget, depth + 1) for each in node.content]
    result: dict[str, Any] = {}
    merged: dict[str, Any] = {}
    first: dict[str, Node] = {}
    for key, value in node.content:
        if key.kind != "scalar" or key_text(key.content) is None:
            raise ManifestError("a key has to be a word", key.place, "is there a - or a { too many?")
        name = key_text(key.content) or ""
        if name == "<<" and key.length == 2:
            _merge(merged, value, budget, depth)
            continue
        if name in first and not budget.last_wins:
            raise ManifestError(
                f'the key "{name[:60]}" is there twice', key.place, f"it was already given on line {first[name].line}"
            )
        first[name] = key
        result[name] = _value(value, budget, depth + 1)
    return {**merged, **result} if merged else result


def _merge(into: dict[str, Any], node: Node, budget: _Budget, depth: int) -> None:
    """`<<: *base` and `<<: [*one, *two]`: keys of the earlier win."""
    for each in node.content if node.kind == "sequence" else [node]:
        if each.kind != "mapping":
            raise ManifestError("<< takes a mapping, or a list of them", each.place)
        for key, value in _value(each, budget, depth + 1).items():
            into.setdefault(key, value)
