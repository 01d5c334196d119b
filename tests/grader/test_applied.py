"""An object that is written twice is applied twice, as kubectl does it: what only the first text said goes."""

from __future__ import annotations

from typing import Any

from grader.answer import Answer
from grader.applied import patch_of
from grader.tasks import Task
from grader.trial import Trial
from statelab.controlplane.apiserver.patch.patch import merge_patch

SERVICE = """\
apiVersion: v1
kind: Service
metadata: {name: web, labels: {app: web, old: "yes"}}
spec: {selector: {app: web, tier: a}, ports: [{port: 80, name: http}, {port: 81, name: admin}]}
"""


def applied(text: str, **task: Any) -> Trial:
    return Trial(Task("ps9.twice", 1, "", **task), Answer.of_cell(text)).settle()


def test_what_only_the_first_text_said_is_gone_and_what_the_cluster_gave_stays() -> None:
    first = applied(SERVICE).get("service/web")
    again = (
        "---\napiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {selector: {app: web}, ports: [{port: 81}]}\n"
    )
    seen = applied(SERVICE + again).get("service/web")
    assert first is not None
    assert seen is not None
    assert seen.at("metadata", "labels") is None
    assert seen.at("spec", "selector") == {"app": "web"}
    assert seen.at("spec", "ports") == [{"port": 81, "protocol": "TCP", "targetPort": 81}]
    assert seen.at("spec", "clusterIP") == first.at("spec", "clusterIP")


def test_an_object_that_is_given_is_changed_in_the_same_way() -> None:
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: {b: two}\n"
    given = text.replace("b: two", "a: one, b: one")
    seen = applied(text, given=given, may_change_given=True).get("configmap/x")
    assert seen is not None
    assert seen.at("data") == {"b": "two"}


def test_a_second_text_with_an_unknown_field_is_refused_like_the_first() -> None:
    trial = applied(SERVICE + "---\n" + SERVICE.replace("ports:", "port:"))
    assert [each.message for each in trial.refused] == [
        'Service in version "v1" cannot be handled as a Service: strict decoding error: unknown field "spec.port"'
    ]


def test_the_line_is_that_of_the_last_text_which_is_what_counts() -> None:
    assert applied(SERVICE + "---\n" + SERVICE).line("Service", "spec") == 9


def test_members_of_keyed_lists_that_others_added_stay() -> None:
    last = {"spec": {"containers": [{"name": "a", "image": "1", "env": [{"name": "X", "value": "1"}]}, {"name": "b"}]}}
    live = {"spec": {"containers": [
        {"name": "a", "image": "1", "env": [{"name": "X", "value": "1"}], "imagePullPolicy": "Always"},
        {"name": "b"},
        {"name": "sidecar"},
    ]}}  # fmt: skip
    new = {"spec": {"containers": [{"name": "a", "image": "2"}]}}
    assert merge_patch(live, patch_of(last, new, live)) == {
        "spec": {"containers": [{"name": "a", "image": "2", "imagePullPolicy": "Always"}, {"name": "sidecar"}]}
    }
