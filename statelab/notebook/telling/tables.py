"""kubectl's tables as tables: a window of 1280 pixels with the stage in it has 74 letters for a line, and
`get pods -o wide` has a hundred. As a table its heads and its long cells go on in the next line; nothing is cut off.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from html import escape

from statelab.notebook.telling.plain import scrolled

# kubectl's columns stand three blanks apart; a head of two words has one between them.
_HEAD = re.compile(r"[A-Z][^a-z\s]*(?: [^a-z\s]+)*(?:\s{2,}[A-Z][^a-z\s]*(?: [^a-z\s]+)*)+\s*")
_FEWEST_COLUMNS = 3
_LONG_HEAD = 14  # VOLUMEATTRIBUTESCLASS
_WIDEST_PART = 22
_BREAKS = re.compile(r"[/,=]")
_PARTS = re.compile(r"(?<=[-/,=\s])")
_GAP = 1.2  # letters between two columns, as in course.css
_LONG = 16  # letters: what is longer may be broken, which 10.244.1.2, web-0 and kind-worker2 are not


def shown(text: str) -> str:
    """What kubectl has printed, as HTML: its tables as tables, all else as text that can be scrolled sideways."""
    return "".join(_table(lines) if _is_table(lines) else scrolled("\n".join(lines)) for lines in _blocks(text))


def _blocks(text: str) -> Iterator[list[str]]:
    """Of several kinds kubectl prints several tables, with an empty line between them."""
    block: list[str] = []
    for line in text.rstrip("\n").split("\n"):
        if not line.strip() and _is_table(block):
            yield block
            block = []
        else:
            block.append(line)
    if block:
        yield block


def _is_table(lines: Sequence[str]) -> bool:
    if not lines or not _HEAD.fullmatch(lines[0]):
        return False
    starts = _starts(lines[0])
    return len(starts) >= _FEWEST_COLUMNS and not any(line[at - 1 : at].strip() for line in lines for at in starts[1:])


def _starts(head: str) -> list[int]:
    return [each.start() for each in re.finditer(r"(?:^|(?<=\s\s))\S", head)]


def _table(lines: Sequence[str]) -> str:
    starts = _starts(lines[0])
    bounds = list(zip(starts, [*starts[1:], None], strict=True))
    head, *rows = ([line[begin:end].strip() for begin, end in bounds] for line in lines)
    widths = [_least(name, _LONG_HEAD) for name in head]
    for row in rows:
        widths = [max(width, _least(each, _LONG)) for width, each in zip(widths, row, strict=True)]
    heads = "".join(f'<th scope="col"{_broken(each, _LONG_HEAD)}>{escape(each)}</th>' for each in head)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    letters = sum(widths) + round(_GAP * len(head)) + 2
    return (
        f'<table class="sl-kubectl" style="--sl-letters:{letters}">'
        f"<thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>"
    )


def _cell(value: str) -> str:
    said = _BREAKS.sub(lambda found: f"{found[0]}<wbr>", escape(value))
    return f"<td{_broken(value, _LONG)}>{said}</td>"


def _broken(value: str, longest: int) -> str:
    """What is long may be broken: between the parts it falls into by itself, and in those only if they are long too."""
    return f' class="sl-long" style="min-width:{_least(value, longest)}ch"' if len(value) > longest else ""


def _least(value: str, longest: int) -> int:
    """How many letters a value needs in a line."""
    if len(value) <= longest:
        return max(map(len, value.split(" "))) if longest == _LONG_HEAD else len(value)
    return min(max(map(len, _PARTS.split(value))), _WIDEST_PART)
