"""A signature is checked by the public key alone, as strangers check the tokens of ServiceAccounts."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from statelab.controlplane.p256 import Key, N, verifies


@settings(max_examples=10)
@given(st.text(max_size=20), st.binary(max_size=60))
def test_a_signature_belongs_to_its_key_and_its_message(seed, message):
    key, other = Key.of_seed(seed), Key.of_seed(seed + "x")
    r, s = key.sign(message)
    assert verifies(key.point, message, (r, s))
    assert not verifies(key.point, message + b"x", (r, s))
    assert not verifies(other.point, message, (r, s))
    assert not verifies(key.point, message, (r, (s + 1) % N))


def test_what_is_no_point_or_no_signature_is_refused():
    key = Key.of_seed("a")
    r, s = key.sign(b"m")
    x, y = key.point
    assert not verifies((x, y + 1), b"m", (r, s))
    assert not verifies((x, y), b"m", (0, s))
    assert not verifies((x, y), b"m", (r, N))
