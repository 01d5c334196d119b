"""How long processes may compute without a pause, and what those that went over it may from then on."""

from __future__ import annotations

import math
from collections import Counter

Who = tuple[str, ...]  # what a container runs: another Pod of the same template is no other
_OTHERS = 0.1


class Computing:
    """Of one cluster, or of several that try one answer: what never comes to an end is to cost little, however often
    it is begun anew.

    `most_s`: what the first may compute at most; others, when it went over that, get `_OTHERS` of it. `times`: by
    how many tens the same one gets less, at most.
    """

    def __init__(self, most_s: float = math.inf, times: int = 2) -> None:
        self._most_s = most_s
        self._times = times
        self._over: Counter[Who] = Counter()

    def busy_s(self, who: Who, limit_s: float) -> float:
        """Seconds for its next process, of the `limit_s` that one may use without a pause."""
        over = self._over[who]
        most_s = self._most_s if over or not self._over else self._most_s * _OTHERS
        return min(limit_s, most_s) / 10.0 ** min(over, self._times)

    def went_over(self, who: Who) -> None:
        """One of its processes was ended at a limit."""
        self._over[who] += 1
