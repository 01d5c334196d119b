"""Tokens of ServiceAccounts: who they are, how long they are good, and how anybody can check one."""

from __future__ import annotations

import base64
import json
import stat
from pathlib import Path
from typing import Any

import pytest

from statelab.controlplane import ControlPlane
from statelab.controlplane.apiserver.authentication.tokens import AUDIENCES
from statelab.controlplane.apiserver.encoding.request import Request
from statelab.controlplane.apiserver.serving.client import InProcessClient
from statelab.controlplane.apiserver.serving.handler import Handler
from statelab.controlplane.p256 import Key

TOKEN = "/api/v1/namespaces/default/serviceaccounts/default/token"
POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "web"},
    "spec": {"containers": [{"name": "main", "image": "registry.k8s.io/pause:3.10"}]},
}


def token_of(client: InProcessClient, **spec: Any) -> str:
    reply = client.request("POST", TOKEN, body={"spec": spec})
    assert reply.code == 201, reply.body
    return str(reply.body["status"]["token"])


def claims_of(token: str) -> dict[str, Any]:
    part = token.split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return found


def review(client: InProcessClient, token: str, **spec: Any) -> dict[str, Any]:
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": token, **spec}}
    reply = client.request("POST", "/apis/authentication.k8s.io/v1/tokenreviews", body=body)
    status: dict[str, Any] = reply.body["status"]
    return status


def code_with(client: InProcessClient, token: str) -> int:
    answer = client.handler.handle(Request("GET", "/api", headers={"authorization": f"Bearer {token}"}))
    return answer.code  # type: ignore[union-attr]


def test_signatures_are_those_of_rfc_6979() -> None:
    key = Key(0xC9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721)  # A.2.5
    r, s = key.sign(b"sample")
    assert r == 0xEFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716
    assert s == 0xF7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8


def test_a_token_says_whose_it_is_and_is_known_again(client: InProcessClient) -> None:
    token = token_of(client)
    claims = claims_of(token)
    assert claims["sub"] == "system:serviceaccount:default:default"
    assert claims["aud"] == list(AUDIENCES) and claims["exp"] - claims["iat"] == 3600
    status = review(client, token)
    assert status["authenticated"] and status["audiences"] == list(AUDIENCES)
    assert status["user"]["username"] == claims["sub"]
    assert status["user"]["groups"] == [
        "system:serviceaccounts",
        "system:serviceaccounts:default",
        "system:authenticated",
    ]
    assert code_with(client, token) == 200


def test_a_token_that_was_changed_or_made_elsewhere_is_nobodys(client: InProcessClient) -> None:
    token = token_of(client)
    head, body, signature = token.split(".")
    claims = {**claims_of(token), "sub": "system:serviceaccount:kube-system:default"}
    forged = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    other = ControlPlane(seed=1)
    account = other.get("serviceaccounts", "default/default")
    assert account is not None
    elsewhere = other.api.tokens.issue(account, other.loop.now_s, 3600)
    none = base64.urlsafe_b64encode(b'{"alg":"none"}').decode().rstrip("=")
    for wrong in (
        f"{head}.{forged}.{signature}",
        f"{none}.{body}.",
        elsewhere,
        "a.b.c",
        token[:-1],
        "ey" + "a" * 100_000,
    ):
        assert review(client, wrong) == {"user": {}, "error": "invalid bearer token"}
    assert code_with(client, f"{head}.{forged}.{signature}") == 401


def test_a_token_ends_with_its_time(client: InProcessClient) -> None:
    token = token_of(client, expirationSeconds=600)
    client.cluster.loop.run_for(590)
    assert review(client, token)["authenticated"]
    client.cluster.loop.run_for(75)  # clocks may differ by a minute
    assert review(client, token) == {"user": {}, "error": "[invalid bearer token, service account token has expired]"}
    assert code_with(client, token) == 401


def test_a_token_ends_with_its_account(client: InProcessClient) -> None:
    token = token_of(client)
    client.request("DELETE", TOKEN.removesuffix("/token"))
    assert "error" in review(client, token)
    client.cluster.settle()  # a new one of the same name is another one
    assert "does not match claim" in review(client, token)["error"]


def test_a_token_bound_to_a_pod_ends_with_the_pod(client: InProcessClient) -> None:
    client.cluster.create(POD)
    client.cluster.settle()
    reference = {"apiVersion": "v1", "kind": "Pod", "name": "web"}
    token = token_of(client, boundObjectRef=reference)
    extra = review(client, token)["user"]["extra"]
    assert extra["authentication.kubernetes.io/pod-name"] == ["web"]
    assert extra["authentication.kubernetes.io/node-name"][0].startswith("kind-")
    client.request("DELETE", "/api/v1/namespaces/default/pods/web?gracePeriodSeconds=0")
    client.cluster.settle()
    words = "[invalid bearer token, service account token has been invalidated]"
    assert review(client, token) == {"user": {}, "error": words}


def test_a_token_is_good_for_its_audiences_alone(client: InProcessClient) -> None:
    token = token_of(client, audiences=["vault"])
    assert review(client, token, audiences=["vault", "other"])["audiences"] == ["vault"]
    assert review(client, token)["error"] == (
        f'[invalid bearer token, token audiences ["vault"] is invalid for the target audiences ["{AUDIENCES[0]}"]]'
    )
    assert code_with(client, token) == 401


@pytest.mark.parametrize(
    ("spec", "code", "why"),
    [
        ({"expirationSeconds": 599}, 422, "may not specify a duration less than 10 minutes"),
        ({"expirationSeconds": 2**32 + 1}, 422, "may not specify a duration larger than 2^32 seconds"),
        ({"boundObjectRef": {"kind": "Pod", "apiVersion": "v1", "name": "none"}}, 404, 'pods "none" not found'),
        ({"boundObjectRef": {"kind": "Job", "apiVersion": "batch/v1", "name": "x"}}, 400, "cannot bind token"),
    ],
)
def test_a_token_that_cannot_be_is_refused(client: InProcessClient, spec: dict[str, Any], code: int, why: str) -> None:
    reply = client.request("POST", TOKEN, body={"spec": spec})
    assert (reply.code, why in reply.body["message"]) == (code, True)


def test_the_token_of_a_secret_is_good_as_long_as_the_secret(client: InProcessClient) -> None:
    annotations = {"kubernetes.io/service-account.name": "default"}
    secret = {"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token",
              "metadata": {"name": "old", "annotations": annotations}}  # fmt: skip
    client.cluster.create(secret)
    client.cluster.settle()
    held = client.cluster.get("secrets", "default/old")
    assert held is not None
    token = base64.b64decode(held["data"]["token"]).decode()
    assert review(client, token)["user"]["username"] == "system:serviceaccount:default:default"
    client.cluster.delete("secrets", "default/old")
    assert review(client, token)["error"] == "[invalid bearer token, Token has been invalidated]"


def test_the_key_set_says_which_key_signed(client: InProcessClient) -> None:
    about = client.request("GET", "/.well-known/openid-configuration").body
    assert about["issuer"] == claims_of(token_of(client))["iss"] and about["jwks_uri"].endswith("/openid/v1/jwks")
    (key,) = json.loads(client.request("GET", "/openid/v1/jwks").body)["keys"]
    part = token_of(client).split(".")[0]
    head = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    assert (head["alg"], head["kid"]) == (key["alg"], key["kid"])


def test_a_server_keeps_its_key_for_its_owner_alone_and_others_have_other_keys(tmp_path: Path) -> None:
    first = ControlPlane(state=tmp_path / "a")
    account = first.get("serviceaccounts", "default/default")
    assert account is not None and first.journal is not None
    token = first.api.tokens.issue(account, first.loop.now_s, 3600)
    first.journal.close()
    kept = tmp_path / "a" / "service-account.key"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    again = ControlPlane(state=tmp_path / "a")
    assert not isinstance(again.api.tokens.user(token, again.loop.now_s), str)
    other = ControlPlane(state=tmp_path / "b")
    assert other.api.tokens.signer.key_id != again.api.tokens.signer.key_id


def test_who_sends_a_service_accounts_token_to_a_server_is_that_account() -> None:
    cluster = ControlPlane()
    account = cluster.get("serviceaccounts", "default/default")
    assert account is not None
    handler = Handler(cluster, token="secret")
    token = cluster.api.tokens.issue(account, cluster.loop.now_s, 3600)
    answer = handler.handle(Request("GET", "/api/v1/pods", headers={"authorization": f"Bearer {token}"}))
    assert answer.code == 403  # type: ignore[union-attr]
