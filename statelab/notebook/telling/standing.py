"""How far a learner has come: the lessons and all tasks, what of them is done, and what comes next.

The record is progress.py's file; what there is to do is read off the course's notebooks, so it is never out of date.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from html import escape
from os.path import relpath
from pathlib import Path
from typing import Any

from statelab.cluster import find_home
from statelab.notebook.strings import say
from statelab.notebook.telling import progress
from statelab.notebook.telling.tasks import Assignment, Task, assignments

_KEY = re.compile(r'key=\\"([^"\\]+)\\"')  # as it stands in a notebook, which is JSON
_TITLE = re.compile(r'"# \d\d · (.+?)\\n')
_TRY = "-try-"  # in the key of what is left to the learner; all others are predictions


@dataclass(frozen=True)
class Lesson:
    """One lesson: `predictions` of `questions` were made; `ended` says when its last cell ran ("" if never).

    Of `judged` predictions, `as_it_was` said what then happened. `tried` of `empty` cells were filled in.
    """

    number: str
    title: str
    file: str
    questions: int
    predictions: int
    ended: str
    judged: int = 0
    as_it_was: int = 0
    empty: int = 0
    tried: int = 0

    @property
    def mark(self) -> str:
        return "✓" if self.ended else ("◐" if self.predictions or self.tried else "○")


@dataclass(frozen=True)
class HowFar:
    """Everything, as a notebook shows it (`_repr_html_`), a terminal (`str`), and a program (`to_json`).

    `tasks`: those that were tried: (task, best score, of how many points). `assignments`: all there are.
    """

    lessons: tuple[Lesson, ...]
    tasks: tuple[tuple[str, float, float], ...]
    assignments: tuple[Assignment, ...] = ()
    course: Path = Path()

    @property
    def lessons_run(self) -> int:
        return sum(1 for lesson in self.lessons if lesson.ended)

    @property
    def tasks_passed(self) -> int:
        return sum(1 for _, score, most in self.tasks if most > 0 and score >= most)

    def sentence(self) -> str:
        tasks = max(sum(len(each.tasks) for each in self.assignments), len(self.tasks))
        judged = sum(lesson.judged for lesson in self.lessons)
        said = [self._lessons_sentence()]
        if judged:
            as_it_was = sum(lesson.as_it_was for lesson in self.lessons)
            said.append(say("progress_judged", as_it_was=str(as_it_was), of_judged=str(judged)))
        if tasks:
            said.append(say("progress_tasks", tasks=str(self.tasks_passed), of_tasks=str(tasks)))
        return " ".join(said)

    def _lessons_sentence(self) -> str:
        return say(
            "progress",
            lessons=str(self.lessons_run),
            of_lessons=str(len(self.lessons)),
            predictions=str(sum(lesson.predictions for lesson in self.lessons)),
            of_predictions=str(sum(lesson.questions for lesson in self.lessons)),
            tried=str(sum(lesson.tried for lesson in self.lessons)),
            of_tried=str(sum(lesson.empty for lesson in self.lessons)),
        )

    def next(self) -> list[str]:
        """What comes next: the first lesson that was not run to its end, and the first task whose lessons were."""
        found = []
        lesson = next((each for each in self.lessons if not each.ended), None)
        if lesson is not None:
            found.append(say("next_lesson", number=lesson.number, title=lesson.title))
        ended = {each.number for each in self.lessons if each.ended}
        for task in (each for assignment in self.assignments for each in assignment.tasks):
            if not task.is_passed and task.lessons and ended.issuperset(task.lessons):
                found.append(say("next_task", task=task.id, title=task.title, points=str(task.points)))
                break
        return found or [say("next_nothing")] * (self.lessons_run > 0)

    def to_json(self) -> dict[str, Any]:
        tasks = [{"task": task, "score": score, "of": most} for task, score, most in self.tasks]
        every = [{"title": each.title, "tasks": [asdict(task) for task in each.tasks]} for each in self.assignments]
        return {
            "lessons": [asdict(lesson) for lesson in self.lessons],
            "tasks": tasks,
            "assignments": every,
            "next": self.next(),
        }

    def __str__(self) -> str:
        lines = [self.sentence(), "", *self._lesson_lines()]
        known = set()
        for assignment in self.assignments:
            lines += ["", f" {assignment.title}"]
            for task in assignment.tasks:
                known.add(task.id)
                told = f" {_mark(task)} {task.id:22} {task.title:42} {points(task):>16}  {_about(task)}"
                lines.append(told.rstrip())
        for name, score, most in self.tasks:
            if name not in known:
                lines.append(f" {'✓' if most and score >= most else '◐'} {name:65} {score:g}/{most:g}")
        return "\n".join([*lines, "", *self.next()]).rstrip()

    __repr__ = __str__

    def _lesson_lines(self) -> Iterator[str]:
        for each in self.lessons:
            made = say("made", predictions=str(each.predictions), of=str(each.questions))
            tried = say("wrote", tried=str(each.tried), of=str(each.empty)) if each.empty else ""
            yield f" {each.mark} {each.number}  {each.title:40} {made:>18} {tried:>12}  {when(each.ended)}".rstrip()

    def _repr_html_(self) -> str:
        """A bar with a step for each lesson, what comes next, then lessons and tasks by name, each with a sign."""
        steps = []
        for place, each in enumerate(self.lessons):
            mark = each.mark
            colour = {"✓": "#1a7f37", "◐": "#9a6700", "○": "#8c959f"}[mark]
            label = escape(f"{each.number} {each.title}: {each.predictions}/{each.questions}")
            steps.append(
                f'<g><title>{label}</title><rect x="{place * 60 + 2}" y="2" width="54" height="22" rx="4" '
                f'fill="{colour if mark == "✓" else "none"}" stroke="{colour}" stroke-width="1.5"/>'
                f'<text x="{place * 60 + 29}" y="17" text-anchor="middle" font-size="12" '
                f'fill="{"#ffffff" if mark == "✓" else "currentColor"}">{mark} {each.number}</text></g>'
            )
        width = len(self.lessons) * 60
        words = escape(self.sentence())
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{words}" width="{width}" '
            f'viewBox="0 0 {width} 26" '
            f'style="max-width:100%;font-family:system-ui,sans-serif">{"".join(steps)}</svg><div>{words}</div>'
            f"<p>{'<br>'.join(f'<strong>{escape(each)}</strong>' for each in self.next())}</p>{self._tables()}"
        )

    def _tables(self) -> str:
        rows = [
            (_linked(self.course / each.file, f"{each.number} {each.title}"), each.mark,
             say("made", predictions=str(each.predictions), of=str(each.questions)),
             say("wrote", tried=str(each.tried), of=str(each.empty)) if each.empty else "", when(each.ended))
            for each in self.lessons
        ]  # fmt: skip
        parts = [_details(say("the_lessons"), rows, is_open=True)]
        for assignment in self.assignments:
            passed = sum(task.is_passed for task in assignment.tasks)
            counted = say("passed_of", passed=str(passed), of=str(len(assignment.tasks)))
            told = [
                (_linked(assignment.file, task.title), _mark(task), escape(task.id), points(task), _about(task))
                for task in assignment.tasks
            ]
            parts.append(_details(f"{assignment.title} ({counted})", told, is_open=False))
        return "".join(parts)


def _details(title: str, rows: Sequence[tuple[str, ...]], *, is_open: bool) -> str:
    body = "".join(
        f"<tr><td>{mark}</td><td style='text-align:left'>{name}</td>"
        + "".join(f"<td style='text-align:left'>{cell}</td>" for cell in rest)
        + "</tr>"
        for name, mark, *rest in rows
    )
    return f"<details{' open' * is_open}><summary>{escape(title)}</summary><table>{body}</table></details>"


def _linked(file: Path, words: str) -> str:
    """A link to a notebook, as seen from the one that shows it."""
    try:
        return f'<a href="{escape(Path(relpath(file)).as_posix())}">{escape(words)}</a>'
    except ValueError:  # on another drive
        return escape(words)


def _mark(task: Task) -> str:
    return "✓" if task.is_passed else ("○" if task.score is None else "◐")


def _about(task: Task) -> str:
    return say("about_lessons", lessons=", ".join(task.lessons)) if task.lessons else ""


def points(task: Task) -> str:
    if task.score is None:
        return say("task_points", points=str(task.points))
    return say("task_score", score=f"{task.score:g}", most=f"{task.most:g}")


def when(moment: str, now: datetime | None = None) -> str:
    """A moment as a person says it: "today, 10:14", "yesterday", "3 days ago", "2026-03-12". "" for none."""
    try:
        then = datetime.fromisoformat(moment).astimezone()
    except ValueError:
        return moment
    days = ((now or datetime.now()).astimezone().date() - then.date()).days
    if days <= 0:
        return say("ended_today", time=f"{then:%H:%M}")
    if days == 1:
        return say("ended_yesterday")
    return say("ended_days", days=str(days)) if days < 14 else f"{then:%Y-%m-%d}"


def how_far(course: Path | None = None) -> HowFar:
    """How far the learner of this home has come in the course in that folder. No record is no progress."""
    kept = progress.read()
    folder = course or find_home().course
    files = sorted(folder.glob("[0-9][0-9]-*.ipynb"))
    scores = {task: _score(result) for task, result in _section(kept, "tasks").items()}
    return HowFar(
        tuple(_lesson(file, kept) for file in files),
        tuple(sorted((task, *score) for task, score in scores.items())),
        assignments(folder.parent / "exercises", scores),
        folder,
    )


def _section(kept: dict[str, Any], name: str) -> dict[str, Any]:
    found = kept.get(name)
    return found if isinstance(found, dict) else {}


def _score(result: Any) -> tuple[float, float]:
    try:
        return float(result["score"]), float(result["of"])
    except (KeyError, TypeError, ValueError):
        return 0.0, 0.0


def _lesson(file: Path, kept: dict[str, Any]) -> Lesson:
    made, ended, judged, tried = (_section(kept, name) for name in ("predictions", "lessons", "judged", "tried"))
    text = file.read_text(encoding="utf-8", errors="replace")
    number = file.name[:2]
    title = _TITLE.search(text)
    keys = {key for key in _KEY.findall(text) if key.startswith(f"{number}-")}
    empty = {key for key in keys if key.startswith(f"{number}{_TRY}")}
    keys -= empty
    return Lesson(
        number=number,
        title=title[1].replace('\\"', '"') if title else file.stem[3:].replace("-", " "),
        file=file.name,
        questions=len(keys),
        predictions=len(keys & made.keys()),
        ended=str(ended.get(number, "")),
        judged=len(keys & judged.keys()),
        as_it_was=sum(judged[key] is True for key in keys & judged.keys()),
        empty=len(empty),
        tried=len(empty & tried.keys()),
    )
