"""ls, the same in both shells, in the form of the image's own: busybox's or coreutils'. Editors are not there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from statelab.controlplane.runtime.filetree import Entry
from statelab.controlplane.runtime.moments import full
from statelab.controlplane.runtime.paths import join
from statelab.controlplane.runtime.programs import Program, Task
from statelab.controlplane.runtime.shell.tools.common import Options
from statelab.controlplane.runtime.shell.tools.listing import human, mode_text

_LETTERS = "lahA1RdFtrSinsTpLHkCgouUxcve"
_LONG = {
    "all": "a", "almost-all": "A", "recursive": "R", "color": "C", "human-readable": "h", "directory": "d",
    "full-time": "e",
}  # fmt: skip
_BLOCK = 4096
_HALF_A_YEAR_S = 15778476
_MOST = 100_000  # entries that one `ls -R` tells of


@dataclass(frozen=True, slots=True)
class _Row:
    name: str
    entry: Entry
    target: str = ""  # of a symbolic link
    owner: tuple[int, int] = (0, 0)


def ls(task: Task) -> None:
    """`ls [-laAR1dFtrSh …] [PATH …]`."""
    is_busybox = task.container.spec.has_busybox
    try:
        options = Options(task.argv, _LETTERS, "", _LONG)
    except ValueError as problem:
        task.fail(f"ls: {problem}\n", 1 if is_busybox else 2)
        return
    if "e" in options:
        options.flags.add("l")
    task.container.claim_files()
    task.container.shell_mounts()  # who looks around finds everything in its place
    code = 0
    files: list[_Row] = []
    folders: list[str] = []
    for path in sorted(options.operands) or ["."]:
        where = task.path(path)
        try:
            entry = task.files.lstat(where)
        except OSError as error:
            words = error.strerror or str(error)
            task.error(f"ls: {path}: {words}\n" if is_busybox else f"ls: cannot access '{path}': {words}\n")
            code = 1 if is_busybox else 2
            continue
        is_link = entry.kind == "symlink" and "l" in options
        if task.files.is_directory(where) and "d" not in options and not is_link:
            folders.append(path)
        else:
            files.append(_row(task, path, where, entry))
    blocks = [_shown(task, _in_order(files, options), options, is_busybox)] if files else []
    headed = len(folders) + len(files) + (code != 0) > 1 or "R" in options
    told = 0
    while folders and told < _MOST:
        path = folders.pop(0)
        where = task.path(path)
        rows = _inside(task, where, options)
        told += len(rows) + 1
        total = f"total {sum(map(_kilobytes, rows))}\n" if options.flags & {"l", "s"} else ""
        blocks.append((f"{path}:\n" if headed else "") + total + _shown(task, rows, options, is_busybox))
        if "R" in options:
            below = [each.name for each in rows if each.entry.kind == "directory" and each.name not in (".", "..")]
            folders[:0] = [f"{path.rstrip('/')}/{name}" for name in below]
    task.write("\n".join(blocks))
    task.finish(code)


def _row(task: Task, name: str, where: str, entry: Entry) -> _Row:
    target = task.files.read_link(where) if entry.kind == "symlink" else ""
    if entry.kind == "directory" and task.files.exists(where):
        modified_s, order = task.files.moment(where)
        entry = replace(entry, modified_s=modified_s, order=order)
    return _Row(name, _as_owned(task, where, entry), target, task.files.owner(where))


def _as_owned(task: Task, where: str, entry: Entry) -> Entry:
    mode = task.files.mode(where, entry)
    return entry if mode == entry.mode else replace(entry, mode=mode)


def _inside(task: Task, where: str, options: Options) -> list[_Row]:
    rows = [
        _row(task, name, join(where, name), each)
        for each in task.files.entries(where)
        if (name := each.path.rpartition("/")[2]) and (options.flags & {"a", "A"} or not name.startswith("."))
    ]
    rows = _in_order(rows, options)
    if "a" in options:
        above = where.rstrip("/").rpartition("/")[0] or "/"
        own = [_row(task, ".", where, task.files.lstat(where)), _row(task, "..", above, task.files.lstat(above))]
        return [*rows, *reversed(own)] if "r" in options else [*own, *rows]
    return rows


def _in_order(rows: Iterable[_Row], options: Options) -> list[_Row]:
    """By name, or with the largest or the newest first; those of a folder, and those that are named themselves."""
    ordered = sorted(rows, key=lambda each: each.name)
    if "S" in options:
        ordered.sort(key=lambda each: -_size(each))
    elif "t" in options:
        ordered.sort(key=lambda each: (-each.entry.modified_s, -each.entry.order))
    return ordered[::-1] if "r" in options else ordered


def _size(row: _Row) -> int:
    return _BLOCK if row.entry.kind == "directory" else len(row.target) or row.entry.size


def _kilobytes(row: _Row) -> int:
    """What it takes of the disk: whole blocks; a short link takes none."""
    if row.entry.kind == "symlink":
        return 0
    return (_size(row) + _BLOCK - 1) // _BLOCK * (_BLOCK // 1024)


def _shown(task: Task, rows: Iterable[_Row], options: Options, is_busybox: bool) -> str:
    cells = [_cells(task, each, options) for each in rows]
    if "l" not in options:
        return "".join(f"{each[-1]}\n" for each in cells)
    if is_busybox:
        return "".join(
            f"{mode} {links:>4} {owner:<8} {group:<8} {size:>9} {when} {name}\n"
            for mode, links, owner, group, size, when, name in cells
        )
    wide = [max((len(each[column]) for each in cells), default=0) for column in range(6)]
    return "".join(
        f"{mode} {links:>{wide[1]}} {owner:<{wide[2]}} {group:<{wide[3]}} {size:>{wide[4]}} {when} {name}\n"
        for mode, links, owner, group, size, when, name in cells
    )


def _cells(task: Task, row: _Row, options: Options) -> tuple[str, str, str, str, str, str, str]:
    entry, name = row.entry, row.name
    if options.flags & {"F", "p"}:
        name += "/" if entry.kind == "directory" else ""
    if "F" in options and entry.kind == "symlink" and "l" not in options:
        name += "@"
    if row.target and "l" in options:
        name += f" -> {row.target}"
    if "i" in options:
        name = name if "l" in options else f"1 {name}"
    owner, group = (str(each) if each or "n" in options else "root" for each in row.owner)
    size = human(_size(row)) if "h" in options else str(_size(row))
    links = "2" if entry.kind == "directory" else "1"
    mode = "lrwxrwxrwx" if entry.kind == "symlink" else mode_text(entry.kind, entry.mode)
    when = full(entry.modified_s) if "e" in options else _when(task, entry)
    return (mode, links, owner, group, size, when, name)


def _when(task: Task, entry: Entry) -> str:
    is_old = abs(task.loop.now_s - entry.modified_s) > _HALF_A_YEAR_S
    return datetime.fromtimestamp(entry.modified_s, UTC).strftime("%b %e  %Y" if is_old else "%b %e %H:%M")


def editor(task: Task) -> None:
    """An editor wants a screen, which a container here has not: as in most images, there is none."""
    task.fail(f"sh: {task.name}: not found\n", 127)


EDITORS = ("vi", "vim", "nano", "emacs")
"""Names that a shell must not take for commands of its own."""

APPLETS: Mapping[str, Program] = {"ls": ls, **dict.fromkeys(EDITORS, editor)}
