"""Text as Go writes it: quoted strings, durations as ages, tables whose columns stand under each other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

_ESCAPES = {"\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v"}


def quote(text: str) -> str:
    """As strconv.Quote."""
    out = []
    for char in text:
        if char in '"\\':
            out.append("\\" + char)
        elif char in _ESCAPES:
            out.append(_ESCAPES[char])
        elif char.isprintable():
            out.append(char)
        elif ord(char) < 0x80:
            out.append(f"\\x{ord(char):02x}")
        else:
            out.append(f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}")
    return '"' + "".join(out) + '"'


def human_duration(seconds: float) -> str:
    """An age as kubectl prints it. Source: apimachinery/pkg/util/duration HumanDuration."""
    whole = int(seconds)
    if whole < -1:
        return "<invalid>"
    if whole < 0:
        return "0s"
    if whole < 60 * 2:
        return f"{whole}s"
    minutes = whole // 60
    if minutes < 10:
        rest = whole % 60
        return f"{minutes}m{rest}s" if rest else f"{minutes}m"
    if minutes < 60 * 3:
        return f"{minutes}m"
    hours = whole // 3600
    if hours < 8:
        rest = whole // 60 % 60
        return f"{hours}h{rest}m" if rest else f"{hours}h"
    if hours < 48:
        return f"{hours}h"
    if hours < 24 * 8:
        rest = hours % 24
        return f"{hours // 24}d{rest}h" if rest else f"{hours // 24}d"
    if hours < 24 * 365 * 2:
        return f"{hours // 24}d"
    years = hours // 24 // 365
    if hours < 24 * 365 * 8:
        days = hours // 24 % 365
        return f"{years}y{days}d" if days else f"{years}y"
    return f"{years}y"


def aligned(lines: Iterable[str], *, min_width: int = 6, padding: int = 3, widths: dict[int, int] | None = None) -> str:
    """Lines whose cells end in tabs, with columns of one width: text/tabwriter.

    A column goes on over neighbouring lines that have it. `widths` remembers what earlier calls needed.
    """
    rows = [line.split("\t") for line in lines]
    out: list[str] = []
    _format(rows, out, [], 0, len(rows), min_width, padding, widths)
    return "".join(out)


def _format(
    rows: Sequence[list[str]],
    out: list[str],
    fixed: list[int],
    start: int,
    stop: int,
    min_width: int,
    padding: int,
    widths: dict[int, int] | None,
) -> None:
    column = len(fixed)
    at = start
    line = start
    while line < stop:
        if column >= len(rows[line]) - 1:
            line += 1
            continue
        _write(rows, out, fixed, at, line, padding)
        block = line
        width = max(min_width, (widths or {}).get(column, 0))
        while line < stop and column < len(rows[line]) - 1:
            width = max(width, len(rows[line][column]) + padding)
            line += 1
        if widths is not None:
            widths[column] = width
        _format(rows, out, [*fixed, width], block, line, min_width, padding, widths)
        at = line
    _write(rows, out, fixed, at, stop, padding)


def _write(rows: Sequence[list[str]], out: list[str], fixed: list[int], start: int, stop: int, padding: int) -> None:
    for row in rows[start:stop]:
        for number, cell in enumerate(row):
            out.append(cell)
            if number < len(fixed) and number < len(row) - 1:
                out.append(" " * (fixed[number] - len(cell)))
        out.append("\n")


def table(header: Sequence[str] | None, rows: Iterable[Sequence[str]]) -> str:
    """Rows below a header, as kubectl's tables are printed."""
    return aligned(["\t".join(each) for each in ([header] if header else [])] + ["\t".join(row) for row in rows])
