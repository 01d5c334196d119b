"""What tools share: options, and input that is files or standard input."""

from __future__ import annotations

from statelab.controlplane.runtime.paths import join
from statelab.controlplane.runtime.shell.proc import Proc
from statelab.controlplane.runtime.shell.redirections import open_path
from statelab.controlplane.runtime.shell.streams import Steps, Stream

MOST_BYTES = 10_000_000


class Options:
    """`letters`: those without a value; `valued`: those with one. `long`: what a long name stands for."""

    def __init__(
        self, arguments: list[str], letters: str, valued: str = "", long: dict[str, str] | None = None
    ) -> None:
        """Raises ValueError for an option that is none."""
        self.flags: set[str] = set()
        self.values: dict[str, list[str]] = {}
        self.operands: list[str] = []
        rest = list(arguments)
        while rest:
            word = rest.pop(0)
            if word == "--":
                self.operands += rest
                break
            if word.startswith("--"):
                name, has_value, value = word[2:].partition("=")
                letter = (long or {}).get(name, "")
                if not letter:
                    raise ValueError(f"unrecognized option '{word}'")
                if letter in valued:
                    if not has_value:
                        if not rest:
                            raise ValueError(f"option '{word}' requires an argument")
                        value = rest.pop(0)
                    self.values.setdefault(letter, []).append(value)
                else:
                    self.flags.add(letter)
            elif word.startswith("-") and len(word) > 1:
                self._letters(word[1:], letters, valued, rest)
            else:
                self.operands.append(word)

    def _letters(self, word: str, letters: str, valued: str, rest: list[str]) -> None:
        while word:
            letter, word = word[0], word[1:]
            if letter in valued:
                if not word and not rest:
                    raise ValueError(f"option requires an argument -- '{letter}'")
                self.values.setdefault(letter, []).append(word or rest.pop(0))
                return
            if letter not in letters:
                raise ValueError(f"invalid option -- '{letter}'")
            self.flags.add(letter)

    def __contains__(self, letter: str) -> bool:
        return letter in self.flags

    def value(self, letter: str, otherwise: str = "") -> str:
        return self.values.get(letter, [otherwise])[-1]

    def number(self, letter: str, otherwise: int) -> int:
        found = self.value(letter)
        if not found:
            return otherwise
        if not found.lstrip("+-").isdigit():
            raise ValueError(f"invalid number '{found}'")
        return int(found)


def full(proc: Proc, path: str) -> str:
    return join(proc.state.cwd, path)


def opened(proc: Proc, path: str) -> Stream:
    """Raises OSError."""
    return proc.stream(0) if path == "-" else open_path(proc, path)


def everything(proc: Proc, stream: Stream) -> Steps[bytes]:
    """All of a stream. Raises ValueError when there is too much of it."""
    found = bytearray()
    while chunk := (yield from stream.read(proc)):
        found += chunk
        proc.shell.work(1 + len(chunk) // 1000)
        if len(found) > MOST_BYTES:
            raise ValueError(f"limit exceeded: more than {MOST_BYTES} bytes of input")
    return bytes(found)


def contents(proc: Proc, name: str, paths: list[str]) -> Steps[tuple[list[tuple[str, bytes]], int]]:
    """(path, all that is in it) of each, and 1 if one could not be read, which is told."""
    found, code = [], 0
    for path in paths or ["-"]:
        try:
            found.append((path, (yield from everything(proc, opened(proc, path)))))
        except OSError as error:
            yield from proc.error(f"{name}: {path}: {error.strerror}\n")
            code = 1
    return found, code


class Lines:
    """The lines of some files or of standard input, as they come. `code` is 1 when one could not be read."""

    def __init__(self, proc: Proc, name: str, paths: list[str]) -> None:
        self.proc, self.name = proc, name
        self.paths = list(paths) or ["-"]
        self.path = ""
        self.code = 0
        self._stream: Stream | None = None

    def next(self) -> Steps[bytes | None]:
        """With its newline; None at the end of all."""
        while True:
            if self._stream is None:
                if not self.paths:
                    return None
                self.path = self.paths.pop(0)
                try:
                    self._stream = opened(self.proc, self.path)
                except OSError as error:
                    yield from self.proc.error(f"{self.name}: {self.path}: {error.strerror}\n")
                    self.code = 1
                    continue
            line = yield from self._stream.read_line(self.proc)
            self.proc.shell.work(1 + len(line) // 1000)
            if line:
                return line
            self._stream = None
