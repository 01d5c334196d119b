"""A Result as HTML, for a notebook's output and for nbgrader's feedback. Everything is escaped; there is no script."""

from __future__ import annotations

from html import escape

from grader.result import CheckResult, Result, mark, number, says_where, told_once
from statelab.reader.errors import printable

_COLOURS = {"✓": "#1a7f37", "◐": "#9a6700", "✗": "#cf222e"}
_PRE = "margin:4px 0;white-space:pre-wrap;word-break:normal;overflow-wrap:anywhere;font-size:90%"
_SUMMARY = "display:list-item;cursor:pointer"  # formgrader's style takes the triangle away
_CELL = "padding:3px 10px 3px 0;vertical-align:top;text-align:left;background:none"


def as_html(result: Result, note: str = "", more: tuple[str, str] | None = None) -> str:
    """One table: a row for each check, what was seen below those that failed, hints to unfold.

    `more`: a heading and a text to unfold below it.
    """
    head = (
        f'<div class="statelab-feedback" style="max-width:60em;line-height:1.45">'
        f"<p><strong>{_text(result.task)}</strong> &nbsp; {number(result.score)} / {number(result.max)}</p>"
    )
    if result.problem is not None:
        return f"{head}{_lines([result.problem])}<p>Nothing could be graded.</p></div>"
    heading, checks = told_once(result)
    if heading:
        head += f"<p>{_text(heading[0])}</p>" + (_lines(heading[1:]) if heading[1:] else "")
    rows = "".join(_row(each) for each in checks)
    advice = _lines(result.advice) if result.advice else ""
    step = "" if result.is_full else f"<p><strong>{_text(result.next_step)}</strong></p>"
    hints = "" if result.is_full else _hints(result)
    tail = f"<p>{_text(note)}</p>" if note else ""
    if more is not None:
        tail += f'<details><summary style="{_SUMMARY}">{_text(more[0])}</summary>{_lines([more[1]])}</details>'
    return f'{head}<table style="border-collapse:collapse">{rows}</table>{advice}{step}{hints}{tail}</div>'


def _row(check: CheckResult) -> str:
    sign = mark(check)
    beside = f" &nbsp;<em>({_text(check.message)})</em>" if check.passed and check.message else ""
    row = (
        f'<tr style="background:none"><td style="{_CELL};color:{_COLOURS[sign]}">{sign}</td>'
        f'<td style="{_CELL};white-space:nowrap">{number(check.points)}/{number(check.max)}</td>'
        f'<td style="{_CELL}">{_text(check.title)}{beside}'
    )
    if not check.passed and check.message:
        where = f" (line {check.line})" if says_where(check) else ""
        row += f"<br>{_text(check.message)}{where}"
        if check.evidence:
            row += _lines(check.evidence)
    if check.earned:
        row += f"<br>{_text(check.earned)}"
    return row + "</td></tr>"


def _hints(result: Result) -> str:
    failed = result.first_failed
    if failed is None or not failed.hints:
        return ""
    shown = ""
    for index, hint in reversed(list(enumerate(failed.hints, 1))):
        head = f'<details><summary style="{_SUMMARY}">Hint {index} of {len(failed.hints)}</summary>'
        shown = f"{head}{_text(hint)}{shown}</details>"
    return shown


def _lines(lines: tuple[str, ...] | list[str]) -> str:
    text = "\n".join("\n".join(printable(each) for each in line.split("\n")) for line in lines)
    return f'<pre style="{_PRE}">{escape(text)}</pre>'


def _text(text: str) -> str:
    return escape(printable(text))
