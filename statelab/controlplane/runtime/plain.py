"""Scripts of an exec that need no shell, as most probes are: `redis-cli ping | grep PONG`, `nslookup a && nslookup b`.

A shell of the sandbox takes milliseconds to make, and a probe may be asked every second. Only what means the same with
and without a shell is taken: programs of ours with plain words, joined by && or ||, or one of them before a plain grep.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from statelab.controlplane.runtime.applets import wants_stdin
from statelab.controlplane.runtime.programs import Program, Task

# No expansion, no redirection, no grouping, no comment: letters that a shell leaves as they are.
_PLAIN = re.compile(r"[\w ./:@=,+%|&'\"-]+\Z", re.ASCII)
_OPERATORS = ("|", "&&", "||")
_GREP_OPTIONS = frozenset("qFEix")
_PATTERN = re.compile(r"[\w /:@=,%-]+\Z", re.ASCII)  # matches itself, as text and as an expression
_LONGEST = 400
# What a shell puts in for these is known before it runs. And what many ask: `[ "$(redis-cli ping)" = PONG ]`.
_VALUE = re.compile(r"\$(\w+)|\$\{(\w+)\}|\$\((hostname(?: -i)?)\)", re.ASCII)
_SAFE = re.compile(r"[\w.-]+\Z", re.ASCII)
_COMPARED = re.compile(r"(\[|test) \"\$\(([^()$\"]+)\)\" ==? (\"?)([\w.-]+)\3( \])?\Z", re.ASCII)

Find = Callable[[str], Program | None]


@dataclass(frozen=True, slots=True)
class _Command:
    words: tuple[str, ...]
    program: Program


@dataclass(frozen=True, slots=True)
class _Grep:
    options: frozenset[str]
    pattern: str

    def lines(self, text: str) -> list[str]:
        low = str.lower if "i" in self.options else str
        wanted = low(self.pattern)
        is_it = wanted.__eq__ if "x" in self.options else lambda line: wanted in line
        return [line for line in text.removesuffix("\n").split("\n") if text and is_it(low(line))]


@dataclass(frozen=True, slots=True)
class _Same:
    text: str

    def lines(self, text: str) -> list[str]:
        return [""] if text.rstrip("\n") == self.text else []


def plain_program(script: str, find: Find, values: Mapping[str, str] | None = None) -> Program | None:
    """What runs the script as a shell would; None for one that only a shell can.

    `find`: a program by its name. `values`: of the variables, and of `hostname` and `hostname -i`.
    """
    script = _filled(script, values or {})
    compared = _COMPARED.match(script)
    if compared is not None and (compared[1] == "[") == bool(compared[5]) and _PLAIN.match(compared[2]):
        try:
            asked = _command(shlex.split(compared[2]), find) if not set("|&") & set(compared[2]) else None
        except ValueError:
            return None
        same = _Same(compared[4])
        return None if asked is None else lambda task: _Run(task, asked, grep=same).start()
    if len(script) > _LONGEST or not _PLAIN.match(script):
        return None
    words = shlex.shlex(script, posix=True, punctuation_chars="|&")
    words.whitespace_split, words.commenters = True, ""
    try:
        parts, operators = _split(list(words))
    except ValueError:  # quotes that do not close
        return None
    ends = 0
    if operators[-1:] == ["||"] and len(parts[-1]) == 2 and parts[-1][0] == "exit" and parts[-1][1].isdigit():
        ends = int(parts.pop()[1]) % 256
        operators.pop()
        if not ends:
            return None
    if operators == ["|"]:
        grep = _grep(parts[1])
        command = _command(parts[0], find)
        if grep is None or command is None:
            return None
        return lambda task: _Run(task, command, grep=grep, failed=ends).start()
    commands = [_command(each, find) for each in parts]
    if any(each != "&&" for each in operators) or not all(commands):
        return None
    chosen = [each for each in commands if each is not None]
    return lambda task: _Run(task, *chosen, failed=ends).start()


def _filled(script: str, values: Mapping[str, str]) -> str:
    """With what a shell would put in for variables: nothing where a quote might keep it from doing so."""
    if "$" not in script or "'" in script or "\\" in script:
        return script

    def value(match: re.Match[str]) -> str:
        found = values.get(match[1] or match[2] or match[3], "")
        return found if _SAFE.match(found) else match[0]

    return _VALUE.sub(value, script)


def _split(words: Sequence[str]) -> tuple[list[list[str]], list[str]]:
    """The commands and what joins them. Raises ValueError for an operator that is not among ours."""
    parts: list[list[str]] = [[]]
    operators = []
    for word in words:
        if word.strip("|&"):
            parts[-1].append(word)
        elif word in _OPERATORS:
            operators.append(word)
            parts.append([])
        else:
            raise ValueError(word)
    return parts, operators


def _command(words: Sequence[str], find: Find) -> _Command | None:
    if not words or "=" in words[0] or not words[0].strip():
        return None
    program = find(words[0])
    name = words[0].rpartition("/")[2]
    return None if program is None or wants_stdin(name, words[1:]) else _Command(tuple(words), program)


def _grep(words: Sequence[str]) -> _Grep | None:
    """`grep -q PONG`: None for anything that is more than looking for plain words."""
    if words[:1] not in (["grep"], ["egrep"], ["fgrep"]):
        return None
    options = "".join(each[1:] for each in words[1:-1] if each[:1] == "-")
    others = [each for each in words[1:-1] if each[:1] != "-"]
    pattern = words[-1] if len(words) > 1 else ""
    if others or pattern.startswith("-") or not _PATTERN.match(pattern) or not set(options) <= _GREP_OPTIONS:
        return None
    return _Grep(frozenset(options), pattern)


class _Run:
    """One run: a command after the other, until one fails; or one whose output is looked through."""

    def __init__(self, task: Task, *commands: _Command, grep: _Grep | _Same | None = None, failed: int = 0) -> None:
        self._task = task
        self._commands = list(commands)
        self._grep = grep
        self._failed = failed
        self._output = bytearray()
        self._inner: Task | None = None

    def start(self) -> None:
        self._task.on_end = self._end
        self._next(0)

    def _end(self) -> None:
        if self._inner is not None:
            self._inner.finish(137)

    def _next(self, code: int) -> None:
        if code or not self._commands:
            self._finish(code)
            return
        command, outer = self._commands.pop(0), self._task
        self._inner = Task(
            outer.container, command.words[0].rpartition("/")[2], command.words[1:], env=outer.env, cwd=outer.cwd,
            stdin=b"", write=self._write, finish=self._ended, process=outer.process,
        )  # fmt: skip
        self._inner.run(command.program)

    def _ended(self, code: int) -> None:
        self._inner = None
        if not self._task.done:
            self._next(code)

    def _write(self, data: bytes, stream: str) -> None:
        if stream == "stderr":
            self._task.error(data)
        elif self._grep is not None:
            self._output.extend(data)
        else:
            self._task.write(data)

    def _finish(self, code: int) -> None:
        if self._grep is not None:
            found = self._grep.lines(self._output.decode(errors="replace"))
            if found and isinstance(self._grep, _Grep) and "q" not in self._grep.options:
                self._task.write("".join(f"{line}\n" for line in found))
            code = 0 if found else 1
        self._task.finish(self._failed if code and self._failed else code)
