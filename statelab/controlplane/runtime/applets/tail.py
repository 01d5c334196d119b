"""tail: written here, not left to the shell, because following a file means waiting for it."""

from __future__ import annotations

import re
from collections.abc import Mapping

from statelab.controlplane.runtime.programs import Program, Task


def tail(task: Task) -> None:
    """`tail -n N`, `-c N`, `-f`, `-F`: written here because following a file means waiting for it."""
    count, by_bytes, follow, quiet, paths = "10", False, False, False, []
    waiting = list(task.argv)
    while waiting:
        word = waiting.pop(0)
        if word in ("-n", "-c", "--lines", "--bytes") and waiting:
            by_bytes, count = word in ("-c", "--bytes"), waiting.pop(0)
        elif word.startswith(("--lines=", "--bytes=")):
            by_bytes, count = word.startswith("--bytes"), word.partition("=")[2]
        elif re.fullmatch(r"-\d+", word):
            count = word[1:]
        elif word.startswith("-") and len(word) > 1 and not word.startswith("--"):
            letters = word[1:]
            follow = follow or "f" in letters or "F" in letters
            quiet = quiet or "q" in letters
            match = re.search(r"([nc])([+-]?\d*)$", letters)
            if match:
                by_bytes, count = match[1] == "c", match[2] or (waiting.pop(0) if waiting else "10")
        elif word in ("--follow", "--follow=name", "--retry"):
            follow = True
        else:
            paths.append(word)
    code = 0
    sizes: dict[str, int] = {}
    for path in paths or ["-"]:
        if path in ("-", "/dev/stdin"):
            content = task.stdin
        elif path in ("/dev/null", "/dev/zero", "/dev/stdout", "/dev/stderr"):
            content, sizes[path] = b"", 0
        else:
            try:
                content = task.files.read(task.path(path))
            except OSError as error:
                task.error(f"tail: can't open '{path}': {error.strerror}\n")
                code = 1
                continue
            sizes[path] = len(content)
        if len(paths) > 1 and not quiet:
            task.write(f"==> {path} <==\n")
        task.write(_end_of(content, count, by_bytes))
    if not follow or not sizes:
        task.finish(code)
        return

    def look() -> None:
        for path, size in sizes.items():
            full = task.path(path)
            try:
                now = 0 if path.startswith("/dev/") else task.files.stat(full).size
            except OSError:
                continue
            if now != size:
                content = task.files.read(full)
                task.write(content[size:] if now > size else content)
                sizes[path] = len(content)
        task.after(1.0, look, housekeeping=True)

    if all(path.startswith("/dev/") for path in sizes):
        return
    task.after(1.0, look, housekeeping=True)


def _end_of(content: bytes, count: str, by_bytes: bool) -> bytes:
    from_start = count.startswith("+")
    try:
        number = abs(int(count))
    except ValueError:
        number = 10
    if by_bytes:
        return content[max(number - 1, 0) :] if from_start else (content[-number:] if number else b"")
    lines = content.splitlines(keepends=True)
    return b"".join(lines[max(number - 1, 0) :] if from_start else (lines[-number:] if number else []))


APPLETS: Mapping[str, Program] = {"tail": tail}
