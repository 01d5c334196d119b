"""sed: addresses, s y d p q a i c n N D P g G h H x b t = and blocks. Source: POSIX XCU sed, with GNU's -i and -E."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from statelab.controlplane.runtime.shell.patterns import regex
from statelab.controlplane.runtime.shell.proc import Proc, decode, encode
from statelab.controlplane.runtime.shell.streams import Steps
from statelab.controlplane.runtime.shell.tools.common import Lines, Options, full

_MOST_STEPS = 10_000  # commands for one line
_LONGEST = 1_000_000


@dataclass(slots=True)
class _Address:
    """A line's number, the last line (-1), a pattern, or every `step` lines."""

    line: int = 0
    pattern: re.Pattern[str] | None = None
    step: int = 0
    relative: bool = False


@dataclass(slots=True)
class _Command:
    letter: str
    first: _Address | None = None
    last: _Address | None = None
    negated: bool = False
    text: str = ""
    pattern: re.Pattern[str] | None = None
    replacement: str = ""
    flags: str = ""
    jump: int = -1
    active: bool = False
    until: int = 0


@dataclass(slots=True)
class _Script:
    text: str
    extended: bool
    at: int = 0
    commands: list[_Command] = field(default_factory=list)
    labels: dict[str, int] = field(default_factory=dict)
    last_pattern: re.Pattern[str] | None = None

    def problem(self, words: str) -> ValueError:
        return ValueError(f"-e expression #1, char {self.at}: {words}")

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def skip(self, chars: str = " \t") -> None:
        while self.peek() and self.peek() in chars:
            self.at += 1

    def delimited(self, end: str) -> str:
        """Up to an unescaped `end`, which is taken too."""
        found: list[str] = []
        in_set = False
        while True:
            char = self.peek()
            if not char:
                raise self.problem("unterminated `s' command" if end != "/" or found else "unterminated address regex")
            self.at += 1
            if char == "\\":
                following = self.peek()
                self.at += 1
                found.append(following if following == end and end not in "&" else f"\\{following}")
                continue
            if char == "[" and not in_set and "]" in self.text[self.at + 1 :]:
                in_set = end != "[" and self.text.find(end, self.at) > self.text.find("]", self.at + 1)
            elif char == "]" and in_set:
                in_set = False
            if char == end and not in_set:
                return "".join(found)
            found.append(char)

    def regex(self, text: str, flags: str = "") -> re.Pattern[str]:
        if not text:
            if self.last_pattern is None:
                raise self.problem("no previous regular expression")
            return self.last_pattern
        self.last_pattern = regex(text, extended=self.extended, ignore_case="I" in flags or "i" in flags)
        return self.last_pattern

    def address(self) -> _Address | None:
        char = self.peek()
        if char.isdigit():
            number = self.number()
            if self.peek() == "~":
                self.at += 1
                return _Address(number, step=self.number())
            return _Address(number)
        if char == "$":
            self.at += 1
            return _Address(-1)
        if char == "+":
            self.at += 1
            return _Address(self.number(), relative=True)
        if char in ("/", "\\") and char:
            self.at += 1
            end = "/"
            if char == "\\":
                end = self.peek()
                self.at += 1
            text = self.delimited(end)
            flags = "I" if self.peek() == "I" else ""
            self.at += len(flags)
            return _Address(pattern=self.regex(text, flags))
        return None

    def number(self) -> int:
        found = re.compile(r"\d+").match(self.text, self.at)
        if found is None:
            raise self.problem("a number is expected")
        self.at = found.end()
        return int(found[0])

    def read(self) -> None:
        blocks: list[int] = []
        while True:
            self.skip(" \t\n;")
            if not self.peek():
                break
            if self.peek() == "#":
                self.line()
                continue
            command = _Command("")
            command.first = self.address()
            self.skip()
            if command.first is not None and self.peek() == ",":
                self.at += 1
                self.skip()
                command.last = self.address()
                if command.last is None:
                    raise self.problem("unexpected `,'")
                self.skip()
            while self.peek() == "!":
                command.negated = True
                self.at += 1
                self.skip()
            command.letter = self.peek()
            self.at += 1
            self.command(command, blocks)
            self.commands.append(command)
        if blocks:
            raise self.problem("unmatched `{'")
        for each in self.commands:
            if each.letter in "bt" and each.text:
                if each.text not in self.labels:
                    raise ValueError(f"can't find label for jump to `{each.text}'")
                each.jump = self.labels[each.text]

    def command(self, command: _Command, blocks: list[int]) -> None:
        letter = command.letter
        if letter == "{":
            blocks.append(len(self.commands))
        elif letter == "}":
            if not blocks:
                raise self.problem("unexpected `}'")
            self.commands[blocks.pop()].jump = len(self.commands)
        elif letter == ":":
            self.skip()
            label = re.compile(r"[^;\s}]*").match(self.text, self.at)
            assert label is not None  # it may be empty
            self.at = label.end()
            self.labels[label[0]] = len(self.commands)
        elif letter in ("b", "t"):
            self.skip()
            label = re.compile(r"[^;\s}]*").match(self.text, self.at)
            assert label is not None
            self.at = label.end()
            command.text = label[0]
        elif letter in ("a", "i", "c"):
            self.skip()
            if self.peek() == "\\":
                self.at += 1
                self.skip()
                if self.peek() == "\n":
                    self.at += 1
            command.text = self.line(continued=True) + "\n"
        elif letter == "s":
            end = self.peek()
            self.at += 1
            text = self.delimited(end)
            command.replacement = self.delimited(end)
            flags = re.compile(r"[gpiImMe\d]*").match(self.text, self.at)
            command.flags = flags[0] if flags else ""
            self.at += len(command.flags)
            if self.peek() == "w":
                self.at += 1
                self.skip()
                command.text = self.line()
            command.pattern = self.regex(text, command.flags)
        elif letter == "y":
            end = self.peek()
            self.at += 1
            one, two = self.delimited(end), self.delimited(end)
            command.text, command.replacement = one.replace("\\n", "\n"), two.replace("\\n", "\n")
            if len(command.text) != len(command.replacement):
                raise self.problem("strings for `y' command are different lengths")
        elif letter in ("r", "w"):
            self.skip()
            command.text = self.line()
        elif letter in ("q", "Q"):
            self.skip()
            if self.peek().isdigit():
                command.text = str(self.number())
        elif letter not in "dpnNDPgGhHxl=" or not letter:
            raise self.problem(f"unknown command: `{letter}'")
        if letter not in "{:aic":
            self.skip()
            if self.peek() and self.peek() not in ";\n}#":
                raise self.problem("extra characters after command")

    def line(self, *, continued: bool = False) -> str:
        found = []
        while self.peek() and self.peek() != "\n":
            if continued and self.peek() == "\\":
                self.at += 1
            found.append(self.peek())
            self.at += 1
        return "".join(found)


def _replacement(text: str, found: re.Match[str]) -> str:
    made: list[str] = []
    case = ""

    def add(piece: str) -> None:
        nonlocal case
        if case in ("u", "l") and piece:
            piece = (piece[:1].upper() if case == "u" else piece[:1].lower()) + piece[1:]
            case = ""
        elif case:
            piece = piece.upper() if case == "U" else piece.lower()
        made.append(piece)

    at = 0
    while at < len(text):
        char = text[at]
        if char == "&":
            add(found[0])
        elif char == "\\" and at + 1 < len(text):
            at += 1
            char = text[at]
            if char.isdigit():
                add(found[int(char)] or "")
            elif char in "ULul":
                case = char
            elif char == "E":
                case = ""
            else:
                add({"n": "\n", "t": "\t", "r": "\r"}.get(char, char))
        else:
            add(char)
        at += 1
    return "".join(made)


class _Run:
    def __init__(self, proc: Proc, commands: list[_Command], quiet: bool, lines: Lines) -> None:
        self.proc, self.commands, self.quiet, self.lines = proc, commands, quiet, lines
        self.space, self.hold, self.number = "", "", 0
        self.following: bytes | None = None
        self.appended: list[str] = []
        self.made: list[str] | None = None  # of -i
        self.code: int | None = None
        self.newline = True

    def out(self, text: str) -> Steps[None]:
        if self.made is not None:
            self.made.append(text)
        else:
            yield from self.proc.out(encode(text))

    def next_line(self) -> Steps[bool]:
        line = self.following
        if line is None:
            return False
        self.following = yield from self.lines.next()
        self.newline = line.endswith(b"\n")
        self.space = decode(line).removesuffix("\n")
        self.number += 1
        return True

    def whole(self) -> Steps[int]:
        self.following = yield from self.lines.next()
        restart = False
        while restart or (yield from self.next_line()):
            restart = yield from self.cycle()
            if self.code is not None:
                return self.code
        return self.lines.code

    def finish(self, *, silent: bool = False) -> Steps[None]:
        if not self.quiet and not silent:
            yield from self.out(self.space + ("\n" if self.newline or self.following is not None else ""))
        for each in self.appended:
            yield from self.out(each)
        self.appended = []

    def cycle(self) -> Steps[bool]:
        """The commands for one line; whether the next cycle begins with what is left of it (D)."""
        at, substituted, steps = 0, False, 0
        while at < len(self.commands):
            command = self.commands[at]
            at += 1
            steps += 1
            self.proc.shell.work(1)
            if steps > _MOST_STEPS or len(self.space) > _LONGEST:
                raise ValueError("limit exceeded: a line that takes too long")
            if not self.selected(command):
                if command.letter == "{":
                    at = command.jump + 1
                continue
            letter = command.letter
            if letter == "s":
                substituted = (yield from self.substitute(command)) or substituted
            elif letter in ("d", "Q", "q"):
                yield from self.finish(silent=letter != "q")
                if letter != "d":
                    self.code = int(command.text or 0)
                return False
            elif letter in ("b", "t"):
                if letter == "b" or substituted:
                    substituted = False
                    at = command.jump if command.jump >= 0 else len(self.commands)
            elif letter in ("n", "N"):
                if self.following is None:
                    yield from self.finish()
                    self.code = self.lines.code
                    return False
                before = self.space
                if letter == "n":
                    yield from self.finish()
                yield from self.next_line()
                if letter == "N":
                    self.space = f"{before}\n{self.space}"
            elif letter == "D":
                if "\n" in self.space:
                    self.space = self.space.partition("\n")[2]
                    return True
                yield from self.finish(silent=True)
                return False
            elif letter == "c":
                if command.last is None or not command.active:
                    yield from self.out(command.text)
                yield from self.finish(silent=True)
                return False
            else:
                yield from self.simple(command)
        yield from self.finish()
        return False

    def simple(self, command: _Command) -> Steps[None]:
        letter = command.letter
        if letter == "p":
            yield from self.out(self.space + "\n")
        elif letter == "P":
            yield from self.out(self.space.partition("\n")[0] + "\n")
        elif letter == "=":
            yield from self.out(f"{self.number}\n")
        elif letter == "l":
            yield from self.out(self.space.encode("unicode_escape").decode() + "$\n")
        elif letter == "a":
            self.appended.append(command.text)
        elif letter == "i":
            yield from self.out(command.text)
        elif letter == "g":
            self.space = self.hold
        elif letter == "G":
            self.space = f"{self.space}\n{self.hold}"
        elif letter == "h":
            self.hold = self.space
        elif letter == "H":
            self.hold = f"{self.hold}\n{self.space}"
            if len(self.hold) > _LONGEST:
                raise ValueError("limit exceeded: more than is held")
        elif letter == "x":
            self.space, self.hold = self.hold, self.space
        elif letter == "y":
            self.space = self.space.translate(str.maketrans(command.text, command.replacement))
        elif letter == "r" and self.proc.files.exists(full(self.proc, command.text)):
            self.appended.append(decode(self.proc.files.read(full(self.proc, command.text))))
        elif letter == "w":
            self.proc.files.append(full(self.proc, command.text), encode(self.space + "\n"))

    def substitute(self, command: _Command) -> Steps[bool]:
        assert command.pattern is not None  # s always has one
        digits = re.sub(r"\D", "", command.flags)
        from_nth, count = int(digits or 1), 0
        every = "g" in command.flags

        def one(found: re.Match[str]) -> str:
            nonlocal count
            count += 1
            return (
                _replacement(command.replacement, found)
                if count >= from_nth and (every or count == from_nth)
                else found[0]
            )

        before = self.space
        self.proc.shell.work(len(before) // 200)
        self.space = command.pattern.sub(one, before, count=0 if every or digits else 1)
        done = count >= from_nth
        if done and "p" in command.flags:
            yield from self.out(self.space + "\n")
        return done

    def selected(self, command: _Command) -> bool:
        return self.in_range(command) != command.negated

    def in_range(self, command: _Command) -> bool:
        if command.first is None:
            return True
        if command.last is None:
            return self.matches(command.first)
        if command.active:
            last = command.last
            if command.until:
                command.active = self.number < command.until
            elif last.pattern is None and last.line >= 0:
                if self.number > last.line:
                    command.active = False
                    return self.matches(command.first)
                command.active = self.number < last.line
            elif self.matches(last):
                command.active = False
            return True
        if not self.matches(command.first):
            return False
        last = command.last
        command.until = self.number + last.line if last.relative else 0
        command.active = (
            self.number < command.until
            if last.relative
            else last.pattern is not None or last.line < 0 or last.line > self.number
        )
        if last.line == -1 and self.following is None:
            command.active = False
        return True

    def matches(self, address: _Address) -> bool:
        if address.pattern is not None:
            return address.pattern.search(self.space) is not None
        if address.line == -1:
            return self.following is None
        if address.step:
            return self.number >= address.line and (self.number - address.line) % address.step == 0
        return self.number == address.line


def _sed(proc: Proc, arguments: list[str]) -> Steps[int]:
    in_place = any(each == "-i" or (each.startswith("-i") and each[2:3] in (".", "")) for each in arguments)
    words = [each for each in arguments if not (each == "-i" or each.startswith(("-i.", "--in-place")))]
    options = Options(words, "nErsuiz", "ef", {"quiet": "n", "expression": "e", "regexp-extended": "E", "file": "f"})
    texts = list(options.values.get("e", []))
    for path in options.values.get("f", []):
        texts.append(decode(proc.files.read(full(proc, path))))
    if not texts:
        if not options.operands:
            raise ValueError("no script specified")
        texts.append(options.operands.pop(0))
    in_place = in_place or "i" in options
    code = 0
    for paths in [[each] for each in options.operands] if in_place else [options.operands]:
        parsed = _Script("\n".join(texts), bool(options.flags & {"E", "r"}))
        parsed.read()
        running = _Run(proc, parsed.commands, "n" in options, Lines(proc, "sed", paths))
        running.made = [] if in_place else None
        ended = yield from running.whole()
        code = code or ended
        if in_place and not running.lines.code:
            proc.files.write(full(proc, paths[0]), encode("".join(running.made or [])))
    return code


TOOLS: Mapping[str, Callable[[Proc, list[str]], Steps[int]]] = {"sed": _sed}
