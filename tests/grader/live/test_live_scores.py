"""The same scores wherever an answer is graded, for every check that does not need the embedded cluster."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from grader.answer import Answer
from grader.judge import judge
from grader.live.judge import judge_live
from grader.live.namespaces import Namespaces, leftovers, new_run
from grader.registry import assignments, task, tasks_of
from grader.result import Result
from statelab.cluster import Cluster

pytestmark = [pytest.mark.slow, pytest.mark.kubectl]
CORPUS = Path(__file__).parents[1] / "corpus"
# STATELAB_LIVE=all grades every file of the corpora on the cluster: about an hour.
RIGHT = [sorted(folder.glob("right/*"))[0] for folder in sorted(CORPUS.iterdir()) if folder.is_dir()]
WRONG = sorted([*CORPUS.glob("ps3.identity/wrong/03-*"), *CORPUS.glob("ps4.two-volumes/wrong/01-*")])
FILES = [*RIGHT, *WRONG]
if os.environ.get("STATELAB_LIVE") == "all":
    FILES = sorted(CORPUS.glob("*/*/*"))
AT_ONCE = 4


def points(result: Result) -> dict[str, float]:
    return {each.id: each.points for each in result.checks if each.graded}


def compared(namespaces: Namespaces, files: list[Path]) -> list[str]:
    """Each answer that is graded otherwise on the cluster than embedded; several trials at once."""
    answers = [(task(path.parent.parent.name), Answer.of_files([path])) for path in files]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        live = list(pool.map(lambda each: judge_live(each[0], each[1], namespaces), answers))
    wrong = []
    for path, (chosen, answer), found in zip(files, answers, live, strict=True):
        # A right answer has all points embedded (tests/grader/test_corpus.py): it is not judged here once more.
        is_right = path.parent.name == "right"
        here = {each.id: each.max for each in found.checks} if is_right else points(judge(chosen, answer))
        otherwise = {check: (here[check], got) for check, got in points(found).items() if got != here[check]}
        if otherwise:
            wrong.append(f"{path.parent.parent.name}/{path.name}: embedded and here: {otherwise}")
    return wrong


@pytest.mark.timeout(7200 if os.environ.get("STATELAB_LIVE") == "all" else 600)
def test_a_strangers_cluster_gives_the_same_scores_as_the_embedded_one(namespaces: Namespaces) -> None:
    """A right answer to every task, and some wrong ones."""
    assert {path.parent.parent.name for path in FILES} == {each for name in assignments() for each in tasks_of(name)}
    assert not compared(namespaces, FILES)
    assert not [each for each in leftovers(namespaces.cluster) if not each.is_going]


@pytest.mark.kind
@pytest.mark.timeout(7200)
def test_a_real_cluster_gives_the_same_scores_as_the_embedded_one(real_cluster: Cluster) -> None:
    """`make test-kind`; or STATELAB_TEST_CONTEXT=k3d-mine for a cluster that is there."""
    namespaces = Namespaces(real_cluster, new_run())
    try:
        assert not compared(namespaces, FILES)
    finally:
        namespaces.delete_all()


def test_what_needs_a_cluster_of_its_own_is_not_graded_and_takes_no_points(namespaces: Namespaces) -> None:
    chosen = task("ps4.disasters")
    path = next((CORPUS / "ps4.disasters/right").glob("01-*"))
    result = judge_live(chosen, Answer.of_files([path]), namespaces)
    assert (result.score, result.max, result.not_graded) == (0, 0, chosen.points)
    assert result.problem is not None
    assert "a cluster of its own" in result.problem
    completed = judge_live(chosen, Answer.of_files([path]), namespaces, complete=True)
    assert (completed.score, completed.max) == (chosen.points, chosen.points)
    assert completed.problem is None
    assert all("embedded cluster" in each.message for each in completed.checks)


def test_a_check_that_needs_virtual_time_counts_neither_way(namespaces: Namespaces) -> None:
    path = next((CORPUS / "ps4.repair/right").glob("01-*"))
    chosen = task("ps4.repair")
    result = judge_live(chosen, Answer.of_files([path]), namespaces)
    left_out = [each for each in result.checks if not each.graded]
    assert [each.id for each in left_out] == ["in-another-cluster"]
    assert result.is_full
    assert result.not_graded == left_out[0].max > 0
    assert result.max + result.not_graded == chosen.points
    assert result.to_json()["notGraded"] == result.not_graded


def test_an_object_outside_of_every_namespace_never_reaches_the_cluster(namespaces: Namespaces) -> None:
    text = (next((CORPUS / "ps6.pending/right").glob("01-*"))).read_text(encoding="utf-8")
    storage_class = "apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {name: mine}\nprovisioner: x.io/y\n"
    answer = Answer((f"{storage_class}---\n{text}",))
    result = judge_live(task("ps6.pending"), answer, namespaces)
    assert "StorageClass is outside of every namespace" in str(result.problem)
    assert result.max == 0
    assert namespaces.cluster.get("storageclass/mine") is None


def test_kubectl_lines_cannot_touch_the_nodes_of_a_shared_cluster(namespaces: Namespaces) -> None:
    answer = Answer(("kubectl cordon kind-worker\nkubectl scale deployment shop --replicas=6\n",))
    result = judge_live(task("ps1.scale"), answer, namespaces)
    assert "Node is outside of every namespace" in str(result.problem)
    node = namespaces.cluster.get("node/kind-worker")
    assert node is not None
    assert not node["spec"].get("unschedulable")


def test_the_trials_namespace_is_called_as_the_learner_calls_it(namespaces: Namespaces) -> None:
    """Names with `default` in them lead to the trial's own Pods, in a manifest as in a question."""
    path = next((CORPUS / "ps3.peers/right").glob("01-*"))
    text = path.read_text(encoding="utf-8")
    far = text.replace(".db-peers", ".db-peers.default.svc.cluster.local")
    assert far != text
    answer = Answer((far,))
    embedded, live = (points(each) for each in (judge(task("ps3.peers"), answer),
                                                judge_live(task("ps3.peers"), answer, namespaces)))  # fmt: skip
    assert embedded == live
    assert live["each-leads-to-one"] > 0
