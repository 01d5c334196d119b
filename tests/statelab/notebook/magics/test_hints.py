"""A line that failed by a slip of the hand is told what was perhaps meant; one that was right gets no hint."""

from __future__ import annotations

from pathlib import Path

import pytest

from statelab.cluster.typed import words
from statelab.controlplane import ControlPlane
from statelab.notebook.magics.hints import hint
from statelab.tab import TabCluster

WEB = """
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: web}
spec:
  serviceName: nginx
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: main, image: "nginx:1.27"}]}
"""
SLIPS = {
    "uncordon {node}": "There is no variable node yet: first run the cell that makes it.",
    "get pod/{pod}": "There is no variable pod yet: first run the cell that makes it.",
    "get pods –n default": "–n begins with a long dash, as editors and chats make them. Type -n.",
    "scale sts web —replicas=3": "—replicas=3 begins with a long dash, as editors and chats make them. "
    "Type --replicas=3.",
    "scale sts web -–replicas=3": "-–replicas=3 begins with a long dash, as editors and chats make them. "
    "Type --replicas=3.",
    "get pods -l “app = web”": "“ is a curly quote, as editors and chats make them. Type a straight one: ' or \".",
    "-n default aply -f web.yaml": "kubectl has no command aply. Did you mean apply?",
    "-A get pods": "The verb comes first: kubectl get -A pods",
    "--force delete pod web-0": "The verb comes first: kubectl delete --force pod web-0",
    "rollout statsu sts/web": "kubectl rollout has no command statsu. Did you mean status?",
    "get pods -show-labels": "A flag of more than one letter has two hyphens: --show-labels.",
    "get pods -namespace=default": "A flag of more than one letter has two hyphens: --namespace=default.",
    "get pods -o yml": "Did you mean -o yaml?",
    "get pods --namspace default": "Did you mean --namespace?",
    "get pdos": "Did you mean pods?",
    "get statefulet web": "Did you mean statefulset?",
    "delete web-0": "web-0 is a Pod. Its kind comes first: kubectl delete pod web-0",
    "describe web": "web is a StatefulSet. Its kind comes first: kubectl describe statefulset web",
    "apply -f webb.yaml": "Did you mean -f web.yaml?",
    "apply -f web.yml": "Did you mean -f web.yaml?",
    "apply -f web": "Did you mean -f web.yaml?",
    "apply -f 04-web.yaml": "There is such a file in manifests: -f manifests/04-web.yaml.",
    "apply -f manifests/web.yaml": "There is such a file in .: -f web.yaml.",
    "get pod wbe-0": "Did you mean web-0?",
    "delete sts webb": "Did you mean web?",
    "get pods -n kube-sytem": "There is no namespace kube-sytem. Did you mean kube-system?",
    "get pods -n mine": "There is no namespace mine.",
    "get pod web-0 -n kube-public": "Pod web-0 is in the namespace default: -n default.",
}
NO_SLIPS = [
    "aply -f web.yaml",  # kubectl says itself what was meant
    "get pod web-2",  # web-1 is another one
    "get pod other",
    "get pvc www-web-0 -n kube-public",
    "get foo",
    "get pod other -o jsonpath={.spec}",
    "get pods -x",
    "get pods -n kube-public",
    "apply -f nothing-like-it.yaml",
    "exec web-0 -- ls -show",
    "delete nobody",
    "get pods -l 'a in (b,c)' --foo",
    "",
]


@pytest.fixture(scope="module")
def cluster():
    made = TabCluster(ControlPlane(pace=200.0))
    made.kubectl("apply -f -", stdin=WEB)
    made.wait("statefulset/web", "Rollout")
    yield made
    made.driver.close()


@pytest.fixture
def complaint(cluster, tmp_path, monkeypatch):
    """`complaint(line)`: its words, and what kubectl has against them, in a folder with two manifests."""
    monkeypatch.chdir(tmp_path)
    Path("manifests").mkdir()
    for name in ("web.yaml", "manifests/04-web.yaml"):
        Path(name).write_text(WEB)

    def of(line: str) -> tuple[list[str], str]:
        done = cluster.kubectl(words(line))
        return words(line), done.stderr

    return of


@pytest.mark.parametrize(("line", "said"), SLIPS.items())
def test_a_slip_is_named(cluster, complaint, line, said):
    assert hint(*complaint(line), cluster) == said


@pytest.mark.parametrize("line", NO_SLIPS)
def test_what_is_no_slip_or_nothing_near_gets_no_hint(cluster, complaint, line):
    assert hint(*complaint(line), cluster) == ""
