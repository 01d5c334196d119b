"""The mistakes of the notes, and their relatives: each gets its line and a cure."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from statelab.manifest import advise, advise_text, read
from statelab.reader.spelling import nearest

SET = """\
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: web
spec:
  serviceName: nginx
  replicas: 2
  selector:
    matchLabels:
      app: nginx
  template:
    metadata:
      labels:
        app: nginx
    spec:
      containers:
      - name: nginx
        image: registry.k8s.io/nginx-slim:0.24
        ports:
        - containerPort: 80
          name: web
        volumeMounts:
        - name: www
          mountPath: /usr/share/nginx/html
  volumeClaimTemplates:
  - metadata:
      name: www
    spec:
      accessModes: [ReadWriteOnce]
      resources:
        requests:
          storage: 1Gi
"""
SERVICE = """\
---
apiVersion: v1
kind: Service
metadata:
  name: nginx
spec:
  clusterIP: None
  selector:
    app: nginx
  ports:
  - port: 80
"""


def said(text: str) -> list[tuple[int, str, str]]:
    return [
        (each.place.line if each.place else 0, each.problem, each.advice) for each in advise(read(text, "web.yaml"))
    ]


def test_a_good_manifest_gets_no_advice() -> None:
    assert said(SET + SERVICE) == []


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("apiVersion: apps/v1", "apiVersion: app/v1", 1, "Did you mean apiVersion: apps/v1?"),
        ("apiVersion: apps/v1", "apiVerison: apps/v1", 1, "Did you mean apiVersion?"),
        ("kind: StatefulSet", "kind: Statefulset", 2, "Did you mean StatefulSet?"),
        ("  name: web\nspec", "  kind: web\nspec", 4, "Did you mean name?"),
        ("  selector:\n    ma", "  selectors:\n    ma", 8, 'a StatefulSet has "selector". Did you mean that?'),
        ("replicas: 2", 'replicas: "2"', 7, "take the quotes away"),
        ("    matchLabels:\n      app: nginx", "    matchLabels:\n      app: ngnix", 10, "the template has app: nginx"),
        ("        - name: www", "        - name: wwww", 23, "Did you mean www?"),
        ("serviceName: nginx", "serviceName: ngnix", 6, "Did you mean nginx?"),
        ("registry.k8s.io/nginx-slim", "k8s.gcr.io/nginx-slim", 18, "Did you mean registry.k8s.io/nginx-slim:0.24?"),
        ("[ReadWriteOnce]", "[ReadWriteonce]", 29, "Did you mean ReadWriteOnce?"),
        ("      accessModes", "      storageClassName: fast\n      accessModes", 29, "Did you mean standard?"),
        ("replicas: 2", "replicas: 2\n  podManagementPolicy: parallel", 8, "Did you mean Parallel?"),
        ("        volumeMounts:", "          volumeMounts:", 22, "move it to the left"),
        ("storage: 1Gi", "storage: [1Gi]", 32, ""),
        ("    app: nginx\n  ports", "    app: web\n  ports", 40, "the Pods here have app: nginx"),
        ("clusterIP: None", "clusterIP: none", 39, "Did you mean None?"),
    ],
)  # fmt: skip
def test_a_slip_is_named_with_its_line_and_its_cure(old: str, new: str, line: int, words: str) -> None:
    text = SET + SERVICE
    assert old in text
    found = said(text.replace(old, new, 1))
    assert any(at == line and words in advice for at, _, advice in found), found


def test_unknown_fields_are_shown_as_in_the_design() -> None:
    assert advise_text(SET.replace("  selector:", "  selectors:"), "web.yaml")[0] == (
        'web.yaml, line 8, column 3: unknown field "spec.selectors"\n'
        "    8 │   selectors:\n"
        '      │   ^^^^^^^^^ a StatefulSet has "selector". Did you mean that?'
    )


@pytest.mark.parametrize("value", ["[]", "5", "text", "{a: [1]}", "null", "[{}, [], 3]"])
@pytest.mark.parametrize("path", ["metadata", "spec", "kind", "apiVersion"])
def test_any_shape_gets_advice_without_a_crash(path: str, value: str) -> None:
    lines = {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": "{name: web}", "spec": "{}"}
    text = "\n".join(f"{key}: {value if key == path else default}" for key, default in lines.items())
    advise(read(text))


_anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["web", "nginx", "", "None", "80"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["name", "metadata", "labels", "app", "spec", "containers", "volumeMounts", "volumes", "selector"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(
    st.sampled_from(["StatefulSet", "Deployment", "Pod", "Service", "PersistentVolumeClaim", "ConfigMap"]),
    st.dictionaries(
        st.sampled_from(
            [
                "serviceName",
                "selector",
                "template",
                "volumeClaimTemplates",
                "clusterIP",
                "containers",
                "volumes",
                "replicas",
            ]
        ),
        _anything,
    ),
    _anything,
)
def test_no_shape_of_a_spec_makes_it_crash(kind: str, spec: object, metadata: object) -> None:
    body = {"apiVersion": "apps/v1" if kind in ("StatefulSet", "Deployment") else "v1", "kind": kind}
    advise(read(json.dumps({**body, "metadata": metadata, "spec": spec})))


def test_near_words_are_found_and_far_ones_are_not() -> None:
    assert nearest("ngnix", ["nginx", "web"]) == "nginx"
    assert nearest("selectors", ["selector", "serviceName"]) == "selector"
    assert nearest("banana", ["selector", "serviceName"]) is None


def service(selector: str) -> str:
    head = "apiVersion: v1\nkind: Service\nmetadata: {name: nginx}\nspec:\n  ports: [{port: 80}]\n"
    return f"{head}  selector: {selector}\n---\n"


@pytest.mark.parametrize(
    "selector",
    [
        "{statefulset.kubernetes.io/pod-name: web-1}",
        "{app: nginx, statefulset.kubernetes.io/pod-name: web-0}",
        '{apps.kubernetes.io/pod-index: "1"}',
        "{controller-revision-hash: web-66d8b8f6c4}",
    ],
)
def test_a_service_may_select_by_what_the_controller_adds_to_a_pod(selector: str) -> None:
    assert advise_text(service(selector) + SET) == []


@pytest.mark.parametrize(
    ("selector", "has"),
    [
        ("{statefulset.kubernetes.io/pod-name: web-2}", "the Pods here are called web-0 to web-1"),
        ("{statefulset.kubernetes.io/pod-name: redis-0}", "the Pods here are called web-0 to web-1"),
        ('{apps.kubernetes.io/pod-index: "2"}', "the Pods here have app: nginx"),
        ("{app: ngnix, statefulset.kubernetes.io/pod-name: web-0}", "the Pods here are called"),
        ("{pod-template-hash: abc}", "the Pods here have app: nginx"),
    ],
)
def test_a_service_that_asks_for_what_no_controller_adds_is_told(selector: str, has: str) -> None:
    (said,) = advise_text(service(selector) + SET)
    assert "Service nginx selects none of these Pods" in said
    assert has in said


def test_pods_of_jobs_have_the_name_of_their_job() -> None:
    template = (
        "{metadata: {labels: {app: load}}, spec: {restartPolicy: Never, containers: [{name: c, image: busybox}]}}"
    )
    job = f"apiVersion: batch/v1\nkind: Job\nmetadata: {{name: load}}\nspec:\n  template: {template}\n"
    assert advise_text(service("{batch.kubernetes.io/job-name: load}") + job) == []
    assert "selects none" in advise_text(service("{job-name: lood}") + job)[0]


@pytest.mark.parametrize("spec", ["replicas: many", "ordinals: 3", "replicas: -1", "replicas: 100000000"])
def test_numbers_that_make_no_sense_are_no_end(spec: str) -> None:
    text = SET.replace("replicas: 2", spec)
    advise_text(service("{statefulset.kubernetes.io/pod-name: web-1}") + text)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("storage: 1Gi", "storage: 1GB", '"1GB" is no quantity'),
        ("storage: 1Gi", "storage: 1gi", "Did you mean 1Gi?"),
        ("storage: 1Gi", 'storage: "1 Gi"', '"1 Gi" is no quantity'),
        ("[ReadWriteOnce]", "[ReadWriteOnly]", '"ReadWriteOnly" is no accessMode'),
        ("name: www\n          mountPath", "name: n\n          mountPath", 'put it in quotes: "n"'),
        ("name: www\n          mountPath", "name: off\n          mountPath", 'put it in quotes: "off"'),
    ],
)
def test_a_value_of_the_wrong_kind_is_named_as_it_was_written(before: str, after: str, said: str) -> None:
    assert before in SET
    told = "\n".join(f"{each.problem} {each.advice}" for each in advise(read(SET.replace(before, after, 1))))
    assert said in told


def test_a_quantity_that_is_one_gets_no_word() -> None:
    for written in ("1Gi", "1024Mi", '"1.5Gi"', "1073741824", "1e9", "1G"):
        assert not [each for each in advise(read(SET.replace("1Gi", written))) if "quantity" in each.problem]
