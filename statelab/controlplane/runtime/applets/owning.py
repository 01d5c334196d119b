"""chown and chgrp, the same in both shells. On volumes it is kept whose a file is; a container's own files are root's.

Source of the words: Debian's busybox and coreutils.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from statelab.controlplane.runtime.applets.resolver import text_of
from statelab.controlplane.runtime.programs import Program, Task
from statelab.controlplane.runtime.shell.tools.common import Options

_LONG = {"recursive": "R", "verbose": "v", "no-dereference": "h", "changes": "c", "silent": "f", "quiet": "f"}


def chown(task: Task) -> None:
    """`chown [-Rhv] USER[:GROUP] FILE…`, `chown :GROUP FILE…`."""
    _run(task, "user")


def chgrp(task: Task) -> None:
    """`chgrp [-Rhv] GROUP FILE…`."""
    _run(task, "group")


def _run(task: Task, what: str) -> None:
    try:
        options = Options(list(task.argv), "RLHPchfv", "", _LONG)
    except ValueError as problem:
        task.fail(f"{task.name}: {problem}\n")
        return
    if len(options.operands) < 2:
        words = (
            "BusyBox v1.36.1 multi-call binary." if task.container.spec.has_busybox else f"{task.name}: missing operand"
        )
        task.fail(f"{words}\n")
        return
    whom, paths = options.operands[0], options.operands[1:]
    user_name, _, group_name = whom.replace(".", ":").partition(":") if what == "user" else ("", "", whom)
    user = _number(task, "/etc/passwd", user_name)
    group = _number(task, "/etc/group", group_name)
    if (user_name and user is None) or (group_name and group is None):
        kind = "user/group" if user_name and group_name else what if user_name or what == "group" else "group"
        is_busybox = task.container.spec.has_busybox
        task.fail(f"{task.name}: {f'unknown {kind} {whom}' if is_busybox else f'invalid {kind}: ‘{whom}’'}\n")
        return
    task.container.claim_files()
    failed = False
    for path in paths:
        for where in _below(task, task.path(path), recursive="R" in options):
            if why := _give(task, where, path, user, group):
                failed = True
                task.error(f"{task.name}: {why}\n")
    task.finish(int(failed))


def _number(task: Task, file: str, name: str) -> int | None:
    """A user or group by number, or by its name in the container's own list."""
    if name.isdigit():
        return int(name)
    rows = (line.split(":") for line in text_of(task.files, file).splitlines())
    return next((int(row[2]) for row in rows if name and row[0] == name and row[2:] and row[2].isdigit()), None)


def _below(task: Task, where: str, *, recursive: bool) -> Iterator[str]:
    yield where
    if recursive and task.files.is_directory(where):
        for each in task.files.entries(where):
            yield from _below(task, f"{where.rstrip('/')}/{each.path.rpartition('/')[2]}", recursive=True)


def _give(task: Task, where: str, path: str, user: int | None, group: int | None) -> str:
    """Why it could not be given away, or ""."""
    is_busybox = task.container.spec.has_busybox
    if not task.files.exists(where) and not task.files.is_symlink(where):
        words = "No such file or directory"
        return f"{path}: {words}" if is_busybox else f"cannot access '{path}': {words}"
    if task.container.user:
        words = "Operation not permitted"
        return f"{path}: {words}" if is_busybox else f"changing ownership of '{path}': {words}"
    task.container.give_file(where, user, group)
    return ""


APPLETS: Mapping[str, Program] = {"chown": chown, "chgrp": chgrp}
