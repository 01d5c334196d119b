"""What was read, with the place of everything in it: documents, and the API objects that they hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from statelab.reader.errors import ManifestError, Place
from statelab.reader.scalars import key_text

MAX_OBJECTS = 1_000

Path_ = tuple[str | int, ...]


class Node:
    """A value with its place. `content`: a scalar, a list of nodes, or a list of (key node, value node)."""

    __slots__ = ("column", "content", "kind", "length", "line", "merged", "size")

    def __init__(self, kind: str, content: Any, line: int, column: int, length: int = 1) -> None:
        self.kind = kind  # "scalar" | "sequence" | "mapping"
        self.content = content
        self.line = line
        self.column = column
        self.length = length

    @property
    def place(self) -> Place:
        return Place(self.line, self.column, self.length)


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML document: its plain value, and the places of everything in it."""

    value: Any
    root: Node
    number: int  # from 0

    def place(self, path: Path_) -> Place:
        """The place of the key at `path` (in a sequence: the value); of its nearest parent where it is not there."""
        place, node = self.root.place, self.root
        for step in path:
            found = _child(node, step)
            if found is None:
                break
            place, node = found
        return place

    def place_of_value(self, path: Path_) -> Place:
        """Where the value at `path` begins; as `place` when there is no such path."""
        node = self.root
        for step in path:
            found = _child(node, step)
            if found is None:
                return self.place(path)
            node = found[1]
        return node.place


@dataclass(frozen=True, slots=True)
class Item:
    """One API object of a manifest: the members of a List count one by one."""

    object: dict[str, Any]
    document: Document
    path: Path_ = ()

    def place(self, path: Path_ = ()) -> Place:
        return self.document.place(self.path + path)

    def place_of_value(self, path: Path_ = ()) -> Place:
        return self.document.place_of_value(self.path + path)

    @property
    def kind(self) -> str:
        kind = self.object.get("kind")
        return kind if isinstance(kind, str) else ""

    @property
    def name(self) -> str:
        metadata = self.object.get("metadata")
        name = metadata.get("name") if isinstance(metadata, dict) else None
        return name if isinstance(name, str) else ""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a file or a cell held. `source` names it in messages."""

    source: str
    text: str
    documents: tuple[Document, ...]

    @property
    def items(self) -> list[Item]:
        """The objects, in order. Raises ManifestError for a document that is not an object, and for too many."""
        items: list[Item] = []
        for document in self.documents:
            for item in _flatten(document.value, document, (), self):
                items.append(item)
                if len(items) > MAX_OBJECTS:
                    raise self.error(f"more than {MAX_OBJECTS:,} objects", item.place())
        return items

    @property
    def objects(self) -> list[dict[str, Any]]:
        return [item.object for item in self.items]

    def error(self, problem: str, place: Place | None = None, advice: str = "") -> ManifestError:
        return ManifestError(problem, place, advice, source=self.source, text=self.text)


def _child(node: Node, step: str | int) -> tuple[Place, Node] | None:
    if node.kind == "sequence":
        if isinstance(step, int) and 0 <= step < len(node.content):
            child: Node = node.content[step]
            return child.place, child
        return None
    if node.kind == "mapping":
        for key, value in node.content:
            if key_text(key.content) == step if key.kind == "scalar" else False:
                return key.place, value
        for key, value in node.content:
            if key.kind == "scalar" and key.content == "<<":
                for each in value.content if value.kind == "sequence" else [value]:
                    found = _child(each, step)
                    if found is not None:
                        return found
    return None


def _flatten(value: Any, document: Document, path: Path_, manifest: Manifest) -> Iterator[Item]:
    place = document.place(path)
    if not isinstance(value, dict):
        what = "a list" if isinstance(value, list) else f"only {str(value)[:40]!r}"
        advice = "separate objects with a line ---" if isinstance(value, list) else "begin with apiVersion: and kind:"
        raise manifest.error(f"an object is expected here, and this is {what}", place, advice)
    kind = value.get("kind")
    items = value.get("items")
    if isinstance(kind, str) and kind.endswith("List") and isinstance(items, list):
        if len(path) > 8:
            raise manifest.error("Lists within Lists within Lists", place)
        for index, each in enumerate(items):
            yield from _flatten(each, document, (*path, "items", index), manifest)
        return
    yield Item(value, document, path)
