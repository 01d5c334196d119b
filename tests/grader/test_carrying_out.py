"""kubectl lines do to a trial what kubectl does: nothing is taken for granted, and a line that fails is told."""

from __future__ import annotations

import pytest

from grader.answer import Answer
from grader.given import headless, stateful_set
from grader.judge import judge
from grader.result import as_text
from grader.tasks import Task
from grader.trial import Trial
from grader.verdict import Verdict, yes

USED = """---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
apiVersion: v1
kind: Pod
metadata: {name: user}
spec:
  containers: [{name: main, image: "registry.k8s.io/nginx-slim:0.24", volumeMounts: [{name: data, mountPath: /data}]}]
  volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]
"""
GIVEN = headless("db", app="db") + stateful_set("db", replicas=2) + USED
TASK = Task("ps9.carry", points=1, about="Carry.", answer="commands", given=GIVEN)


def after(*lines: str, namespace: str | None = None) -> Trial:
    return Trial(TASK, Answer.of_cell("%%answer ps9.carry\n" + "\n".join(lines)), namespace=namespace)


def failure(*lines: str) -> str:
    return after(*lines).failed[-1].message


def test_a_precondition_that_does_not_hold_is_refused() -> None:
    trial = after("kubectl scale sts db --replicas=3 --current-replicas=99")
    assert trial.failed[0].message == "error: Expected replicas to be 99, was 2"
    found = trial.get("statefulset/db")
    assert found is not None and found.at("spec", "replicas") == 2


def test_the_status_of_a_set_that_is_updated_by_hand_is_refused_at_once() -> None:
    began = after("kubectl get pods").cluster.loop.now_s
    trial = after(
        """kubectl patch sts db -p '{"spec": {"updateStrategy": {"type": "OnDelete", "rollingUpdate": null}}}'""",
        "kubectl rollout status sts/db",
    )
    assert trial.failed[0].message == "error: rollout status is only available for RollingUpdate strategy type"
    assert trial.cluster.loop.now_s - began < 5


def test_a_status_that_is_not_watched_does_not_wait() -> None:
    trial = after("kubectl rollout restart sts db", "kubectl rollout status sts/db --watch=false")
    assert not trial.failed
    assert trial.cluster.loop.now_s - trial.began_s < 20


@pytest.mark.parametrize(
    "condition",
    ["jsonpath='{.status.readyReplicas}'=3", "jsonpath=.status.readyReplicas=3", "jsonpath='{.status.readyReplicas}'"],
)
def test_a_json_path_can_be_waited_for(condition: str) -> None:
    trial = after("kubectl scale sts db --replicas=3", f"kubectl wait --for={condition} sts/db --timeout=60s")
    assert not trial.failed


def test_a_creation_can_be_waited_for() -> None:
    trial = after("kubectl scale sts db --replicas=3", "kubectl wait --for=create pod/db-2 --timeout=60s")
    assert not trial.failed
    assert trial.get("pod/db-2") is not None
    assert "timed out" in failure("kubectl wait --for=create pod/db-9 --timeout=3s")


def test_a_claim_that_a_pod_uses_does_not_go_and_that_is_said() -> None:
    said = failure("kubectl delete pvc data")
    assert "is still there after" in said and "kubernetes.io/pvc-protection" in said and "--wait=false" in said
    assert "timed out waiting" in failure("kubectl delete pvc data --timeout=5s")
    assert not after("kubectl delete pvc data --wait=false").failed


def test_a_node_is_tainted_and_its_pods_leave() -> None:
    trial = after("kubectl taint nodes kind-worker kind-worker2 gone=yes:NoExecute").settle()
    assert not trial.failed
    assert not [each for each in trial.all("pod") if each.ready]


def test_a_misplaced_field_in_a_patch_is_told_though_the_line_goes_well() -> None:
    trial = after("""kubectl patch sts db -p '{"spec": {"replica": 3}}'""")
    assert not trial.failed
    assert [each.message for each in trial.warned] == ['Warning: unknown field "spec.replica"']


def test_a_namespace_is_the_one_that_is_named() -> None:
    assert after("kubectl scale sts db --replicas=1 -n default", namespace="market").namespace == "default"
    assert after("kubectl scale sts db --replicas=1", namespace="market").namespace == "market"


def test_a_line_that_fails_is_no_second_of_waiting() -> None:
    right, wrong = after("kubectl get pods", "kubectl get pods"), after("kubectl get pods", "kubectl get nothing")
    assert right.pace_s > 0
    assert right.cluster.loop.now_s - wrong.cluster.loop.now_s == pytest.approx(right.pace_s)


def test_lines_that_fail_are_told_when_all_points_are_won_too() -> None:
    task = Task("ps9.all-right", points=1, about="All right.", answer="commands", given=GIVEN)

    @task.check(points=1, title="It is there")
    def there(trial: Trial) -> Verdict:
        return yes("It is there.")

    lines = (
        'kubectl get pods\nkubectl scale sts nobody --replicas=1\nkubectl patch sts db -p \'{"spec": {"replica": 3}}\''
    )
    result = judge(task, Answer.of_cell(f"%%answer ps9.all-right\n{lines}"))
    assert result.is_full
    assert ["nobody" in each or "unknown field" in each for each in result.advice] == [True, True]
    assert "nobody" in as_text(result)


def test_more_pods_than_a_trial_bears_are_refused_whichever_way_they_are_asked_for() -> None:
    for line in (
        "kubectl scale sts db --replicas=1000",
        """kubectl patch sts db -p '{"spec": {"replicas": 1000}}'""",
        """kubectl patch sts db --type=json -p '[{"op": "replace", "path": "/spec/replicas", "value": 1000}]'""",
        "kubectl create deployment many --image=nginx:1.27 --replicas=1000",
    ):
        assert "1000 Pods: 24 are the most in this trial" in failure(line), line


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("kubectl apply -k .", "kustomize reads a folder of files"),
        ("kubectl kustomize overlays/prod", "kustomize reads a folder of files"),
        ("kubectl delete --kustomize=.", "kustomize reads a folder of files"),
        ("kubectl autoscale statefulset db --min=1000000 --max=2000000", "1000000 Pods: 24 are the most"),
    ],
)
def test_what_a_trial_cannot_do_is_refused_in_one_sentence(line: str, said: str) -> None:
    trial = after(line)
    assert [said in each.message for each in trial.failed] == [True]
