"""Tools that make, move and remove files."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from statelab.controlplane.runtime.moments import given, of_figures
from statelab.controlplane.runtime.mounted import copy_tree
from statelab.controlplane.runtime.shell.proc import Proc
from statelab.controlplane.runtime.shell.redirections import open_path
from statelab.controlplane.runtime.shell.streams import Steps
from statelab.controlplane.runtime.shell.tools.common import MOST_BYTES, Options, full, opened

_SIZES = {"": 1, "c": 1, "w": 2, "b": 512, "k": 1024, "K": 1024, "M": 1024**2, "G": 1024**3, "kB": 1000, "MB": 10**6}


def size(text: str) -> int:
    """`10`, `4k`, `1M` in bytes. Raises ValueError."""
    found = re.fullmatch(r"(\d+)([a-zA-Z]*)", text)
    if found is None or found[2].removesuffix("iB") not in _SIZES:
        raise ValueError(f"invalid number '{text}'")
    return int(found[1]) * _SIZES[found[2].removesuffix("iB")]


def _mkdir(proc: Proc, arguments: list[str]) -> Steps[int]:
    options = Options(arguments, "pv", "m", {"parents": "p", "mode": "m"})
    code = 0
    for path in options.operands:
        where = full(proc, path)
        parent = where.rpartition("/")[0] or "/"
        problem = ""
        if "p" in options:
            if proc.files.exists(where) and not proc.files.is_directory(where):
                problem = "File exists"
        elif proc.files.exists(where):
            problem = "File exists"
        elif not proc.files.exists(parent):
            problem = "No such file or directory"
        if not problem:
            try:
                proc.files.mkdir(where)
                if options.value("m"):
                    proc.files.chmod(where, int(options.value("m"), 8))
            except OSError as error:
                problem = error.strerror or str(error)
        if problem:
            yield from proc.error(f"mkdir: {proc.cannot} create directory '{path}': {problem}\n")
            code = 1
    return code


def _rm(proc: Proc, arguments: list[str]) -> Steps[int]:
    options = Options(arguments, "rRfivd", "", {"recursive": "r", "force": "f", "no-preserve-root": "v"})
    code = 0
    for path in options.operands:
        where = full(proc, path)
        try:
            there = proc.files.exists(where) or proc.files.is_symlink(where)
            if not there:
                if "f" not in options:
                    raise FileNotFoundError(2, "No such file or directory", path)
                continue
            if proc.files.is_directory(where) and not proc.files.is_symlink(where) and not options.flags & {"r", "R"}:
                raise IsADirectoryError(21, "Is a directory", path)
            proc.files.remove(where)
            proc.shell.work(5)
        except OSError as error:
            yield from proc.error(f"rm: {proc.cannot} remove '{path}': {error.strerror}\n")
            code = 1
    if not options.operands and "f" not in options:
        raise ValueError("missing operand")
    return code


def _rmdir(proc: Proc, arguments: list[str]) -> Steps[int]:
    options = Options(arguments, "p")
    code = 0
    for path in options.operands:
        where = full(proc, path)
        problem = ""
        if not proc.files.is_directory(where):
            problem = "Not a directory" if proc.files.exists(where) else "No such file or directory"
        elif proc.files.names(where):
            problem = "Directory not empty"
        if problem:
            yield from proc.error(f"rmdir: '{path}': {problem}\n")
            code = 1
        else:
            proc.files.remove(where)
    return code


def _target(proc: Proc, sources: list[str], target: str) -> list[tuple[str, str]]:
    """What goes where: into a directory, or under a new name."""
    into = proc.files.is_directory(full(proc, target))
    if len(sources) > 1 and not into:
        raise ValueError(f"target '{target}' is not a directory")
    found = []
    for source in sources:
        name = source.rstrip("/").rpartition("/")[2] or "/"
        found.append((source, f"{target.rstrip('/')}/{name}" if into else target))
    return found


def _ln(proc: Proc, arguments: list[str]) -> Steps[int]:
    options = Options(arguments, "sfnvT", "", {"symbolic": "s", "force": "f"})
    operands = options.operands if len(options.operands) > 1 else [*options.operands, "."]
    for source, target in _target(proc, operands[:-1], operands[-1]):
        to = full(proc, target)
        if proc.files.exists(to) or proc.files.is_symlink(to):
            if "f" not in options:
                yield from proc.error(f"ln: {target}: File exists\n")
                return 1
            proc.files.remove(to)
        if "s" in options:
            proc.files.symlink(source, to)
        else:  # files here have one name: a second one is a copy
            copy_tree(proc.files, full(proc, source), to, links=False, times=True)
    return 0


def _touch(proc: Proc, arguments: list[str]) -> Steps[int]:
    options = Options(arguments, "acfmh", "dtr", {"date": "d", "no-create": "c", "reference": "r"})
    files, code = proc.files, 0
    try:
        moment = _moment(proc, options)
    except OSError as error:
        yield from proc.error(f"touch: {options.value('r')}: {error.strerror}\n")
        return 1
    for path in options.operands:
        try:
            where = full(proc, path)
            is_new = not files.exists(where)
            if is_new and "c" in options:
                continue
            if is_new:
                open_path(proc, path, "a")
            if moment is not None and ("a" not in options or "m" in options):  # of reading nobody keeps the time
                files.keep(where, *moment)
            elif moment is None and not is_new:
                files.touch(where)
        except OSError as error:
            words = f"cannot touch '{path}'" if proc.shell.speaks_as_bash else path
            yield from proc.error(f"touch: {words}: {error.strerror}\n")
            code = 1
    return code


def _moment(proc: Proc, options: Options) -> tuple[float, float] | None:
    """What a file's time is to be; None: now. Raises ValueError, OSError."""
    files = proc.files
    if "r" in options.values:
        return files.moment(full(proc, options.value("r")))
    now = datetime.fromtimestamp(files.now_s, UTC)
    for letter, read in (("d", given), ("t", of_figures)):
        if letter in options.values:
            found = read(options.value(letter), now) or of_figures(options.value(letter), now)
            if found is None:
                raise ValueError(f"invalid date '{options.value(letter)}'")
            return found.timestamp(), 0.0
    return None


def _mode(text: str, before: int, is_directory: bool) -> int:
    """`644`, `u+x`, `go-w`. Raises ValueError."""
    if re.fullmatch(r"[0-7]{1,4}", text):
        return int(text, 8)
    mode = before
    for clause in text.split(","):
        found = re.fullmatch(r"([ugoa]*)([-+=])([rwxXst]*)", clause)
        if found is None:
            raise ValueError(f"invalid mode '{text}'")
        bits = sum({"r": 4, "w": 2, "x": 1}.get(each, 0) for each in set(found[3]))
        if "X" in found[3] and (is_directory or before & 0o111):
            bits |= 1
        for who in (found[1] or "a").replace("a", "ugo"):
            shift = {"u": 6, "g": 3, "o": 0}[who]
            if found[2] == "+":
                mode |= bits << shift
            elif found[2] == "-":
                mode &= ~(bits << shift)
            else:
                mode = mode & ~(7 << shift) | bits << shift
    return mode


def _chmod(proc: Proc, arguments: list[str]) -> Steps[int]:
    words = [each for each in arguments if each not in ("-R", "-f", "-v", "--recursive", "--")]
    recursive = "-R" in arguments or "--recursive" in arguments
    if len(words) < 2:
        raise ValueError("missing operand")
    code = 0
    for path in words[1:]:
        try:
            waiting = [full(proc, path)]
            while waiting:
                where = waiting.pop()
                entry = proc.files.stat(where)
                is_directory = proc.files.is_directory(where)
                proc.files.chmod(where, _mode(words[0], entry.mode, is_directory))
                if recursive and is_directory:
                    waiting += [each.path for each in proc.files.entries(where)]
        except OSError as error:
            yield from proc.error(f"chmod: {path}: {error.strerror}\n")
            code = 1
    return code


def _mktemp(proc: Proc, arguments: list[str]) -> Steps[int]:
    options = Options(arguments, "dqut", "p", {"directory": "d", "tmpdir": "p"})
    template = options.operands[0] if options.operands else "tmp.XXXXXXXXXX"
    count = len(template) - len(template.rstrip("X"))
    folder = options.value("p") or ("" if "/" in template or options.operands else proc.state.get("TMPDIR") or "/tmp")
    while True:
        random = "".join("abcdefghijklmnopqrstuvwxyz0123456789"[each % 36] for each in proc.shell.random_bytes(count))
        path = f"{folder.rstrip('/')}/" * bool(folder) + template[: len(template) - count] + random
        if not proc.files.exists(full(proc, path)) or not count:
            break
    if "d" in options:
        proc.files.mkdir(full(proc, path))
    else:
        proc.files.write(full(proc, path), b"", 0o600)
    yield from proc.out(f"{path}\n")
    return 0


def _truncate(proc: Proc, arguments: list[str]) -> Steps[int]:
    options = Options(arguments, "c", "s", {"size": "s"})
    for path in options.operands:
        where = full(proc, path)
        before = proc.files.read(where) if proc.files.exists(where) else b""
        wanted = size(options.value("s", "0"))
        if wanted > MOST_BYTES:
            raise ValueError(f"limit exceeded: a file of more than {MOST_BYTES} bytes")
        proc.files.write(where, before[:wanted].ljust(wanted, b"\0"))
    return 0
    yield


def _dd(proc: Proc, arguments: list[str]) -> Steps[int]:
    given = dict(each.partition("=")[::2] for each in arguments)
    block = size(given.get("bs", given.get("ibs", "512")))
    count = int(given["count"]) if "count" in given else None
    if block > 64 * 1024**2:
        proc.shell.hold(block)  # it would need so much memory
    source = opened(proc, given.get("if", "-"))
    data = bytearray()
    wanted = None if count is None else block * count
    skip = int(given.get("skip", 0)) * block
    while wanted is None or len(data) < wanted + skip:
        chunk = yield from source.read(proc)
        if not chunk:
            break
        data += chunk
        proc.shell.work(1 + len(chunk) // 1000)
        if len(data) > MOST_BYTES:
            raise OSError(27, f"limit exceeded: more than {MOST_BYTES} bytes", given.get("of", "standard output"))
    made = bytes(data[skip : None if wanted is None else skip + wanted])
    if "of" in given:
        seek = int(given.get("seek", 0)) * block
        target = full(proc, given["of"])
        if given["of"].startswith("/dev/"):
            yield from open_path(proc, given["of"], "w").write(proc, made)
        else:
            before = proc.files.read(target) if proc.files.exists(target) else b""
            kept = before if "notrunc" in given.get("conv", "") else before[:seek]
            proc.files.write(target, kept[:seek].ljust(seek, b"\0") + made + kept[seek + len(made) :])
    else:
        yield from proc.out(made)
    if given.get("status") != "none":
        blocks, rest = divmod(len(made), block) if block else (0, 0)
        line = f"{blocks}+{int(rest > 0)} records"
        yield from proc.error(f"{line} in\n{line} out\n")
    return 0


TOOLS: Mapping[str, Callable[[Proc, list[str]], Steps[int]]] = {
    "mkdir": _mkdir, "rm": _rm, "rmdir": _rmdir, "ln": _ln, "touch": _touch, "chmod": _chmod,
    "mktemp": _mktemp, "truncate": _truncate, "dd": _dd, "unlink": _rm,
}  # fmt: skip
