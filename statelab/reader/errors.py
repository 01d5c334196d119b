"""What is wrong with a manifest, and where: told so that the line can be found and mended."""

from __future__ import annotations

from dataclasses import dataclass, field

_WIDEST_LINE = 110


@dataclass(frozen=True, slots=True)
class Place:
    """A piece of one line. Lines and columns count from 1, columns in characters."""

    line: int
    column: int
    length: int = 1


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to say about a manifest: what is wrong, where, and what to do (`advice`, may be empty)."""

    problem: str
    place: Place | None = None
    advice: str = ""
    path: tuple[str | int, ...] = field(default=())

    def shown(self, source: str, text: str = "") -> str:
        """The finding with its line and a caret under the place. `source` names the file, `text` is what it holds."""
        return shown(source, self.problem, self.place, self.advice, text)


class ManifestError(Exception):
    """The text cannot be read as manifests. `str()` shows the place; nothing of the text has been used."""

    def __init__(
        self, problem: str, place: Place | None = None, advice: str = "", *, source: str = "", text: str = ""
    ) -> None:
        self.finding = Finding(problem, place, advice)
        self.source = source
        self.text = text
        super().__init__(problem)

    @property
    def problem(self) -> str:
        return self.finding.problem

    @property
    def place(self) -> Place | None:
        return self.finding.place

    @property
    def advice(self) -> str:
        return self.finding.advice

    def __str__(self) -> str:
        return self.finding.shown(self.source, self.text)


def shown(source: str, problem: str, place: Place | None, advice: str, text: str) -> str:
    """`web.yaml, line 5, column 3: problem`, then the line, then a caret with the advice beside it."""
    where = ", ".join(filter(None, [printable(source), f"line {place.line}, column {place.column}" if place else ""]))
    head = f"{where}: {problem}" if where else problem
    line = _line(text, place.line) if place and text else None
    if place is None or line is None:
        return f"{head}\n    {advice}" if advice else head
    before, piece, after = line[: place.column - 1], line[place.column - 1 :][: place.length], ""
    after = line[len(before) + len(piece) :]
    cut = max(0, len(before) + min(len(piece), 40) - (_WIDEST_LINE - 20))
    start = "…" if cut else ""
    before = start + before[cut:]
    visible = (before + piece + after)[:_WIDEST_LINE]
    number = f"{place.line:>5}"
    carets = "^" * max(1, min(place.length, len(visible) - len(before)))
    under = f"{' ' * len(number)} │ {' ' * len(before)}{carets} {advice}".rstrip()
    return f"{head}\n{number} │ {visible}\n{under}"


def printable(text: str) -> str:
    """The text with each control character (a tab, an escape sequence's ESC) as one visible one."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else ("→" if each == "\t" else "�") for each in text)


def _line(text: str, number: int) -> str | None:
    lines = text.split("\n", number)
    return printable(lines[number - 1].rstrip("\r")) if 0 < number <= len(lines) else None
