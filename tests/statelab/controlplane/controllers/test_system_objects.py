"""What the control plane itself keeps: the Service it is found by, and the Secrets that hold tokens."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from statelab.controlplane.controlplane import ControlPlane

Object = dict[str, Any]


@pytest.fixture
def plane() -> ControlPlane:
    return ControlPlane()


def test_the_service_of_the_api_server_comes_back_when_it_is_deleted(plane: ControlPlane) -> None:
    before = {plural: plane.get(plural, "default/kubernetes") for plural in ("services", "endpoints", "endpointslices")}
    for plural in before:
        if plane.get(plural, "default/kubernetes") is not None:
            plane.delete(plural, "default/kubernetes")
    plane.settle(quiet_s=10)
    for plural, was in before.items():
        found = plane.get(plural, "default/kubernetes")
        assert found is not None and was is not None
        assert found["metadata"]["uid"] != was["metadata"]["uid"]
        assert (found.get("subsets"), found.get("endpoints")) == (was.get("subsets"), was.get("endpoints"))
    assert found["endpoints"][0]["addresses"]


def token_secret(account: str) -> Object:
    metadata = {"name": "long-lived", "annotations": {"kubernetes.io/service-account.name": account}}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "kubernetes.io/service-account-token"}


def test_a_token_secret_is_filled_and_goes_with_its_account(plane: ControlPlane) -> None:
    account = plane.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "robot"}})
    plane.create(token_secret("robot"))
    plane.settle()
    secret = plane.get("secrets", "default/long-lived")
    assert secret is not None
    assert secret["metadata"]["annotations"]["kubernetes.io/service-account.uid"] == account["metadata"]["uid"]
    data = {name: base64.b64decode(text).decode() for name, text in secret["data"].items()}
    assert data["namespace"] == "default"
    assert data["ca.crt"].startswith("-----BEGIN CERTIFICATE-----")
    claims = data["token"].split(".")[1]
    told = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    assert told["sub"] == "system:serviceaccount:default:robot"
    plane.delete("serviceaccounts", "default/robot")
    plane.settle()
    assert plane.get("secrets", "default/long-lived") is None


def test_a_token_secret_of_no_account_is_deleted(plane: ControlPlane) -> None:
    plane.create(token_secret("nobody"))
    plane.settle()
    assert plane.get("secrets", "default/long-lived") is None
