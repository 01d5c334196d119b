"""A talk's script: read whole, and refused with the step that is wrong before anybody stands on a stage."""

from __future__ import annotations

from pathlib import Path

import pytest

from statelab.cluster import Problem
from statelab.notebook.pictures.script import read_script

GOOD = """
title: Names that stay
namespace: names
steps:
- say: Three Pods.
  run: kubectl apply -f web.yaml
- {run: [kubectl get pods, statelab node stop kind-worker], look: pod/web-1}
"""


def written(path: Path, text: str) -> Path:
    (path / "demo.yaml").write_text(text)
    return path / "demo.yaml"


def test_a_script_has_steps_with_what_is_said_what_is_run_and_where_to_look(tmp_path: Path) -> None:
    script = read_script(written(tmp_path, GOOD))
    assert (script.title, script.namespace) == ("Names that stay", "names")
    assert script.steps[0].run == ("kubectl apply -f web.yaml",)
    assert script.steps[1].run == ("kubectl get pods", "statelab node stop kind-worker")
    assert script.steps[1].look == "pod/web-1"


def test_the_course_s_own_talk_can_be_given_as_it_is() -> None:
    course = Path(__file__).resolve().parents[3] / "course"
    script = read_script(course / "demo.yaml")
    assert len(script.steps) == 6
    files = [
        words[words.index("-f") + 1] for step in script.steps for line in step.run if "-f" in (words := line.split())
    ]
    assert files
    assert all((course / each).is_file() for each in files)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "steps: none",
        "steps: [{run: rm -rf /}]",
        "steps: [{run: 'kubectl get pods 'a'}]",
        "steps: [{ran: kubectl get pods}]",
        "steps: [{look: nonsense/x}]",
        "steps: [[]]",
        "steps: [{run: [1]}]",
        ": : :",
    ],
)
def test_what_is_no_script_is_refused_with_a_problem(tmp_path: Path, text: str) -> None:
    with pytest.raises(Problem):
        read_script(written(tmp_path, text))


def test_a_script_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    with pytest.raises(Problem):
        read_script(tmp_path / "none.yaml")
