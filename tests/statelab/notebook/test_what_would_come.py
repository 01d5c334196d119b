"""What would come of a manifest, before it is applied: tried on a cluster of its own, or refused, and at which line."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from statelab.cluster import Problem
from statelab.manifest import read
from statelab.notebook.pictures import foreseeing

CLAIM = """apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec:
  accessModes: [ReadWriteOnce]
  resources: {requests: {storage: 1Gi}}
"""
POD = """apiVersion: v1
kind: Pod
metadata: {name: reader}
spec:
  containers: [{name: web, image: "registry.k8s.io/nginx-slim:0.24"}]
  volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]
"""


class ClusterOf:
    """A cluster that has these objects in its namespace, and takes every manifest, or refuses it in these words."""

    place, namespace = "embedded", "lesson"

    def __init__(self, *there, refusal=""):
        self.there, self.refusal = there, refusal
        self.lines = []

    def kubectl(self, line, *, stdin):
        self.lines.append(line)
        return SimpleNamespace(code=int(bool(self.refusal)), stderr=self.refusal)

    def list(self, plural):
        kinds = {"persistentvolumeclaims": "PersistentVolumeClaim", "pods": "Pod", "statefulsets": "StatefulSet"}
        return [each for each in self.there if each["kind"] == kinds.get(plural)]


def sentence(text, *there):
    return foreseeing.foresee(ClusterOf(*there), read(text), width=420).picture.sentence


def test_a_pod_waits_for_a_claim_that_is_not_there_and_runs_where_it_is():
    alone = sentence(POD)
    assert "reader" in alone
    assert "Ready" not in alone
    claim = read(CLAIM).objects[0]
    together = sentence(POD, claim)
    assert "pod reader" in together.lower()
    assert "Bound" in together


def test_what_a_controller_made_is_made_again_and_what_the_server_wrote_is_no_wish():
    claim = read(CLAIM).objects[0]
    bound = {
        **claim,
        "metadata": {"name": "data", "uid": "1", "annotations": {"pv.kubernetes.io/bind-completed": "yes"}},
        "spec": {**claim["spec"], "volumeName": "pvc-of-elsewhere"},
        "status": {"phase": "Bound"},
    }
    made = {**read(POD).objects[0], "metadata": {"name": "web-0", "ownerReferences": [{"kind": "StatefulSet"}]}}
    said = sentence(POD, bound, made)
    assert "Bound" in said
    assert "web-0" not in said


def test_nothing_is_applied_to_the_learners_cluster():
    cluster = ClusterOf()
    foreseeing.foresee(cluster, read(POD), width=420)
    assert cluster.lines == [["apply", "--dry-run=server", "-f", "-"]]


REFUSED = """# a Service and a set
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {ports: [{port: 80}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: web
spec:
  replicas: -1
  selectors:
    matchLabels: {app: web}
  template:
    metadata:
      labels: {app: wbe}
"""


@pytest.mark.parametrize(
    ("refusal", "line"),
    [
        ('The StatefulSet "web" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0', 12),
        (
            'Error from server (BadRequest): error when creating "STDIN": StatefulSet in version "v1" cannot be handled'
            ' as a StatefulSet: strict decoding error: unknown field "spec.selectors"',
            13,
        ),
        ('The StatefulSet "web" is invalid: spec.template.metadata.labels: Invalid value: {"app":"wbe"}: no match', 17),
        ('The Service "web" is invalid: spec.ports[0].port: Invalid value: 0: must be between 1 and 65535', 5),
        (
            'error: resource mapping not found for name: "web" namespace: "" from "STDIN": no matches for kind'
            ' "StatefulSet" in version "app/v1"',
            7,
        ),
        ("Unable to connect to the server: EOF", 0),
    ],
)
def test_a_refusal_stands_at_the_line_it_is_about(refusal, line):
    found = foreseeing.foresee(ClusterOf(refusal=refusal), read(REFUSED), width=420)
    assert (found.picture, found.refusal, found.line) == (None, refusal, line)


def test_what_takes_too_long_to_be_tried_says_so(monkeypatch):
    monkeypatch.setattr(foreseeing, "_MOST_WORK_S", 0.0)
    with pytest.raises(Problem, match="too much to be tried"):
        sentence(POD)
    monkeypatch.setattr(foreseeing, "_MOST_OBJECTS", 0)
    with pytest.raises(Problem, match="too much to be tried"):
        sentence(POD)


def test_of_a_patch_s_refusal_what_matters_is_shown():
    said = 'The request is invalid: patch: Invalid value: "map[metadata:map[name:web] spec:map[selectors:map[]]]": {}'
    why = 'strict decoding error: unknown field "spec.selectors"'
    found = foreseeing.foresee(ClusterOf(refusal=said.format(why)), read(REFUSED), width=420)
    assert found.refusal == f'The request is invalid: patch: Invalid value: "…": {why}'
    one_object = read("\n".join(REFUSED.splitlines()[6:]))
    assert foreseeing.foresee(ClusterOf(refusal=said.format(why)), one_object, width=420).line == 7
