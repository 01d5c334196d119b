"""Nothing of a trial stays on a cluster: after its end, after Ctrl-C, and after kill -9 with `grader clean`."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import programs
import pytest

from grader.live.namespaces import PREFIX, RUN, TRIAL, Namespaces, leftovers
from grader.place import CannotGrade
from grader.registry import task
from statelab.cluster import Cluster, RequestRefused

pytestmark = [pytest.mark.slow, pytest.mark.kubectl]
ANSWER = next((Path(__file__).parents[1] / "corpus/ps3.identity/right").glob("01-*"))


def grader(server: Any, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "grader.cli", *arguments, "--cluster", "statelab", "--allow-any"],
        env=server.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def until(condition: Callable[[], Any], what: str, within_s: float = 180.0) -> Any:
    deadline_s = time.monotonic() + within_s
    while not (found := condition()):
        assert time.monotonic() < deadline_s, what
        time.sleep(0.05)
    return found


def of_trials(cluster: Cluster) -> list[str]:
    return [each.name for each in leftovers(cluster) if not each.is_going]


def begun(server: Any, cluster: Cluster) -> tuple[subprocess.Popen[str], str]:
    """A grading that is in the middle of it: Pods of the answer are in its namespace."""
    process = grader(server, "check", "ps3.identity", str(ANSWER))
    (name,) = until(lambda: of_trials(cluster), "no trial began")
    until(lambda: cluster.list("pods", namespace=name), "no Pod came")
    return process, name


def cleaned(server: Any, *arguments: str) -> dict[str, Any]:
    words = ("clean", "--json", *arguments, "--cluster", "statelab", "--allow-any")
    done = programs.run("grader.cli", *words, cwd=server.kubeconfig.parent, env=server.environment)
    assert done.stdout, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_what_a_killed_grading_left_goes_and_nothing_else(server: Any, cluster: Cluster) -> None:
    process, name = begun(server, cluster)
    process.kill()
    process.communicate(timeout=120)
    others = (
        {"name": f"{PREFIX}of-somebody"},  # called as ours are, without our labels
        {"name": "lesson-04", "labels": {TRIAL: "ps3.identity", RUN: "x"}},  # with our labels, called otherwise
    )
    for metadata in others:
        cluster.request("POST", "/api/v1/namespaces", {"metadata": metadata})
    young = cleaned(server)
    assert (young["deleted"], [each["namespace"] for each in young["kept"]]) == ([], [name])
    (would_go,) = cleaned(server, "--all", "--dry-run")["deleted"]
    assert (would_go["namespace"], would_go["task"]) == (name, "ps3.identity")
    assert "@" in would_go["owner"]
    assert of_trials(cluster) == [name]
    assert [each["namespace"] for each in cleaned(server, "--older-than", "0")["deleted"]] == [name]
    until(lambda: cluster.get(f"namespace/{name}") is None, "it does not go")
    for metadata in others:
        assert cluster.get(f"namespace/{metadata['name']}") is not None
        cluster.request("DELETE", f"/api/v1/namespaces/{metadata['name']}")
    assert cleaned(server, "--all") == {"deleted": [], "kept": [], "dryRun": False}


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_an_interrupted_grading_takes_its_namespaces_along(server: Any, cluster: Cluster, how: int) -> None:
    process, _ = begun(server, cluster)
    process.send_signal(how)
    _, error = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "Stopped" in error
    assert of_trials(cluster) == []


def test_a_cluster_that_goes_away_is_nobodys_wrong_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, serving: Any
) -> None:
    from grader.live.place import connected

    with serving(tmp_path) as short:
        monkeypatch.setenv("KUBECONFIG", str(short.kubeconfig))
        process, _ = begun(short, connected("statelab", allow_any=True))
        short.process.kill()
        output, error = process.communicate(timeout=90)
    assert process.returncode == 2
    assert "points" not in output
    assert error.strip()
    assert "Traceback" not in error


class Incomplete:
    """A cluster that is no StateLab and knows no NetworkPolicy; the rest goes to one that is."""

    context = "theirs"

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def request(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        if path == "/version":
            return {"gitVersion": "v1.36.2"}
        if path.endswith("limitranges"):
            return body
        if path.endswith("networkpolicies"):
            raise RequestRefused(404, {"message": "the server could not find the requested resource"})
        return self._cluster.request(method, path, body, **more)


def test_without_a_network_policy_nothing_of_a_learner_begins(cluster: Cluster) -> None:
    stranger: Any = Incomplete(cluster)
    guarded = Namespaces(stranger, "run-guarded")
    with pytest.raises(CannotGrade, match=r"theirs knows no NetworkPolicy.*--unguarded"):
        guarded.make(task("ps3.identity"))
    assert guarded.delete_all() == []
    unguarded = Namespaces(stranger, "run-unguarded", unguarded=True)
    name = unguarded.make(task("ps3.identity"))
    account = cluster.request("GET", f"/api/v1/namespaces/{name}/serviceaccounts/default")
    assert account["automountServiceAccountToken"] is False
    assert list(unguarded.notes) == ["This cluster knows no NetworkPolicy: the trial has none."]
    assert unguarded.delete_all() == [name]


def test_a_context_nobody_named_for_this_is_left_alone(server: Any, cluster: Cluster) -> None:
    words = ("check", "ps3.identity", str(ANSWER), "--cluster", "statelab")
    done = programs.run("grader.cli", *words, cwd=server.kubeconfig.parent, env=server.environment)
    assert done.returncode == 2
    assert done.stderr
    assert of_trials(cluster) == []
