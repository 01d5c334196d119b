"""The tokens in Pods' volumes: made when somebody first reads one, and made anew long before they end.

A token is signed when it is read, not when its volume is mounted: most Pods never look at theirs.
Source: pkg/kubelet/token/token_manager.go.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from statelab.controlplane.clock import Timer
from statelab.controlplane.kinds import Object

if TYPE_CHECKING:
    from statelab.controlplane.view import View

_DEFAULT_S = 3600
_OLDEST_S = 24 * 3600.0
_RENEWED_AFTER = 0.8  # of its time


@dataclass(frozen=True, slots=True)
class _Held:
    token: bytes
    until_s: float  # when another one is to take its place


class PodTokens:
    """The tokens that one node holds for its Pods. `renew(uid)`: write a Pod's volumes anew, for a token is due."""

    def __init__(self, view: View, renew: Callable[[str], None]) -> None:
        self._view = view
        self._renew = renew
        self._held: dict[tuple[str, str, int], _Held] = {}
        self._timers: dict[str, Timer] = {}

    def token(self, pod: Object, source: Mapping[str, object]) -> bytes:
        """The token for a `serviceAccountToken` of a projected volume, as it is to be now.

        Nothing where the account is gone.
        """
        expires_in_s, audience = source.get("expirationSeconds"), source.get("audience")
        lasts_s = expires_in_s if isinstance(expires_in_s, int) else _DEFAULT_S
        key = (pod["metadata"]["uid"], str(audience or ""), lasts_s)
        held, now_s = self._held.get(key), self._view.now_s
        if held is None or now_s >= held.until_s:
            try:
                made = self._view.pod_token(pod, lasts_s, key[1]).encode()
            except KeyError:
                return held.token if held is not None else b""
            held = self._held[key] = _Held(made, now_s + min(_RENEWED_AFTER * lasts_s, _OLDEST_S))
            self._plan(key[0])
        return held.token

    def _plan(self, uid: str) -> None:
        """Nothing waits for it: in virtual time, a token that is due does not keep the cluster from being settled."""
        due_s = min(held.until_s for key, held in self._held.items() if key[0] == uid)
        if uid in self._timers:
            self._timers[uid].cancel()
        self._timers[uid] = self._view.loop.call_at(due_s, lambda: self._renew(uid), housekeeping=True)

    def forget(self, uid: str) -> None:
        """The Pod is gone."""
        timer = self._timers.pop(uid, None)
        if timer is not None:
            timer.cancel()
            for key in [key for key in self._held if key[0] == uid]:
                del self._held[key]
