"""Files in memory, which are mounted into containers: images, volumes, what a container writes."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from statelab.controlplane.runtime.owners import Owners
from statelab.controlplane.runtime.paths import join
from statelab.controlplane.runtime.shells import new_files, os_error
from statelab.controlplane.runtime.times import Times

if TYPE_CHECKING:
    from statelab.controlplane.runtime.shells import Files

FileKind = Literal["file", "directory", "symlink"]

ROOT_MODE = 0o755
_WRITTEN_DOWN = 65_536  # the largest file that is not given to bashkit at once, in bytes
_MOST_KEPT = 20_000  # moments that are not those of a write; twice what a tree may hold
_MOST_WRITTEN_DOWN = 1_000  # files; its own limits are for more


@dataclass(frozen=True, slots=True)
class Entry:
    path: str
    kind: FileKind
    mode: int
    size: int
    modified_s: float  # cluster time
    changed: float = 0.0  # another one after each change; it says nothing else
    order: float = 0.0  # of two that were changed at one moment of virtual time, the later has more


class FileTree:
    """Files in memory, to be mounted into shells. Paths are absolute. Symbolic links are followed inside the tree only.

    Reading and writing raise FileNotFoundError, IsADirectoryError, NotADirectoryError, or OSError with bashkit's words
    (a file over 10 MB, too many files).
    """

    def __init__(self, handle: Files | None = None, *, mode: int = ROOT_MODE, times: Times | None = None) -> None:
        """Without a `handle`, an empty tree. It is a bashkit one (16 KB) from when somebody asks for more than to read
        what has been written: most containers only ever read a few of their files.

        `times`: of the cluster that it belongs to; None: the computer's.
        """
        self._handle = handle
        self.mode = mode  # of its root
        self.times = times if times is not None else Times()
        self.made_at_s = self.times.now_s
        self.owners: Owners | None = None  # where somebody asks whose a file is
        # What a bashkit tree is to be made of: content, mode and moment; directories with those above them.
        self._files: dict[str, tuple[bytes, int | None, float]] = {}
        self._directories: dict[str, tuple[int | None, float]] = {}
        # path → (`changed` of the entry that it is for, and the `modified_s` and `order` that it is to have)
        self._kept: dict[str, tuple[float, float, float]] = {}
        self._making = False
        self._later: Callable[[], None] | None = None
        self._later_in: frozenset[str] | None = None

    def later(self, make: Callable[[], None], below: frozenset[str] | None = None) -> None:
        """Call `make` to write more files when somebody first looks where they would be: most scripts never do.

        It leaves a file that is there already as it is.
        `below`: the directories that it writes to, at most two deep; None: all. No link of it is in the root itself.
        """
        self._later, self._later_in = make, below

    @property
    def waits(self) -> bool:
        """Whether there are files that nobody has looked for yet."""
        return self._later is not None

    def _look(self, path: str) -> None:
        if self._later is not None and path not in self._files and self._is_there(path):
            self._make_now()

    def _is_there(self, path: str) -> bool:
        if self._later_in is None or not path.startswith("/"):
            return True
        parts = path.split("/")
        return (
            f"/{parts[1]}" in self._later_in
            or "/".join(parts[:3]) in self._later_in
            or (len(parts) == 2 and any(each.startswith(f"{path}/".replace("//", "/")) for each in self._later_in))
            or "." in parts
            or ".." in parts
        )

    def _make_now(self) -> None:
        make, self._later = self._later, None
        if make is not None:
            self._making = True
            try:
                make()
            finally:
                self._making = False
            self.claim(0, 0)

    @property
    def handle(self) -> Files:
        """For a shell that mounts the tree, and may look anywhere."""
        self._make_now()
        return self._real

    @property
    def _real(self) -> Files:
        if self._handle is None:
            self._handle = handle = new_files(self)
            files, directories, self._files, self._directories = self._files, self._directories, {}, {}
            if self.mode != ROOT_MODE:
                handle.chmod("/", self.mode)
            for path, (mode, _) in directories.items():
                handle.mkdir(path, True)
                if mode is not None:
                    handle.chmod(path, mode)
            for path, (content, mode, _) in files.items():
                try:
                    handle.write_file(path, content)
                    if mode is not None:
                        handle.chmod(path, mode)
                except RuntimeError as error:
                    raise os_error(error, path) from None
            moments = {path: made[1] for path, made in directories.items()}
            moments |= {path: made[2] for path, made in files.items()}
            for path, at_s in list(moments.items()):  # a directory changes with what is put into it
                above = path.rpartition("/")[0] or "/"
                moments[above] = max(moments.get(above, self.made_at_s), at_s)
            for path, at_s in moments.items():
                changed = _changed(handle.stat(path))
                self._kept[path] = (changed, at_s, changed)
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
            self._directories[path] = (None, self._moment)
        return True

    @property
    def _moment(self) -> float:
        """When what is written now is written: what was there from the start, though made late, is as old as that."""
        return self.made_at_s if self._making else self.times.now_s

    def keep(self, path: str, at_s: float, order: float = 0.0) -> None:
        """Its time of change is to be this, until it changes: what `touch -d` and `cp -p` do, and a restore.

        Raises FileNotFoundError.
        """
        self._look(path)
        if self._is_plain(path) and path in self._files:
            self._files[path] = (*self._files[path][:2], at_s)
            return
        try:
            self._kept[path] = (_changed(self._real.stat(path)), at_s, order)
        except RuntimeError as error:
            raise os_error(error, path) from None
        if len(self._kept) > _MOST_KEPT:
            self._kept = {each: kept for each, kept in self._kept.items() if self._real.exists(each)}

    def touch(self, path: str) -> None:
        """It changes now. Raises FileNotFoundError."""
        self._look(path)
        if self._is_plain(path) and path in self._files:
            self.write(path, self._files[path][0])
            return
        self.times.mark()
        try:
            if self._real.stat(path)["file_type"] == "directory":
                self.keep(path, self.times.now_s)
            else:
                self._real.append_file(path, b"")
        except RuntimeError as error:
            raise os_error(error, path) from None

    def _moment_of(self, path: str, found: Mapping[str, Any], stamp: str = "modified") -> tuple[float, float]:
        """`modified_s` and `order` of a path that has this `stat`."""
        kept, changed = self._kept.get(path), _changed(found)
        if kept is not None and kept[0] == changed:
            return kept[1:]
        at_s = float(found[stamp])
        return (at_s if "changed" in found else self.times.of(at_s)), changed

    def moment(self, path: str) -> tuple[float, float]:
        """`modified_s` and `order`, to be compared with others'; of a directory, when something was put into it or,
        where files are memory.py's, removed. Raises FileNotFoundError.
        """
        self._look(path)
        try:
            found = self._real.stat(path)
            own = self._moment_of(path, found)
            if found["file_type"] != "directory" or "changed" in found:
                return own
            inside, now_s = path.rstrip("/") + "/", self.times.now_s
            made = [
                self._moment_of(inside + each["name"], each["metadata"], "created")
                for each in self._real.read_dir(path)
            ]
            return max((own, *(each for each in made if each[0] <= now_s)))
        except RuntimeError as error:
            raise os_error(error, path) from None

    def claim(self, user: int, group: int) -> None:
        """What is new in it belongs to this user; nothing where nobody asks for owners."""
        if self.owners is None or self._later is not None:  # what is made when somebody looks is root's
            return
        plain = self._handle is None  # a file system is made only for those who need one
        paths = [*self._directories, *self._files] if plain else [each.path for each in self.walk()]
        self.owners.claim(paths, user, group)

    def heal(self) -> None:
        """Make its root again if a shell has removed it (`rm -rf /data`), which no mount point would have allowed."""
        if self._handle is not None and not self._handle.exists("/"):
            self._handle.mkdir("/")

    def read(self, path: str) -> bytes:
        self._look(path)
        if self._is_plain(path):
            if path in self._files:
                return self._files[path][0]
            if path == "/" or path in self._directories:
                raise IsADirectoryError(21, "Is a directory", path)
            if not any(path.startswith(f"{each}/") for each in self._files):
                raise FileNotFoundError(2, "No such file or directory", path)
        try:
            return self._real.read_file(path)
        except RuntimeError as error:
            raise os_error(error, path) from None

    def write(self, path: str, content: bytes, mode: int | None = None) -> None:
        self._look(path)
        is_new = path not in self._directories and path != "/" and len(content) <= _WRITTEN_DOWN
        is_new = is_new and len(self._files) < _MOST_WRITTEN_DOWN
        if is_new and self._is_plain(path) and self._note(path.rpartition("/")[0] or "/"):
            before = self._files.get(path)
            mode = mode if mode is not None or before is None else before[1]
            self._files.pop(path, None)  # the last that is written is the last that is made
            self._files[path] = (content, mode, self._moment)
            return
        try:
            self.times.mark()
            parent = path.rpartition("/")[0]
            if parent and not self._real.exists(parent):
                self._real.mkdir(parent, True)
            self._real.write_file(path, content)
            if mode is not None:
                self._real.chmod(path, mode)
            if self._making:
                self.keep(path, self.made_at_s)
        except RuntimeError as error:
            raise os_error(error, path) from None

    def append(self, path: str, content: bytes) -> None:
        self._look(path)
        try:
            if self._real.exists(path):
                self.times.mark()
                self._real.append_file(path, content)
            else:
                self.write(path, content)
        except RuntimeError as error:
            raise os_error(error, path) from None

    def mkdir(self, path: str) -> None:
        self._look(path)
        if self._is_plain(path) and self._note(path):
            return
        try:
            self.times.mark()
            self._real.mkdir(path, True)
        except RuntimeError as error:
            raise os_error(error, path) from None

    def symlink(self, target: str, path: str) -> None:
        self._look(path)
        parent = path.rpartition("/")[0]
        try:
            self.times.mark()
            if parent:
                self._real.mkdir(parent, True)
            self._real.symlink(target, path)
        except RuntimeError as error:
            raise os_error(error, path) from None

    def chmod(self, path: str, mode: int) -> None:
        self._look(path)
        if path == "/":
            self.mode = mode
        if self._is_plain(path) and path in self._directories:
            self._directories[path] = (mode, self._directories[path][1])
            return
        try:
            self._real.chmod(path, mode)
        except RuntimeError as error:
            raise os_error(error, path) from None

    def remove(self, path: str) -> None:
        """With everything below. Nothing there is no error."""
        self._look(path)
        try:
            self.times.mark()
            if self._real.exists(path) or self.is_symlink(path):
                self._real.remove(path, True)
                above = path.rpartition("/")[0] or "/"
                if "changed" not in self._real.stat(above):  # bashkit does not say when something was removed
                    self.keep(above, self.times.now_s)
        except RuntimeError as error:
            raise os_error(error, path) from None

    def exists(self, path: str) -> bool:
        self._look(path)
        if self._is_plain(path):
            return path == "/" or path in self._files or path in self._directories
        try:
            return self._real.exists(path)
        except RuntimeError:  # a name too long, a path too deep
            return False

    def stat(self, path: str) -> Entry:
        self._look(path)
        try:
            found = self._real.stat(path)
        except RuntimeError as error:
            raise os_error(error, path) from None
        return self._entry(path, found)

    def is_directory(self, path: str) -> bool:
        self._look(path)
        if self._is_plain(path):
            return path == "/" or path in self._directories
        try:
            return path == "/" or self.stat(path).kind == "directory"
        except OSError:
            return False

    def is_symlink(self, path: str) -> bool:
        if path.count("/") > 1:
            self._look(path)
        if self._is_plain(path):
            return False
        try:
            self._real.read_link(path)
        except RuntimeError:
            return False
        return True

    def read_link(self, path: str) -> str:
        self._look(path)
        try:
            return self._real.read_link(path)
        except RuntimeError as error:
            raise os_error(error, path) from None

    def names(self, path: str) -> list[str]:
        self._look(path)
        if self._is_plain(path) and self.is_directory(path):
            inside = path.rstrip("/") + "/"
            below = (each[len(inside) :] for each in (*self._files, *self._directories) if each.startswith(inside))
            return sorted(name for name in below if name and "/" not in name)
        return [entry.path.rpartition("/")[2] for entry in self.entries(path)]

    def entries(self, path: str) -> list[Entry]:
        """What is in a directory, sorted by name."""
        self._look(path)
        try:
            found = self._real.read_dir(path)
        except RuntimeError as error:
            raise os_error(error, path) from None
        prefix = path.rstrip("/") + "/"
        entries = (self._entry(prefix + each["name"], each["metadata"]) for each in found)
        return sorted(entries, key=lambda entry: entry.path)

    def _entry(self, path: str, found: Mapping[str, Any]) -> Entry:
        kind: FileKind = found["file_type"] if found["file_type"] in ("directory", "symlink") else "file"
        mode, size = int(found["mode"]) & 0o7777, int(found["size"])
        modified_s, order = self._moment_of(path, found)
        return Entry(path, kind, mode, size, modified_s, _changed(found), order)

    def walk(self, path: str = "/") -> Iterator[Entry]:
        """`path` and everything below it, a directory before what is in it."""
        entry = Entry("/", "directory", 0o755, 0, self.made_at_s) if path == "/" else self.stat(path)
        waiting = [entry]
        while waiting:
            entry = waiting.pop()
            yield entry
            if entry.kind == "directory":
                with contextlib.suppress(FileNotFoundError):  # a shell that runs has just removed it
                    waiting.extend(reversed(self.entries(entry.path)))


def _changed(found: Mapping[str, Any]) -> float:
    """What tells a change: a count where files are memory.py's, the computer's clock where they are bashkit's."""
    return float(found.get("changed", found["modified"]))
