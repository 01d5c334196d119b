"""What a pace other than 1 means for clocks, said where the pace is chosen: by `lab`, `up` and `serve`.

The cluster's clock starts at this machine's and goes `pace` times as fast. What the API server counts is right all the
same: the ages that `kubectl get` prints are its own. `kubectl describe` counts from this machine's clock, and prints
`<invalid>` for what lies ahead of it. Starting the cluster's clock in the past only turns that into ages too great, and
times that are told differently to kubectl than to others would be no times at all; so it is said, and not hidden.
"""

from __future__ import annotations

_AHEAD = (
    "The cluster's clock runs ahead of this machine's, {pace:g} times as fast: ages in `kubectl get` are right, "
    "those of events in `kubectl describe` are counted by this machine's clock and shown as <invalid>."
)
_BEHIND = (
    "The cluster's clock falls behind this machine's, at {pace:g} of its speed: ages in `kubectl get` are right, "
    "those of events in `kubectl describe` are counted by this machine's clock and are too great."
)


def note(pace: float) -> str:
    """One line about clocks at this pace, with its line end; nothing at 1."""
    if pace == 1:
        return ""
    return (_AHEAD if pace > 1 else _BEHIND).format(pace=pace) + "\n"
