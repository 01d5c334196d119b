"""Files in memory, which are mounted into containers: images, volumes, what a container writes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from statelab.controlplane.runtime.paths import join
from statelab.controlplane.runtime.shells import new_files, os_error

if TYPE_CHECKING:
    from statelab.controlplane.runtime.shells import Files

FileKind = Literal["file", "directory", "symlink"]

ROOT_MODE = 0o755
_WRITTEN_DOWN = 65_536  # the largest file that is not given to bashkit at once, in bytes


@dataclass(frozen=True, slots=True)
class Entry:
    path: str
    kind: FileKind
    mode: int
    size: int
    modified_s: float


class FileTree:
    """Files in memory, to be mounted into shells. Paths are absolute. Symbolic links are followed inside the tree only.

    Reading and writing raise FileNotFoundError, IsADirectoryError, NotADirectoryError, or OSError with bashkit's words
    (a file over 10 MB, too many files).
    """

    def __init__(self, handle: Files | None = None, *, mode: int = ROOT_MODE) -> None:
        """Without a `handle`, an empty tree. It is a bashkit one (16 KB) from when somebody asks for more than to read
        what has been written: most containers only ever read a few of their files.
        """
        self._handle = handle
        self.mode = mode  # of its root
        self._files: dict[str, tuple[bytes, int | None]] = {}  # what a bashkit tree is to be made of
        self._directories: dict[str, int | None] = {}  # with those above them; their modes

    @property
    def handle(self) -> Files:
        if self._handle is None:
            self._handle = handle = new_files(self)
            files, directories, self._files, self._directories = self._files, self._directories, {}, {}
            if self.mode != ROOT_MODE:
                handle.chmod("/", self.mode)
            for path, mode in directories.items():
                handle.mkdir(path, True)
                if mode is not None:
                    handle.chmod(path, mode)
            for path, (content, mode) in files.items():
                self.write(path, content, mode)
        return self._handle

    def _is_plain(self, path: str) -> bool:
        """Nothing but reading and writing has been asked of the tree, and the path is as it is written down here."""
        return self._handle is None and path == join("/", path)

    def _note(self, path: str) -> bool:
        """Write a directory down, and those above it. False where a file stands in the way."""
        if path in self._files:
            return False
        above = path.rpartition("/")[0]
        if path != "/" and path not in self._directories:
            if above and not self._note(above):
                return False
            self._directories[path] = None
        return True

    def heal(self) -> None:
        """Make its root again if a shell has removed it (`rm -rf /data`), which no mount point would have allowed."""
        if self._handle is not None and not self._handle.exists("/"):
            self._handle.mkdir("/")

    def read(self, path: str) -> bytes:
        if self._is_plain(path):
            if path in self._files:
                return self._files[path][0]
            if path == "/" or path in self._directories:
                raise IsADirectoryError(21, "Is a directory", path)
            if not any(path.startswith(f"{each}/") for each in self._files):
                raise FileNotFoundError(2, "No such file or directory", path)
        try:
            return self.handle.read_file(path)
        except RuntimeError as error:
            raise os_error(error, path) from None

    def write(self, path: str, content: bytes, mode: int | None = None) -> None:
        is_new = path not in self._directories and path != "/" and len(content) <= _WRITTEN_DOWN
        if is_new and self._is_plain(path) and self._note(path.rpartition("/")[0] or "/"):
            self._files[path] = (content, mode if mode is not None else self._files.get(path, (b"", None))[1])
            return
        try:
            parent = path.rpartition("/")[0]
            if parent and not self.handle.exists(parent):
                self.handle.mkdir(parent, True)
            self.handle.write_file(path, content)
            if mode is not None:
                self.handle.chmod(path, mode)
        except RuntimeError as error:
            raise os_error(error, path) from None

    def append(self, path: str, content: bytes) -> None:
        try:
            if self.handle.exists(path):
                self.handle.append_file(path, content)
            else:
                self.write(path, content)
        except RuntimeError as error:
            raise os_error(error, path) from None

    def mkdir(self, path: str) -> None:
        if self._is_plain(path) and self._note(path):
            return
        try:
            self.handle.mkdir(path, True)
        except RuntimeError as error:
            raise os_error(error, path) from None

    def symlink(self, target: str, path: str) -> None:
        parent = path.rpartition("/")[0]
        try:
            if parent:
                self.handle.mkdir(parent, True)
            self.handle.symlink(target, path)
        except RuntimeError as error:
            raise os_error(error, path) from None

    def chmod(self, path: str, mode: int) -> None:
        if path == "/":
            self.mode = mode
        if self._is_plain(path) and path in self._directories:
            self._directories[path] = mode
            return
        try:
            self.handle.chmod(path, mode)
        except RuntimeError as error:
            raise os_error(error, path) from None

    def remove(self, path: str) -> None:
        """With everything below. Nothing there is no error."""
        try:
            if self.handle.exists(path) or self.is_symlink(path):
                self.handle.remove(path, True)
        except RuntimeError as error:
            raise os_error(error, path) from None

    def exists(self, path: str) -> bool:
        if self._is_plain(path):
            return path == "/" or path in self._files or path in self._directories
        try:
            return self.handle.exists(path)
        except RuntimeError:  # a name too long, a path too deep
            return False

    def stat(self, path: str) -> Entry:
        try:
            found = self.handle.stat(path)
        except RuntimeError as error:
            raise os_error(error, path) from None
        return _entry(path, found)

    def is_directory(self, path: str) -> bool:
        if self._is_plain(path):
            return path == "/" or path in self._directories
        try:
            return path == "/" or self.stat(path).kind == "directory"
        except OSError:
            return False

    def is_symlink(self, path: str) -> bool:
        if self._is_plain(path):
            return False
        try:
            self.handle.read_link(path)
        except RuntimeError:
            return False
        return True

    def read_link(self, path: str) -> str:
        try:
            return self.handle.read_link(path)
        except RuntimeError as error:
            raise os_error(error, path) from None

    def names(self, path: str) -> list[str]:
        if self._is_plain(path) and self.is_directory(path):
            inside = path.rstrip("/") + "/"
            below = (each[len(inside) :] for each in (*self._files, *self._directories) if each.startswith(inside))
            return sorted(name for name in below if name and "/" not in name)
        return [entry.path.rpartition("/")[2] for entry in self.entries(path)]

    def entries(self, path: str) -> list[Entry]:
        """What is in a directory, sorted by name."""
        try:
            found = self.handle.read_dir(path)
        except RuntimeError as error:
            raise os_error(error, path) from None
        prefix = path.rstrip("/") + "/"
        return sorted((_entry(prefix + each["name"], each["metadata"]) for each in found), key=lambda entry: entry.path)

    def walk(self, path: str = "/") -> Iterator[Entry]:
        """`path` and everything below it, a directory before what is in it."""
        entry = Entry("/", "directory", 0o755, 0, 0.0) if path == "/" else self.stat(path)
        waiting = [entry]
        while waiting:
            entry = waiting.pop()
            yield entry
            if entry.kind == "directory":
                with contextlib.suppress(FileNotFoundError):  # a shell that runs has just removed it
                    waiting.extend(reversed(self.entries(entry.path)))


def _entry(path: str, found: Mapping[str, Any]) -> Entry:
    kind: FileKind = found["file_type"] if found["file_type"] in ("directory", "symlink") else "file"
    return Entry(path, kind, int(found["mode"]) & 0o7777, int(found["size"]), float(found["modified"]))
