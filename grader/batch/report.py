"""The instructor's report of a run: distribution, hardest checks, common mistakes, submissions that are oddly equal."""

from __future__ import annotations

import csv
import io
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

from grader.batch.page import STYLE
from grader.batch.run import Run
from grader.judge import NO_ANSWER
from grader.registry import tasks_of
from grader.result import number
from statelab.reader import jsonbytes

NOT_IN_LIST = "not in your class list"
_MOST = 15
_EQUAL_FROM = 200  # characters: shorter answers are equal by chance
_EQUAL_SHARE = 0.2  # an answer that more than this share of a class gave is the usual one


@dataclass(frozen=True, slots=True)
class Report:
    """What a run says about a class, as plain values; `to_json()` is what `--json` prints."""

    run: Run
    body: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        return self.body

    def write(self, folder: Path) -> list[Path]:
        """`ps3.json`, `ps3.csv` and `ps3.html` in this folder."""
        folder.mkdir(parents=True, exist_ok=True)
        name = self.run.assignment
        contents = {
            "json": jsonbytes.dumps(self.body, option=jsonbytes.OPT_INDENT_2).decode(),
            "csv": self._csv(),
            "html": as_page(self.body),
        }
        paths = []
        for kind, text in contents.items():
            path = folder / f"{name}.{kind}"
            path.write_text(text, encoding="utf-8")
            paths.append(path)
        return paths

    def _csv(self) -> str:
        output = io.StringIO()
        tasks = list(self.body["tasks"])
        writer = csv.writer(output, lineterminator="\n")
        writer.writerow(["student", "score", "max", *tasks, "hints", "problem", "in_class_list"])
        for row in self.body["students"]:
            scores = [row["tasks"].get(task, "") for task in tasks]
            cells = [row["student"], row["score"], row["max"], *scores, row["hints"], row["problem"] or ""]
            cells.append("yes" if row["in_class_list"] else "no")
            writer.writerow([_harmless(each) for each in cells])
        return output.getvalue()


def _harmless(value: Any) -> Any:
    """A spreadsheet takes a text that begins so for a formula."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@") else value


def report(run: Run) -> Report:
    """Everything a report holds, from the outcomes and the gradebook."""
    students = []
    for name, outcome in sorted(run.outcomes.items()):
        score, most = run.totals.get(name, (0.0, 0.0))
        found = list(outcome.notebooks.values())
        problems = [each["problem"] for each in found if each["problem"]]
        students.append(
            {
                "student": name,
                "score": number(score),
                "max": number(most),
                "tasks": {task: body["score"] for each in found for task, body in each["tasks"].items()},
                "hints": sum(sum(each["hints"].values()) for each in found),
                "problem": outcome.error or (problems[0] if problems else None),
                "in_class_list": name not in run.strangers,
            }
        )
    body = {
        "assignment": run.assignment,
        "graded": run.graded,
        "taken_over": run.taken_over,
        "seconds": round(run.seconds, 2),
        "students": students,
        "tasks": {each.id: number(each.points) for each in tasks_of(run.assignment).values()},
        "distribution": _distribution(run),
        "checks": _checks(run),
        "mistakes": _mistakes(run),
        "equal": _equal(run),
        "broke": sorted({f"{task}.{check}" for task, found in _results(run) for check in found["broke"]}),
    }
    return Report(run, body)


def _results(run: Run) -> Iterator[tuple[str, dict[str, Any]]]:
    return (item for o in run.outcomes.values() for each in o.notebooks.values() for item in each["tasks"].items())


def _distribution(run: Run) -> list[int]:
    """How many have 0-9 %, 10-19 %, … 90-99 %, 100 %."""
    bins = [0] * 11
    for score, most in run.totals.values():
        bins[min(10, int(10 * score / most)) if most else 0] += 1
    return bins


def _checks(run: Run) -> list[dict[str, Any]]:
    """Each check with the share of the class that passed it, hardest first."""
    passed: Counter[tuple[str, str, str]] = Counter()
    seen: Counter[tuple[str, str, str]] = Counter()
    for task, result in _results(run):
        for check in result["checks"]:
            key = (task, check["id"], check["title"])
            seen[key] += 1
            passed[key] += check["passed"]
    rows = [
        {"task": task, "check": check, "title": title, "passed": passed[task, check, title], "of": count}
        for (task, check, title), count in seen.items()
    ]
    return sorted(rows, key=lambda row: row["passed"] / row["of"])


def _mistakes(run: Run) -> list[dict[str, Any]]:
    """What was said most often to those who did not pass."""
    said: Counter[tuple[str, str]] = Counter()
    for task, result in _results(run):
        failed = [check for check in result["checks"] if not check["passed"]]
        messages = {result["details"].get(check["id"], check["message"]).split("\n")[0] for check in failed}
        # One mistake is told by several checks: it counts once for each learner.
        said.update((task, message) for message in messages if message != NO_ANSWER)
    return [{"task": task, "message": message, "times": times} for (task, message), times in said.most_common(_MOST)]


def _equal(run: Run) -> list[dict[str, Any]]:
    """Groups whose longer answers are the same, comments aside, where the class at large wrote something else."""
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for student, outcome in run.outcomes.items():
        for each in outcome.notebooks.values():
            for task, answer in each["answers"].items():
                if answer["length"] >= _EQUAL_FROM:
                    groups[task, answer["digest"]].append(student)
    most = max(2, int(len(run.outcomes) * _EQUAL_SHARE))
    together: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for (task, _), names in groups.items():
        if 2 <= len(names) <= most:
            together[tuple(sorted(names))].append(task)
    rows = [{"students": list(names), "tasks": sorted(found)} for names, found in together.items()]
    return sorted(rows, key=lambda row: -len(row["tasks"]))[:_MOST]


# ---- as a page


def as_page(body: dict[str, Any]) -> str:
    """One self-contained page, everything escaped."""
    title = f"{body['assignment']}: {len(body['students'])} submissions"
    scores = sorted(each["score"] for each in body["students"])
    middle = scores[len(scores) // 2] if scores else 0
    parts = [
        f"<h1>{escape(title)}</h1>",
        f"<p>Median {number(middle)}. {body['graded']} graded in {body['seconds']} s.</p>",
        "<h2>Distribution</h2>",
        _bars(body["distribution"]),
        "<h2>Hardest checks</h2>",
        _table(
            ["task", "check", "passed"],
            [[row["task"], row["title"], f"{row['passed']} of {row['of']}"] for row in body["checks"][:_MOST]],
        ),
        "<h2>Common mistakes</h2>",
        _table(["task", "what was said", "times"], [[r["task"], r["message"], r["times"]] for r in body["mistakes"]]),
        "<h2>Oddly equal</h2>",
        "<p>The same but for comments, where most wrote something else. A reason to talk, not a verdict.</p>",
        _table(["students", "tasks"], [[", ".join(r["students"]), ", ".join(r["tasks"])] for r in body["equal"]]),
        "<h2>Students</h2>",
        _table(
            ["student", "score", *body["tasks"], "hints", ""],
            [
                [
                    r["student"],
                    r["score"],
                    *(r["tasks"].get(task, "") for task in body["tasks"]),
                    r["hints"],
                    "; ".join(each for each in ("" if r["in_class_list"] else NOT_IN_LIST, r["problem"] or "") if each),
                ]
                for r in body["students"]
            ],
        ),
    ]
    if body["broke"]:
        parts.insert(
            2, f"<p><strong>Checks that broke down (our mistake): {escape(', '.join(body['broke']))}</strong></p>"
        )
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{escape(title)}</title>'
    return (
        f"<!DOCTYPE html><html lang=en><head>{head}<style>{STYLE}</style></head><body>{''.join(parts)}</body></html>\n"
    )


def _bars(bins: list[int]) -> str:
    most = max(bins) or 1
    labels = [f"{10 * index}–{10 * index + 9} %" for index in range(10)] + ["100 %"]
    rows = "".join(
        f'<tr><td>{label}</td><td><div style="background:#0969da;height:14px;width:{300 * count // most}px"></div></td>'
        f"<td>{count}</td></tr>"
        for label, count in zip(labels, bins, strict=True)
    )
    return f"<table>{rows}</table>"


def _table(head: list[str], rows: list[list[Any]]) -> str:
    if not rows:
        return '<p class="none">None.</p>'
    top = "".join(f"<th align=left>{escape(each)}</th>" for each in head)
    body = "".join(
        "<tr>" + "".join(f"<td valign=top>{escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows
    )
    return f"<table><tr>{top}</tr>{body}</table>"
