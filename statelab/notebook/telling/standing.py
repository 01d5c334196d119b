"""How far a learner has come: which lessons were run to their end, how many predictions were made, which tasks passed.

The record is progress.py's file; what there is to do is read off the course's notebooks, so it is never out of date.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from html import escape
from pathlib import Path
from typing import Any

from statelab.cluster import find_home
from statelab.notebook.strings import say
from statelab.notebook.telling import progress

_KEY = re.compile(r'key=\\"([^"\\]+)\\"')  # as it stands in a notebook, which is JSON
_TITLE = re.compile(r'"# \d\d · (.+?)\\n')


@dataclass(frozen=True)
class Lesson:
    """One lesson: `predictions` of `questions` were made; `ended` says when its last cell ran ("" if never).

    Of `judged` predictions, `as_it_was` said what then happened.
    """

    number: str
    title: str
    file: str
    questions: int
    predictions: int
    ended: str
    judged: int = 0
    as_it_was: int = 0


@dataclass(frozen=True)
class HowFar:
    """Everything, as a notebook shows it (`_repr_html_`), a terminal (`str`), and a program (`to_json`)."""

    lessons: tuple[Lesson, ...]
    tasks: tuple[tuple[str, float, float], ...]  # (task, best score, of how many points)

    @property
    def lessons_run(self) -> int:
        return sum(1 for lesson in self.lessons if lesson.ended)

    @property
    def tasks_passed(self) -> int:
        return sum(1 for _, score, most in self.tasks if most > 0 and score >= most)

    def sentence(self) -> str:
        return say(
            "progress",
            lessons=str(self.lessons_run),
            of_lessons=str(len(self.lessons)),
            predictions=str(sum(lesson.predictions for lesson in self.lessons)),
            of_predictions=str(sum(lesson.questions for lesson in self.lessons)),
            as_it_was=str(sum(lesson.as_it_was for lesson in self.lessons)),
            of_judged=str(sum(lesson.judged for lesson in self.lessons)),
            tasks=str(self.tasks_passed),
            of_tasks=str(len(self.tasks)),
        )

    def to_json(self) -> dict[str, Any]:
        tasks = [{"task": task, "score": score, "of": most} for task, score, most in self.tasks]
        return {"lessons": [asdict(lesson) for lesson in self.lessons], "tasks": tasks}

    def __str__(self) -> str:
        lines = [self.sentence(), ""]
        for each in self.lessons:
            made = f"{each.predictions}/{each.questions}"
            lines.append(
                f" {'✓' if each.ended else '·'} {each.number}  {each.title:40} {made:>5}  {each.ended}".rstrip()
            )
        for task, score, most in self.tasks:
            lines.append(f" {'✓' if most and score >= most else '·'} {task:44} {score:g}/{most:g}")
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        """A bar with a step for each lesson: full when it was run, half when predictions were made in it."""
        steps = []
        for place, each in enumerate(self.lessons):
            mark = "✓" if each.ended else ("◐" if each.predictions else "○")
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
            f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{words}" width="{width}" height="26" '
            f'style="max-width:100%;font-family:system-ui,sans-serif">{"".join(steps)}</svg><div>{words}</div>'
        )


def how_far(course: Path | None = None) -> HowFar:
    """How far the learner of this home has come in the course in that folder. No record is no progress."""
    kept = progress.read()
    made, ended, tasks, judged = (_section(kept, name) for name in ("predictions", "lessons", "tasks", "judged"))
    files = sorted((course or find_home().course).glob("[0-9][0-9]-*.ipynb"))
    return HowFar(
        tuple(_lesson(file, made, ended, judged) for file in files),
        tuple(sorted((task, *_score(result)) for task, result in tasks.items())),
    )


def _section(kept: dict[str, Any], name: str) -> dict[str, Any]:
    found = kept.get(name)
    return found if isinstance(found, dict) else {}


def _score(result: Any) -> tuple[float, float]:
    try:
        return float(result["score"]), float(result["of"])
    except (KeyError, TypeError, ValueError):
        return 0.0, 0.0


def _lesson(file: Path, made: dict[str, Any], ended: dict[str, Any], judged: dict[str, Any]) -> Lesson:
    text = file.read_text(encoding="utf-8", errors="replace")
    number = file.name[:2]
    title = _TITLE.search(text)
    keys = {key for key in _KEY.findall(text) if key.startswith(f"{number}-")}
    return Lesson(
        number=number,
        title=title[1].replace('\\"', '"') if title else file.stem[3:].replace("-", " "),
        file=file.name,
        questions=len(keys),
        predictions=len(keys & made.keys()),
        ended=str(ended.get(number, "")),
        judged=len(keys & judged.keys()),
        as_it_was=sum(judged[key] is True for key in keys & judged.keys()),
    )
