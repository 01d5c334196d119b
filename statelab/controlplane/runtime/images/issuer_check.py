"""agnhost's test-service-account-issuer-discovery: checks its own token as a stranger would, by the issuer's keys.

Source: kubernetes test/images/agnhost/openidmetadata.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from statelab.controlplane import p256
from statelab.controlplane.runtime.http import HttpResponse
from statelab.controlplane.runtime.images import in_cluster
from statelab.controlplane.runtime.programs import Task
from statelab.reader import jsonbytes

_DISCOVERY = "/.well-known/openid-configuration"


class _Wrong(Exception):
    """What is wrong with the token or with who issued it."""


class IssuerCheck:
    """One run of the program. `token_path` and `audience`: its flags."""

    def __init__(self, task: Task, token_path: str, audience: str) -> None:
        self._task = task
        self._audience = audience
        self._token_path = token_path
        self._token = ""
        self._claims: dict[str, Any] = {}

    def start(self) -> None:
        try:
            self._token = self._task.files.read(self._task.path(self._token_path)).decode().strip()
        except OSError as error:
            self._task.fail(f"open {self._token_path}: {(error.strerror or '').lower()}\n")
            return
        self._say("OK: Got token\nvalidating with in-cluster discovery")
        try:
            self._claims = _part(self._token, 1)
        except _Wrong as wrong:
            self._task.fail(f"{wrong}\n")
            return
        issuer = str(self._claims.get("iss"))
        self._say(f"OK: got issuer {issuer}")
        self._get(issuer + _DISCOVERY, self._discovered)

    def _discovered(self, about: dict[str, Any]) -> None:
        if about.get("issuer") != self._claims.get("iss"):
            raise _Wrong("oidc: issuer did not match the issuer returned by provider")
        self._say(f"OK: Constructed OIDC provider for issuer {about['issuer']}")
        self._get(str(about.get("jwks_uri")), self._judge)

    def _judge(self, keys: dict[str, Any]) -> None:
        audiences = self._claims.get("aud") or []
        if self._audience not in audiences:
            raise _Wrong(f'oidc: expected audience "{self._audience}" got {audiences}')
        if float(self._claims.get("exp") or 0) < self._task.loop.now_s:
            raise _Wrong("oidc: token is expired")
        wanted = _part(self._token, 0).get("kid")
        key = next((each for each in keys.get("keys") or () if each.get("kid") == wanted), None)
        signed, _, signature = self._token.rpartition(".")
        raw = _bytes(signature)
        if key is None or len(raw) != 64:
            raise _Wrong("failed to verify signature: failed to verify id token signature")
        point = (int.from_bytes(_bytes(key["x"]), "big"), int.from_bytes(_bytes(key["y"]), "big"))
        numbers = (int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
        if not p256.verifies(point, signed.encode(), numbers):
            raise _Wrong("failed to verify signature: failed to verify id token signature")
        self._say("OK: Validated signature on JWT\nOK: Got valid claims from token!")
        self._task.finish(0)

    # ---- asking

    def _get(self, text: str, then: Callable[[dict[str, Any]], None]) -> None:
        def answered(outcome: HttpResponse | str) -> None:
            try:
                if isinstance(outcome, str):
                    raise _Wrong(outcome)
                if outcome.status != 200:
                    raise _Wrong(f'Get "{text}": {outcome.reason}')
                found = jsonbytes.loads(outcome.body)
                then(found if isinstance(found, dict) else {})
            except (_Wrong, ValueError, KeyError, TypeError) as wrong:
                self._fail(str(wrong))

        in_cluster.get(self._task, text, answered)

    def _fail(self, why: str) -> None:
        self._task.fail(f"failed to validate with in-cluster discovery: {why}\n")

    def _say(self, lines: str) -> None:
        self._task.error(f"{lines}\n")


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _part(token: str, number: int) -> dict[str, Any]:
    """One of a token's two readable parts. Raises _Wrong."""
    try:
        found = jsonbytes.loads(_bytes(token.split(".")[number]))
    except (IndexError, ValueError):
        raise _Wrong("go-jose/go-jose: compact JWS format must have three parts") from None
    if not isinstance(found, dict):
        raise _Wrong("go-jose/go-jose: error in JSON")
    return found
