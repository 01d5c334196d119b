"""Report: a verdict as a learner sees it. Each check, its evidence as a small timeline, hints that open one at a time.

It takes the JSON of a grading (or anything whose `to_json()` gives it), so it needs to know no grader.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import traitlets

from statelab.cluster.problem import Problem
from statelab.notebook.pictures.drawing import document, shortened, still, text
from statelab.notebook.pictures.modules import css, lasting, module
from statelab.notebook.pictures.style import STYLE
from statelab.notebook.pictures.widget import Widget
from statelab.notebook.strings import ENGLISH, say

_AT = re.compile(r"^\s*(\d+(?:\.\d+)?) s\s+(.*)$", re.DOTALL)
_WIDTH = 640
_ROW_H = 20


class Report(Widget):
    """The checks of one task with points, evidence and hints."""

    _esm = module("report")
    _css = css()
    sheet = traitlets.Unicode(STYLE).tag(sync=True)
    text = traitlets.Dict(ENGLISH).tag(sync=True)
    verdict = traitlets.Dict().tag(sync=True)
    status = traitlets.Unicode("").tag(sync=True)

    def __init__(self, verdict: Mapping[str, Any]) -> None:
        super().__init__()
        self.verdict = shown(verdict)

    def _repr_mimebundle_(self, **more: Any) -> Any:
        return lasting(super()._repr_mimebundle_(**more), sentence(self.verdict), svg=static(self.verdict))


def shown(verdict: Mapping[str, Any]) -> dict[str, Any]:
    """What the widget shows of a verdict's JSON. Fields that are missing or of another shape do no harm."""
    checks = [_check(each) for each in _items(verdict.get("checks")) if isinstance(each, Mapping)]
    points, most = _number(verdict.get("score")), _number(verdict.get("max"))
    return {
        "task": str(verdict.get("task", "")),
        "score": say("score", points=_said(points), max=_said(most)),
        "error": str(verdict.get("error") or ""),
        "checks": checks,
    }


def _check(check: Mapping[str, Any]) -> dict[str, Any]:
    points, most = _number(check.get("points")), _number(check.get("max"))
    state = "passed" if points >= most else "partly" if points > 0 else "failed"
    evidence = [str(each) for each in _items(check.get("evidence"))]
    timed = [(float(found[1]), found[2].strip()) for each in evidence if (found := _AT.match(each))]
    line = check.get("line")
    hints = [str(each) for each in _items(check.get("hints"))] if state != "passed" else []
    return {
        "state": state,
        "mark": {"passed": "✓", "partly": "◐", "failed": "✗"}[state],
        "points": f"{_said(points)}/{_said(most)}",
        "title": str(check.get("title") or check.get("id") or ""),
        "message": " ".join(str(check[key]) for key in ("message", "earned") if check.get(key)),
        "line": say("line", line=str(line)) if isinstance(line, int) else "",
        "timeline": {"svg": strip(timed), "label": " ".join(f"{at_s:g} s: {what}." for at_s, what in timed)}
        if timed
        else {},
        "evidence": [each for each in evidence if not _AT.match(each)],
        "hints": [
            {"title": say("hint", number=str(number), count=str(len(hints))), "text": hint}
            for number, hint in enumerate(hints, 1)
        ],
    }


def strip(timed: Sequence[tuple[float, str]]) -> str:
    """Evidence as a small timeline: a dot for each thing at its second, its words beside it."""
    begin_s, end_s = timed[0][0], max(at_s for at_s, _ in timed)
    span_s = max(end_s - begin_s, 0.001)
    rail = 150
    inner = f'<path class="rule" d="M60 8 V{_ROW_H * len(timed) + 4}"/>'
    for row, (at_s, what) in enumerate(timed):
        y = 14 + row * _ROW_H
        x = 66 + (at_s - begin_s) / span_s * (rail - 12)
        inner += text(52, y + 4, say("seconds", seconds=f"{at_s:.1f}"), "tiny quiet end")
        inner += f'<path class="rule" d="M60 {y} H{60 + rail}" opacity=".4"/>'
        inner += f'<circle class="dot" cx="{x:.1f}" cy="{y}" r="4.5"/>'
        inner += text(60 + rail + 12, y + 4, shortened(what, 64), "small")
    return document(_WIDTH, _ROW_H * len(timed) + 10, inner, say("what_happened"))


def sentence(verdict: Mapping[str, Any]) -> str:
    """The verdict as text."""
    lines = [f"{verdict['task']}   {verdict['score']}", *([verdict["error"]] if verdict["error"] else [])]
    for check in verdict["checks"]:
        lines.append(f" {check['mark']} {check['points']}  {check['title']}")
        if check["state"] != "passed" and check["message"]:
            lines.append(f"      {check['message']}")
    return "\n".join(lines)


def static(verdict: Mapping[str, Any]) -> str:
    """The verdict as one picture, for where nothing is live."""
    rows = sentence(verdict).split("\n")[:60]
    body = "".join(
        text(12, 22 + 20 * n, shortened(row, 110), "strong" if n == 0 else "small") for n, row in enumerate(rows)
    )
    return still(760, 20 * len(rows) + 20, body, rows[0])


def _items(value: Any) -> Sequence[Any]:
    return value if isinstance(value, (list, tuple)) else ()


def _number(value: Any) -> float:
    return float(value) if isinstance(value, (int, float)) else 0.0


def _said(value: float) -> str:
    return f"{value:g}"


def report(verdict: Any) -> Report:
    """Show a grading: what `check("…")` gave back, its result, or the JSON of either. Raises Problem for another."""
    result = getattr(verdict, "result", verdict)
    body = result.to_json() if hasattr(result, "to_json") else result
    if not isinstance(body, Mapping):
        raise Problem("report() shows what check() gave back.", 'Write: report(check("ps3.identity"))')
    known = getattr(result, "checks", ())
    if known and known is not body.get("checks") and not isinstance(result, Mapping):
        hints = {each.id: list(getattr(each, "hints", ())) for each in known}
        checks = [{"hints": hints.get(each.get("id"), []), **each} for each in body["checks"]]
        body = {**body, "checks": checks}
    return Report(body)
