"""agnhost mounttest: makes files in a volume, and tells of what is mounted there how it is.

Source: kubernetes test/images/agnhost/mounttest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from statelab.controlplane.runtime.paths import join
from statelab.controlplane.runtime.programs import Task

_CONTENT = "mount-tester new file\n"
_RETRY_S = 180.0
_PAUSE_S = 2.0
_TMPFS, _DISK, _OVERLAY = (
    "tmpfs",
    "61267",
    "2035054128",
)  # statfs(2) tells a number; of tmpfs the program tells the name


def mounttest(task: Task, options: Mapping[str, str]) -> None:
    """Do what the flags say, in the program's own order; exit 1 when something of it failed."""
    failed = False
    for flag, do in _STEPS:
        if path := options.get(flag):
            failed = not _told(task, path, do) or failed
    looped = options.get("file_content_in_loop")
    if not looped:
        task.finish(int(failed))
        return
    until_s = task.loop.now_s + float(options.get("retry_time") or _RETRY_S)
    stops = options.get("break_on_expected_content", "true") != "false"
    _read_in_loop(task, looped, until_s, stops=stops, failed=failed)


def _read_in_loop(task: Task, path: str, until_s: float, *, stops: bool, failed: bool) -> None:
    """Every two seconds what is in the file, until the time is over or it holds what a new file does."""
    failure = ""
    try:
        content = task.files.read(join(task.cwd, path)).decode(errors="replace")
    except OSError as error:
        failure = _words("open", path, error)
        task.write(f"Error reading file {path}: {failure}, retrying\n")
    else:
        task.write(f'content of file "{path}": {content}\n')
        if stops and content == _CONTENT:
            task.finish(int(failed))
            return
        if stops:
            task.write(f"Unexpected content. Expected: {_CONTENT}. Retrying")

    def again() -> None:
        if task.loop.now_s >= until_s:
            task.finish(int(failed or bool(failure)))
        else:
            _read_in_loop(task, path, until_s, stops=stops, failed=failed)

    task.after(_PAUSE_S, again)


def _told(task: Task, path: str, do: Callable[[Task, str], tuple[str, str]]) -> bool:
    """Write the line that a step comes to. False where it failed."""
    line, failure = do(task, path)
    task.write(f"{line}\n")
    return not failure


def _words(call: str, path: str, error: OSError) -> str:
    """As Go's PathError prints it."""
    return f"{call} {path}: {(error.strerror or str(error)).lower()}"


def _fs_type(task: Task, path: str) -> tuple[str, str]:
    if not task.files.exists(join(task.cwd, path)):
        failure = "no such file or directory"
        return f'error from statfs("{path}"): {failure}', failure
    inside = f"{join(task.cwd, path)}/"
    mounts = [each for each in task.container.spec.mounts if inside.startswith(f"{join('/', each.path)}/")]
    volume = max(mounts, key=lambda each: len(each.path)).volume if mounts else None
    kind = _OVERLAY if volume is None else _TMPFS if volume.medium == "Memory" else _DISK
    return f'mount type of "{path}": {kind}', ""


def _new_file(mode: int) -> Callable[[Task, str], tuple[str, str]]:
    def write(task: Task, path: str) -> tuple[str, str]:
        full = join(task.cwd, path)
        try:
            task.files.write(full, _CONTENT.encode(), None if task.files.exists(full) else mode)
        except OSError as error:
            failure = _words("open", path, error)
            return f'error writing new file "{path}": {failure}', failure
        return _content(task, path)

    return write


def _content(task: Task, path: str) -> tuple[str, str]:
    try:
        return f'content of file "{path}": {task.files.read(join(task.cwd, path)).decode(errors="replace")}', ""
    except OSError as error:
        failure = _words("open", path, error)
        return f'error reading file content for "{path}": {failure}', failure


def _mode(words: str, *, permissions_only: bool) -> Callable[[Task, str], tuple[str, str]]:
    def tell(task: Task, path: str) -> tuple[str, str]:
        try:
            entry = task.files.stat(task.files.real(join(task.cwd, path)))
        except OSError as error:
            failure = _words("stat", path, error)
            return f'error from Stat("{path}"): {failure}', failure
        mode = entry.mode & 0o777 if permissions_only else entry.mode
        is_directory = entry.kind == "directory" and not permissions_only
        return f'{words} of file "{path}": {file_mode(mode, is_directory=is_directory)}', ""

    return tell


def _owner(task: Task, path: str) -> tuple[str, str]:
    full = task.files.real(join(task.cwd, path))
    if not task.files.exists(full):
        failure = "no such file or directory"
        return f'error from stat("{path}"): {failure}', failure
    task.container.claim_files()
    user, group = task.files.owner(full)
    return f'owner UID of "{path}": {user}\nowner GID of "{path}": {group}', ""


def file_mode(mode: int, *, is_directory: bool) -> str:
    """As Go's FileMode prints it: `dtrwxrwxrwx`."""
    special = "".join(letter for letter, bit in (("u", 0o4000), ("g", 0o2000), ("t", 0o1000)) if mode & bit)
    head = ("d" if is_directory else "") + special
    bits = "".join(letter if mode & 1 << (8 - at) else "-" for at, letter in enumerate("rwxrwxrwx"))
    return (head or "-") + bits


# In the program's order: a file that is made is there to be asked about.
_STEPS: tuple[tuple[str, Callable[[Task, str], tuple[str, str]]], ...] = (
    ("fs_type", _fs_type),
    *((f"new_file_0{mode:o}", _new_file(mode)) for mode in (0o644, 0o666, 0o660, 0o777)),
    ("file_mode", _mode("mode", permissions_only=False)),
    ("file_perm", _mode("perms", permissions_only=True)),
    ("file_owner", _owner),
    ("file_content", _content),
)
