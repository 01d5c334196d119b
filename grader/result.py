"""What a task's grading says: as JSON for programs, as text for a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from statelab.reader.errors import printable


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One check's verdict in points. `detail` is for the instructor only: what a hidden check really saw.

    `earned`: what the points are for that are given, where the message tells only of the others.
    """

    id: str
    title: str
    points: float
    max: float
    message: str
    evidence: tuple[str, ...] = ()
    line: int | None = None
    hints: tuple[str, ...] = ()
    is_hidden: bool = False
    detail: str = ""
    broke: bool = False
    graded: bool = True  # False: this place cannot, and the points are neither given nor taken
    earned: str = ""

    @property
    def passed(self) -> bool:
        return self.graded and self.points >= self.max

    def to_json(self) -> dict[str, Any]:
        body: dict[str, Any] = {
            "id": self.id,
            "title": self.title,
            "points": number(self.points),
            "max": number(self.max),
            "passed": self.passed,
            "message": self.message,
            "evidence": list(self.evidence),
            "line": self.line,
        }
        if self.earned:
            body["earned"] = self.earned
        return body if self.graded else {**body, "graded": False}


@dataclass(frozen=True, slots=True)
class Result:
    """A task's grading. `problem`: why the answer could not be graded at all (then every check has 0 points)."""

    task: str
    checks: tuple[CheckResult, ...]
    problem: str | None = None
    advice: tuple[str, ...] = ()
    source: str = ""

    @property
    def score(self) -> float:
        return round(sum(each.points for each in self.checks), 2)

    @property
    def max(self) -> float:
        """What can be reached here: checks that are not graded do not count."""
        return round(sum(each.max for each in self.checks if each.graded), 2)

    @property
    def not_graded(self) -> float:
        """The points of checks that this place cannot grade."""
        return round(sum(each.max for each in self.checks if not each.graded), 2)

    @property
    def is_full(self) -> bool:
        return self.problem is None and self.score >= self.max

    @property
    def first_failed(self) -> CheckResult | None:
        return next((each for each in self.checks if each.graded and not each.passed), None)

    def to_json(self) -> dict[str, Any]:
        body: dict[str, Any] = {
            "task": self.task,
            "score": number(self.score),
            "max": number(self.max),
            "checks": [each.to_json() for each in self.checks],
        }
        if self.not_graded:
            body["notGraded"] = number(self.not_graded)
        if self.problem is not None:
            body["error"] = self.problem
        return body

    @property
    def next_step(self) -> str:
        """The one thing to do now."""
        failed = self.first_failed
        if failed is None:
            return ""
        where = f"look at line {failed.line}" if failed.line else "look again at: " + failed.title
        return f"Next: {where}, and try again."


def number(value: float) -> float | int:
    """14.0 as 14: points are whole numbers nearly always."""
    return int(value) if float(value).is_integer() else round(value, 2)


def mark(check: CheckResult) -> str:
    return "–" if not check.graded else "✓" if check.passed else "◐" if check.points > 0 else "✗"


REFUSED = "The API server refused it:"
AS_ABOVE = "First see to what else is said of this answer."


def told_once(result: Result) -> tuple[tuple[str, ...], tuple[CheckResult, ...]]:
    """What several checks would say in the same words, said once: above all of them, where none could be tried.

    The heading's lines, and the checks as they are shown below it.
    """
    failed = [each for each in result.checks if _says_why(each)]
    counts = Counter((each.message, each.line) for each in failed)
    heading: list[str] = []
    told: set[tuple[str, int | None]] = set()
    checks: list[CheckResult] = []
    for each in result.checks:
        key = (each.message, each.line)
        if not _says_why(each) or counts[key] == 1:
            checks.append(each)
            continue
        for_all = each.message.startswith(REFUSED) or counts[key] == len(failed)
        if for_all and key not in told:
            heading += [" ".join([each.message, *_where(each)]), *each.evidence]
        again = "" if for_all else AS_ABOVE
        checks.append(replace(each, message=again, evidence=(), line=None) if for_all or key in told else each)
        told.add(key)
    return tuple(heading), tuple(checks)


def _says_why(check: CheckResult) -> bool:
    return check.graded and not check.passed and not check.is_hidden and bool(check.message)


def _where(check: CheckResult) -> list[str]:
    return [f"(line {check.line})"] if says_where(check) else []


def says_where(check: CheckResult) -> bool:
    """Whether the line has to be said beside the message; some messages name it themselves."""
    return check.line is not None and f"line {check.line}" not in check.message


def as_text(result: Result, width: int = 110) -> str:
    """The feedback as a learner reads it on a terminal."""
    lines = [f"{result.task}   {number(result.score)} / {number(result.max)}"]
    if result.problem is not None:
        lines += ["", *_indented([result.problem], 1, width), "", " Nothing could be graded."]
        return "\n".join(lines)
    heading, checks = told_once(result)
    lines += [*_indented(heading, 1, width), ""] if heading else []
    points = max((len(f"{number(each.points)}/{number(each.max)}") for each in checks), default=0)
    for each in checks:
        share = f"{number(each.points) if each.graded else '–'}/{number(each.max)}"
        beside = f"     ({each.message})" if each.passed and each.message else ""
        lines.append(f" {mark(each)}  {share:<{points}}  {printable(each.title)}{printable(beside)}"[: width + 40])
        if not each.passed and each.message:
            lines += _indented([" ".join([each.message, *_where(each)]), *each.evidence], 10, width)
        lines += _indented([each.earned] if each.earned else [], 10, width)
    if result.not_graded:
        lines += ["", f" {number(result.not_graded)} points are not graded here, and count neither way."]
    if result.advice:
        lines += ["", *_indented(result.advice, 1, width)]
    if not result.is_full:
        lines += ["", f" {result.next_step}"]
        failed = result.first_failed
        if failed and failed.hints:
            lines[-1] += f'    [hint("{result.task}"): 1 of {len(failed.hints)}]'
    return "\n".join(lines)


def _indented(texts: Sequence[str], by: int, width: int) -> list[str]:
    lines = []
    for text in texts:
        for line in text.split("\n"):
            shown = printable(line)
            while len(shown) > width and " " in shown[20:width]:
                cut = shown.rindex(" ", 0, width)
                lines.append(" " * by + shown[:cut])
                shown = "  " + shown[cut + 1 :]
            lines.append((" " * by + shown[: width * 3]).rstrip())
    return lines
