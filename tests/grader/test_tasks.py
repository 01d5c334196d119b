"""What every assignment has: 100 points, three hints for each check, hidden checks that say nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from grader.nbgrader.authoring import cell_name
from grader.registry import NoSuchTask, assignments, task, tasks_of
from grader.tasks import Task
from grader.verdict import Verdict, partly, parts, yes

SOLUTIONS = Path(__file__).resolve().parents[2] / "solutions"


@pytest.mark.parametrize("name", assignments())
def test_an_assignment_has_100_points_and_each_task_as_many_as_its_checks(name: str) -> None:
    points = points_of_cells(name)
    assert sum(points.values()) == 100
    for each in tasks_of(name).values():
        assert sum(check.points for check in each.checks) == each.points == points[cell_name(each.id)], each.id


def points_of_cells(name: str) -> dict[str, float]:
    """Of the source notebook: what people grade has points too."""
    notebook = json.loads((SOLUTIONS / name / f"{name}.ipynb").read_text(encoding="utf-8"))
    found = [each["metadata"].get("nbgrader", {}) for each in notebook["cells"]]
    return {each["grade_id"]: each["points"] for each in found if "points" in each}


@pytest.mark.parametrize("name", assignments())
def test_each_check_has_three_hints(name: str) -> None:
    for each in tasks_of(name).values():
        for check in each.checks:
            assert len(each.hints_for(check.id)) == 3 or check.hidden, f"{each.id}.{check.id}"


@pytest.mark.parametrize("name", assignments())
def test_a_task_says_what_it_is_about_and_has_variations(name: str) -> None:
    for each in tasks_of(name).values():
        assert each.about.endswith(".")
        assert any(check.hidden for check in each.checks), f"{each.id} can be learnt by heart"


def test_a_check_that_does_not_fit_its_task_is_refused() -> None:
    some = Task("ps9.some", points=4, about="Something.")

    def look(trial: object) -> Verdict:
        return yes("")

    some.check(points=3, title="It looks")(look)
    with pytest.raises(ValueError, match="two checks called look"):
        some.check(points=1, title="It looks")(look)
    look.__name__ = "look_again"
    with pytest.raises(ValueError, match="more points"):
        some.check(points=2, title="It looks")(look)
    with pytest.raises(ValueError, match="at most 3 hints"):
        some.check(points=1, title="It looks", hints=["a", "b", "c", "d"])(look)
    with pytest.raises(ValueError, match="called like"):
        Task("Some Task", points=1, about="")


def test_a_name_that_is_no_task_gets_the_nearest_one() -> None:
    with pytest.raises(NoSuchTask, match=r"Did you mean ps3\.identity\?"):
        task("ps3.identiy")
    with pytest.raises(NoSuchTask, match="there is no assignment"):
        task("../../etc.passwd")


def test_a_share_lies_between_nothing_and_all() -> None:
    assert parts([(True, "a"), (False, "b"), (True, "c"), (False, "d")], "fine").share == 0.5
    assert parts([(True, "a")], "fine").passed
    with pytest.raises(ValueError, match="between 0 and 1"):
        partly(1.5, "too much")
