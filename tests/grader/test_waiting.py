"""A trial settles when nothing can happen by itself any more; and what a cure took away is not a cure."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from grader.answer import Answer
from grader.judge import judge
from grader.registry import task as registry_task
from grader.rubrics.final import care
from grader.seen import Seen
from grader.tasks import Task
from grader.trial import Trial
from grader.verdict import no, yes

SET = """\
apiVersion: apps/v1
kind: StatefulSet
metadata: {{name: web}}
spec:
  replicas: 2
  serviceName: web
  {more}
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec:
      containers:
      - {{name: web, image: "nginx:1.27", {probe}}}
"""


@pytest.mark.parametrize(
    ("more", "probe"),
    [
        ("", "readinessProbe: {tcpSocket: {port: 80}, initialDelaySeconds: 40}"),
        ("", "readinessProbe: {tcpSocket: {port: 80}, periodSeconds: 30, successThreshold: 3}"),
        ("", "startupProbe: {tcpSocket: {port: 80}, initialDelaySeconds: 20}"),
        ("minReadySeconds: 30", "ports: []"),
    ],
)
def test_it_waits_for_pods_that_are_asked_late(more: str, probe: str) -> None:
    trial = Trial(Task("ps3.late", 1, ""), Answer((SET.format(more=more, probe=probe),))).settle()
    assert [each.name for each in trial.pods_of("statefulset/web") if each.ready] == ["web-0", "web-1"]


@pytest.mark.parametrize(("first", "is_waited_for"), [("sleep 40", True), ("sleep 1000", False)])
def test_it_waits_for_a_container_that_comes_before_the_others_and_not_for_ever(
    first: str, is_waited_for: bool
) -> None:
    before = f'initContainers: [{{name: first, image: "busybox:1.37", command: [sh, -c, "{first}"]}}]'
    text = SET.format(more="", probe="ports: []").replace("      containers:", f"      {before}\n      containers:")
    trial = Trial(Task("ps3.late", 1, ""), Answer((text.replace("replicas: 2", "replicas: 1"),))).settle()
    assert [each.ready for each in trial.pods_of("statefulset/web")] == [is_waited_for]
    assert trial.cluster.loop.now_s - trial.began_s < 100


JOB = """\
apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly}
spec:
  schedule: "* * * * *"
  jobTemplate:
    spec:
      backoffLimit: 2
      template:
        spec:
          restartPolicy: Never
          containers:
          - {name: main, image: "busybox:1.36", command: ["false"]}
"""


def test_it_waits_for_a_job_that_will_try_again_and_not_for_the_next_of_a_cron_job() -> None:
    trial = Trial(Task("ps3.nightly", 1, ""), Answer((JOB,))).settle()
    begun_s = trial.cluster.loop.now_s
    trial.wait(65 - begun_s % 60)
    trial.settle()
    assert [each.object["status"]["phase"] for each in trial.pods_of("cronjob/nightly")][:3] == ["Failed"] * 3
    assert trial.cluster.loop.now_s - begun_s < 300


def test_objects_may_be_applied_with_time_between_them() -> None:
    config = "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {}}}\n"
    trial = Trial(Task("ps4.slow", 1, "", pause_s=30), Answer((config.format("one") + "---\n" + config.format("two"),)))
    came = {each.key: each.at_s for each in trial.cluster.store.history if each.plural == "configmaps"}
    assert came["default/two"] - came["default/one"] >= 30


def test_a_cure_without_its_patient_gets_nothing() -> None:
    task = Task("ps6.cured", 2, "", start="kind: x", patient=lambda trial: no("It is gone."))
    task.check(points=2, title="No symptom")(lambda trial: yes(""))
    result = judge(task, Answer.of_cell("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n"))
    assert result.score == 0
    assert result.checks[0].message == "It is gone."


LINES = """\
kubectl set image statefulset/db main=registry.k8s.io/nginx-slim:0.25
kubectl delete pod db-0
{wait}
kubectl delete pod db-2
{wait2}
kubectl delete pod db-1
"""


def by_hand(wait: str) -> Trial:
    return Trial(
        registry_task("ps5.by-hand"), Answer.of_cell(LINES.format(wait=wait, wait2=wait.replace("db-0", "db-2")))
    )


def test_given_pods_take_some_seconds_to_be_ready_where_waiting_is_the_point() -> None:
    trial = by_hand("kubectl get pods")
    life = [each for each in trial.cluster.store.history if each.key == "default/db-0"]
    started = next(each.at_s for each in life if (each.object.get("status") or {}).get("phase") == "Running")
    ready = next(each.at_s for each in life if Seen("pods", each.object).ready)
    assert 5 <= ready - started <= 15


def test_other_trials_have_other_pods() -> None:
    delays = set()
    for seed in range(12):
        trial = Trial(registry_task("ps5.by-hand"), None, seed=seed)
        probe = trial.get("statefulset/db").at("spec", "template", "spec", "containers", 0, "readinessProbe")
        delays.add(probe["initialDelaySeconds"])
    assert len(delays) > 4


def test_who_is_right_by_luck_at_one_pace_is_not_at_another() -> None:
    slowly = (
        "kubectl set image statefulset/web main=registry.k8s.io/nginx-slim:0.25\n"
        'kubectl patch statefulset web -p \'{"spec":{"updateStrategy":{"rollingUpdate":{"partition":4}}}}\'\n'
    )
    result = judge(registry_task("ps5.canary"), Answer.of_cell(slowly))
    wrong = next(each for each in result.checks if not each.passed)
    assert wrong.id == "no-other"
    assert wrong.message.startswith("When somebody types slowly: ")


def test_a_rollout_past_its_deadline_is_a_line_that_failed_and_no_breakdown() -> None:
    image = "kubectl set image deployment/shop web=registry.k8s.io/nginx-slim:newest"
    lines = f"{image}\nkubectl rollout status deployment/shop\n"
    result = judge(registry_task("ps1.rollout"), Answer.of_cell(lines))
    assert not any(each.broke for each in result.checks)
    assert any("exceeded its progress deadline" in each for each in result.advice)


def test_who_hears_late_of_a_pod_judges_by_the_clusters_clock() -> None:
    """On a cluster that is watched, `at_s` is when a busy machine heard of it; each second may be twenty there."""
    chosen = registry_task("final.probes")
    path = next((Path(__file__).parent / "corpus/final.probes/right").glob("01-*"))
    trial = Trial(chosen, Answer.of_files([path]))
    assert trial.when(lambda: care.is_up(trial, "sessions", 2), timeout_s=200)
    history = trial.cluster.store.history
    for place, each in enumerate(history):
        began_late = each.at_s + 35 if each.plural == "pods" and not Seen("pods", each.object).ready else each.at_s
        history[place] = replace(each, at_s=began_late)
    assert care.ready_after(trial, "sessions", 2, 40.0).passed
    for place, each in enumerate(history):
        history[place] = replace(each, at_s=each.at_s * 2)
    assert care.ready_after(trial, "sessions", 2, 40.0).passed
