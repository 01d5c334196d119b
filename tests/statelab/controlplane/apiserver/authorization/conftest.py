"""A cluster, and requests to it as somebody."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from statelab.controlplane import ControlPlane
from statelab.controlplane.apiserver.encoding.request import Request
from statelab.controlplane.apiserver.serving.handler import Handler

RBAC = "/apis/rbac.authorization.k8s.io/v1"
Ask = Callable[..., tuple[int, Any]]


@pytest.fixture
def cluster() -> ControlPlane:
    return ControlPlane()


@pytest.fixture
def ask(cluster: ControlPlane) -> Ask:
    """`ask(method, path, body=None, user="", groups="", token="")`: code and body; without a user, as the admin."""
    handler = Handler(cluster)

    def asked(
        method: str, path: str, body: Any = None, *, user: str = "", token: str = "", **more: str
    ) -> tuple[int, Any]:
        headers = {"accept": "application/json", "content-type": more.pop("type", "application/json")}
        if user:
            headers["impersonate-user"] = user
        if token:
            headers["authorization"] = f"Bearer {token}"
        headers |= {name.replace("_", "-"): value for name, value in more.items()}
        path, _, query = path.partition("?")
        pairs = [each.partition("=") for each in query.split("&") if each]
        answer = handler.handle(
            Request(
                method,
                path,
                {name: [value] for name, _, value in pairs},
                headers,
                json.dumps(body).encode() if body else b"",
            )
        )
        return answer.code, json.loads(answer.body)  # type: ignore[union-attr]

    return asked
