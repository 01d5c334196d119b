"""A notebook's feedback as one page of HTML: what the learner wrote, what was seen, what each cell got. All escaped."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from html import escape
from typing import Any

import mistune

from grader.nbgrader.cells import Notebook, grade_id
from grader.result import number
from statelab.reader.errors import printable

STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:60em;margin:2em auto;padding:0 1em;color:#1f2328;background:#fff}
pre{background:#f6f8fa;padding:8px 12px;border-radius:6px;overflow:auto;font-size:13px}
code{background:#f6f8fa;padding:1px 4px;border-radius:4px}pre code{padding:0}
.graded{border:1px solid #d1d9e0;border-radius:8px;padding:4px 14px;margin:14px 0}
.graded h3{display:flex;justify-content:space-between;font-size:15px;margin:8px 0}
.answer{border-left:3px solid #0969da;padding-left:12px}.none{color:#59636e}
table{border-collapse:collapse}td,th{padding:3px 8px}a{color:#0969da}
@media (prefers-color-scheme:dark){body{background:#0d1117;color:#e6edf3}pre,code{background:#161b22}
.graded{border-color:#30363d}a{color:#4493f8}}
"""


def feedback_page(
    notebook: Notebook, title: str, scores: Mapping[str, float | None], problem: str | None = None
) -> str:
    """`scores`: by graded cell; None where a person has yet to grade."""
    metadata = [cell["metadata"].get("nbgrader", {}) for cell in notebook["cells"]]
    points = {each["grade_id"]: each["points"] for each in metadata if "points" in each}
    score = sum(each or 0.0 for each in scores.values())
    body = [f"<h1>{escape(title)}</h1>", f"<p><strong>{number(score)} / {number(sum(points.values()))}</strong></p>"]
    if problem:
        body.append(f"<p><strong>Your notebook could not be graded: {escape(printable(problem))}.</strong></p>")
    listed = [
        f'<li><a href="#{escape(name)}">{escape(name)}</a> {_points(scores.get(name), most)}</li>'
        for name, most in points.items()
    ]
    body.append(f"<ul>{''.join(listed)}</ul>")
    body += [_cell(each, scores) for each in notebook["cells"]]
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{escape(title)}</title>'
    return (
        f"<!DOCTYPE html><html lang=en><head>{head}<style>{STYLE}</style></head><body>{''.join(body)}</body></html>\n"
    )


def _points(score: float | None, most: float) -> str:
    return f"{'to be graded by hand' if score is None else number(score)} / {number(most)}"


def _cell(cell: dict[str, Any], scores: Mapping[str, float | None]) -> str:
    nbgrader = cell["metadata"].get("nbgrader", {})
    source = _markdown(cell["source"]) if cell["cell_type"] == "markdown" else _code(cell["source"])
    name = grade_id(cell) or ""
    if nbgrader.get("grade"):
        outputs = "".join(each.get("data", {}).get("text/html", "") for each in cell.get("outputs", ()))
        head = f"<span>{escape(name)}</span><span>{_points(scores.get(name), nbgrader['points'])}</span>"
        own = source if nbgrader.get("solution") else ""
        return f'<div class="graded" id="{escape(name)}"><h3>{head}</h3>{own}{outputs}</div>'
    if nbgrader.get("solution"):
        return f'<div class="answer">{source}</div>'
    return source if source.strip() else ""


def _code(source: str) -> str:
    text = "\n".join(printable(line.rstrip("\r")) for line in source.replace("\t", "    ").split("\n"))
    return f"<pre>{escape(text)}</pre>" if source.strip() else '<p class="none">(nothing)</p>'


@lru_cache(maxsize=512)
def _markdown(source: str) -> str:
    """Markdown with HTML shown as text, and links to http, https and mailto only."""
    render = mistune.create_markdown(escape=True, plugins=["table", "strikethrough"])
    return str(render(source[:200_000]))
