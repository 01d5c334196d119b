"""read_manifest(): a file as a lesson shows it: what matters is marked, and a long one is folded around that."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from statelab.cluster import Problem
from statelab.notebook.pictures.drawing import escaped
from statelab.notebook.strings import say

_FOLDED_OVER = 25  # lines
_MOST_TEXT = 200_000
_AROUND = 1  # lines that stay visible before and after one that is marked
_DEEPEST = 30  # letters that a line which goes on is moved in


@dataclass(frozen=True)
class Text:
    """A manifest: its lines, and the numbers of those that are marked (from 0)."""

    name: str
    lines: tuple[str, ...]
    marked: frozenset[int]

    def __repr__(self) -> str:
        gutter = "▸ " if self.marked else ""
        return "\n".join(
            ((gutter if number in self.marked else " " * len(gutter)) + line).rstrip()
            for number, line in enumerate(self.lines)
        )

    def _repr_html_(self) -> str:
        whole = self._shown(range(len(self.lines)))
        if len(self.lines) <= _FOLDED_OVER:
            return whole
        near = {each + by for each in self.marked for by in range(-_AROUND, _AROUND + 1)}
        opened = say("read_whole", name=self.name, count=str(len(self.lines)))
        part = self._shown(sorted(near & set(range(len(self.lines)))))
        return f"{part}<details><summary>{escaped(opened)}</summary>{whole}</details>"

    def _shown(self, numbers: range | list[int]) -> str:
        rows, last = [], -1
        for number in numbers:
            if number != last + 1:
                rows.append(_row("   ⋯", "opacity:.6"))
            line = re.sub(r"(?<=\S) {3,}#", "  #", self.lines[number])  # a page has less room than a file
            rows.append(_row(f"▸  {line}", "font-weight:bold") if number in self.marked else _row(f"   {line}"))
            last = number
        if numbers and last < len(self.lines) - 1:
            rows.append(_row("   ⋯", "opacity:.6"))
        return f"<pre style='line-height:1.35'>{''.join(rows)}</pre>"


def _row(line: str, style: str = "") -> str:
    """A line that goes on, where the page is narrow, further in than it began: nothing of it is cut."""
    hang = min(_DEEPEST, len(line) - len(line[1:].lstrip()) + 3)
    wrap = f"display:block;white-space:pre-wrap;word-break:normal;padding-left:{hang}ch;text-indent:-{hang}ch"
    return f"<span style='{wrap};{style}'>{escaped(line)}</span>"


def read_manifest(path: str, *mark: str) -> Text:
    """The manifest in a file, to be read. Lines in which one of `mark` stands are what matters: they are marked, and of
    a manifest of more than 25 lines only they are seen until it is opened.

    Raises Problem for a file that is not there, and for a mark that stands nowhere in it.
    """
    try:
        lines = tuple(Path(path).read_text(encoding="utf-8")[:_MOST_TEXT].splitlines())
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise Problem(f"{path[:80]} cannot be read: {reason}.", "The lessons' manifests are in manifests/.") from None
    for each in mark:
        if not any(each in line for line in lines):
            raise Problem(f'"{each[:80]}" stands nowhere in {path[:80]}.')
    marked = frozenset(number for number, line in enumerate(lines) if any(each in line for each in mark))
    return Text(Path(path).name, lines, marked)
