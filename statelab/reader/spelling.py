"""Did you mean …? The nearest of the words that would have been right."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache


def nearest(word: str, words: Iterable[str]) -> str | None:
    """The one of `words` that `word` is most likely a slip of, or None when none is near.

    A slip is a letter left out, doubled, changed, two swapped, or another case; more slips in longer words.
    """
    if len(word) > 80:
        return None
    best: tuple[int, str] | None = None
    for candidate in words:
        allowed = 1 if len(candidate) <= 4 else 2 if len(candidate) <= 9 else 3
        if word.lower() == candidate.lower() and word != candidate:
            return candidate
        distance = slips(word.lower(), candidate.lower(), allowed)
        if 0 < distance <= allowed and (best is None or distance < best[0]):
            best = (distance, candidate)
    return best[1] if best else None


@lru_cache(maxsize=4096)  # the same words stand in one answer after the other
def slips(one: str, other: str, most: int) -> int:
    """How many slips lie between two words (optimal string alignment); `most + 1` when there are more than `most`."""
    if abs(len(one) - len(other)) > most:
        return most + 1
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        before, previous, row = row, before, [i]
        for j, b in enumerate(other, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                cost = min(cost, previous[j - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return most + 1
    return min(row[-1], most + 1)
