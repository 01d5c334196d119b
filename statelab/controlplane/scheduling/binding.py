"""The binding of Pods whose node is decided: first the claims that wait for their consumer, then the Pod.

A Pod's turn in the scheduler ends before its claims are bound; the next Pod does not wait for them.

Source: pkg/scheduler/schedule_one.go (bindingCycle), framework/plugins/{volumebinding,defaultbinder}.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from statelab.controlplane.errors import ApiError
from statelab.controlplane.kinds import Object, key_of
from statelab.controlplane.scheduling import assumed
from statelab.controlplane.scheduling.assumed import Assumed
from statelab.controlplane.scheduling.volumes import Decision, are_bound

if TYPE_CHECKING:
    from collections.abc import Callable

    from statelab.controlplane.clock import Loop, Timer
    from statelab.controlplane.view import View

_PRE_BIND_S = 0.002
_BIND_S = 0.002
_POLL_S = 0.05
_TIMEOUT_S = 600.0


@dataclass(slots=True)
class _Binding:
    """`step` is the timer of what is done to it next, if that is certain."""

    pod: Object
    node: str
    decision: Decision
    deadline: Timer | None = None
    step: Timer | None = None


class Binder:
    """`view` acts as the scheduler. `gave_up(pod, node, message)` is told of a Pod that could not be bound.

    `cluster` is what the next Pod is to be judged by: as if all that was decided of volumes were written.
    """

    def __init__(self, view: View, gave_up: Callable[[Object, str, str], None]) -> None:
        self._view = view
        self.cluster = Assumed(view)
        self._loop: Loop = view.loop
        self._gave_up = gave_up
        self._bindings: dict[str, _Binding] = {}  # by uid
        self._by_claim: dict[str, set[str]] = {}  # claim → the Pods whose binding waits for it

    def __contains__(self, uid: str) -> bool:
        return uid in self._bindings

    def begin(self, pod: Object, node: str, decision: Decision) -> None:
        """Bind the Pod to the node a little later, and before it what `decision` says of its claims."""
        uid = pod["metadata"]["uid"]
        binding = self._bindings[uid] = _Binding(pod, node, decision)
        if decision:
            self.cluster.assume(decision, node)
            binding.step = self._loop.call_later(_PRE_BIND_S, lambda: self._pre_bind(uid))
        else:
            binding.step = self._loop.call_later(_BIND_S, lambda: self._bind(uid))

    def drop(self, uid: str) -> str | None:
        """Let the Pod's binding be: it is bound, or gone. The node it was to go to; None if nothing was under way."""
        binding = self._bindings.pop(uid, None)
        if binding is None:
            return None
        for timer in (binding.deadline, binding.step):
            if timer is not None:
                timer.cancel()
        self.cluster.forget(binding.decision)
        for key in _claim_keys(binding):
            self._by_claim.get(key, set()).discard(uid)
            if not self._by_claim.get(key):
                self._by_claim.pop(key, None)
        return binding.node

    def claim_written(self, key: str) -> None:
        """A claim, or a volume that is for it, was written: perhaps a Pod waited for that."""
        for uid in sorted(self._by_claim.get(key, ())):
            self._look_at(uid)

    def _pre_bind(self, uid: str) -> None:
        """Write what was decided of volumes, and wait until it is done."""
        binding = self._bindings[uid]
        name = binding.pod["metadata"]["name"]
        plugin = "VolumeBinding"
        try:
            assumed.write(binding.decision, binding.node, name, self._view)
            if binding.decision.devices:
                from statelab.controlplane.scheduling import devices

                plugin = devices.PLUGIN
                devices.write(binding.decision.devices, binding.pod, self._view)
        except ApiError as error:
            self._give_up(uid, f'running PreBind plugin "{plugin}": {error.message}')
            return
        self.cluster.forget(binding.decision)
        why = "binding volumes: context deadline exceeded"
        binding.deadline = self._loop.call_later(
            _TIMEOUT_S,
            lambda: self._give_up(uid, f'running PreBind plugin "VolumeBinding": {why}'),
            housekeeping=True,
        )
        for key in _claim_keys(binding):
            self._by_claim.setdefault(key, set()).add(uid)
        self._look_at(uid)

    def _look_at(self, uid: str) -> None:
        """Whether a Pod's claims are bound by now, so that it may be bound to its node."""
        binding = self._bindings[uid]
        if binding.step is not None and binding.step.callback is not None:
            return
        outcome = are_bound(binding.pod, binding.decision, binding.node, self._view)
        if outcome is True:
            binding.step = self._loop.call_later(_POLL_S, lambda: self._bind(uid))
        elif isinstance(outcome, str):
            self._give_up(uid, f'running PreBind plugin "VolumeBinding": binding volumes: {outcome}')

    def _bind(self, uid: str) -> None:
        binding = self._bindings[uid]
        pod = binding.pod
        metadata = pod["metadata"]
        try:
            self._view.bind(
                pod, binding.node, why=f"of the nodes that fit {metadata['name']}, {binding.node} suits best"
            )
        except ApiError as error:
            self._give_up(uid, f'running Bind plugin "DefaultBinder": {error.message}')
            return
        words = f"Successfully assigned {metadata['namespace']}/{metadata['name']} to {binding.node}"
        self._view.event(pod, "Scheduled", words)

    def _give_up(self, uid: str, message: str) -> None:
        binding = self._bindings.get(uid)
        if binding is not None:
            self.drop(uid)
            self._gave_up(binding.pod, binding.node, message)


def _claim_keys(binding: _Binding) -> list[str]:
    claims = [*(claim for _, claim in binding.decision.reserve), *binding.decision.provision]
    return [key_of(claim) for claim in claims]
