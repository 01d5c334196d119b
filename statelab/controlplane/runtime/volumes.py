"""A volume: a file system that outlives the containers it is mounted into.

What was written to it since the last look can be had as records, for the journal, and put back after a restart.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

from statelab.controlplane.runtime.filetree import ROOT_MODE, Entry, FileTree
from statelab.controlplane.runtime.owners import Owners
from statelab.controlplane.runtime.paths import join
from statelab.controlplane.runtime.times import Times

Kind = Literal["file", "directory", "symlink"]


@dataclass(frozen=True, slots=True)
class FileRecord:
    """One path of a volume as it is now. `content` of a symlink is its target; of a directory, empty; None: it is
    gone, or with `only_time`, as it was. `modified_s`: cluster time; None where it is not known.
    """

    path: str
    content: bytes | None
    mode: int
    kind: Kind
    modified_s: float | None = field(default=None, compare=False)
    only_time: bool = False

    def to_json(self) -> dict[str, Any]:
        """As it stands in the journal."""
        content = None if self.content is None else base64.b64encode(self.content).decode()
        found: dict[str, Any] = {"path": self.path, "content": content, "mode": self.mode, "kind": self.kind}
        if self.modified_s is not None:
            found["modified"] = round(self.modified_s, 6)
        return {**found, "only_time": True} if self.only_time else found

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> FileRecord:
        """One that was written before times were kept has none."""
        content = None if record["content"] is None else base64.b64decode(record["content"])
        modified_s, only_time = record.get("modified"), record.get("only_time", False)
        return cls(record["path"], content, record["mode"], record["kind"], modified_s, only_time)


@dataclass(frozen=True, slots=True)
class _Mark:
    """How a path was when it was last told. Only what has another `stat` is read again."""

    stat: tuple[Kind, int, int, float]
    modified_s: float
    digest: bytes


class Volume:
    """Files under "/", to be mounted. `read_only` volumes (ConfigMap, Secret, projected) are written by the kubelet
    alone.
    """

    def __init__(
        self,
        name: str = "",
        *,
        read_only: bool = False,
        fill: Callable[[Volume], None] | None = None,
        medium: str = "",
        mode: int = ROOT_MODE,
        times: Times | None = None,
    ) -> None:
        """`times`: of its cluster. `medium`: "Memory" is a tmpfs. `mode`: of the directory it is mounted as.

        `fill` writes what is in it from the start, when somebody first looks: most Pods never read their token.
        """
        self.name = name
        self.read_only = read_only
        self.medium = medium
        self.times = times if times is not None else Times()
        self._made_at_s = self.times.now_s
        self._fill = fill
        self._mode = mode
        self.knows_owners = False
        self._tree: FileTree | None = None
        self._parts: dict[str, FileTree] = {}  # directories that are mounted on their own (subPath), by path
        self._seen: dict[str, _Mark] = {}  # path → fingerprint, as of the last changes()
        self._seen_before: dict[str, _Mark] = {}

    @property
    def tree(self) -> FileTree:
        """A tree costs 16 KB even when it is empty, so it is made when it is needed."""
        if self._tree is None:
            self._tree = FileTree(mode=self._mode, times=self.times)
            self._tree.made_at_s = self._made_at_s
            fill, self._fill = self._fill, None
            if fill is not None:
                self._tree.later(partial(fill, self))
        return self._tree

    # ---- files

    def read(self, path: str) -> bytes:
        """Raises FileNotFoundError, IsADirectoryError."""
        tree, rest = self._at(path)
        return tree.read(rest)

    def modified_s(self, path: str) -> float:
        """In cluster time. Raises FileNotFoundError."""
        tree, rest = self._at(path)
        return tree.moment(rest)[0]

    def keep(self, path: str, at_s: float) -> None:
        """Its time of change is to be this. Raises FileNotFoundError."""
        tree, rest = self._at(path)
        tree.keep(rest, at_s)

    def write(self, path: str, content: bytes | str, mode: int | None = None) -> None:
        """Write a file, making the directories above it."""
        tree, rest = self._at(path)
        tree.write(rest, content.encode() if isinstance(content, str) else content, mode)

    def make_directory(self, path: str) -> None:
        """With those above it."""
        tree, rest = self._at(path)
        tree.mkdir(rest)

    def is_directory(self, path: str) -> bool:
        tree, rest = self._at(path)
        return tree.is_directory(rest)

    def symlink(self, target: str, path: str) -> None:
        tree, rest = self._at(path)
        tree.symlink(target, rest)

    def remove(self, path: str) -> None:
        """Remove a file, or a directory with all that is in it. Nothing there is no error."""
        self._forget_parts(join("/", path))
        tree, rest = self._at(path)
        if rest != "/":
            tree.remove(rest)
        else:
            for name in tree.names("/"):
                tree.remove("/" + name)

    def exists(self, path: str) -> bool:
        tree, rest = self._at(path)
        return tree.exists(rest)

    def list(self, path: str = "/") -> list[str]:
        """All paths below `path`, sorted; directories end in "/"."""
        prefix = join("/", path).rstrip("/") + "/"
        return [
            found + ("/" if entry.kind == "directory" else "")
            for found, entry, _ in self._entries()
            if found.startswith(prefix)
        ]

    def clear(self) -> None:
        """Empty it: what `Delete` does to a volume that is released."""
        self.remove("/")

    def copy_from(self, other: Volume) -> None:
        """Hold what `other` holds now, beside what is here."""
        self._put_all(_record(path, entry, tree) for path, entry, tree in other._entries())

    def size_bytes(self) -> int:
        return sum(entry.size for _, entry, _ in self._entries() if entry.kind == "file")

    def ask_for_owners(self, sub_path: str, group: int) -> None:
        """From now on it is known whose its files are; those that are there are root's. `group`: fsGroup, or 0."""
        self.knows_owners = True
        for _, tree in self.layers(sub_path):
            if tree.owners is None:
                tree.owners = Owners(group)
                tree.claim(0, 0)

    # ---- mounting

    @property
    def parts(self) -> int:
        """How many directories of it are mounted on their own (subPath)."""
        return len(self._parts)

    def part(self, sub_path: str) -> FileTree:
        """The tree to mount for a subPath that is a directory. It is made when missing, as the kubelet does.

        bashkit mounts whole file systems, so a directory that is mounted on its own becomes one: everybody who mounts
        the whole volume mounts it too, in its place (see `layers`).
        """
        path = join("/", sub_path)
        if path == "/":
            return self.tree
        if path not in self._parts:
            owner, rest = self._at(path)
            part = FileTree(times=self.times)
            if owner.exists(rest):
                below = [each for each in owner.walk(rest) if each.path != rest]
                for entry in below:
                    _put(part, _record(entry.path, entry, owner), entry.path[len(rest.rstrip("/")) :])
                for entry in below:
                    part.keep(entry.path[len(rest.rstrip("/")) :], entry.modified_s, entry.order)
                owner.remove(rest)
            owner.mkdir(rest)
            self._parts[path] = part
        return self._parts[path]

    def layers(self, sub_path: str = "") -> Sequence[tuple[str, FileTree]]:
        """What to mount, outermost first: (path below the mount point, tree)."""
        root = join("/", sub_path)
        found = [("", self.part(sub_path))]
        prefix = root.rstrip("/") + "/"
        for path in sorted(self._parts):
            if path.startswith(prefix):
                found.append(("/" + path[len(prefix) :], self._parts[path]))
        return found

    def is_file(self, sub_path: str) -> bool:
        tree, rest = self._at(sub_path)
        return tree.exists(rest) and not tree.is_directory(rest)

    def _forget_parts(self, path: str) -> None:
        """Directories mounted on their own that go with `path`. Who has one mounted keeps it, as one keeps an open
        file.
        """
        for prefix in [each for each in self._parts if path in ("/", each) or each.startswith(f"{path}/")]:
            del self._parts[prefix]

    def _at(self, path: str) -> tuple[FileTree, str]:
        path = join("/", path)
        for prefix in sorted(self._parts, key=len, reverse=True):
            if path == prefix or path.startswith(prefix + "/"):
                return self._parts[prefix], path[len(prefix) :] or "/"
        return self.tree, path

    # ---- the journal

    def _entries(self) -> Iterable[tuple[str, Entry, FileTree]]:
        """(path in the volume, entry, the tree that has it), sorted by path."""
        if self._tree is None and self._fill is None and not self._parts:
            return []  # nobody has ever looked
        found = {entry.path: (entry.path, entry, self.tree) for entry in self.tree.walk()}
        for prefix in sorted(self._parts):
            for entry in self._parts[prefix].walk():
                path = prefix + entry.path.rstrip("/")
                found[path] = (path, entry, self._parts[prefix])
        found.pop("/", None)
        return [found[path] for path in sorted(found)]

    def changes(self) -> Sequence[FileRecord]:
        """What is new, different or gone since the last call, parents before what is in them; gone ones last."""
        if self._tree is None and not self._seen:
            return []  # nobody has looked into it yet
        now: dict[str, _Mark] = {}
        changed = []
        for path, entry, tree in self._entries():
            stat = (entry.kind, entry.mode, entry.size, entry.changed)
            before = self._seen.get(path)
            if before is not None and before.stat == stat and before.modified_s == entry.modified_s:
                now[path] = before
                continue
            try:
                content = _content(tree, entry)
            except OSError:  # a shell that runs has just removed it
                continue
            digest = hashlib.blake2b(content, digest_size=16).digest()
            now[path] = _Mark(stat, entry.modified_s, digest)
            if before is None or (before.digest, before.stat[:2]) != (digest, stat[:2]):
                changed.append(FileRecord(path, content, entry.mode, entry.kind, entry.modified_s))
            elif before.modified_s != entry.modified_s:
                changed.append(FileRecord(path, None, entry.mode, entry.kind, entry.modified_s, only_time=True))
        gone = [FileRecord(path, None, 0, "file") for path in sorted(self._seen, reverse=True) if path not in now]
        self._seen_before, self._seen = self._seen, now
        return changed + gone

    def changes_not_kept(self) -> None:
        """What `changes` told last could not be written down: it is told again next time."""
        self._seen = self._seen_before

    def restore(self, records: Iterable[FileRecord]) -> None:
        """Apply records in the order in which `changes` gave them."""
        self._put_all(records)
        self.changes()

    def _put_all(self, records: Iterable[FileRecord]) -> None:
        moments: dict[str, float | None] = {}
        for record in records:
            tree, rest = self._at(record.path)
            if record.content is not None:
                _put(tree, record, rest)
            elif rest != "/" and not record.only_time:
                tree.remove(rest)
            moments[record.path] = record.modified_s
        for path, at_s in moments.items():  # at the end: a directory changes with what is put into it
            tree, rest = self._at(path)
            if at_s is not None and tree.exists(rest):
                tree.keep(rest, at_s)


def _put(tree: FileTree, record: FileRecord, path: str) -> None:
    content = record.content or b""
    there = tree.exists(path) or tree.is_symlink(path)
    if there and tree.stat(path).kind != record.kind:
        tree.remove(path)
    if record.kind == "directory":
        tree.mkdir(path)
    elif record.kind == "symlink":
        tree.remove(path)
        tree.symlink(content.decode(), path)
    else:
        tree.write(path, content, record.mode)


def _record(path: str, entry: Entry, tree: FileTree) -> FileRecord:
    return FileRecord(path, _content(tree, entry), entry.mode, entry.kind, entry.modified_s)


def _content(tree: FileTree, entry: Entry) -> bytes:
    if entry.kind == "directory":
        return b""
    return tree.read_link(entry.path).encode() if entry.kind == "symlink" else tree.read(entry.path)
