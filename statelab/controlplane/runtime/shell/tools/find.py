"""find, xargs."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from itertools import pairwise

from statelab.controlplane.runtime.moments import format_date, given, nanoseconds
from statelab.controlplane.runtime.mounted import MountedFiles
from statelab.controlplane.runtime.shell.bounded import bounded
from statelab.controlplane.runtime.shell.patterns import glob
from statelab.controlplane.runtime.shell.proc import Proc, decode
from statelab.controlplane.runtime.shell.running import run
from statelab.controlplane.runtime.shell.streams import Steps
from statelab.controlplane.runtime.shell.tools.common import Options, everything, full, opened
from statelab.controlplane.runtime.shell.tools.files import size
from statelab.controlplane.runtime.shell.tools.listing import mode_text

_MOST_DEEP = 80


def _find(proc: Proc, arguments: list[str]) -> Steps[int]:
    try:
        return (yield _searched(proc, arguments))
    except ValueError as problem:
        yield from proc.error(f"find: {problem}\n")
        return 1


def _searched(proc: Proc, arguments: list[str]) -> Steps[int]:
    """Raises ValueError for an expression that is none."""
    rest = list(arguments)
    follows = False
    while rest and rest[0] in ("-L", "-H", "-P"):
        follows = rest.pop(0) == "-L"
    paths = []
    while rest and not rest[0].startswith(("-", "!", "(")):
        paths.append(rest.pop(0))
    finder = _Finder(proc, rest)
    finder.follows = follows
    code = 0
    for path in paths or ["."]:
        if not (proc.files.exists(full(proc, path)) or proc.files.is_symlink(full(proc, path))):
            quoted = path if proc.shell.is_busybox else f"'{path}'"
            yield from proc.error(f"find: {quoted}: No such file or directory\n")
            code = 1
            continue
        finder.root = path
        waiting = [(path, 0)]
        while waiting and not finder.ended:
            at, depth = waiting.pop()
            proc.shell.work(3)
            finder.pruned = False
            if depth >= finder.least and not finder.deep:
                yield finder.visit(at)
            where = full(proc, at)
            if (
                proc.files.is_directory(where)
                and (finder.follows or not proc.files.is_symlink(where))
                and not finder.pruned
                and depth < min(finder.most, _MOST_DEEP)
            ):
                names = proc.files.names(where)
                waiting += [(f"{at.rstrip('/')}/{name}", depth + 1) for name in reversed(names)]
            if finder.deep:
                finder.later.append((at, depth))
        for at, depth in reversed(finder.later):
            if depth >= finder.least and not finder.ended:
                yield finder.visit(at)
        finder.later = []
    if finder.batch:
        yield run(proc, [*finder.batch_command, *finder.batch], {})
    return 1 if finder.failed else code


class _Finder:
    """The expression after the paths, for one path at a time."""

    def __init__(self, proc: Proc, words: list[str]) -> None:
        self.proc = proc
        self.least, self.most, self.deep, self.pruned = 0, 10**9, False, False
        self.root, self.failed = "", False
        self.follows = self.ended = self.counts_from_midnight = False
        self.newer_than: dict[tuple[str, str], tuple[float, float]] = {}  # as it was when find began
        self.later: list[tuple[str, int]] = []
        self.batch: list[str] = []
        self.batch_command: list[str] = []
        self.words: list[str] = []
        rest = list(words)
        while rest:
            word = rest.pop(0)
            if word in ("-maxdepth", "-mindepth"):
                number = int(rest.pop(0)) if rest else 0
                self.least, self.most = (number, self.most) if word == "-mindepth" else (self.least, number)
            elif word in ("-depth", "-xdev", "-mount", "-noleaf"):
                self.deep = self.deep or word == "-depth"
            elif word == "-daystart":
                self.counts_from_midnight = True
            elif word == "-regextype":
                rest[:1] = []
            else:
                self.words.append(word)
                self.deep = self.deep or word == "-delete"
        for word, value in pairwise(self.words):
            if word.startswith("-newer") or word in ("-anewer", "-cnewer"):
                self.newer_than[word, value] = self._than(word, value)
        self.acts = any(
            each in self.words
            for each in ("-print", "-print0", "-exec", "-execdir", "-delete", "-ok", "-ls", "-printf", "-quit")
        )

    def visit(self, path: str) -> Steps[None]:
        rest = list(self.words)
        found = yield self._either(path, rest, True)
        if rest:
            raise self._unknown(rest[0])
        if found and not self.acts:
            yield from self.proc.out(f"{path}\n")

    def _either(self, path: str, rest: list[str], live: bool) -> Steps[bool]:
        found = yield self._both(path, rest, live)
        while rest and rest[0] in ("-o", "-or"):
            rest.pop(0)
            other = yield self._both(path, rest, live and not found)
            found = found or other
        return bool(found)

    def _both(self, path: str, rest: list[str], live: bool) -> Steps[bool]:
        found = True
        while rest and rest[0] not in ("-o", "-or", ")"):
            if rest[0] in ("-a", "-and"):
                rest.pop(0)
                continue
            one = yield self._one(path, rest, live and found)
            found = found and one
        return found

    def _one(self, path: str, rest: list[str], live: bool) -> Steps[bool]:
        proc = self.proc
        word = rest.pop(0)
        if word in ("!", "-not"):
            return not (yield self._one(path, rest, live))
        if word == "(":
            found = yield self._either(path, rest, live)
            if rest[:1] == [")"]:
                rest.pop(0)
            return bool(found)
        if word in ("-exec", "-execdir"):
            ends = next((at for at, each in enumerate(rest) if each in (";", "+")), len(rest))
            command, ending = rest[:ends], rest[ends : ends + 1]
            del rest[: ends + 1]
            if not live:
                return False
            if word == "-execdir":
                return (yield self._in_its_folder(path, [each for each in command if each != "+"]))
            if ending == ["+"]:
                self.batch_command = command[:-1] if command[-1:] == ["{}"] else command
                self.batch.append(path)
                return True
            return (yield run(proc, [each.replace("{}", path) for each in command], {})) == 0
        if word in _VALUED and not rest:
            raise ValueError(f"missing argument to `{word}'")
        value = rest.pop(0) if word in _VALUED else ""
        if not live:
            return False
        if word in ("-print", "-print0"):
            yield from proc.out(path + ("\n" if word == "-print" else "\0"))
            return True
        if word == "-printf":
            yield from proc.out(_printed(value, path, self.root, proc.files, full(proc, path)))
            return True
        if word == "-delete":
            return (yield self._delete(path))
        if word in ("-prune", "-quit"):
            self.pruned = True
            self.ended = word == "-quit"
            return True
        if word == "-ls":
            yield from proc.out(_printed(_LS, path, self.root, proc.files, full(proc, path)))
            return True
        return self._is(word, value, path)

    def _is(self, word: str, value: str, path: str) -> bool:
        files, where = self.proc.files, full(self.proc, path)
        name = path.rstrip("/").rpartition("/")[2] or path
        if word == "-name":
            return glob(value).match(name) is not None
        if word == "-iname":
            return glob(value.lower()).match(name.lower()) is not None
        if word in ("-path", "-wholename"):
            return glob(value).match(path) is not None
        if word in ("-ipath", "-iwholename"):
            return glob(value.lower()).match(path.lower()) is not None
        if word in ("-regex", "-iregex"):
            return bounded(rf"(?{'i' if word == '-iregex' else ''}:{value})\Z").match(path) is not None
        if word == "-false":
            return False
        entry = files.stat(where) if self.follows and files.exists(where) else files.lstat(where)
        if word in ("-readable", "-writable"):
            return word == "-readable" or files.is_writable(where)
        if word == "-executable":
            return entry.kind == "directory" or bool(entry.mode & 0o111)
        if word in ("-uid", "-gid"):
            return str(files.owner(where)[word == "-gid"]) == value
        if word in ("-nouser", "-nogroup"):
            return False
        if word == "-type":
            return {"directory": "d", "symlink": "l"}.get(entry.kind, "f") in value.split(",")
        if word == "-empty":
            return not files.names(where) if entry.kind == "directory" else entry.size == 0
        if word == "-size":
            wanted = value.lstrip("+-")
            unit = size("1" + (wanted[-1] if wanted[-1:].isalpha() else "b"))
            count, number = -(-entry.size // unit), int(re.sub(r"\D", "", wanted) or 0)
            return count > number if value[0] == "+" else count < number if value[0] == "-" else count == number
        if word == "-perm":
            wanted_mode = int(value.lstrip("-/"), 8)
            return entry.mode & wanted_mode == wanted_mode if value[0] == "-" else entry.mode == wanted_mode
        if word.startswith("-newer") or word in ("-anewer", "-cnewer"):
            return files.moment(where, follow=False) > self.newer_than[word, value]
        if word in _AGES:  # of reading and of a new mode nobody keeps the time
            now_s = files.now_s
            if self.counts_from_midnight:
                now_s += 86_400 - now_s % 86_400
            return self._is_of_age(word, value, now_s - files.modified_s(where, follow=False))
        if word in ("-true", "-user", "-group"):
            return True
        raise self._unknown(word)

    def _unknown(self, word: str) -> ValueError:
        return ValueError(f"unrecognized: {word}" if self.proc.shell.is_busybox else f"unknown predicate `{word}'")

    def _in_its_folder(self, path: str, command: list[str]) -> Steps[bool]:
        """`-execdir`: run where the file lies, which is then called ./NAME."""
        state = self.proc.state
        before, (above, _, name) = state.cwd, full(self.proc, path).rpartition("/")
        state.cwd = above or "/"
        try:
            return (yield run(self.proc, [each.replace("{}", f"./{name}") for each in command], {})) == 0
        finally:
            state.cwd = before

    def _than(self, word: str, value: str) -> tuple[float, float]:
        """The moment that a file is to be newer than."""
        files = self.proc.files
        if word not in _VALUED:
            raise self._unknown(word)
        if not word.endswith("t"):
            try:
                return files.moment(full(self.proc, value))
            except OSError as error:
                quoted = value if self.proc.shell.is_busybox else f"'{value}'"
                raise ValueError(f"{quoted}: {error.strerror}") from None
        found = given(value, datetime.fromtimestamp(files.now_s, UTC))
        if found is None:
            raise ValueError(f"I cannot figure out how to interpret '{value}' as a date or time")
        return found.timestamp(), float("inf")

    def _is_of_age(self, word: str, value: str, age_s: float) -> bool:
        """findutils and busybox differ in one place only: `-mmin +4` is more than 4 minutes there, 5 or more here."""
        unit_s = 60.0 if word.endswith("min") else 86_400.0
        try:
            count = float(value.lstrip("+-"))
        except ValueError:
            raise ValueError(f"invalid argument `{value}' to `{word}'") from None
        is_minutes_of_findutils = unit_s == 60.0 and not self.proc.shell.is_busybox
        if value.startswith("+"):
            return age_s > count * unit_s if is_minutes_of_findutils else age_s >= (count + 1) * unit_s
        if value.startswith("-"):
            return age_s < count * unit_s
        if is_minutes_of_findutils:
            return (count - 1) * unit_s < age_s <= count * unit_s
        return count * unit_s <= age_s < (count + 1) * unit_s

    def _delete(self, path: str) -> Steps[bool]:
        """A directory only when it is empty, as rmdir does."""
        proc, files, where = self.proc, self.proc.files, full(self.proc, path)
        if path in (".", "./"):
            return True
        problem = ""
        if files.is_directory(where) and not files.is_symlink(where):
            problem = "Directory not empty" if files.names(where) else "Resource busy" if files.is_mount(where) else ""
        if not problem:
            files.remove(where)
            return True
        words = f"{path}" if proc.shell.is_busybox else f"cannot delete '{path}'"
        yield from proc.error(f"find: {words}: {problem}\n")
        self.failed = True
        return False


def _printed(form: str, path: str, root: str, files: MountedFiles, where: str) -> str:
    """What `-printf` prints of a path."""
    entry, at_s = files.lstat(where), files.modified_s(where, follow=False)
    moment = datetime.fromtimestamp(at_s, UTC)
    kind = {"directory": "d", "symlink": "l"}.get(entry.kind, "f")
    below = path[len(root) :].lstrip("/")
    user, group = (str(each) if each else "root" for each in files.owner(where))
    values = {
        "p": path, "f": path.rstrip("/").rpartition("/")[2] or path, "P": below, "H": root, "s": str(entry.size),
        "h": path.rpartition("/")[0] or ".", "m": f"{entry.mode:o}", "M": mode_text(entry.kind, entry.mode),
        "y": kind, "u": user, "g": group, "d": str(below.count("/") + bool(below)), "%": "%",
        "l": files.read_link(where) if kind == "l" else "", "i": "1", "n": "2" if kind == "d" else "1",
        "b": str((entry.size + 511) // 512), **dict.fromkeys("act", _as_ctime(at_s)),
    }  # fmt: skip

    def one(found: re.Match[str]) -> str:
        text = found[0]
        if text[0] == "\\":
            return _ESCAPES.get(text[1], text)
        if text[1] in "ACT" and len(text) == 3:
            return _exact(at_s) if text[2] == "@" else format_date(f"%{text[2]}", moment)
        return values.get(text[1], text)

    return _DIRECTIVE.sub(one, form)


def _exact(at_s: float) -> str:
    return f"{at_s:.6f}0000"


def _as_ctime(at_s: float) -> str:
    return format_date("%a %b %e %H:%M:%S", moment := datetime.fromtimestamp(at_s, UTC)) + (
        f".{nanoseconds(at_s)}0 {moment.year}"
    )


_DIRECTIVE = re.compile(r"%[ACT][\w@+]|%.|\\.")
_LS = "%i %b %M %n %u %g %s %Tb %Te %TH:%TM %p\\n"
_ESCAPES = {"n": "\n", "t": "\t", "0": "\0", "\\": "\\"}
_AGES = frozenset(("-mtime", "-mmin", "-ctime", "-cmin", "-atime", "-amin"))
_VALUED = _AGES | {
    "-name", "-iname", "-path", "-wholename", "-ipath", "-iwholename", "-regex", "-iregex", "-uid", "-gid", "-type",
    "-size", "-perm", "-printf", "-user", "-group",
    "-newer", "-anewer", "-cnewer", *(f"-newer{x}{y}" for x in "acm" for y in "acmt"),
}  # fmt: skip


def _xargs(proc: Proc, arguments: list[str]) -> Steps[int]:
    rest: list[str] = list(arguments)
    options: list[str] = []
    while rest and rest[0].startswith("-") and len(rest[0]) > 1:
        word = rest.pop(0)
        options.append(word)
        if word in ("-n", "-I", "-L", "-P", "-d", "-s", "-a") and rest:
            options.append(rest.pop(0))
    found = Options(options, "0rtpx", "nILPdsa", {"null": "0", "no-run-if-empty": "r"})
    data = decode((yield from everything(proc, opened(proc, found.value("a", "-")))))
    if "0" in found:
        items = [each for each in data.split("\0") if each]
    elif "d" in found.values:
        items = data.removesuffix("\n").split(found.value("d").replace("\\n", "\n"))
    elif "I" in found.values:
        items = [each.strip() for each in data.splitlines() if each.strip()]
    else:
        items = shlex.split(data.replace("\n", " "))
    command = rest or ["echo"]
    batches: list[list[str]]
    if "I" in found.values:
        marker = found.value("I")
        batches = [[part.replace(marker, each) for part in command] for each in items]
    else:
        count = found.number("n", found.number("L", 5_000))
        batches = [[*command, *items[at : at + count]] for at in range(0, len(items), count)]
        if not items and "r" not in found:
            batches = [command]
    code = 0
    for batch in batches:
        if "t" in found:
            yield from proc.error(" ".join(batch) + "\n")
        ended = yield run(proc, batch, {}, functions=False)
        code = 123 if ended else code
        if ended == 127:
            return 127
    return code


TOOLS: Mapping[str, Callable[[Proc, list[str]], Steps[int]]] = {"find": _find, "xargs": _xargs}
