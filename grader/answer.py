"""What a learner wrote, as text: out of a cell or out of files. It is read, never run."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from statelab.manifest import Item, Manifest, ManifestError, read, read_file
from statelab.reader import MAX_BYTES

_FENCE = re.compile(r"(```|~~~)[\w-]*\s*\Z")
# Outside of a manifest: a sentence, as people and chats write them, or a shell's line. No key of an object looks so.
_PROSE = re.compile(r"[A-Z][\w'’-]*,?( [\w'’`\"(),.:;!?*-]+){2,}\s*|(kubectl|cat|sudo|echo) .*|EOF\s*")
# What web pages have in place of a blank, and nobody can see.
_NO_BREAK = re.compile("[\u00a0\u2007\u202f]")
# What stands outside of fences and is no sentence: a key with a value, a shell's line, a mark of YAML's or of JSON's.
_NO_SENTENCE = re.compile(r"\s*(?:[-*|]\s*)?(?:[\w./-]+\s*[:=](?:\s*\S|\s*\Z)|kubectl\b|---|[\[{}\]])")
_STUBS = {"raise NotImplementedError()", "YOUR ANSWER HERE"}
CELL = "your answer"


def without_magic(text: str) -> str:
    """A cell's text with its `%%` line, Markdown fences and nbgrader's stub made comments: lines keep their numbers.

    So are the sentences around what stands between fences, where nothing else stands there. Non-breaking spaces become
    blanks.
    """
    lines = _NO_BREAK.sub(" ", text.replace("\r\n", "\n")).split("\n")
    first = True
    around = _around_fences(lines)
    for index, line in enumerate(lines):
        stripped = line.strip()
        is_magic = first and stripped.startswith("%%")
        if is_magic or stripped in _STUBS or _FENCE.match(stripped) or index in around:
            lines[index] = "# " + line
        first = first and (not stripped or stripped.startswith(("#", "%%")))
    return "\n".join(lines)


def _around_fences(lines: list[str]) -> set[int]:
    """By index, the sentences outside of fences that are opened and closed; none where something else stands there."""
    marks = [index for index, line in enumerate(lines) if _FENCE.match(line.strip())]
    if not marks or len(marks) % 2:
        return set()
    within = {index for first, last in zip(marks[::2], marks[1::2], strict=True) for index in range(first, last + 1)}
    outside = {
        index
        for index, line in enumerate(lines)
        if index not in within and line.strip() and not line.lstrip().startswith(("#", "%%"))
    }
    return set() if any(_NO_SENTENCE.match(lines[each]) for each in outside) else outside


def meaning(text: str) -> list[str]:
    """The lines that say something: to tell whether anything has been written."""
    lines = (line.rstrip() for line in without_magic(text).split("\n"))
    return [line for line in lines if line.strip() and not line.lstrip().startswith("#")]


def prose(text: str) -> tuple[int, str] | None:
    """The first line that is for people or for a shell and not for a cluster, by number; None where there is none."""
    lines = enumerate(without_magic(text).split("\n"), 1)
    return next(((number, line.strip()) for number, line in lines if _PROSE.fullmatch(line)), None)


def is_empty(text: str) -> bool:
    """Nothing but blank lines, comments and the stub of the release."""
    return not meaning(text)


@dataclass(frozen=True)
class Answer:
    """The learner's text, in one part or (from the shell) in several files; `sources` names each part."""

    texts: tuple[str, ...]
    sources: tuple[str, ...] = (CELL,)
    no_break: tuple[str, int] | None = None  # where the first non-breaking space was: source and line

    @classmethod
    def of_cell(cls, text: str) -> Answer:
        return cls((without_magic(text) if len(text) <= MAX_BYTES else text,), no_break=_no_break((text,), (CELL,)))

    @classmethod
    def of_files(cls, paths: Sequence[Path]) -> Answer:
        """Raises ManifestError for a file that is missing, too long or no text."""
        texts, sources = [_text(path) for path in paths], tuple(str(path) for path in paths)
        return cls(tuple(without_magic(text) for text in texts), sources, _no_break(texts, sources))

    @property
    def text(self) -> str:
        return "\n".join(self.texts)

    @property
    def is_empty(self) -> bool:
        return all(is_empty(text) for text in self.texts)

    @cached_property
    def manifests(self) -> tuple[Manifest, ...]:
        """Raises ManifestError where a part cannot be read."""
        pairs = list(zip(self.texts, self.sources, strict=True))
        filled = [(text, source) for text, source in pairs if len(pairs) == 1 or not is_empty(text)]
        return tuple(read(text, source) for text, source in filled)

    @cached_property
    def items(self) -> tuple[Item, ...]:
        """The objects, in order. Raises ManifestError."""
        return tuple(item for manifest in self.manifests for item in manifest.items)


def _no_break(texts: Sequence[str], sources: Sequence[str]) -> tuple[str, int] | None:
    for text, source in zip(texts, sources, strict=True):
        found = _NO_BREAK.search(text, 0, MAX_BYTES)
        if found:
            return source, text.count("\n", 0, found.start()) + 1
    return None


def _text(path: Path) -> str:
    if str(path) == "-":
        return read(sys.stdin.buffer.read(MAX_BYTES + 1), "-").text
    try:
        return read_file(path).text
    except ManifestError as error:
        if error.text:  # text, if not YAML: the trial says more about it
            return error.text
        raise
