"""Where descriptors lead: `> file`, `2>&1`, `<<EOF`, and the names under /dev that are no files."""

from __future__ import annotations

import re

from statelab.controlplane.runtime.paths import join
from statelab.controlplane.runtime.shell.expansion import text
from statelab.controlplane.runtime.shell.proc import Proc, encode
from statelab.controlplane.runtime.shell.streams import Bytes, File, Null, Steps, Stream, Zeros
from statelab.controlplane.runtime.shell.syntax import Redirection
from statelab.controlplane.runtime.shell.words import read_text

Restored = list[tuple[int, Stream | None]]
_DESCRIPTOR = re.compile(r"/(?:dev|proc/self)/fd/(\d+)")
_NAMED = {"/dev/stdin": 0, "/dev/stdout": 1, "/dev/stderr": 2}


def open_path(proc: Proc, path: str, mode: str = "r") -> Stream:
    """`mode`: r, w, a, or + for both. Raises OSError."""
    full = join(proc.state.cwd, path)
    found = _DESCRIPTOR.fullmatch(full)
    if found or full in _NAMED:
        descriptor = int(found[1]) if found else _NAMED[full]
        if descriptor not in proc.streams:
            raise OSError(2, "No such file or directory", path)
        return proc.streams[descriptor]
    if full in ("/dev/null", "/dev/tty"):
        return Null()
    if full == "/dev/zero":
        return Zeros(bytes)
    if full in ("/dev/random", "/dev/urandom"):
        return Zeros(proc.shell.random_bytes)
    if full.startswith(("/dev/tcp/", "/dev/udp/")):
        raise OSError(111, "Connection refused", path)
    if not path:
        raise OSError(2, "No such file or directory", path)
    files = proc.files
    if files.is_directory(full):
        raise IsADirectoryError(21, "Is a directory", path)
    try:
        if mode == "r":
            files.stat(full)
        elif mode == "w":
            _may_write(proc, full, path)
            files.write(full, b"")
        else:
            _may_write(proc, full, path)
            if not files.exists(full):
                files.write(full, b"")
    except OSError as error:
        raise OSError(error.errno, error.strerror, path) from None
    return File(files, full, append=mode == "a")


def _may_write(proc: Proc, full: str, path: str) -> None:
    parent = full.rpartition("/")[0] or "/"
    if not proc.files.exists(parent):
        raise FileNotFoundError(2, "No such file or directory", path)
    if not proc.files.is_directory(parent):
        raise NotADirectoryError(20, "Not a directory", path)


def redirect(proc: Proc, redirections: tuple[Redirection, ...]) -> Steps[Restored]:
    """Do as they say; what `restore` needs to undo it. Raises OSError, with nothing changed."""
    before: Restored = []
    try:
        for each in redirections:
            yield _one(proc, each, before)
    except BaseException:
        restore(proc, before)
        raise
    return before


def _one(proc: Proc, each: Redirection, before: Restored) -> Steps[None]:
    if each.document is not None:
        body = "".join(each.document.lines)
        if not each.document.quoted:
            body = yield text(proc, read_text(body), tilde=False)
        _put(proc, each.descriptor, Bytes(encode(body)), before)
        return
    target: str = yield text(proc, each.word)
    operator = each.operator
    if operator == "<<<":
        _put(proc, each.descriptor, Bytes(encode(target) + b"\n"), before)
    elif operator in (">&", "<&") and (target.isdigit() or target == "-"):
        if target == "-":
            _put(proc, each.descriptor, None, before)
        elif int(target) in proc.streams:
            _put(proc, each.descriptor, proc.streams[int(target)], before)
        else:
            raise OSError(9, f"{target}: Bad file descriptor")
    elif operator in ("&>", "&>>", ">&"):
        stream = open_path(proc, target, "a" if operator == "&>>" else "w")
        _put(proc, 1, stream, before)
        _put(proc, 2, stream, before)
    else:
        if operator == ">" and "noclobber" in proc.state.options and proc.files.exists(join(proc.state.cwd, target)):
            raise OSError(17, "cannot overwrite existing file", target)
        mode = {"<": "r", ">>": "a", "<>": "+"}.get(operator, "w")
        _put(proc, each.descriptor, open_path(proc, target, mode), before)


def _put(proc: Proc, descriptor: int, stream: Stream | None, before: Restored) -> None:
    old = proc.streams.get(descriptor)
    if old is not None:
        old.opened()  # kept until it is put back
    before.append((descriptor, old))
    if stream is None:
        proc.close(descriptor)
    else:
        proc.open(descriptor, stream)


def restore(proc: Proc, before: Restored) -> None:
    for descriptor, stream in reversed(before):
        if proc.code is not None:
            if stream is not None:
                stream.closed()
        elif stream is None:
            proc.close(descriptor)
        else:
            proc.open(descriptor, stream)
            stream.closed()
    before.clear()
