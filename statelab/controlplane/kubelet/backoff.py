"""How long the kubelet waits before it tries again: 10 s, doubled each time up to 5 minutes, forgotten after 10.

Source: client-go/util/flowcontrol/backoff.go; pkg/kubelet/kubelet.go (backOffPeriod, MaxCrashLoopBackOff).
"""

from __future__ import annotations

from dataclasses import dataclass

INITIAL_S = 10.0
LONGEST_S = 300.0


@dataclass(slots=True)
class _Entry:
    delay_s: float
    updated_s: float
    times: int


class BackOff:
    """Delays by key: `uid_image` for pulls, a container of a Pod for restarts."""

    __slots__ = ("_entries",)

    def __init__(self) -> None:
        self._entries: dict[str, _Entry] = {}

    def next(self, key: str, now_s: float) -> None:
        """It failed (again): wait longer from now on."""
        entry = self._entries.get(key)
        if entry is None or now_s - entry.updated_s > 2 * LONGEST_S:
            self._entries[key] = _Entry(INITIAL_S, now_s, 1)
            return
        entry.delay_s = min(2 * entry.delay_s, LONGEST_S)
        entry.updated_s = now_s
        entry.times += 1

    def delay_s(self, key: str) -> float:
        entry = self._entries.get(key)
        return entry.delay_s if entry else 0.0

    def times(self, key: str) -> int:
        """How often in a row it was told to wait: how hopeless it is."""
        entry = self._entries.get(key)
        return entry.times if entry else 0

    def remaining_s(self, key: str, now_s: float, since_s: float | None = None) -> float:
        """Seconds still to wait, counted from `since_s` (when the container ended) or else from the last failure."""
        entry = self._entries.get(key)
        if entry is None:
            return 0.0
        since_s = entry.updated_s if since_s is None else since_s
        if since_s - entry.updated_s > 2 * LONGEST_S:
            return 0.0
        return max(0.0, since_s + entry.delay_s - now_s)

    def forget(self, prefix: str) -> None:
        """Drop every key that starts with `prefix` (a Pod's uid)."""
        for key in [each for each in self._entries if each.startswith(prefix)]:
            del self._entries[key]


def duration(seconds: float) -> str:
    """As Go prints a time.Duration of whole seconds: `10s`, `1m20s`, `5m0s`."""
    whole = int(seconds)
    if whole < 60:
        return f"{whole}s"
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes}m{rest}s" if hours else f"{minutes}m{rest}s"
