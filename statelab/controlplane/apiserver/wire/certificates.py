"""The server's certificate: made by itself, for 127.0.0.1 and localhost, signed by an authority made for it alone.

kubectl sends its token over TLS only, so a cluster that has a token needs a certificate.
Source: RFC 5280 (X.509), RFC 5915 (private keys).
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from statelab.controlplane.p256 import Key

_VALID_S = 3650 * 86400
_DAY_S = 86400

_ECDSA_SHA256 = "1.2.840.10045.4.3.2"
_EC_PUBLIC_KEY = "1.2.840.10045.2.1"
_P256 = "1.2.840.10045.3.1.7"
_COMMON_NAME = "2.5.4.3"
_SUBJECT_KEY, _KEY_USAGE, _SUBJECT_NAMES, _CONSTRAINTS, _AUTHORITY_KEY, _EXTENDED_USAGE = (
    "2.5.29.14", "2.5.29.15", "2.5.29.17", "2.5.29.19", "2.5.29.35", "2.5.29.37",
)  # fmt: skip
_SERVER_AUTH = "1.3.6.1.5.5.7.3.1"


@dataclass(frozen=True, slots=True)
class Certificate:
    """PEM texts: the authority to trust, and the server's chain and private key."""

    authority: str
    chain: str
    key: str


def load_or_make(folder: Path) -> Certificate:
    """The certificate kept in a folder, made if there is none: so a kubeconfig stays good when the server restarts."""
    path = folder / "certificate.json"
    try:
        kept = json.loads(path.read_text())
        if kept["until_s"] > time.time() + _DAY_S:
            return Certificate(kept["authority"], kept["chain"], kept["key"])
    except (OSError, ValueError, KeyError, TypeError):
        pass
    fresh = make()
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump({**asdict(fresh), "until_s": time.time() + _VALID_S}, file)
    return fresh


def make() -> Certificate:
    """A fresh authority and a certificate for 127.0.0.1, ::1 and localhost. The authority's key is forgotten."""
    authority_key, server_key = Key.new(), Key.new()
    now_s = time.time()
    authority_name, server_name = "statelab-ca", "statelab"
    authority = _certificate(
        authority_name,
        authority_name,
        authority_key,
        authority_key,
        now_s,
        _extension(_CONSTRAINTS, _sequence(_tlv(0x01, b"\xff")), critical=True),
        _extension(_KEY_USAGE, _tlv(0x03, b"\x01\x06"), critical=True),  # keyCertSign, cRLSign
        _extension(_SUBJECT_KEY, _tlv(0x04, _identifier(authority_key))),
    )
    names = _tlv(0x82, b"localhost") + _tlv(0x87, bytes((127, 0, 0, 1))) + _tlv(0x87, bytes(15) + b"\x01")
    server = _certificate(
        authority_name,
        server_name,
        authority_key,
        server_key,
        now_s,
        _extension(_CONSTRAINTS, _sequence(), critical=True),
        _extension(_KEY_USAGE, _tlv(0x03, b"\x07\x80"), critical=True),  # digitalSignature
        _extension(_EXTENDED_USAGE, _sequence(_oid(_SERVER_AUTH))),
        _extension(_SUBJECT_NAMES, _sequence(names)),
        _extension(_SUBJECT_KEY, _tlv(0x04, _identifier(server_key))),
        _extension(_AUTHORITY_KEY, _sequence(_tlv(0x80, _identifier(authority_key)))),
    )
    return Certificate(
        _pem("CERTIFICATE", authority),
        _pem("CERTIFICATE", server),
        _pem("EC PRIVATE KEY", _private(server_key)),
    )


def authority(name: str, key: Key) -> str:
    """An authority's certificate for who has to check what it signed, PEM; made without the package cryptography."""
    rights = _extension(_KEY_USAGE, _tlv(0x03, b"\x01\x06"), critical=True)  # keyCertSign, cRLSign
    is_one = _extension(_CONSTRAINTS, _sequence(_tlv(0x01, b"\xff")), critical=True)
    return _pem("CERTIFICATE", _certificate(name, name, key, key, time.time(), is_one, rights))


def _certificate(issuer: str, subject: str, issuer_key: Key, subject_key: Key, now_s: float, *more: bytes) -> bytes:
    algorithm = _sequence(_oid(_ECDSA_SHA256))
    body = _sequence(
        _tlv(0xA0, _integer(2)),  # version 3
        _integer(secrets.randbits(127) | 1),
        algorithm,
        _name(issuer),
        _sequence(_time(now_s - _DAY_S), _time(now_s + _VALID_S)),
        _name(subject),
        public(subject_key),
        _tlv(0xA3, _sequence(*more)),
    )
    return _sequence(body, algorithm, _bits(_sign(issuer_key, body)))


# ---- the key


def _sign(key: Key, message: bytes) -> bytes:
    return _sequence(*map(_integer, key.sign(message)))


def _identifier(key: Key) -> bytes:
    return hashlib.sha256(key.public_bytes).digest()[:20]


def public(key: Key) -> bytes:
    """The public key as a SubjectPublicKeyInfo in DER."""
    return _sequence(_sequence(_oid(_EC_PUBLIC_KEY), _oid(_P256)), _bits(key.public_bytes))


def _private(key: Key) -> bytes:
    secret = _tlv(0x04, key.secret.to_bytes(32, "big"))
    return _sequence(_integer(1), secret, _tlv(0xA0, _oid(_P256)), _tlv(0xA1, _bits(key.public_bytes)))


# ---- DER


def _tlv(tag: int, content: bytes) -> bytes:
    length = len(content)
    if length < 0x80:
        return bytes((tag, length)) + content
    size = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(size))) + size + content


def _sequence(*parts: bytes) -> bytes:
    return _tlv(0x30, b"".join(parts))


def _integer(value: int) -> bytes:
    return _tlv(0x02, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def _bits(content: bytes) -> bytes:
    return _tlv(0x03, b"\x00" + content)


def _oid(text: str) -> bytes:
    first, second, *rest = map(int, text.split("."))
    encoded = bytes((40 * first + second,))
    for number in rest:
        digits = [number & 0x7F]
        while number := number >> 7:
            digits.append(0x80 | number & 0x7F)
        encoded += bytes(reversed(digits))
    return _tlv(0x06, encoded)


def _name(common_name: str) -> bytes:
    return _sequence(_tlv(0x31, _sequence(_oid(_COMMON_NAME), _tlv(0x0C, common_name.encode()))))


def _time(at_s: float) -> bytes:
    return _tlv(0x17, time.strftime("%y%m%d%H%M%SZ", time.gmtime(at_s)).encode())


def _extension(oid: str, value: bytes, *, critical: bool = False) -> bytes:
    return _sequence(_oid(oid), *([_tlv(0x01, b"\xff")] if critical else []), _tlv(0x04, value))


def _pem(label: str, content: bytes) -> str:
    text = base64.encodebytes(content).decode().replace("\n", "")
    lines = [text[at : at + 64] for at in range(0, len(text), 64)]
    return "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""])
