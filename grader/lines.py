"""kubectl lines as an answer: a text cut into lines and words; what is a shell's is refused in one sentence.

There is no shell. What a terminal or a habit puts around a line is taken as it is meant: a prompt, `sudo`, a path
before `kubectl`, a `;` or `&&` between two, a quote that goes on over several lines.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice

from grader import shell
from statelab.reader.spelling import nearest

MAX_LINES = 60
MAX_LENGTH = 4_000
_MOST_IN_A_LOOP = 10
_MOST_LOOPS = 3  # one in another
_DASHES = ("—", "–", "−")
_CURLY = re.compile("[‘’“”„«»]")
_CURLY_MEANT = {**dict.fromkeys("‘’", "a straight one, '"), **dict.fromkeys("“”„«»", 'a straight one, "')}
_NO_TEXT = re.compile("[\ud800-\udfff\0]")
_PROMPT = re.compile(
    r"\s*(?:(?:[\w.@~:/-]*[$!%>#]|\d+\.|[-*])\s*)?(?:sudo\s+(?:-\w+\s+)*)?(?=(?:[\w./~-]*/)?(?:kubectl|k)\b)"
)
_PROGRAM = re.compile(r"(?:[\w.~-]*/)*kubectl\Z|k\Z")
_SHELL = re.compile(r"\|\||<<|[|&<>`]|\$\(|\$\{")
_INSTEAD = {"<<": "change what runs with kubectl scale, set image, patch or delete"}


LITERAL = "In a here-document it stays as it is when you begin it with <<'EOF'."


class CommandError(Exception):
    """A line that is not carried out, or fails, and why. `line` counts from 1."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line
        self.message = message


@dataclass(frozen=True, slots=True)
class Part:
    """What is known only when a line runs: a variable, or what another line says."""

    name: str = ""
    line: Line | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One kubectl line: its number in the text, the text, and its words without `kubectl`.

    Where a task allows a shell's habits (grader/shell.py): `stdin` is its here-document, `into` the file or variable
    that gets what it says, and `parts` what the marks in `words` and `stdin` stand for. `if_done`: it stands behind a
    `&&`, and is carried out only if the one before it was and did not fail. `turns`: of a loop whose values only its
    run tells, what is done in each; `into` is its variable then, and `words` are what it goes over.
    """

    number: int
    text: str
    words: tuple[str, ...]
    stdin: str | None = None
    into: str = ""
    parts: tuple[Part, ...] = field(default=(), repr=False)
    if_done: bool = False
    turns: tuple[Line, ...] = field(default=(), repr=False)

    def error(self, message: str) -> CommandError:
        return CommandError(self.number, message)


def parse(text: str, *, shell_too: bool = False) -> tuple[list[Line], list[CommandError]]:
    """The kubectl lines of a text, and what is none; comments and blank lines are skipped, a \\ joins lines.

    `shell_too`: the few habits of a shell that grader/shell.py knows are read as they are meant.
    """
    lines: list[Line] = []
    refused: list[CommandError] = []
    was_refused = False
    for number, said, document, if_done in _cut(text, shell_too):
        if len(lines) + len(refused) >= MAX_LINES:
            refused.append(CommandError(number, f"more than {MAX_LINES} lines: the rest is not carried out"))
            break
        if if_done and was_refused:
            continue
        try:
            line = _shell_line(said, number, document) if shell_too else _line(said, number)
            lines.append(replace(line, if_done=True) if if_done else line)
            was_refused = False
        except CommandError as error:
            if not (was_refused and refused[-1].line == number):  # the pieces of one loop are one mistake
                refused.append(error)
            was_refused = True
    return lines, refused


def names_namespace(lines: Iterable[Line], namespace: str) -> bool:
    """Whether a line says in which namespace it is carried out, and names this one."""
    written = re.compile(rf"\bnamespace:\s*[\"']?{re.escape(namespace)}\b")
    for line in lines:
        if line.turns and names_namespace(line.turns, namespace):
            return True
        if line.stdin and written.search(line.stdin):
            return True
        for number, word in enumerate(line.words):
            if word in (f"-n{namespace}", f"-n={namespace}", f"--namespace={namespace}"):
                return True
            if word in ("-n", "--namespace") and line.words[number + 1 : number + 2] == (namespace,):
                return True
    return False


Cut = tuple[int, str, shell.Document | shell.Loop | None, bool]


def _cut(text: str, shell_too: bool = False, number: int = 1, inside: int = 0) -> Iterator[Cut]:
    """(number, text, document, is_behind_&&) of each command: at the ends of lines, `;` and `&&`, but not inside of
    quotes or $(…) or behind a \\. A here-document belongs to its line. `number`: of the first line; `inside`: of so
    many loops."""
    held, began, quote = "", number, ""
    at, is_comment, if_done, depth = 0, False, False, 0
    text = text.replace("\r\n", "\n")
    while at < len(text):
        if shell_too and text[at] == "f" and not (held.strip() or quote or is_comment):
            loop = shell.loop(text, at) if inside < _MOST_LOOPS else None
            if loop is not None and loop.over:
                begins = number + text.count("\n", at, loop.begins)
                yield number, text[at : loop.ends], replace(loop, number=begins), if_done
            elif loop is not None:
                for where, said, document, behind in _turns(
                    loop, number + text.count("\n", at, loop.begins), inside + 1
                ):
                    yield where, said, document, behind or if_done
                    if_done = False
            if loop is not None:
                number += text.count("\n", at, loop.ends)
                at, if_done = loop.ends, False
                continue
        char, at = text[at], at + 1
        if char == "\n" and not quote:
            if held.rstrip().endswith("\\") and not is_comment:
                held = held.rstrip()[:-1] + " "
                if not text[at:].strip():
                    held += "\\"
            else:
                here = shell.here_document(held)
                document = None
                if here is not None:
                    said, after = here.take(text, at)
                    number, at = number + text.count("\n", at, after), after
                    if shell_too:
                        document, held = shell.Document(said, here.is_literal), here.line
                for piece, behind in shell.parted(held) if document is not None else ((held, False),):
                    if piece.strip():
                        yield began, piece.strip(), document, if_done or behind
                        document, if_done = None, False
                held, is_comment, depth = "", False, 0
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
        elif not depth and (char == ";" or text.startswith("&&", at - 1)) and shell.here_document(held) is None:
            if held.strip():
                yield began, held.strip(), None, if_done
            held, if_done = "", char == "&"
            at += char == "&"
        else:
            depth = max(0, depth + (char == "(") - (char == ")"))
            quote = char if char in "'\"" else ""
            held += char
    if held.strip():
        yield began, held.strip(), None, if_done


def _turns(loop: shell.Loop, number: int, inside: int) -> Iterator[Cut]:
    """The commands of a loop, once for each of its values; each has the number that it has in the text."""
    cut = list(islice(_cut(loop.body, True, number, inside), MAX_LINES + 1))
    for value in loop.values:
        for at, said, document, if_done in cut:
            if isinstance(document, shell.Document) and not document.is_literal:
                document = replace(document, text=shell.bound(document.text, loop.name, value, in_document=True))
            elif isinstance(document, shell.Loop):
                body, over = (shell.bound(each, loop.name, value) for each in (document.body, document.over))
                document = replace(document, body=body, over=over)
            yield at, shell.bound(said, loop.name, value), document, if_done


def _loop_line(text: str, number: int, loop: shell.Loop) -> Line:
    """A loop over what only its run tells."""
    body = islice(_cut(loop.body, True, loop.number, 1), MAX_LINES + 1)
    turns = [replace(_shell_line(said, at, document), if_done=behind) for at, said, document, behind in body]
    if len(turns) > _MOST_IN_A_LOOP or any(each.turns for each in turns):
        raise CommandError(number, "such a loop has a few kubectl lines in it, and no loop")
    shield = shell.shielded(loop.over)
    parts = tuple(_part(each, number) for each in shield.parts)
    return Line(number, text, tuple(shield.text.split()), None, f"${loop.name}", parts, turns=tuple(turns))


def _shell_line(text: str, number: int, document: shell.Document | shell.Loop | None) -> Line:
    """A line that may have a here-document, set a variable or write into a file; or a loop."""
    if isinstance(document, shell.Loop):
        return _loop_line(text, number, document)
    sets = shell.sets_variable(text)
    if sets is not None:
        return _set_line(text, number, *sets)
    bare, into = shell.into_file(text)
    is_cat, bare = shell.is_cat(bare) if document is not None else (False, bare)
    stdin, parts = _document(document, number)
    if is_cat and not bare:
        if not into:
            raise CommandError(number, "cat shows the text, and nobody reads it: write cat <<EOF | kubectl apply -f -")
        return Line(number, text, (), stdin, into, parts)
    shield = shell.shielded(bare)
    line = _line(shield.text, number)
    shifted = tuple(shell.shifted(word, len(parts)) for word in line.words)
    own = tuple(_part(each, number) for each in shield.parts)
    return replace(line, text=text, words=shifted, stdin=stdin, into=into, parts=(*parts, *own))


def _set_line(text: str, number: int, name: str, value: str) -> Line:
    shield = shell.shielded(value)
    try:
        words = shlex.split(shield.text, comments=False, posix=True)
    except ValueError:
        raise CommandError(number, "a quote is opened and never closed; what stands behind it is not read") from None
    if len(words) > 1:
        raise CommandError(number, _no_kubectl(text))
    parts = tuple(_part(each, number) for each in shield.parts)
    return Line(number, text, (), "".join(words), f"${name}", parts)


def _document(document: shell.Document | None, number: int) -> tuple[str | None, tuple[Part, ...]]:
    if document is None or document.is_literal:
        return (document.text if document else None), ()
    shield = shell.shielded(document.text, in_document=True)
    return shield.text, tuple(_part(each, number) for each in shield.parts)


def _part(said: str, number: int) -> Part:
    """A variable's name, or the line in $(…)."""
    if not said.startswith("("):
        return Part(said)
    words = said[1:].split()
    if len(words) < 2 or not _PROGRAM.match(words[0]):
        raise CommandError(number, f"$({said[1:40]}) would be run, and only kubectl lines are. {LITERAL}")
    shield = shell.shielded(said[1:])
    line = _line(shield.text, number)
    return Part(line=replace(line, parts=tuple(_part(each, number) for each in shield.parts)))


def _line(text: str, number: int) -> Line:
    if len(text) > MAX_LENGTH:
        raise CommandError(number, "the line is too long")
    if _NO_TEXT.search(text):
        raise CommandError(number, "the line holds characters that are not text")
    if text.endswith("\\"):
        raise CommandError(number, "the line ends with a \\ and nothing comes after it")
    bare = _PROMPT.sub("", text.strip("`"), count=1)
    try:
        words = shlex.split(bare, comments=False, posix=True)
    except ValueError:
        raise CommandError(number, "a quote is opened and never closed; what stands behind it is not read") from None
    if not words or not _PROGRAM.match(words[0]):
        raise CommandError(number, _no_kubectl(text))
    _refuse_shell(bare, number)
    for word in words:
        if word.startswith(_DASHES):
            raise CommandError(
                number, f"{word[:30]!r} begins with a long dash, as editors and chats make them: type two hyphens"
            )
        curly = _CURLY.search(word)
        if curly:
            raise CommandError(
                number, f"{curly[0]} is a curly quote, as editors and chats make them: type {_CURLY_MEANT[curly[0]]}"
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
        instead = _INSTEAD.get(found[0], "write each kubectl command on a line of its own")
        raise CommandError(number, f"{found[0]} is a shell's, and there is no shell here: {instead}")
