"""StateLab's own server, met over HTTP through a kubeconfig: a stranger's cluster, as far as the grader can tell."""

from __future__ import annotations

import contextlib
import copy
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from once import released_course

from grader.live.namespaces import Namespaces, new_run
from grader.live.place import connected
from statelab.cluster import Cluster
from statelab.cluster.kubectl import find_kubectl

PACE = 10.0
ROOT = Path(__file__).resolve().parents[3]
CORPUS = ROOT / "tests/grader/corpus"


@dataclass(frozen=True)
class Server:
    process: subprocess.Popen[bytes]
    kubeconfig: Path
    dns_port: int

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "KUBECONFIG": str(self.kubeconfig), "STATELAB_PACE": str(PACE)}


@contextlib.contextmanager
def _serving(folder: Path) -> Iterator[Server]:
    kubeconfig, about = folder / "kubeconfig", folder / "server.json"
    command = [sys.executable, "-m", "statelab", "serve", "--in-memory", "--pace", str(PACE), "--port", "0"]
    process = subprocess.Popen(
        [*command, "--kubeconfig", str(kubeconfig), "--server-file", str(about)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline_s = time.monotonic() + 60
        while not about.exists():
            assert process.poll() is None and time.monotonic() < deadline_s, "the server did not start"
            time.sleep(0.05)
        yield Server(process, kubeconfig, json.loads(about.read_text())["dns_port"])
    finally:
        process.kill()
        process.wait(30)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    if find_kubectl() is None:
        pytest.skip("there is no kubectl: exec into a Pod of a real cluster goes through it")
    with _serving(tmp_path_factory.mktemp("stranger")) as found:
        yield found


@pytest.fixture
def serving() -> Callable[[Path], contextlib.AbstractContextManager[Server]]:
    """For a test that needs a server of its own."""
    return _serving


@pytest.fixture
def cluster(server: Server, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """Its API by kubeconfig, its DNS over TCP: on kind a port-forward leads there, which this server has no Pod for."""
    monkeypatch.setenv("KUBECONFIG", str(server.kubeconfig))
    monkeypatch.setenv("STATELAB_PACE", str(PACE))
    found = connected("statelab", allow_any=True)
    monkeypatch.setattr(found, "dns_address", lambda: contextlib.nullcontext(("127.0.0.1", server.dns_port)))
    return found


@pytest.fixture
def real_cluster(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    """The kind cluster of `make test-kind`, or the one behind STATELAB_TEST_CONTEXT; as in tests/cluster."""
    if context := os.environ.get("STATELAB_TEST_CONTEXT"):
        return connected(f"context:{context}", allow_any=True)
    monkeypatch.setenv("STATELAB_HOME", str(request.getfixturevalue("kind_home")))
    return connected("kind")


@pytest.fixture
def namespaces(cluster: Cluster) -> Iterator[Namespaces]:
    found = Namespaces(cluster, new_run())
    yield found
    found.delete_all()


@pytest.fixture(scope="session")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A course in which ps3 is released, with an empty gradebook."""
    return released_course(tmp_path_factory)


@pytest.fixture
def course(release: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(release, tmp_path / "course"))


@pytest.fixture
def hand_in() -> Callable[[Path, list[dict[str, str]]], None]:
    """Submissions: for each learner, task → the corpus' answer to it; what is not named stays as released."""

    def write(course: Path, learners: list[dict[str, str]]) -> None:
        notebook = json.loads((course / "exercises/ps3/ps3.ipynb").read_text(encoding="utf-8"))
        for number, answers in enumerate(learners):
            mine = copy.deepcopy(notebook)
            for cell in mine["cells"]:
                name = cell["metadata"].get("nbgrader", {}).get("grade_id", "")
                task = name.removeprefix("ps3-").removesuffix("-answer")
                if name.endswith("-answer") and task in answers:
                    text = next((CORPUS / f"ps3.{task}").glob(answers[task])).read_text(encoding="utf-8")
                    cell["source"] = f"%%answer ps3.{task}\n{text}"
            folder = course / "submitted" / f"student-{number:03}" / "ps3"
            folder.mkdir(parents=True)
            (folder / "ps3.ipynb").write_text(json.dumps(mine), encoding="utf-8")

    return write


@pytest.fixture
def grades() -> Callable[[Path], list[tuple[object, ...]]]:
    """The gradebook: (student, cell, points)."""

    def read(course: Path) -> list[tuple[object, ...]]:
        query = """
            select s.student_id, b.name, g.auto_score from grade g join base_cell b on b.id = g.cell_id
            join submitted_notebook n on n.id = g.notebook_id
            join submitted_assignment s on s.id = n.assignment_id order by 1, 2
        """
        with sqlite3.connect(course / "gradebook.db") as database:
            return database.execute(query).fetchall()

    return read
