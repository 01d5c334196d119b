"""Decoding in Go's words: what the recordings do not show of types, unknown and repeated fields, and normal form."""

from __future__ import annotations

import json
from typing import Any

import pytest

from statelab.controlplane.apiserver.encoding import strict
from statelab.controlplane.errors import ApiError
from statelab.controlplane.kinds import KINDS, Object

PODS = KINDS["pods"]


def pod(**spec: Any) -> dict[str, Any]:
    container = {"name": "c", "image": "i"}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": [container], **spec}}


def decoded(body: Any, plural: str = "pods", validation: strict.Validation = "Strict") -> tuple[Object, list[str]]:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return strict.decode(raw, KINDS[plural], validation)


def refusal_of(body: Any, plural: str = "pods") -> str:
    with pytest.raises(ApiError) as refusal:
        decoded(body, plural)
    assert refusal.value.code == 400
    return refusal.value.message.partition(": ")[2]


def test_the_path_of_an_unknown_field_counts_list_items_and_the_path_of_a_wrong_type_does_not() -> None:
    body = pod(containers=[{"name": "c", "image": "i"}, {"name": "d", "imagee": "i"}])
    assert refusal_of(body) == 'strict decoding error: unknown field "spec.containers[1].imagee"'
    body = pod(containers=[{"name": "c", "image": "i"}, {"name": "d", "image": 5}])
    assert refusal_of(body).endswith("number into Go struct field Container.spec.containers.image of type string")


def test_all_unknown_and_repeated_fields_are_told_in_the_order_of_the_document() -> None:
    raw = b'{"apiVersion":"v1","kind":"Pod","b":1,"metadata":{"name":"p","labels":{"x":"1","x":"2"}},"a":{"c":2}}'
    assert refusal_of(raw) == (
        'strict decoding error: unknown field "b", duplicate field "metadata.labels.x", unknown field "a"'
    )


def test_a_wrong_type_outweighs_unknown_fields_and_the_first_one_counts() -> None:
    body = {"unheard": 1, **pod(hostname=7, nodeName=8)}
    problem = "json: cannot unmarshal number into Go struct field PodSpec.spec.hostname of type string"
    assert refusal_of(body) == problem


@pytest.mark.parametrize(
    ("spec", "what", "where"),
    [
        ({"restartPolicy": 1}, "number", "PodSpec.spec.restartPolicy of type v1.RestartPolicy"),
        ({"hostNetwork": "true"}, "string", "PodSpec.spec.hostNetwork of type bool"),
        ({"securityContext": []}, "array", "PodSpec.spec.securityContext of type v1.PodSecurityContext"),
        ({"volumes": {}}, "object", "PodSpec.spec.volumes of type []v1.Volume"),
        ({"tolerations": ["x"]}, "string", "PodSpec.spec.tolerations of type v1.Toleration"),
        ({"priority": 1.5}, "number 1.5", "PodSpec.spec.priority of type int32"),
        (
            {"containers": [{"resources": {"limits": []}}]},
            "array",
            "ResourceRequirements.spec.containers.resources.limits of type v1.ResourceList",
        ),
        (
            {"containers": [{"readinessProbe": {"httpGet": []}}]},
            "array",
            "Probe.spec.containers.readinessProbe.httpGet of type v1.HTTPGetAction",
        ),
    ],
)
def test_go_names_the_struct_the_path_and_the_type(spec: dict[str, Any], what: str, where: str) -> None:
    assert refusal_of(pod(**spec)) == f"json: cannot unmarshal {what} into Go struct field {where}"


def test_a_port_that_is_neither_number_nor_text_is_refused_by_its_own_decoder() -> None:
    body = pod(containers=[{"readinessProbe": {"httpGet": {"port": True}}}])
    assert refusal_of(body) == "json: cannot unmarshal bool into Go value of type int32"


def test_times_and_bytes_are_refused_in_the_words_of_their_parsers() -> None:
    body = {**pod(), "metadata": {"name": "p", "deletionTimestamp": "tomorrow"}}
    layout = "2006-01-02T15:04:05Z07:00"
    assert refusal_of(body) == f'parsing time "tomorrow" as "{layout}": cannot parse "tomorrow" as "2006"'
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"a": "not base64"}}
    assert refusal_of(secret, "secrets") == "illegal base64 data at input byte 3"


def test_a_body_of_another_kind_cannot_be_converted() -> None:
    body = {**pod(), "kind": "Service", "spec": {}}
    assert refusal_of(body) == "converting (v1.Service) to (core.Pod): unknown conversion"


def test_warn_tells_what_strict_refuses_and_ignore_says_nothing() -> None:
    body = pod(replicas=3)
    obj, told = decoded(body, validation="Warn")
    assert told == ['unknown field "spec.replicas"']
    assert "replicas" not in obj["spec"]
    assert decoded(body, validation="Ignore")[1] == []


def test_what_go_would_not_write_is_not_there() -> None:
    body = pod(hostNetwork=False, nodeName="", tolerations=[], nodeSelector={}, volumes=None, priority=0)
    body["metadata"].update(labels={}, creationTimestamp=None)
    obj, _ = decoded(body)
    assert obj["spec"] == {"containers": [{"name": "c", "image": "i", "resources": {}}], "priority": 0}
    assert obj["metadata"] == {"name": "p"}
    assert obj["status"] == {}


def test_a_pointer_to_nothing_is_something() -> None:
    body = pod(automountServiceAccountToken=False, terminationGracePeriodSeconds=0)
    body["spec"]["volumes"] = [{"name": "v", "emptyDir": {}}]
    spec = decoded(body)[0]["spec"]
    assert spec["automountServiceAccountToken"] is False
    assert spec["terminationGracePeriodSeconds"] == 0
    assert spec["volumes"] == [{"name": "v", "emptyDir": {}}]


def test_a_condition_without_a_time_has_null_for_it() -> None:
    body = {**pod(), "status": {"conditions": [{"type": "Ready", "status": "True"}]}}
    condition = decoded(body)[0]["status"]["conditions"][0]
    assert condition == {"type": "Ready", "status": "True", "lastProbeTime": None, "lastTransitionTime": None}


def test_a_fault_of_a_patch_is_told_as_the_patchs() -> None:
    with pytest.raises(ApiError) as refusal:
        strict.check({**pod(), "spec": {"x": 1}}, PODS, "Strict", patch={"spec": {"x": 1}})
    assert refusal.value.code == 422
    assert refusal.value.message == (
        ' "" is invalid: patch: Invalid value: "map[spec:map[x:1]]": strict decoding error: unknown field "spec.x"'
    )


def test_a_checked_object_is_a_new_one() -> None:
    body = pod()
    obj, _ = strict.check(body, PODS)
    obj["spec"]["containers"][0]["name"] = "changed"
    assert body["spec"]["containers"][0]["name"] == "c"
