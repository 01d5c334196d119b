"""Protobuf bodies, as typed Go clients send them, say the same as JSON."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from statelab.controlplane.apiserver.encoding import protobuf, strict
from statelab.controlplane.errors import ApiError
from statelab.controlplane.kinds import KINDS


def varint(value: int) -> bytes:
    value &= 2**64 - 1
    found = b""
    while value > 0x7F:
        found += bytes([value & 0x7F | 0x80])
        value >>= 7
    return found + bytes([value])


def message(*fields: tuple[int, Any]) -> bytes:
    """A message: numbers as varints, text and messages with their length."""
    found = b""
    for number, value in fields:
        if isinstance(value, int):
            found += varint(number << 3) + varint(value)
        else:
            data = value.encode() if isinstance(value, str) else value
            found += varint(number << 3 | 2) + varint(len(data)) + data
    return found


def body(api_version: str, kind: str, raw: bytes) -> bytes:
    return b"k8s\x00" + message((1, message((1, api_version), (2, kind))), (2, raw))


META = (1, "web"), (2, ""), (3, "default"), (8, b"")


def test_a_deployment() -> None:
    container = message((1, "nginx"), (2, "nginx:1.25"), (6, message((1, ""), (3, 80))), (8, b""))
    container += message((10, message((1, message((2, message((1, "/"), (2, message((1, 1), (3, "http"))))))))))
    resources = message((1, message((1, "cpu"), (2, message((1, "500m"))))))
    container += message((8, resources))
    volume = message((1, "data"), (2, message((2, message((1, ""), (2, message((1, "1Gi"))))))))
    pod_spec = message((1, volume), (2, container), (4, 30), (14, b""), (6, "ClusterFirst"))
    template = message((1, message(*META)), (2, pod_spec))
    selector = message((1, message((1, "app"), (2, "web"))))
    spec = message((1, 3), (2, selector), (3, template), (5, -1), (7, 0))
    found = protobuf.decode(body("apps/v1", "Deployment", message((1, message(*META)), (2, spec))))
    assert (found["apiVersion"], found["kind"]) == ("apps/v1", "Deployment")
    assert found["metadata"] == {"name": "web", "generateName": "", "namespace": "default", "creationTimestamp": None}
    assert found["spec"]["replicas"] == 3
    assert found["spec"]["minReadySeconds"] == -1
    assert found["spec"]["paused"] is False
    assert found["spec"]["selector"] == {"matchLabels": {"app": "web"}}
    pod = found["spec"]["template"]["spec"]
    assert pod["volumes"] == [{"name": "data", "emptyDir": {"medium": "", "sizeLimit": "1Gi"}}]
    assert pod["containers"][0]["ports"] == [{"name": "", "containerPort": 80}]
    assert pod["containers"][0]["livenessProbe"] == {"httpGet": {"path": "/", "port": "http"}}
    assert pod["containers"][0]["resources"] == {"limits": {"cpu": "500m"}}
    decoded, warnings = strict.check(found, KINDS["deployments"])
    assert warnings == []
    assert decoded["spec"]["template"]["spec"]["containers"][0]["ports"] == [{"containerPort": 80}]


@given(
    st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=4),
    st.dictionaries(st.text(max_size=8), st.binary(max_size=8), max_size=4),
    st.booleans(),
)
def test_a_config_map_says_what_it_said(data: dict[str, str], binary: dict[str, bytes], immutable: bool) -> None:
    raw = message(
        (1, message((1, "cm"))),
        *((2, message((1, key), (2, value))) for key, value in data.items()),
        *((3, message((1, key), (2, value))) for key, value in binary.items()),
        (4, int(immutable)),
    )
    found = protobuf.decode(body("v1", "ConfigMap", raw))
    assert found.get("data", {}) == data
    assert found.get("binaryData", {}) == {key: base64.b64encode(value).decode() for key, value in binary.items()}
    assert found["immutable"] is immutable


def test_times_and_numbers() -> None:
    event = message((1, message((1, "e"))), (6, message((1, 1767225600))), (8, 7))
    event += message((10, message((1, 1767225600), (2, 5000))))
    found = protobuf.decode(body("v1", "Event", event))
    assert (found["firstTimestamp"], found["count"]) == ("2026-01-01T00:00:00Z", 7)
    assert found["eventTime"] == "2026-01-01T00:00:00.000005Z"


def test_repeated_numbers_come_packed_or_not() -> None:
    for groups in (message((3, 1), (3, 300)), message((3, varint(1) + varint(300)))):
        # supplementalGroups is field 4 of PodSecurityContext
        context = groups.replace(b"\x18", b"\x20").replace(b"\x1a", b"\x22")
        found = protobuf.decode(body("v1", "Pod", message((2, message((14, context))))))
        assert found["spec"]["securityContext"]["supplementalGroups"] == [1, 300]


def test_options_of_a_delete() -> None:
    raw = message((1, 5), (2, message((1, "uid-1"))), (4, "Foreground"))
    found = protobuf.decode(body("apps/v1", "DeleteOptions", raw))
    assert found["gracePeriodSeconds"] == 5
    assert found["preconditions"] == {"uid": "uid-1"}
    assert found["propagationPolicy"] == "Foreground"


def test_a_kind_that_is_not_known_says_only_what_it_is() -> None:
    assert protobuf.decode(body("example.com/v1", "Job", b"\xff")) == {"apiVersion": "example.com/v1", "kind": "Job"}


def test_fields_of_a_newer_kubernetes_are_passed_over() -> None:
    raw = message((1, message((1, "cm"), (999, "x"), (998, 3)))) + varint(77 << 3 | 5) + b"1234"
    assert protobuf.decode(body("v1", "ConfigMap", raw))["metadata"] == {"name": "cm"}


def test_what_is_no_protobuf_is_refused_in_upstreams_words() -> None:
    with pytest.raises(ApiError) as refusal:
        protobuf.decode(b'{"kind":"Pod"}')
    assert (refusal.value.code, refusal.value.message) == (
        400,
        "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]",
    )


@given(st.binary(max_size=60), st.sampled_from([("v1", "Pod"), ("v1", "Secret"), ("apps/v1", "StatefulSet")]))
def test_any_bytes_are_an_object_or_a_bad_request(raw: bytes, what: tuple[str, str]) -> None:
    for sent in (b"k8s\x00" + raw, body(*what, raw)):
        try:
            assert isinstance(protobuf.decode(sent), dict)
        except ApiError as refusal:
            assert refusal.code == 400
