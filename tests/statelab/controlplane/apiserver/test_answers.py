"""Answers of the API server that no recording of ours holds, as a real 1.36.2 gave them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from statelab.controlplane.apiserver.encoding.request import Request, Response
from statelab.controlplane.apiserver.serving.handler import Handler
from statelab.controlplane.controlplane import ControlPlane

POD = {"containers": [{"name": "c", "image": "nginx:1.27"}]}
SERVICES = "/api/v1/namespaces/default/services"
SETS = "/apis/apps/v1/namespaces/default/statefulsets"


@pytest.fixture
def ask() -> Any:
    handler = Handler(ControlPlane())

    def send(method: str, path: str, body: dict[str, Any] | None = None) -> tuple[int, dict[str, Any]]:
        data = json.dumps(body).encode() if body is not None else b""
        answer = handler.handle(Request(method, path, {}, {"content-type": "application/json"}, data))
        assert isinstance(answer, Response)
        return answer.code, json.loads(answer.body)

    return send


def stateful_set(**more: Any) -> dict[str, Any]:
    template = {"metadata": {"labels": {"app": "web"}}, "spec": POD}
    spec = {"serviceName": "web", "selector": {"matchLabels": {"app": "web"}}, "template": template, **more}
    return {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "web"}, "spec": spec}


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ({"propagationPolicy": "Foreground"}, 200),
        ({"propagationPolicy": "Orphan"}, 200),
        ({"orphanDependents": False}, 202),
    ],
)
def test_a_deletion_that_is_not_over_is_accepted_only_in_its_old_form(ask: Any, how: dict[str, Any], code: int) -> None:
    made = stateful_set()
    made["metadata"]["finalizers"] = ["example.com/wait"]
    assert ask("POST", SETS, made)[0] == 201
    options = {"apiVersion": "v1", "kind": "DeleteOptions", **how}
    assert ask("DELETE", f"{SETS}/web", options)[0] == code


def test_what_is_created_has_no_version_yet_and_storage_gives_no_reason(ask: Any) -> None:
    made = stateful_set()
    for version, code in (("5", 500), ("-1", 201)):  # a number that is none is not minded
        made["metadata"]["resourceVersion"] = version
        answer = ask("POST", SETS, made)
        assert answer[0] == code
        if code == 500:
            message = "resourceVersion should not be set on objects to be created"
            about = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
            assert answer[1] == {**about, "message": message, "code": 500}


def test_a_claim_template_without_a_name_has_no_claim_name_either(ask: Any) -> None:
    claim = {"spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}
    code, status = ask("POST", SETS, stateful_set(volumeClaimTemplates=[claim]))
    assert code == 422
    fields = [each["field"] for each in status["details"]["causes"]]
    assert "spec.template.spec.volumes[0].persistentVolumeClaim.claimName" in fields


def test_an_ipv6_address_is_refused_with_the_list_it_stands_in(ask: Any) -> None:
    spec = {"clusterIP": "fd00::1", "ports": [{"port": 80}], "selector": {"app": "web"}}
    code, status = ask(
        "POST", SERVICES, {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": spec}
    )
    assert code == 422
    assert 'spec.clusterIPs[0]: Invalid value: ["fd00::1"]: IPv6 is not configured on this cluster' in status["message"]
