"""What every picture is made of: pieces of SVG with a key, and words in them, escaped once, here."""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass
from html import escape

from statelab.notebook.pictures.style import Theme, dark, sheet

# What XML cannot hold even when escaped; a label with one of these would make the whole picture unreadable.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def escaped(words: str) -> str:
    """Words as they can stand in SVG, in text and in attributes."""
    return escape(_NOT_XML.sub("\ufffd", words))


def text(x: float, y: float, words: str, classes: str = "") -> str:
    named = f' class="{classes}"' if classes else ""
    return f'<text x="{x:g}" y="{y:g}"{named}>{escaped(words)}</text>'


def shortened(words: str, characters: int) -> str:
    return words if len(words) <= characters else words[: characters - 1] + "…"


def elided(name: str, characters: int) -> str:
    """The end of a long name tells objects apart, so its middle is left out."""
    if len(name) <= characters:
        return name
    end = (characters - 1) * 3 // 5
    return f"{name[: characters - 1 - end]}…{name[-end:]}"


def wrapped(words: str, characters: int) -> list[str]:
    """Lines of so many characters; what is longer than two is cut off at the end of the second."""
    return textwrap.wrap(words, max(8, characters), max_lines=2, placeholder="…") or [""]


@dataclass(frozen=True)
class Piece:
    """A group at (x, y) with its SVG. One with a `label` can be focused and selected; `label` is its name."""

    x: float
    y: float
    inner: str
    classes: str = ""
    label: str = ""

    def svg(self, key: str) -> str:
        named = f' role="img" aria-label="{escaped(self.label)}"' if self.label else ""
        return (
            f'<g data-key="{escaped(key)}" class="{self.classes}"{named} '
            f'transform="translate({self.x:g} {self.y:g})">{self.inner}</g>'
        )


@dataclass(frozen=True)
class Picture:
    """`pieces` in drawing order, by key; `sentence` says what is to be seen to someone who does not see it."""

    width: int
    height: int
    pieces: dict[str, Piece]
    sentence: str

    def svg(self, *, theme: Theme = "light") -> str:
        """The whole picture as one SVG document, for where nothing is live."""
        return document(self.width, self.height, self._body(), self.sentence, theme)

    def still(self) -> str:
        """The same as it stays in a cell: light, and dark where our JupyterLab extension says so."""
        return still(self.width, self.height, self._body(), self.sentence)

    def _body(self) -> str:
        return "".join(piece.svg(key) for key, piece in self.pieces.items())


def document(width: int, height: int, body: str, sentence: str, theme: Theme = "light", css: str = "") -> str:
    """An SVG document around `body`, which is SVG already; `css` comes after the style sheet."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="sl{" dark" if theme == "dark" else ""}" role="img" '
        f'viewBox="0 0 {width} {height}" width="{width}" height="{height}" style="max-width:100%;height:auto">'
        f"<title>{escaped(sentence)}</title><style>{sheet(theme)}{css}</style>"
        f'<rect class="paper" width="{width}" height="{height}"/>{body}</svg>'
    )


def still(width: int, height: int, body: str, sentence: str) -> str:
    """A document that can be shown in either theme: light at first."""
    return document(width, height, body, sentence, css="\n" + dark())
