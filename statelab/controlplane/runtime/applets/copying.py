"""cp and mv, the same in both shells: between a container's own files and its volumes, folders included."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from statelab.controlplane.runtime.mounted import copy_tree
from statelab.controlplane.runtime.programs import Program, Task
from statelab.controlplane.runtime.shell.tools.common import Options

_CP = "rRaapfivdLPHnuTx"
_LONG_CP = {
    "recursive": "r", "archive": "a", "target-directory": "t", "force": "f", "verbose": "v", "no-clobber": "n",
    "no-target-directory": "T", "preserve": "p", "update": "u",
}  # fmt: skip
_MV = "fivnTu"
_LONG_MV = {"force": "f", "verbose": "v", "no-clobber": "n", "target-directory": "t", "no-target-directory": "T"}
_DEVICES = ("/dev/null", "/dev/stdin", "/dev/stdout", "/dev/stderr")


def cp(task: Task) -> None:
    """`cp [-raf…] SOURCE… TARGET`; `SOURCE/.` is what is in a folder, and not the folder."""
    options = _options(task, _CP, _LONG_CP)
    if options is None:
        return
    code = 0
    for source, target in _pairs(task, options):
        try:
            _cp_one(task, options, source, target)
        except OSError as error:
            task.error(f"cp: {error.strerror}\n")
            code = 1
    task.finish(code)


def _cp_one(task: Task, options: Options, source: str, target: str) -> None:
    """Raises OSError."""
    if source in _DEVICES or target in _DEVICES:
        content = task.stdin if source == "/dev/stdin" else b"" if source in _DEVICES else _read(task, source)
        _put(task, target, content)
        return
    where, to = task.path(source), task.path(target)
    if task.files.is_directory(where):
        if not options.flags & {"r", "R", "a"}:
            raise IsADirectoryError(21, f"omitting directory '{source}'")
        if to.startswith(where.rstrip("/") + "/"):
            raise OSError(22, f"cannot copy a directory, '{source}', into itself")
    elif not task.files.exists(where):
        raise FileNotFoundError(2, f"can't stat '{source}': No such file or directory")
    elif where == to:
        raise OSError(22, f"'{source}' and '{target}' are the same file")
    if "u" in options and _is_as_new(task, where, to):
        return
    copy_tree(task.files, where, to, links="a" in options, keep="n" in options, times=bool(options.flags & {"a", "p"}))
    if "v" in options:
        task.write(f"'{source}' -> '{target}'\n")


def _is_as_new(task: Task, source: str, target: str) -> bool:
    """Whether a file of this name is there, no older: one for `-u` to leave."""
    files = task.files
    if not files.exists(target) or files.is_directory(target):
        return False
    return files.moment(target) >= files.moment(source)


def _read(task: Task, source: str) -> bytes:
    return task.files.read(task.path(source))


def _put(task: Task, target: str, content: bytes) -> None:
    if target == "/dev/stdout":
        task.write(content)
    elif target == "/dev/stderr":
        task.error(content)
    elif target not in _DEVICES:
        task.files.write(task.path(target), content)


def mv(task: Task) -> None:
    """`mv [-fn…] SOURCE… TARGET`, from one volume to another too."""
    options = _options(task, _MV, _LONG_MV)
    if options is None:
        return
    code = 0
    for source, target in _pairs(task, options):
        where, to = task.path(source), task.path(target)
        try:
            if not (task.files.exists(where) or task.files.is_symlink(where)):
                raise FileNotFoundError(2, "No such file or directory")
            if to == where or to.startswith(where.rstrip("/") + "/"):
                raise OSError(22, "Invalid argument")
            if "n" in options and task.files.exists(to):
                continue
            if "u" in options and _is_as_new(task, where, to):
                continue
            copy_tree(task.files, where, to, links=True, times=True)
            task.files.remove(where)
            if "v" in options:
                task.write(f"'{source}' -> '{target}'\n")
        except OSError as error:
            task.error(f"mv: can't rename '{source}': {error.strerror}\n")
            code = 1
    task.finish(code)


def _options(task: Task, letters: str, long: dict[str, str]) -> Options | None:
    """What is asked for; None where it cannot be, and the task has said so."""
    try:
        options = Options(task.argv, letters, "t", long)
    except ValueError as problem:
        task.fail(f"{task.name}: {problem}\n", 1)
        return None
    options.operands += options.values.get("t", [])
    if len(options.operands) < 2:
        task.fail(f"{task.name}: missing file operand\n", 1)
        return None
    target = options.operands[-1]
    if len(options.operands) > 2 and not task.files.is_directory(task.path(target)):
        task.fail(f"{task.name}: target '{target}' is not a directory\n", 1)
        return None
    return options


def _pairs(task: Task, options: Options) -> Iterable[tuple[str, str]]:
    """What goes where: into a directory, or under a new name."""
    *sources, target = options.operands
    into = task.files.is_directory(task.path(target)) and "T" not in options
    for source in sources:
        name = source.rstrip("/").rpartition("/")[2] or "/"
        yield source, f"{target.rstrip('/') or ''}/{name}" if into else target


APPLETS: Mapping[str, Program] = {"cp": cp, "mv": mv}
