"""Tools that say what files there are (ls is an applet): stat, du, tree, readlink, basename."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from statelab.controlplane.runtime import moments
from statelab.controlplane.runtime.shell.proc import Proc
from statelab.controlplane.runtime.shell.streams import Steps
from statelab.controlplane.runtime.shell.tools.common import Options, full

_KINDS = {"directory": "d", "symlink": "l", "file": "-"}
_UNITS = "KMGT"


def human(count: float) -> str:
    if count < 1024:
        return str(int(count))
    unit = ""
    for each in _UNITS:
        if count < 1024:
            break
        count, unit = count / 1024, each
    return f"{count:.1f}{unit}"


def mode_text(kind: str, mode: int) -> str:
    bits = "".join(
        letter if mode >> shift & 1 else "-" for shift, letter in zip(range(8, -1, -1), "rwxrwxrwx", strict=True)
    )
    if mode & 0o2000:
        bits = bits[:5] + ("s" if bits[5] == "x" else "S") + bits[6:]
    if mode & 0o1000:
        bits = bits[:-1] + ("t" if bits[-1] == "x" else "T")
    return _KINDS.get(kind, "-") + bits


def _stat(proc: Proc, arguments: list[str]) -> Steps[int]:
    options = Options(arguments, "Lft", "c", {"format": "c", "printf": "c"})
    code = 0
    for path in options.operands:
        where = full(proc, path)
        try:
            entry = proc.files.stat(where) if "L" in options else proc.files.lstat(where)
        except OSError as error:
            yield from proc.error(f"stat: can't stat '{path}': {error.strerror}\n")
            code = 1
            continue
        kind = {"directory": "directory", "symlink": "symbolic link"}.get(
            entry.kind, "regular file" if entry.size else "regular empty file"
        )
        moment_s = proc.files.modified_s(where, follow="L" in options)
        user, group = proc.files.owner(where)
        names = [str(each) if each else "root" for each in (user, group)]
        values = {
            "n": path, "s": str(entry.size), "a": f"{entry.mode:o}", "A": mode_text(entry.kind, entry.mode), "F": kind,
            "U": names[0], "G": names[1], "u": str(user), "g": str(group), "h": "1", "i": "1",
            **dict.fromkeys("XYZ", str(int(moment_s))), **dict.fromkeys("xyz", moments.full(moment_s)),
            "b": str((entry.size + 511) // 512), "B": "512", "N": f"'{path}'", "%": "%",
        }  # fmt: skip
        if "c" in options.values:
            parts = re.split(r"%(.)", options.value("c"))
            parts[1::2] = [values.get(each, "?") for each in parts[1::2]]
            yield from proc.out("".join(parts) + "\n")
        else:
            yield from proc.out(
                f"  File: {path}\n  Size: {entry.size:<10} Blocks: {values['b']:<10} IO Block: 4096   {kind}\n"
                f"Access: ({entry.mode:04o}/{values['A']})  Uid: ({user:>5}/{names[0]:>8})   "
                f"Gid: ({group:>5}/{names[1]:>8})\n"
                f"Access: {values['x']}\nModify: {values['y']}\nChange: {values['z']}\n"
            )
    return code


def _du(proc: Proc, arguments: list[str]) -> Steps[int]:
    options = Options(arguments, "shakcmbxH", "d", {"max-depth": "d", "summarize": "s", "human-readable": "h"})
    code = 0
    for path in options.operands or ["."]:
        if not proc.files.exists(full(proc, path)):
            yield from proc.error(f"du: {path}: No such file or directory\n")
            code = 1
            continue
        rows: list[tuple[str, int, int]] = []
        _sizes(proc, path, 0, rows)
        for name, size, depth in rows:
            if (depth and "s" in options) or depth > options.number("d", 1000):
                continue
            count = size if "b" in options else (size + 1023) // 1024
            yield from proc.out(f"{human(size) if 'h' in options else count}\t{name}\n")
    return code


def _sizes(proc: Proc, path: str, depth: int, rows: list[tuple[str, int, int]]) -> int:
    where = full(proc, path)
    proc.shell.work(3)
    if not proc.files.is_directory(where) or depth > 60:
        size = proc.files.lstat(where).size
        if not depth:
            rows.append((path, size, depth))
        return size
    total = 0
    for each in proc.files.entries(where):
        total += _sizes(proc, f"{path.rstrip('/')}/{each.path.rpartition('/')[2]}", depth + 1, rows)
    rows.append((path, total, depth))
    return total


def _tree(proc: Proc, arguments: list[str]) -> Steps[int]:
    counts = [0, 0]

    def rows(path: str, before: str) -> list[str]:
        found = []
        entries = [each for each in proc.files.entries(path) if not each.path.rpartition("/")[2].startswith(".")]
        proc.shell.work(3 + len(entries))
        for at, each in enumerate(entries):
            last = at == len(entries) - 1
            found.append(f"{before}{'└── ' if last else '├── '}{each.path.rpartition('/')[2]}\n")
            counts[each.kind != "directory"] += 1
            if each.kind == "directory" and before.count(" ") < 200:
                found += rows(each.path, before + ("    " if last else "│   "))
        return found

    path = next((each for each in arguments if not each.startswith("-")), ".")
    lines = rows(full(proc, path), "")
    yield from proc.out(f"{path}\n{''.join(lines)}\n{counts[0]} directories, {counts[1]} files\n")
    return 0


def _basename(proc: Proc, arguments: list[str]) -> Steps[int]:
    options = Options(arguments, "az", "s")
    if not options.operands:
        raise ValueError("missing operand")
    suffix = options.value("s") or (options.operands[1] if len(options.operands) == 2 and "a" not in options else "")
    for path in options.operands if "a" in options or "s" in options.values else options.operands[:1]:
        name = path.rstrip("/").rpartition("/")[2] or ("/" if path.startswith("/") else "")
        if suffix and name != suffix:
            name = name.removesuffix(suffix)
        yield from proc.out(f"{name}\n")
    return 0


def _dirname(proc: Proc, arguments: list[str]) -> Steps[int]:
    for path in arguments:
        above = path.rstrip("/").rpartition("/")[0]
        yield from proc.out(f"{above or ('/' if path.startswith('/') else '.')}\n")
    return 0 if arguments else 1


def _readlink(proc: Proc, arguments: list[str]) -> Steps[int]:
    options = Options(arguments, "fenmqsvz")
    code = 0
    for path in options.operands:
        where = full(proc, path)
        if options.flags & {"f", "e", "m"}:
            yield from proc.out(proc.files.real(where) + "\n")
        elif proc.files.is_symlink(where):
            yield from proc.out(proc.files.read_link(where) + "\n")
        else:
            code = 1
    return code


def _realpath(proc: Proc, arguments: list[str]) -> Steps[int]:
    code = 0
    for path in [each for each in arguments if not each.startswith("-")]:
        where = proc.files.real(full(proc, path))
        if proc.files.exists(where):
            yield from proc.out(f"{where}\n")
        else:
            yield from proc.error(f"realpath: {path}: No such file or directory\n")
            code = 1
    return code


TOOLS: Mapping[str, Callable[[Proc, list[str]], Steps[int]]] = {
    "stat": _stat, "du": _du, "tree": _tree, "basename": _basename, "dirname": _dirname,
    "readlink": _readlink, "realpath": _realpath,
}  # fmt: skip
