"""The probes of one running container, and what follows from their answers.

Source: pkg/kubelet/prober/prober_manager.go: liveness and readiness wait for the startup probe.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from statelab.controlplane.kinds import Object
from statelab.controlplane.kubelet.containers import Attempt
from statelab.controlplane.kubelet.probes import Answer, Kind, Prober, Target, ask, words

if TYPE_CHECKING:
    from collections.abc import Callable

    from statelab.controlplane.kubelet.pods import PodWorker

_FIRST_PROBE_S = 0.3  # the status of a container that has just started must be known first
_TOLD_S = 0.05


class Health:
    """Probes one container as its spec says, from its start to its end."""

    __slots__ = ("_attempt", "_container", "_probers", "_worker")

    def __init__(self, worker: PodWorker, container: Object, attempt: Attempt) -> None:
        self._worker = worker
        self._container = container
        self._attempt = attempt
        self._probers: list[Prober] = []

    def start(self) -> None:
        if "startupProbe" in self._container:
            self._begin("startup")
        else:
            self._begin("liveness")
            self._begin("readiness")

    def stop(self, *, keep_readiness: bool = False) -> None:
        """No more probes. A Pod that is being deleted is still asked whether it is ready."""
        for prober in self._probers:
            if not (keep_readiness and prober.kind == "readiness"):
                prober.stop()

    def hurry(self) -> None:
        for prober in self._probers:
            prober.hurry()

    def _begin(self, kind: Kind) -> None:
        spec = self._container.get(f"{kind}Probe")
        if spec is None:
            return
        loop = self._worker.kubelet.loop
        prober = Prober(kind, spec, loop, self._ask, self._on_result, self._on_failed)
        self._probers.append(prober)
        first_s = max(loop.now_s + _FIRST_PROBE_S, self._attempt.started_at_s + spec.get("initialDelaySeconds", 0))
        prober.start(self._next_tick_s(spec, first_s) if kind == "liveness" else first_s)

    def _next_tick_s(self, spec: Object, earliest_s: float) -> float:
        """A liveness probe ticks from the Pod's first sync on, whenever its container starts.

        A container's first startup and readiness probes are asked for at once (UpdatePodStatus), so they do not wait.
        """
        period_s, since_s = spec.get("periodSeconds", 10), self._worker.record.seen_at_s
        return float(since_s + math.ceil((earliest_s - since_s) / period_s) * period_s)

    def _ask(self, spec: Object, housekeeping: bool, done: Callable[[Answer], None]) -> None:
        kubelet = self._worker.kubelet
        assert self._attempt.runtime is not None
        target = Target(
            self._worker.record.pod_ip, kubelet.host_ip, self._container, self._attempt.runtime, kubelet.network
        )
        ask(spec, target, kubelet.loop, housekeeping, done)

    def _on_failed(self, kind: Kind, answer: Answer) -> None:
        if self._attempt.state == "running":
            self._worker.tell(self._container, "Unhealthy", words(kind, answer), type="Warning")

    def _on_result(self, kind: Kind, passed: bool) -> None:
        if kind == "readiness":
            self._attempt.ready = passed
            self._worker.sync_in(_TOLD_S)
        elif kind == "startup" and passed:
            self._attempt.started = True
            for prober in self._probers:
                prober.stop()
            self._begin("liveness")
            self._begin("readiness")
            self._worker.sync_in(_TOLD_S)
        elif not passed:
            self.stop()
            self._attempt.unhealthy = kind
            self._worker.sync_in(_TOLD_S)
