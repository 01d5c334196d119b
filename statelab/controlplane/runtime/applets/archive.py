"""tar, as `kubectl cp` uses it: archives of a container's files, out of its own files only."""

from __future__ import annotations

import gzip
import io
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from statelab.controlplane.runtime.paths import join
from statelab.controlplane.runtime.programs import Program, Task

_MOST_BYTES = 64 * 1024 * 1024  # of an archive when it is unpacked
_MOST_MEMBERS = 10_000
_DEEPEST = 64
_WITH_VALUE = {"f": "file", "C": "directory"}


@dataclass
class _Asked:
    """What a command line of tar asks for."""

    action: str = ""  # "c", "x" or "t"
    file: str = "-"
    directory: str = ""
    verbose: bool = False
    gzipped: bool = False
    to_stdout: bool = False
    as_new: bool = False  # what is taken out is of now (`-m`, as `kubectl cp` asks), not as old as what was packed
    strip: int = 0
    members: list[str] = field(default_factory=list)


class _Wrong(ValueError):
    """The command line makes no sense, or the archive is none."""


def tar(task: Task) -> None:
    """Create, extract or list an archive; `-` is standard output or input."""
    try:
        asked = _parse(task.argv)
        if asked.action == "c":
            _create(task, asked)
        else:
            _read(task, asked)
    except (_Wrong, tarfile.TarError, EOFError, zlib.error) as error:
        task.fail(f"tar: {error}\n", 2)
        return
    task.finish(0)


def reads_stdin(argv: list[str]) -> bool:
    """Whether it reads an archive from its standard input."""
    try:
        asked = _parse(argv)
    except _Wrong:
        return False
    return asked.action != "c" and asked.file == "-"


def _parse(argv: list[str]) -> _Asked:
    asked, rest = _Asked(), list(argv)
    if rest and rest[0][:1] != "-":
        rest[0] = "-" + rest[0]
    while rest:
        word = rest.pop(0)
        if word == "--":
            asked.members += rest
            break
        if word.startswith("--"):
            _long_option(asked, word[2:], rest)
        elif word.startswith("-") and len(word) > 1:
            _short_options(asked, word[1:], rest)
        else:
            asked.members.append(word)
    if not asked.action:
        raise _Wrong("you must specify one of the '-ctx' options")
    if asked.action == "c" and not asked.members:
        raise _Wrong("cowardly refusing to create an empty archive")
    return asked


def _short_options(asked: _Asked, letters: str, rest: list[str]) -> None:
    for index, letter in enumerate(letters):
        if letter in _WITH_VALUE:
            value = letters[index + 1 :] if letter == "C" else ""
            if not value and not rest:
                raise _Wrong(f"option requires an argument -- '{letter}'")
            setattr(asked, _WITH_VALUE[letter], value or rest.pop(0))
            if value:
                return
        elif letter in "ctx":
            asked.action = letter
        elif letter == "v":
            asked.verbose = True
        elif letter == "z":
            asked.gzipped = True
        elif letter == "O":
            asked.to_stdout = True
        elif letter == "m":
            asked.as_new = True
        elif letter not in "opkhUSBa":  # about owners and permissions: nothing to do here
            raise _Wrong(f"invalid option -- '{letter}'")


def _long_option(asked: _Asked, option: str, rest: list[str]) -> None:
    name, has_value, value = option.partition("=")
    if name in ("file", "directory", "strip-components") and not has_value:
        if not rest:
            raise _Wrong(f"option '--{name}' requires an argument")
        value = rest.pop(0)
    if name in ("file", "directory"):
        setattr(asked, name, value)
    elif name == "strip-components":
        asked.strip = int(value) if value.isdigit() else 0
    elif name in ("create", "extract", "list"):
        asked.action = {"create": "c", "extract": "x", "list": "t"}[name]
    elif name == "verbose":
        asked.verbose = True
    elif name == "touch":
        asked.as_new = True
    elif name == "gzip":
        asked.gzipped = True


# ---- writing an archive


def _create(task: Task, asked: _Asked) -> None:
    files, base = task.files, task.path(asked.directory or ".")
    made = io.BytesIO()
    is_absolute = False
    with tarfile.open(fileobj=made, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for member in asked.members:
            path = join(base, member)
            if not files.exists(path):
                raise _Wrong(f"{member}: Cannot stat: No such file or directory")
            is_absolute = is_absolute or member.startswith("/")
            name = member.strip("/") or "."
            for each, below in _walk(task, path, ""):
                full = f"{name}{below}"
                _add(task, archive, each, full)
                if asked.verbose:
                    task.error(f"{full}\n")
                if made.tell() > _MOST_BYTES:
                    raise _Wrong(f"limit exceeded: an archive of more than {_MOST_BYTES // 2**20} MiB")
    if is_absolute:
        task.error("tar: Removing leading `/' from member names\n")
    content = gzip.compress(made.getvalue(), 1, mtime=0) if asked.gzipped else made.getvalue()
    if asked.file == "-":
        task.write(content)
    else:
        files.write(task.path(asked.file), content)


def _walk(task: Task, path: str, below: str, depth: int = 0) -> Iterator[tuple[str, str]]:
    """A path and all that is below it: (path, what to put behind the member's name)."""
    yield path, below
    if depth < _DEEPEST and task.files.is_directory(path):
        for name in sorted(task.files.names(path)):
            yield from _walk(task, f"{path.rstrip('/')}/{name}", f"{below}/{name}", depth + 1)


def _add(task: Task, archive: tarfile.TarFile, path: str, name: str) -> None:
    stat = task.files.stat(path)
    info = tarfile.TarInfo(name)
    info.mode, info.mtime = stat.mode & 0o7777, int(task.files.modified_s(path))
    info.uname = info.gname = "root"
    if task.files.is_directory(path):
        info.type = tarfile.DIRTYPE
        archive.addfile(info)
        return
    content = task.files.read(path)
    info.size = len(content)
    archive.addfile(info, io.BytesIO(content))


# ---- reading one


def _read(task: Task, asked: _Asked) -> None:
    content = task.stdin if asked.file == "-" else task.files.read(task.path(asked.file))
    if content[:2] == b"\x1f\x8b":
        unpacker = zlib.decompressobj(wbits=31)
        content = unpacker.decompress(content, _MOST_BYTES)
        if unpacker.unconsumed_tail:
            raise _Wrong(f"limit exceeded: more than {_MOST_BYTES // 2**20} MiB")
    if not content:
        raise _Wrong("This does not look like a tar archive")
    base = task.path(asked.directory or ".")
    if asked.directory and not task.files.is_directory(base):
        raise _Wrong(f"{asked.directory}: Cannot open: No such file or directory")
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as archive:
        for count, member in enumerate(archive):
            if count > _MOST_MEMBERS:
                raise _Wrong(f"limit exceeded: more than {_MOST_MEMBERS} members")
            if _is_wanted(member.name, asked.members):
                _take(task, asked, archive, member, base)


def _is_wanted(name: str, wanted: list[str]) -> bool:
    name = name.strip("/")
    return not wanted or any(name == each.strip("/") or name.startswith(each.strip("/") + "/") for each in wanted)


def _take(task: Task, asked: _Asked, archive: tarfile.TarFile, member: tarfile.TarInfo, base: str) -> None:
    if asked.action == "t" or asked.verbose:
        task.write(f"{member.name}\n")
    if asked.action == "t":
        return
    name = "/".join(member.name.strip("/").split("/")[asked.strip :])
    source = archive.extractfile(member) if member.isfile() else None
    if asked.to_stdout:
        task.write(source.read() if source is not None else b"")
        return
    # join() never leaves "/", and "/" is the container's own: a name like ../../x is harmless.
    path = join(base, name)
    if not name:
        return
    if member.isdir():
        task.files.mkdir(path)
    elif source is not None:
        task.files.write(path, source.read(), member.mode & 0o777)
        if not asked.as_new:
            task.files.keep(path, member.mtime)


APPLETS: Mapping[str, Program] = {"tar": tar}
