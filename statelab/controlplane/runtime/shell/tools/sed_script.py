"""sed's scripts: addresses and commands as they are read. Source: POSIX XCU sed, with GNU's forms."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from statelab.controlplane.runtime.shell.bounded import Bounded
from statelab.controlplane.runtime.shell.patterns import regex


@dataclass(slots=True)
class Address:
    """A line's number, the last line (-1), a pattern, or every `step` lines."""

    line: int = 0
    pattern: Bounded | None = None
    step: int = 0
    relative: bool = False


@dataclass(slots=True)
class Command:
    letter: str
    first: Address | None = None
    last: Address | None = None
    negated: bool = False
    text: str = ""
    pattern: Bounded | None = None
    replacement: str = ""
    flags: str = ""
    jump: int = -1
    active: bool = False
    until: int = 0


@dataclass(slots=True)
class Script:
    text: str
    extended: bool
    at: int = 0
    commands: list[Command] = field(default_factory=list)
    labels: dict[str, int] = field(default_factory=dict)
    last_pattern: Bounded | None = None

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

    def regex(self, text: str, flags: str = "") -> Bounded:
        if not text:
            if self.last_pattern is None:
                raise self.problem("no previous regular expression")
            return self.last_pattern
        self.last_pattern = regex(text, extended=self.extended, ignore_case="I" in flags or "i" in flags)
        return self.last_pattern

    def address(self) -> Address | None:
        char = self.peek()
        if char.isdigit():
            number = self.number()
            if self.peek() == "~":
                self.at += 1
                return Address(number, step=self.number())
            return Address(number)
        if char == "$":
            self.at += 1
            return Address(-1)
        if char == "+":
            self.at += 1
            return Address(self.number(), relative=True)
        if char in ("/", "\\") and char:
            self.at += 1
            end = "/"
            if char == "\\":
                end = self.peek()
                self.at += 1
            text = self.delimited(end)
            flags = "I" if self.peek() == "I" else ""
            self.at += len(flags)
            return Address(pattern=self.regex(text, flags))
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
            command = Command("")
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

    def command(self, command: Command, blocks: list[int]) -> None:
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
