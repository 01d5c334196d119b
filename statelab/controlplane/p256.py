"""ECDSA over the curve P-256: what signs the server's certificate and the tokens of ServiceAccounts.

The usual library would take longer to import than the whole server may take to start, and this one needs only one
curve and one signature. A signature is a function of the key and the message (RFC 6979), so who has the key checks one
by making it again, and the same seed gives the same tokens.
Source: FIPS 186-5 (ECDSA), SEC 2 (the curve), RFC 6979 (deterministic signatures).
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

# y² = x³ - 3x + b over the integers modulo _P; _G generates a group of N points.
_P = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF
_B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)


@dataclass(frozen=True)
class Key:
    """A private key: a number from 1 to N - 1, known to nobody else."""

    secret: int

    @classmethod
    def new(cls) -> Key:
        """A key that cannot be guessed."""
        return cls(secrets.randbelow(N - 1) + 1)

    @classmethod
    def of_seed(cls, seed: str) -> Key:
        """The key that belongs to a text: for clusters that must be the same each time and that nobody reaches."""
        digest = hashlib.sha512(seed.encode()).digest()
        return cls(int.from_bytes(digest, "big") % (N - 1) + 1)

    @property
    def point(self) -> tuple[int, int]:
        """The public key, as a point of the curve."""
        return _multiply(self.secret)

    @property
    def public_bytes(self) -> bytes:
        """The public key uncompressed, as certificates hold it: 65 bytes."""
        x, y = self.point
        return b"\x04" + x.to_bytes(32, "big") + y.to_bytes(32, "big")

    def sign(self, message: bytes) -> tuple[int, int]:
        """The signature `(r, s)` of a message's SHA-256. The same message has the same one each time."""
        hashed = hashlib.sha256(message).digest()
        digest = int.from_bytes(hashed, "big")
        for nonce in _nonces(self.secret, digest % N):
            r = _multiply(nonce)[0] % N
            s = pow(nonce, -1, N) * (digest + r * self.secret) % N
            if r and s:
                return r, s
        raise AssertionError("there is always another nonce")


def verifies(point: tuple[int, int], message: bytes, signature: tuple[int, int]) -> bool:
    """Whether a signature of the message was made with the key that belongs to a public point."""
    r, s = signature
    x, y = point
    on_curve = (y * y - (x * x * x - 3 * x + _B)) % _P == 0
    if not (on_curve and 0 < r < N and 0 < s < N):
        return False
    digest, inverse = int.from_bytes(hashlib.sha256(message).digest(), "big"), pow(s, -1, N)
    found = _plus(_scaled(digest * inverse % N, _G), _scaled(r * inverse % N, point))
    return found is not None and found[0] % N == r


def _scaled(scalar: int, point: tuple[int, int]) -> tuple[int, int] | None:
    """Any point so many times; None is the point at infinity. Slow, and needed once in a while."""
    total: tuple[int, int] | None = None
    doubled: tuple[int, int] | None = point
    while scalar:
        if scalar & 1:
            total = _plus(total, doubled)
        doubled = _plus(doubled, doubled)
        scalar >>= 1
    return total


def _plus(left: tuple[int, int] | None, right: tuple[int, int] | None) -> tuple[int, int] | None:
    if left is None or right is None:
        return left or right
    (x1, y1), (x2, y2) = left, right
    if x1 == x2:
        if (y1 + y2) % _P == 0:
            return None
        slope = (3 * x1 * x1 - 3) * pow(2 * y1, -1, _P)
    else:
        slope = (y2 - y1) * pow(x2 - x1, -1, _P)
    x = (slope * slope - x1 - x2) % _P
    return x, (slope * (x1 - x) - y1) % _P


def _nonces(secret: int, digest: int) -> Iterator[int]:
    """RFC 6979, 3.2: numbers that only who knows the secret can tell, one after another."""
    both = secret.to_bytes(32, "big") + digest.to_bytes(32, "big")
    v, k = b"\x01" * 32, b"\x00" * 32
    for mark in (b"\x00", b"\x01"):
        k = hmac.digest(k, v + mark + both, "sha256")
        v = hmac.digest(k, v, "sha256")
    while True:
        v = hmac.digest(k, v, "sha256")
        nonce = int.from_bytes(v, "big")
        if 0 < nonce < N:
            yield nonce
        k = hmac.digest(k, v + b"\x00", "sha256")
        v = hmac.digest(k, v, "sha256")


def _multiply(scalar: int) -> tuple[int, int]:
    """`scalar` times the generator, in affine coordinates: a sum of one known point for each four bits."""
    total: tuple[int, int, int] | None = None
    for at in range(0, scalar.bit_length(), _WINDOW):
        digit = scalar >> at & _DIGITS
        if digit:
            total = _add(total, _times(digit, at))
    assert total is not None
    return _affine(total)


_WINDOW = 4
_DIGITS = (1 << _WINDOW) - 1


@lru_cache(maxsize=_DIGITS * 256 // _WINDOW)
def _times(digit: int, at: int) -> tuple[int, int]:
    """The generator times `digit << at`, made when it is first needed: a process that signs once needs few of them."""
    total: tuple[int, int, int] | None = None
    for bit in range(_WINDOW):
        if digit >> bit & 1:
            total = _add(total, _doublings()[at + bit])
    assert total is not None
    return _affine(total)


def _affine(point: tuple[int, int, int]) -> tuple[int, int]:
    x, y, z = point
    inverse = pow(z, -1, _P)
    return x * inverse**2 % _P, y * inverse**3 % _P


@lru_cache(maxsize=1)
def _doublings() -> list[tuple[int, int]]:
    """The generator times 1, 2, 4, 8 …"""
    points = [(*_G, 1)]
    products = [1]  # of the z before: one inversion serves them all (Montgomery's trick)
    for _ in range(255):
        x, y, z = points[-1]
        a, b = y * y % _P, 3 * (x - z * z) * (x + z * z) % _P
        c = 4 * x * a % _P
        x2 = (b * b - 2 * c) % _P
        points.append((x2, (b * (c - x2) - 8 * a * a) % _P, 2 * y * z % _P))
        products.append(products[-1] * z % _P)
    found = []
    rest = pow(products[-1] * points[-1][2], -1, _P)
    for (x, y, z), before in zip(reversed(points), reversed(products), strict=True):
        inverse, rest = rest * before % _P, rest * z % _P
        found.append((x * inverse**2 % _P, y * inverse**3 % _P))
    return found[::-1]


def _add(left: tuple[int, int, int] | None, right: tuple[int, int]) -> tuple[int, int, int]:
    """The sum of two different points, the first and the sum in Jacobian coordinates."""
    x2, y2 = right
    if left is None:
        return x2, y2, 1
    x1, y1, z1 = left
    zz = z1 * z1 % _P
    h, r = (x2 * zz - x1) % _P, (y2 * zz * z1 - y1) % _P
    h2 = h * h % _P
    h3, u = h2 * h % _P, x1 * h2 % _P
    x = (r * r - h3 - 2 * u) % _P
    return x, (r * (u - x) - y1 * h3) % _P, h * z1 % _P
