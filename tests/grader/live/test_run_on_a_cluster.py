"""`grader run` for a class on a cluster: tried there answer by answer, or graded there as an Indexed Job."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path
from typing import Any

import kubernetes_validate
import programs
import pytest
import yaml

from grader.batch.course import load
from grader.live.namespaces import leftovers
from grader.oncluster import bundle as bundles
from grader.oncluster.courier import unpack
from grader.oncluster.manifests import Plan, job, manifests
from grader.oncluster.run import merge, pack
from statelab.cluster import Cluster, RequestRefused

pytestmark = pytest.mark.slow
CLASS = [
    {"repair": "right/01-*", "identity": "wrong/03-*", "order": "right/01-*"},
    {"repair": "wrong/02-*", "peers": "right/01-*"},
    {"repair": "right/02-*", "lookup": "right/01-*", "order": "wrong/02-*"},
    {},
    {"repair": "wrong/01-*"},
]
PLAN = Plan("ps3", "0123456789abcdef", "statelab-grading", "registry.example/statelab-grader:1", 2)


def run(course: Path, *arguments: str, environment: dict[str, str] | None = None) -> tuple[int, dict[str, Any], str]:
    done = programs.run("grader.cli", "run", "ps3", "--json", *arguments, cwd=course, env=environment)
    return done.returncode, json.loads(done.stdout), done.stderr


def worker(folder: Path, index: int, of: int) -> subprocess.Popen[str]:
    """As the Job's Pods run it: no repository's `solutions/`, and the index from the environment."""
    environment = {**os.environ, "JOB_COMPLETION_INDEX": str(index), "STATELAB_SOLUTIONS": str(folder / "solutions")}
    command = [sys.executable, "-m", "grader.oncluster", "--folder", str(folder), "--of", str(of)]
    return subprocess.Popen(
        command, env=environment, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


@pytest.mark.kubectl
def test_a_class_gets_the_same_points_on_a_cluster(
    course: Path, tmp_path: Path, hand_in: Any, grades: Any, server: Any, cluster: Cluster
) -> None:
    hand_in(course, CLASS[:1])
    embedded = Path(shutil.copytree(course, tmp_path / "embedded"))
    assert run(embedded)[0] == 0
    code, body, _ = run(course, "--cluster", "statelab", "--allow-any", environment=server.environment)
    assert code == 0, body
    assert grades(course) == grades(embedded)
    assert not [each for each in leftovers(cluster) if not each.is_going]


def test_the_shares_of_several_processes_make_the_gradebook_of_one_run(
    course: Path, tmp_path: Path, hand_in: Any, grades: Any
) -> None:
    hand_in(course, CLASS)
    at_once = Path(shutil.copytree(course, tmp_path / "at-once"))
    assert run(at_once)[0] == 0
    sent = pack(load(course), "ps3")
    folder = Path(shutil.copytree(sent.folder, tmp_path / "volume"))
    workers = [worker(folder, index, 2) for index in range(2)]
    said = [each.communicate(timeout=200)[0] for each in workers]
    assert [each.returncode for each in workers] == [0, 0], said
    back = tmp_path / "back.tar"
    with tarfile.open(back, "w") as archive:
        for each in bundles.BACK:
            archive.add(folder / each, each)
    unpack(back, sent.folder)
    assert merge(load(course), sent) == len(CLASS)
    code, body, _ = run(course, "--resume")
    assert code == 0
    assert len(body["students"]) == len(CLASS)
    journal = (course / ".statelab/grading/ps3.jsonl").read_bytes()
    assert journal.count(b"\n") == 1 + len(CLASS)  # taken over, not graded again
    assert grades(course) == grades(at_once)
    for step in ("autograded", "feedback"):
        theirs, ours = (sorted(str(each.relative_to(at / step)) for each in (at / step).rglob("*.*"))
                        for at in (at_once, course))  # fmt: skip
        assert ours == theirs


def test_a_worker_that_was_killed_goes_on_where_it_was(course: Path, hand_in: Any) -> None:
    hand_in(course, [{"repair": f"right/0{number % 9 + 1}-*", "identity": "right/0[1-2]-*"} for number in range(6)])
    sent = pack(load(course), "ps3")
    first = worker(sent.folder, 0, 1)
    deadline_s = time.monotonic() + 120
    while not (done := list((sent.folder / "results").glob("student-*.json"))):
        assert time.monotonic() < deadline_s and first.poll() is None, "no result came"
        time.sleep(0.02)
    os.kill(first.pid, signal.SIGKILL)
    first.communicate(timeout=30)
    before = {each.name: each.stat().st_mtime_ns for each in done}
    second = worker(sent.folder, 0, 1)
    said = second.communicate(timeout=200)[0]
    assert second.returncode == 0, said
    assert int(said.split("submissions, ")[1].split()[0]) >= len(before)
    assert {each.student for each in bundles.results(sent)} == set(sent.students)
    assert all((sent.folder / "results" / name).stat().st_mtime_ns == at for name, at in before.items())


def test_a_result_counts_only_for_what_was_handed_in_and_for_this_rubric(course: Path, hand_in: Any) -> None:
    hand_in(course, [{"repair": "right/01-*"}])
    sent = pack(load(course), "ps3")
    assert worker(sent.folder, 0, 1).wait(120) == 0
    assert len(list(bundles.results(sent))) == 1
    notebook = sent.folder / "submitted/student-000/ps3.ipynb"
    notebook.write_text(notebook.read_text(encoding="utf-8") + " ", encoding="utf-8")
    assert list(bundles.results(sent)) == []
    body = json.loads((sent.folder / "bundle.json").read_text())
    (sent.folder / "bundle.json").write_text(json.dumps({**body, "key": "another"}))
    other = worker(sent.folder, 0, 1)
    assert "build the image again" in other.communicate(timeout=60)[0]
    assert other.returncode == 2


def test_the_job_and_all_it_needs_are_objects_of_kubernetes_1_36() -> None:
    for each in manifests(PLAN):
        kubernetes_validate.validate(each, "1.36", strict=True)
    spec = job(PLAN)["spec"]
    assert (spec["completionMode"], spec["completions"], spec["parallelism"]) == ("Indexed", 2, 2)
    assert spec["backoffLimitPerIndex"] == 2


def test_the_graders_pods_satisfy_restricted_pod_security() -> None:
    for each in manifests(PLAN):
        if each["kind"] not in ("Pod", "Job"):
            continue
        pod = each["spec"] if each["kind"] == "Pod" else each["spec"]["template"]["spec"]
        assert pod["automountServiceAccountToken"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        (container,) = pod["containers"]
        assert container["securityContext"]["allowPrivilegeEscalation"] is False
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert container["resources"]["limits"]["memory"]


def test_storage_of_one_node_keeps_the_workers_beside_the_courier() -> None:
    def affinity(plan: Plan) -> Any:
        return job(plan)["spec"]["template"]["spec"].get("affinity")

    shared = Plan("ps3", PLAN.key, PLAN.namespace, PLAN.image, 2, access="ReadWriteMany")
    assert "podAffinity" in affinity(PLAN)
    assert affinity(shared) is None


def test_what_comes_back_cannot_leave_its_folder(tmp_path: Path) -> None:
    path, folder = tmp_path / "back.tar", tmp_path / "folder"
    folder.mkdir()
    good = tmp_path / "anna.json"
    good.write_text("{}")
    with tarfile.open(path, "w") as archive:
        archive.add(good, "results/anna.json")
        archive.add(good, "gradebook.db")
        link = tarfile.TarInfo("results/link.json")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    unpack(path, folder)
    assert [str(each.relative_to(folder)) for each in folder.rglob("*") if not each.is_dir()] == ["results/anna.json"]


def test_it_can_be_read_before_it_is_applied(course: Path, hand_in: Any) -> None:
    hand_in(course, [{}])
    done = programs.run("grader.cli", "run", "ps3", "--on-cluster", "--render", "--image", "a/b:1", cwd=course)
    assert done.returncode == 0, done.stderr
    kinds = [each["kind"] for each in yaml.safe_load_all(done.stdout)]
    assert kinds == ["Namespace", "NetworkPolicy", "PersistentVolumeClaim", "Pod", "Job"]
    assert "image: a/b:1" in done.stdout


@pytest.mark.kubectl
def test_a_cluster_whose_containers_are_imitations_is_told_apart(course: Path, hand_in: Any, server: Any) -> None:
    hand_in(course, [{}])
    arguments = ("--on-cluster", "--cluster", "statelab", "--allow-any")
    code, body, _ = run(course, *arguments, environment=server.environment)
    assert code == 2
    assert "a large class needs a real Kubernetes" in body["error"]


class Jobs:
    """A cluster as far as `grader run --on-cluster` sees it: Pods are processes here, the volume is a folder.

    What is real: the worker, tar, the objects that are sent. What is not: the API server, kubectl, the image.
    """

    context = "fake"
    kubeconfig = Path("nowhere")
    namespace = "default"

    def __init__(self, volume: Path) -> None:
        self.volume = volume
        self.objects: dict[tuple[str, str], dict[str, Any]] = {}
        self.workers: list[subprocess.Popen[str]] = []
        self.pods: list[dict[str, Any]] = []
        self.jobs = 0
        self.is_gone = False

    def request(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        _, _, below = path.partition("/namespaces/")
        kind, _, name = below.partition("/")[2].partition("/") if below else ("namespaces", "", "")
        if method == "POST":
            key = (kind, body["metadata"]["name"])
            if key in self.objects:
                raise RequestRefused(409, {"message": "already exists"})
            self.objects[key] = body
            if kind == "jobs":
                self.jobs += 1
                of = body["spec"]["completions"]
                self.workers = [worker(self.volume, index, of) for index in range(of)]
            return body
        if kind == "pods" and not name:
            assert more["params"] == {"labelSelector": f"job-name={PLAN.name}"}
            return {"items": self.pods}
        if kind == "pods" and name.endswith("/log"):
            assert ("jobs", PLAN.name) in self.objects, "the Job is gone, and its Pods' logs with it"
            return "Traceback (most recent call last):\nOSError: [Errno 28] No space left on device\n"
        if (kind, name) not in self.objects:
            raise RequestRefused(404, {"message": "not found"})
        if method == "DELETE":
            return self.objects.pop((kind, name))
        assert kind == "jobs"
        has_ended = all(each.poll() is not None for each in self.workers)
        if self.is_gone:
            raise KeyboardInterrupt
        conditions = [{"type": "Complete", "status": "True"}] if has_ended else []
        return {**self.objects[kind, name], "status": {"conditions": conditions, "active": len(self.workers)}}

    def get(self, what: str, namespace: str) -> dict[str, Any] | None:
        assert namespace == PLAN.namespace
        return self.objects.get(("pods", what.partition("/")[2]))

    def wait(self, what: str, condition: str, timeout_s: float) -> None:
        assert (what.partition("/")[0], condition, self.namespace) == ("pod", "Ready", PLAN.namespace)


KUBECTL = """\
#!/bin/sh
# exec POD -- COMMAND, here: the Pod's file system is this machine's, and its volume a folder.
while [ "$1" != "--" ]; do shift; done
shift
exec "$@"
"""


@pytest.fixture
def jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Jobs:
    from grader.oncluster import courier, run

    volume, kubectl = tmp_path / "volume", tmp_path / "kubectl"
    volume.mkdir()
    kubectl.write_text(KUBECTL)
    kubectl.chmod(0o755)
    monkeypatch.setattr(courier, "find_kubectl", lambda: str(kubectl))
    monkeypatch.setattr(courier, "MOUNT", str(volume))
    monkeypatch.setattr(run, "_LOOK_EVERY_S", 0.05)
    return Jobs(volume)


def test_submissions_are_sent_graded_fetched_and_taken_away(course: Path, hand_in: Any, jobs: Any) -> None:
    from grader.oncluster.run import grade

    hand_in(course, CLASS)
    sent = pack(load(course), "ps3")
    seen: list[tuple[int, int]] = []
    grade(jobs, PLAN, sent, lambda done, total, who: seen.append((done, total)))
    assert all(total == len(CLASS) for _, total in seen)
    assert {each.student for each in bundles.results(sent)} == set(sent.students)
    assert merge(load(course), sent) == len(CLASS)
    assert [kind for kind, _ in jobs.objects] == ["namespaces", "networkpolicies"]


def test_what_failed_workers_said_last_is_kept_and_said_once(course: Path, hand_in: Any, jobs: Any) -> None:
    from grader.oncluster.run import grade

    hand_in(course, CLASS[:1])
    sent = pack(load(course), "ps3")
    ended = {"state": {"terminated": {"exitCode": 1, "reason": "Error"}}}
    failed = {"phase": "Failed", "containerStatuses": [ended]}
    jobs.pods = [
        {"metadata": {"name": "ps3-0-a"}, "status": failed},
        {"metadata": {"name": "ps3-1-b"}, "status": failed},
        {"metadata": {"name": "ps3-1-c"}, "status": {"phase": "Succeeded"}},
    ]
    said = grade(jobs, PLAN, sent, lambda done, total, who: None)
    assert said.startswith("ps3-0-a, ps3-1-b failed: Error, exit code 1\n")
    assert said.count("No space left on device") == 1
    jobs.pods = []
    assert grade(jobs, PLAN, sent, lambda done, total, who: None) == ""


def test_a_run_that_was_left_joins_its_job_and_a_new_job_skips_what_is_graded(
    course: Path, hand_in: Any, jobs: Any
) -> None:
    from grader.oncluster.run import grade

    hand_in(course, CLASS)
    sent = pack(load(course), "ps3")
    jobs.is_gone = True
    with pytest.raises(KeyboardInterrupt):
        grade(jobs, PLAN, sent, lambda done, total, who: None)
    jobs.is_gone = False
    grade(jobs, PLAN, sent, lambda done, total, who: None)
    assert jobs.jobs == 1  # the second run joined the first one's Job
    assert {each.student for each in bundles.results(sent)} == set(sent.students)
    before = {each.name: each.stat().st_mtime_ns for each in (jobs.volume / "results").iterdir()}
    grade(jobs, PLAN, sent, lambda done, total, who: None)
    assert jobs.jobs == 2
    assert {each.name: each.stat().st_mtime_ns for each in (jobs.volume / "results").iterdir()} == before
