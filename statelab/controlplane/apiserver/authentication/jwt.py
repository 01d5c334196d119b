"""JSON Web Tokens as the API server signs them, and the key it signs them with. Source: RFC 7515, 7517, 7518, 7519."""

from __future__ import annotations

import base64
import hashlib
import hmac
from functools import cached_property
from typing import Any

from statelab.controlplane.p256 import Key
from statelab.reader import jsonbytes

Claims = dict[str, Any]
_LONGEST = 16 * 1024  # a bearer token that is longer is none of ours
_EC_P256 = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200")  # SubjectPublicKeyInfo, before the key


class Signer:
    """Signs claims with one key, and knows its own signature again."""

    def __init__(self, key: Key) -> None:
        self._key = key

    @cached_property
    def _public(self) -> bytes:
        return self._key.public_bytes

    @cached_property
    def key_id(self) -> str:
        """The key's name in tokens and in the key set: the digest of the public key, as the real server makes it."""
        return _base64(hashlib.sha256(_EC_P256 + self._public).digest())

    def sign(self, claims: Claims) -> str:
        """The token with these claims."""
        head = {"alg": "ES256", "kid": self.key_id}
        signed = f"{_base64(jsonbytes.dumps(head))}.{_base64(jsonbytes.dumps(claims))}"
        return f"{signed}.{self._signature(signed)}"

    def claims(self, token: str) -> Claims | None:
        """The claims of a token that this key has signed; None for any other text."""
        if len(token) > _LONGEST or token.count(".") != 2 or not token.isascii():
            return None
        signed, _, signature = token.rpartition(".")
        # The key's own signature of the same words is the same one each time.
        if not hmac.compare_digest(signature, self._signature(signed)):
            return None
        try:
            found = jsonbytes.loads(_from_base64(signed.partition(".")[2]))
        except ValueError:
            return None
        return found if isinstance(found, dict) else None

    def key_set(self) -> Claims:
        """The public key as a JSON Web Key Set."""
        point = self._public[1:]
        key = {"use": "sig", "kty": "EC", "kid": self.key_id, "crv": "P-256", "alg": "ES256"}
        return {"keys": [{**key, "x": _base64(point[:32]), "y": _base64(point[32:])}]}

    def _signature(self, signed: str) -> str:
        r, s = self._key.sign(signed.encode())
        return _base64(r.to_bytes(32, "big") + s.to_bytes(32, "big"))


def is_one(text: str) -> bool:
    """Whether a text has the form of a token."""
    return text.count(".") == 2 and text.startswith("ey")


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _from_base64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
