"""The server's certificate: made by itself, for 127.0.0.1 and localhost, signed by an authority made for it alone.

kubectl sends its token over TLS only, so a cluster that has a token needs a certificate. The usual library would take
longer to import than the whole server may take to start, and this one needs only one curve and one signature.
Source: RFC 5280 (X.509), RFC 5915 (private keys), FIPS 186-5 (ECDSA), SEC 2 (the curve P-256).
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
import time
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

# The curve P-256: y² = x³ - 3x + b over the integers modulo _P; _G generates a group of _N points.
_P = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF
_N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)
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
    authority_key, server_key = _Key.new(), _Key.new()
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
        _extension(_SUBJECT_KEY, _tlv(0x04, authority_key.identifier)),
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
        _extension(_SUBJECT_KEY, _tlv(0x04, server_key.identifier)),
        _extension(_AUTHORITY_KEY, _sequence(_tlv(0x80, authority_key.identifier))),
    )
    return Certificate(
        _pem("CERTIFICATE", authority),
        _pem("CERTIFICATE", server),
        _pem("EC PRIVATE KEY", server_key.encoded()),
    )


def _certificate(issuer: str, subject: str, issuer_key: _Key, subject_key: _Key, now_s: float, *more: bytes) -> bytes:
    algorithm = _sequence(_oid(_ECDSA_SHA256))
    body = _sequence(
        _tlv(0xA0, _integer(2)),  # version 3
        _integer(secrets.randbits(127) | 1),
        algorithm,
        _name(issuer),
        _sequence(_time(now_s - _DAY_S), _time(now_s + _VALID_S)),
        _name(subject),
        subject_key.public(),
        _tlv(0xA3, _sequence(*more)),
    )
    return _sequence(body, algorithm, _bits(issuer_key.sign(body)))


# ---- the key


@dataclass(frozen=True, slots=True)
class _Key:
    secret: int
    point: tuple[int, int]

    @classmethod
    def new(cls) -> _Key:
        secret = secrets.randbelow(_N - 1) + 1
        return cls(secret, _multiply(secret))

    @property
    def _bytes(self) -> bytes:
        return b"\x04" + self.point[0].to_bytes(32, "big") + self.point[1].to_bytes(32, "big")

    @property
    def identifier(self) -> bytes:
        return hashlib.sha256(self._bytes).digest()[:20]

    def public(self) -> bytes:
        return _sequence(_sequence(_oid(_EC_PUBLIC_KEY), _oid(_P256)), _bits(self._bytes))

    def encoded(self) -> bytes:
        secret = _tlv(0x04, self.secret.to_bytes(32, "big"))
        return _sequence(_integer(1), secret, _tlv(0xA0, _oid(_P256)), _tlv(0xA1, _bits(self._bytes)))

    def sign(self, message: bytes) -> bytes:
        digest = int.from_bytes(hashlib.sha256(message).digest(), "big")
        while True:
            nonce = secrets.randbelow(_N - 1) + 1
            r = _multiply(nonce)[0] % _N
            s = pow(nonce, -1, _N) * (digest + r * self.secret) % _N
            if r and s:
                return _sequence(_integer(r), _integer(s))


def _multiply(scalar: int) -> tuple[int, int]:
    """`scalar` times the generator, in affine coordinates."""
    total: tuple[int, int, int] | None = None
    for bit in range(scalar.bit_length()):
        if scalar >> bit & 1:
            total = _add(total, _doublings()[bit])
    assert total is not None
    x, y, z = total
    inverse = pow(z, -1, _P)
    return x * inverse**2 % _P, y * inverse**3 % _P


@lru_cache(maxsize=1)
def _doublings() -> list[tuple[int, int, int]]:
    """The generator times 1, 2, 4, 8 …, in Jacobian coordinates: x/z², y/z³."""
    points = [(*_G, 1)]
    for _ in range(255):
        x, y, z = points[-1]
        a, b = y * y % _P, 3 * (x - z * z) * (x + z * z) % _P
        c = 4 * x * a % _P
        x2 = (b * b - 2 * c) % _P
        points.append((x2, (b * (c - x2) - 8 * a * a) % _P, 2 * y * z % _P))
    return points


def _add(left: tuple[int, int, int] | None, right: tuple[int, int, int]) -> tuple[int, int, int]:
    """The sum of two different points, in Jacobian coordinates."""
    if left is None:
        return right
    x1, y1, z1 = left
    x2, y2, z2 = right
    u1, u2 = x1 * z2 * z2 % _P, x2 * z1 * z1 % _P
    s1, s2 = y1 * z2**3 % _P, y2 * z1**3 % _P
    h, r = (u2 - u1) % _P, (s2 - s1) % _P
    h2 = h * h % _P
    h3, u = h2 * h % _P, u1 * h2 % _P
    x = (r * r - h3 - 2 * u) % _P
    return x, (r * (u - x) - s1 * h3) % _P, h * z1 * z2 % _P


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
