"""sed: addresses, s y d p q a i c n N D P g G h H x b t = and blocks. Source: POSIX XCU sed, with GNU's -i and -E."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from statelab.controlplane.runtime.shell.proc import Proc, decode, encode
from statelab.controlplane.runtime.shell.streams import Steps
from statelab.controlplane.runtime.shell.tools.common import Lines, Options, full
from statelab.controlplane.runtime.shell.tools.sed_script import Address, Command, Script

_MOST_STEPS = 10_000  # commands for one line
_LONGEST = 1_000_000


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
    def __init__(self, proc: Proc, commands: list[Command], quiet: bool, lines: Lines) -> None:
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

    def simple(self, command: Command) -> Steps[None]:
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

    def substitute(self, command: Command) -> Steps[bool]:
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

    def selected(self, command: Command) -> bool:
        return self.in_range(command) != command.negated

    def in_range(self, command: Command) -> bool:
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

    def matches(self, address: Address) -> bool:
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
        parsed = Script("\n".join(texts), bool(options.flags & {"E", "r"}))
        parsed.read()
        running = _Run(proc, parsed.commands, "n" in options, Lines(proc, "sed", paths))
        running.made = [] if in_place else None
        ended = yield from running.whole()
        code = code or ended
        if in_place and not running.lines.code:
            proc.files.write(full(proc, paths[0]), encode("".join(running.made or [])))
    return code


TOOLS: Mapping[str, Callable[[Proc, list[str]], Steps[int]]] = {"sed": _sed}
