"""The public's CI runs what a person runs: the README's commands, on three systems, and the kind tests."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


@pytest.fixture(params=WORKFLOWS, ids=lambda path: path.name)
def jobs(request: pytest.FixtureRequest) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(request.param.read_text(encoding="utf-8"))["jobs"]
    return found


def steps(job: dict[str, Any]) -> list[dict[str, Any]]:
    return list(job["steps"])


def test_every_job_ends_and_every_action_is_pinned_to_a_version(jobs):
    for job in jobs.values():
        minutes = [
            each["minutes"]
            for each in job.get("strategy", {}).get("matrix", {}).get("include", ())
            if "minutes" in each
        ]
        assert max(minutes or [job["timeout-minutes"]]) <= 180
        for step in steps(job):
            assert "run" in step or re.fullmatch(r"[\w-]+/[\w-]+@v\d+\.\d+\.\d+", step["uses"]), step


def test_linux_and_macos_make_test_and_windows_types_the_commands_of_the_readme():
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"))["jobs"]
    systems = {each["os"].partition("-")[0] for each in jobs["test"]["strategy"]["matrix"]["include"]}
    assert systems == {"ubuntu", "macos"}
    assert any(step.get("run", "").startswith("make test ") for step in steps(jobs["test"]))
    assert jobs["windows"]["runs-on"].startswith("windows")
    typed = [step["run"] for step in steps(jobs["windows"]) if "run" in step]
    assert typed == ["py install.py dev", r".venv\Scripts\python -m pytest"]
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert all(f"Windows: {line}\n" in readme for line in typed)


def test_the_kind_job_has_the_kind_that_the_node_image_is_of_and_does_not_skip():
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"))["jobs"]
    assert {each["tests"] for each in jobs["kind"]["strategy"]["matrix"]["include"]} == {
        "tests/cluster",
        "tests/grader",
    }
    [tested] = [step for step in steps(jobs["kind"]) if step.get("run", "").startswith("make test-kind")]
    assert tested["env"]["STATELAB_TEST_KIND"] == "required"
    [kept] = [step for step in steps(jobs["kind"]) if "upload-artifact" in step.get("uses", "")]
    assert (kept["if"], kept["with"]["path"]) == ("failure()", tested["env"]["STATELAB_TEST_LOGS"])
    [kind] = [step["with"]["version"] for step in steps(jobs["kind"]) if "kind-action" in step.get("uses", "")]
    assert f"kind {kind.removeprefix('v')} was released with" in (ROOT / "kind-config.yaml").read_text(encoding="utf-8")
