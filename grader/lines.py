"""kubectl lines as an answer: a text cut into lines and words; what is a shell's is refused in one sentence.

There is no shell. What a terminal or a habit puts around a line is taken as it is meant: a prompt, `sudo`, a path
before `kubectl`, a `;` at its end, a quote that goes on over several lines.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from statelab.reader.spelling import nearest

MAX_LINES = 60
MAX_LENGTH = 4_000
_PROMPT = re.compile(
    r"\s*(?:(?:[\w.@~:/-]*[$!%>#]|\d+\.|[-*])\s*)?(?:sudo\s+(?:-\w+\s+)*)?(?=(?:[\w./~-]*/)?(?:kubectl|k)\b)"
)
_PROGRAM = re.compile(r"(?:[\w.~-]*/)*kubectl\Z|k\Z")
_SHELL = re.compile(r"&&|\|\||[|;&<>`]|\$\(|\$\{")


class CommandError(Exception):
    """A line that is not carried out, or fails, and why. `line` counts from 1."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line
        self.message = message


@dataclass(frozen=True, slots=True)
class Line:
    """One kubectl line: its number in the text, the text, and its words without `kubectl`."""

    number: int
    text: str
    words: tuple[str, ...]

    def error(self, message: str) -> CommandError:
        return CommandError(self.number, message)


def parse(text: str) -> tuple[list[Line], list[CommandError]]:
    """The kubectl lines of a text, and what is none; comments and blank lines are skipped, a \\ joins lines."""
    lines: list[Line] = []
    refused: list[CommandError] = []
    for number, said in _cut(text):
        if len(lines) + len(refused) >= MAX_LINES:
            refused.append(CommandError(number, f"more than {MAX_LINES} lines: the rest is not carried out"))
            break
        try:
            lines.append(_line(said, number))
        except CommandError as error:
            refused.append(error)
    return lines, refused


def names_namespace(lines: Iterable[Line], namespace: str) -> bool:
    """Whether a line says in which namespace it is carried out, and names this one."""
    for line in lines:
        for number, word in enumerate(line.words):
            if word in (f"-n{namespace}", f"-n={namespace}", f"--namespace={namespace}"):
                return True
            if word in ("-n", "--namespace") and line.words[number + 1 : number + 2] == (namespace,):
                return True
    return False


def _cut(text: str) -> Iterator[tuple[int, str]]:
    """(number, text) of each command: at the ends of lines, but not inside of quotes or behind a \\."""
    held, began, quote, number = "", 1, "", 1
    at, is_comment = 0, False
    text = text.replace("\r\n", "\n")
    while at < len(text):
        char, at = text[at], at + 1
        if char == "\n" and not quote:
            if held.rstrip().endswith("\\") and not is_comment:
                held = held.rstrip()[:-1] + " "
                if not text[at:].strip():
                    held += "\\"
            else:
                yield from _whole(began, held)
                held, is_comment = "", False
            number += 1
            continue
        number += char == "\n"
        if is_comment:
            continue
        if not held.strip():
            began = number
        if quote:
            held += char
            if char == "\\" and quote == '"' and at < len(text):
                held, at = held + text[at], at + 1
            elif char == quote:
                quote = ""
        elif char == "#" and (not held or held[-1].isspace()):
            is_comment = True
        else:
            quote = char if char in "'\"" else ""
            held += char
    yield from _whole(began, held)


def _whole(number: int, text: str) -> Iterator[tuple[int, str]]:
    if text.strip():
        yield number, text.strip()


def _line(text: str, number: int) -> Line:
    if len(text) > MAX_LENGTH:
        raise CommandError(number, "the line is too long")
    if text.endswith("\\"):
        raise CommandError(number, "the line ends with a \\ and nothing comes after it")
    bare = _PROMPT.sub("", text.strip("`"), count=1).rstrip("; ")
    try:
        words = shlex.split(bare, comments=False, posix=True)
    except ValueError:
        raise CommandError(number, "a quote is opened and never closed; what stands behind it is not read") from None
    if not words or not _PROGRAM.match(words[0]):
        raise CommandError(number, _no_kubectl(text))
    _refuse_shell(bare, number)
    for word in words:
        if word.startswith(("—", "–")):
            raise CommandError(
                number, f"{word[:30]!r} begins with a long dash, as editors and chats make them: type two hyphens"
            )
    if len(words) == 1:
        raise CommandError(number, "kubectl by itself does nothing")
    return Line(number, text, tuple(words[1:]))


def _no_kubectl(text: str) -> str:
    first = text.split()[0][:30]
    said = f"only kubectl lines are carried out, and this one begins with {first!r}"
    if nearest(first, ["kubectl"]):
        return f"{said}. Did you mean kubectl?"
    if first == "sleep":
        return f"{said}. Wait for what you need: kubectl rollout status, or kubectl wait"
    return f"{said}. Leave it away, or put a # before it"


def _refuse_shell(text: str, number: int) -> None:
    """Outside of quotes these are a shell's business, and $( in double quotes too; there is no shell here."""
    outside = re.sub(r"'[^']*'", "q", text)
    outside = re.sub(r'"(?:\\.|[^"\\])*"', lambda found: "$(" if "$(" in found[0] or "`" in found[0] else "q", outside)
    found = _SHELL.search(outside)
    if found:
        raise CommandError(
            number,
            f"{found[0]} is a shell's, and there is no shell here: write each kubectl command on a line of its own",
        )
