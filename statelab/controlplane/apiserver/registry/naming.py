"""Names and UIDs that the server makes up, from the cluster's own random numbers: a seed gives the same history.

Source: apiserver/pkg/storage/names/generate.go, apimachinery/pkg/util/rand.
"""

from __future__ import annotations

import random as randomness
from collections.abc import Callable

_LETTERS = "bcdfghjklmnpqrstvwxz2456789"  # no vowels, no bad words
_LONGEST_BASE = 58
_TRIES = 8  # feature RetryGenerateName


def new_uid(random: randomness.Random) -> str:
    """A version 4 UUID."""
    bits: int = random.getrandbits(128) & ~(0xF << 76) & ~(0x3 << 62) | (4 << 76) | (2 << 62)
    text = f"{bits:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def generated(generate_name: str, random: randomness.Random, is_taken: Callable[[str], bool]) -> str:
    """A name for `metadata.generateName`. After so many that are taken the last one stays, and is refused as a twin."""
    base = generate_name[:_LONGEST_BASE]
    name = base
    for _ in range(_TRIES):
        name = base + "".join(random.choices(_LETTERS, k=5))
        if not is_taken(name):
            break
    return name
