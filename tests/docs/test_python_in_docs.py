"""Every Python block of the docs runs as it stands. Those of docs/adding-an-image.md do so in test_adding_an_image."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import types
from pathlib import Path

import pytest
from traitlets.config import Config

ROOT = Path(__file__).resolve().parents[2]
WITH_A_TEST = {"adding-an-image.md", "adding-a-task.md", "instructors.md", "for-engineers.md"}
OTHERS = [
    page
    for page in (*sorted((ROOT / "docs").glob("*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md")
    if page.name not in WITH_A_TEST and "```python\n" in page.read_text(encoding="utf-8")
]


def blocks(page: Path) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", OTHERS, ids=lambda page: page.name)
def test_the_python_of_a_page_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"c": Config()}  # what a configuration file finds
    for block in blocks(page):
        exec(compile(block, str(page), "exec"), names)


@pytest.mark.slow
def test_the_python_for_engineers_runs_and_its_tests_pass(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    tests, *examples = blocks(ROOT / "docs" / "for-engineers.md")
    for block in examples:
        exec(compile(block, "for-engineers.md", "exec"), {})
    assert "ADDED colours" in capsys.readouterr().out
    (tmp_path / "test_web.py").write_text(tests, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_web.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout
    assert f"{tests.count('def test_')} passed" in done.stdout


TWO_CLAIMS = """
apiVersion: v1
kind: Service
metadata: {name: db}
spec: {clusterIP: None, selector: {app: db}, ports: [{port: 80}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  serviceName: db
  replicas: 2
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec:
      containers:
      - name: web
        image: registry.k8s.io/nginx-slim:0.24
        volumeMounts: [{name: data, mountPath: /data}, {name: logs, mountPath: /logs}]
  volumeClaimTemplates:
  - {metadata: {name: data}, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}
  - {metadata: {name: logs}, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}
"""


def test_the_task_that_the_page_adds_grades(tmp_path, monkeypatch):
    from grader.answer import Answer
    from grader.judge import judge

    checks, hidden, cells = blocks(ROOT / "docs" / "adding-a-task.md")
    rubric = types.ModuleType("grader.rubrics.ps10")
    exec(checks, rubric.__dict__)
    monkeypatch.setitem(sys.modules, "grader.rubrics.ps10", rubric)
    monkeypatch.setattr("grader.nbgrader.authoring.task_named", lambda name: vars(rubric)["two_volumes"])
    exec(hidden, {})
    full = judge(rubric.two_volumes, Answer((TWO_CLAIMS,)))
    assert (full.score, full.max) == (8, 8)
    one = judge(rubric.two_volumes, Answer((TWO_CLAIMS.replace(", {name: logs, mountPath: /logs}", ""),)))
    assert one.score == 0
    assert "db-0 mounts 1 claims." in one.checks[0].message
    monkeypatch.chdir(tmp_path)
    (tmp_path / "solutions" / "ps10").mkdir(parents=True)
    exec(cells, {"model_answer_as_text": TWO_CLAIMS, "mark_scheme": "What a full answer says."})
    assert (tmp_path / "solutions" / "ps10" / "ps10.ipynb").is_file()


@pytest.mark.slow
def test_the_instructors_configuration_is_nbgraders(tmp_path, monkeypatch):
    from nbgrader.api import Gradebook
    from traitlets.config import Config

    from grader.nbgrader import find_our_programs

    monkeypatch.setenv("PATH", os.environ["PATH"])
    find_our_programs()  # nbgrader calls alembic by its name
    monkeypatch.chdir(tmp_path)
    with Gradebook("sqlite:///gradebook.db") as gradebook:
        gradebook.add_assignment("ps1", duedate="2026-12-01 00:00:00")
        gradebook.add_student("alice")
        gradebook.add_submission("ps1", "alice", timestamp="2026-12-02 12:00:00")
    config = Config()
    names: dict[str, object] = {"c": config, "get_config": lambda: config}
    for block in blocks(ROOT / "docs" / "instructors.md"):
        exec(compile(block, "instructors.md", "exec"), names)
    assert config.CourseDirectory.course_id == "k8s101"
    late = names["TenPercentADay"]()
    assert late.late_submission_penalty("alice", 90.0, 86400 * 1.5) == 18
    with Gradebook("sqlite:///gradebook.db") as gradebook:
        assert gradebook.find_submission("ps1", "alice").total_seconds_late == 0
