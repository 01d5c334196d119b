"""The files of a container as its processes see them: its own tree, with its volumes in it."""

from __future__ import annotations

from statelab.controlplane.runtime.filetree import Entry, FileTree
from statelab.controlplane.runtime.paths import join

_SYMLINKS_FOLLOWED = 40


class MountedFiles:
    """The files of a container as its processes see them: its own tree with its volumes in it. Symbolic links are
    followed from one into another. Raises what FileTree raises, and PermissionError on a volume mounted read-only."""

    def __init__(self, mounts: list[tuple[str, FileTree, bool]]) -> None:
        self._mounts = sorted(mounts, key=lambda each: len(each[0]), reverse=True)

    def read(self, path: str) -> bytes:
        tree, rest, _ = self._find(path)
        return tree.read(rest)

    def write(self, path: str, content: bytes, mode: int | None = None) -> None:
        self._writable(path).write(self._find(path)[1], content, mode)

    def append(self, path: str, content: bytes) -> None:
        self._writable(path).append(self._find(path)[1], content)

    def mkdir(self, path: str) -> None:
        """Make a directory, and those above it. One that is there already is no error."""
        tree, rest, _ = self._find(path)
        if rest != "/" and not tree.exists(rest):
            self._writable(path).mkdir(rest)

    def exists(self, path: str) -> bool:
        tree, rest, _ = self._find(path)
        return rest == "/" or tree.exists(rest)

    def is_directory(self, path: str) -> bool:
        tree, rest, _ = self._find(path)
        return tree.is_directory(rest)

    def stat(self, path: str) -> Entry:
        tree, rest, _ = self._find(path)
        return Entry(path, "directory", tree.mode, 0, tree.made_at_s) if rest == "/" else tree.stat(rest)

    @property
    def now_s(self) -> float:
        """The clock that the times of its files are of."""
        return self._mounts[-1][1].times.now_s

    def moment(self, path: str, *, follow: bool = True) -> tuple[float, float]:
        """When it was changed, and in which order at that moment: the newer has more. Of a directory, when something
        was put into it. Raises FileNotFoundError.
        """
        tree, rest, _ = self._find(path) if follow else self._find_itself(path)
        return tree.moment(rest)

    def modified_s(self, path: str, *, follow: bool = True) -> float:
        """When it was changed, in cluster time. Raises FileNotFoundError."""
        return self.moment(path, follow=follow)[0]

    def touch(self, path: str) -> None:
        """It changes now."""
        self._writable(path).touch(self._find(path)[1])

    def keep(self, path: str, at_s: float, order: float = 0.0) -> None:
        """Its time of change is to be this, until it changes."""
        self._writable(path).keep(self._find(path)[1], at_s, order)

    def names(self, path: str) -> list[str]:
        tree, rest, _ = self._find(path)
        return tree.names(rest)

    def entries(self, path: str) -> list[Entry]:
        tree, rest, _ = self._find(path)
        return tree.entries(rest)

    def lstat(self, path: str) -> Entry:
        """Of the path itself: a link at its end is not followed."""
        tree, rest, _ = self._find_itself(path)
        return Entry(path, "directory", tree.mode, 0, tree.made_at_s) if rest == "/" else tree.stat(rest)

    def is_symlink(self, path: str) -> bool:
        tree, rest, _ = self._find_itself(path)
        return rest != "/" and tree.is_symlink(rest)

    def read_link(self, path: str) -> str:
        tree, rest, _ = self._find_itself(path)
        return tree.read_link(rest)

    def symlink(self, target: str, path: str) -> None:
        tree, rest, read_only = self._find_itself(path)
        _refuse(read_only, path)
        tree.symlink(target, rest)

    def chmod(self, path: str, mode: int) -> None:
        self._writable(path).chmod(self._find(path)[1], mode)

    def remove(self, path: str) -> None:
        """With everything below; a link, not what it leads to. Where something is mounted, what is in it goes."""
        path = join("/", path)
        tree, rest, read_only = self._find_itself(path)
        _refuse(read_only, path)
        below = [each for each in self._mounts if each[0].startswith(path.rstrip("/") + "/")]
        if rest != "/" and not below:
            tree.remove(rest)
            return
        for name in self.names(path):
            self.remove(f"{path.rstrip('/')}/{name}")

    def real(self, path: str) -> str:
        """The path without any link in it."""
        path = join("/", path)
        for _ in range(_SYMLINKS_FOLLOWED):
            followed = self._follow_first(path)
            if followed is None:
                break
            path = followed
        return path

    def owner(self, path: str) -> tuple[int, int]:
        """User and group of the path itself; root's where nobody asks for owners."""
        tree, rest, _ = self._find_itself(path)
        return tree.owners.of(rest) if tree.owners is not None else (0, 0)

    def give(self, path: str, user: int | None, group: int | None) -> None:
        """Make it somebody's; nothing where nobody asks for owners."""
        tree, rest, read_only = self._find_itself(path)
        _refuse(read_only, path)
        if tree.owners is not None:
            tree.owners.give(rest, user, group)

    def mode(self, path: str, entry: Entry) -> int:
        """Its mode, with what belongs to a volume's group."""
        tree, rest, read_only = self._find_itself(path)
        if tree.owners is None:
            return entry.mode
        is_directory = entry.kind == "directory"
        return tree.owners.mode(rest, entry.mode, is_directory=is_directory, is_writable=not read_only)

    def is_mount(self, path: str) -> bool:
        """Whether a volume is mounted there."""
        return self._find(path)[1] == "/"

    def is_writable(self, path: str) -> bool:
        """Whether a file could be made there."""
        return not self._find(path)[2]

    def is_on_a_volume(self, path: str) -> bool:
        return self._find(path)[0] is not self._mounts[-1][1]

    def _writable(self, path: str) -> FileTree:
        tree, _, read_only = self._find(path)
        _refuse(read_only, path)
        return tree

    def _route(self, path: str) -> tuple[FileTree, str, bool]:
        for base, tree, read_only in self._mounts:
            if base == "/" or path == base or path.startswith(base + "/"):
                return tree, (path[len(base) :] if base != "/" else path) or "/", read_only
        raise FileNotFoundError(2, "No such file or directory", path)

    def _find(self, path: str) -> tuple[FileTree, str, bool]:
        """The tree that holds a path, and where in it; links along the way are followed."""
        path = join("/", path)
        found = self._route(path)
        if found[1] == "/" or (found[0].exists(found[1]) and not found[0].is_symlink(found[1])):
            return found
        for _ in range(_SYMLINKS_FOLLOWED):
            followed = self._follow_first(path)
            if followed is None:
                return self._route(path)
            path = followed
        raise OSError(40, "Too many levels of symbolic links", path)

    def _find_itself(self, path: str) -> tuple[FileTree, str, bool]:
        """As `_find`, but a link at the end is not followed."""
        path = join("/", path)
        above, _, name = path.rpartition("/")
        return self._route(join(self.real(above or "/"), name)) if name else self._route(path)

    def _follow_first(self, path: str) -> str | None:
        """The path with its first symbolic link replaced by what it points to; None when it has none."""
        parts = path.strip("/").split("/")
        for count in range(1, len(parts) + 1):
            head = "/" + "/".join(parts[:count])
            tree, rest, _ = self._route(head)
            if rest != "/" and tree.is_symlink(rest):
                target = join(head.rpartition("/")[0] or "/", tree.read_link(rest))
                return join(target, "/".join(parts[count:])) if parts[count:] else target
        return None


def _refuse(read_only: bool, path: str) -> None:
    if read_only:
        raise PermissionError(30, "Read-only file system", path)


def copy_tree(
    files: MountedFiles, source: str, target: str, *, links: bool, keep: bool = False, times: bool = False
) -> None:
    """One path with all below it. `links`: a symbolic link stays one; `keep`: what is there stays; `times`: a copy is
    as old as what it is a copy of. Raises OSError.
    """
    if links and files.is_symlink(source):
        if files.exists(target) or files.is_symlink(target):
            files.remove(target)
        files.symlink(files.read_link(source), target)
    elif files.is_directory(source):
        moment = files.moment(source) if times else (0.0, 0.0)
        files.mkdir(target)
        for entry in files.entries(source):
            name = entry.path.rpartition("/")[2]
            inner, into = f"{source.rstrip('/')}/{name}", f"{target.rstrip('/')}/{name}"
            copy_tree(files, inner, into, links=True, keep=keep, times=times)
        if times:
            files.keep(target, *moment)
    elif not (keep and files.exists(target)):
        entry = files.stat(source)
        files.write(target, files.read(source), entry.mode)
        if times:
            files.keep(target, entry.modified_s, entry.order)
