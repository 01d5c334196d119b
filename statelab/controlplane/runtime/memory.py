"""Files in memory, in Python: what a file tree is made of where there is no bashkit.

The interface, the limits and the words of its refusals are those of bashkit's file system, which filetree.py reads.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import count
from typing import Any, Literal

_MOST_FILES = 10_000
_LARGEST_BYTES = 10_000_000
_MOST_BYTES = 100_000_000
_LONGEST_PATH = 4_096
_LONGEST_NAME = 255
_DEEPEST = 100
_LINKS_FOLLOWED = 40

_CHANGES = count(1)

FileType = Literal["file", "directory", "symlink"]


class _Node:
    __slots__ = ("changed", "children", "content", "kind", "mode", "modified_s")

    def __init__(self, kind: FileType, mode: int) -> None:
        self.kind: FileType = kind
        self.mode = mode
        self.modified_s = self.changed = 0.0
        self.content = bytearray()  # of a symlink: its target
        self.children: dict[str, _Node] = {}


class MemoryFiles:
    """One file system. Paths are absolute; links are followed inside of it. Raises RuntimeError, in bashkit's words.

    `now`: the clock of those who use it, in seconds since the Unix epoch; it may stand still between two changes, so
    each change has a number, too, in all file systems together.
    """

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._root = self._new("directory", 0o755)
        self._count = 0
        self._bytes = 0
        self._root_is_gone = False

    # ---- asking

    def exists(self, path: str) -> bool:
        return self._find(path) is not None

    def stat(self, path: str) -> dict[str, Any]:
        """Of the path itself: a link is not followed."""
        return _metadata(self._there(path, follow=False))

    def read_file(self, path: str) -> bytes:
        node = self._there(path)
        if node.kind == "directory":
            raise RuntimeError("io error: is a directory")
        return bytes(node.content)

    def read_link(self, path: str) -> str:
        node = self._there(path, follow=False)
        if node.kind != "symlink":
            raise RuntimeError("io error: not a symbolic link")
        return node.content.decode(errors="replace")

    def read_dir(self, path: str) -> list[dict[str, Any]]:
        node = self._there(path)
        if node.kind != "directory":
            raise RuntimeError("io error: not a directory")
        return [{"name": name, "metadata": _metadata(child)} for name, child in node.children.items()]

    # ---- changing

    def write_file(self, path: str, content: bytes) -> None:
        node = self._file(path)
        self._grow(len(content) - len(node.content), len(content))
        node.content = bytearray(content)
        self._mark(node)

    def append_file(self, path: str, content: bytes) -> None:
        node = self._file(path)
        self._grow(len(content), len(node.content) + len(content))
        node.content += content
        self._mark(node)

    def mkdir(self, path: str, recursive: bool = False) -> None:
        names = _names(path)
        if not names:
            self._root_is_gone = False
            return
        node = self._root
        for at, name in enumerate(names):
            found = self._step(node, name)
            if found is None:
                if at < len(names) - 1 and not recursive:
                    raise RuntimeError("io error: not found")
                found = self._add(node, name, "directory", 0o755)
            elif found.kind != "directory":
                raise RuntimeError("io error: not a directory" if at < len(names) - 1 else "io error: already exists")
            elif at == len(names) - 1 and not recursive:
                raise RuntimeError("io error: already exists")
            node = found

    def symlink(self, target: str, path: str) -> None:
        parent, name = self._parent(path)
        if name in parent.children:
            raise RuntimeError("io error: already exists")
        self._add(parent, name, "symlink", 0o777).content = bytearray(target.encode(errors="replace"))

    def chmod(self, path: str, mode: int) -> None:
        node = self._there(path)
        node.mode = mode & 0o7777

    def remove(self, path: str, recursive: bool = False) -> None:
        if not _names(path):
            if not recursive:
                raise RuntimeError("io error: directory not empty")
            self._root = self._new("directory", 0o755)
            self._count, self._bytes, self._root_is_gone = 0, 0, True
            return
        parent, name = self._parent(path)
        node = parent.children.get(name)
        if node is None:
            raise RuntimeError("io error: not found")
        if node.children and not recursive:
            raise RuntimeError("io error: directory not empty")
        del parent.children[name]
        self._mark(parent)
        waiting = [node]
        while waiting:
            gone = waiting.pop()
            self._count -= 1
            self._bytes -= len(gone.content)
            waiting += gone.children.values()

    # ---- inside

    def _mark(self, node: _Node) -> None:
        node.changed, node.modified_s = float(next(_CHANGES)), self._now()

    def _new(self, kind: FileType, mode: int) -> _Node:
        node = _Node(kind, mode)
        self._mark(node)
        return node

    def _add(self, parent: _Node, name: str, kind: FileType, mode: int) -> _Node:
        if self._count >= _MOST_FILES:
            raise RuntimeError(f"io error: too many files: {self._count} files (limit: {_MOST_FILES})")
        self._count += 1
        self._mark(parent)
        parent.children[name] = node = self._new(kind, mode)
        return node

    def _grow(self, by: int, size: int) -> None:
        if size > _LARGEST_BYTES:
            raise RuntimeError(f"io error: file too large: {size} bytes (limit: {_LARGEST_BYTES})")
        if self._bytes + by > _MOST_BYTES:
            raise RuntimeError(f"io error: file system full: {self._bytes + by} bytes (limit: {_MOST_BYTES})")
        self._bytes += by

    def _file(self, path: str) -> _Node:
        node = self._find(path)
        if node is None:
            path = self._target(path)
            parent, name = self._parent(path)
            return self._add(parent, name, "file", 0o644)
        if node.kind == "directory":
            raise RuntimeError("io error: is a directory")
        return node

    def _target(self, path: str) -> str:
        """Where a link that leads to nothing leads to."""
        for _ in range(_LINKS_FOLLOWED):
            node = self._find(path, follow=False)
            if node is None or node.kind != "symlink":
                return path
            target = node.content.decode(errors="replace")
            path = target if target.startswith("/") else f"{path.rpartition('/')[0]}/{target}"
        raise RuntimeError("io error: too many levels of symbolic links")

    def _there(self, path: str, *, follow: bool = True) -> _Node:
        node = self._find(path, follow=follow)
        if node is None:
            raise RuntimeError("io error: not found")
        return node

    def _parent(self, path: str) -> tuple[_Node, str]:
        names = _names(path)
        if not names:
            raise RuntimeError("io error: is a directory")
        parent = self._find("/" + "/".join(names[:-1]))
        if parent is None:
            raise RuntimeError("io error: not found")
        if parent.kind != "directory":
            raise RuntimeError("io error: not a directory")
        return parent, names[-1]

    def _step(self, node: _Node, name: str) -> _Node | None:
        found = node.children.get(name)
        if found is not None and found.kind == "symlink":
            target = found.content.decode(errors="replace")
            return self._find(target) if target.startswith("/") else found
        return found

    def _find(self, path: str, *, follow: bool = True) -> _Node | None:
        waiting = _names(path)[::-1]
        if not waiting and self._root_is_gone:
            return None
        above: list[_Node] = []
        node, links = self._root, 0
        while waiting:
            name = waiting.pop()
            if name == "..":
                node = above.pop() if above else self._root
                continue
            found = node.children.get(name)
            if found is None:
                return None
            if found.kind == "symlink" and (waiting or follow):
                links += 1
                if links > _LINKS_FOLLOWED:
                    return None
                target = found.content.decode(errors="replace")
                if target.startswith("/"):
                    node, above = self._root, []
                waiting += [each for each in target.split("/") if each and each != "."][::-1]
                continue
            above.append(node)
            node = found
        return node


def _names(path: str) -> list[str]:
    names = [each for each in path.split("/") if each and each != "."]
    if len(path) > _LONGEST_PATH or len(names) > _DEEPEST:
        raise RuntimeError(f"io error: path too long (limit: {_LONGEST_PATH} bytes, {_DEEPEST} directories)")
    if any(len(name.encode(errors="replace")) > _LONGEST_NAME for name in names):
        raise RuntimeError(f"io error: name too long (limit: {_LONGEST_NAME} bytes)")
    return names


def _metadata(node: _Node) -> dict[str, Any]:
    return {
        "file_type": node.kind, "mode": node.mode, "size": len(node.content),
        "modified": node.modified_s, "created": node.modified_s, "changed": node.changed,
    }  # fmt: skip
