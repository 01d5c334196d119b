"""Lifecycle hooks, and how a container is stopped: preStop, TERM, its grace period, KILL.

Source: pkg/kubelet/lifecycle/handlers.go, pkg/kubelet/kuberuntime/kuberuntime_container.go (killContainer).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from statelab.controlplane.kinds import Object
from statelab.controlplane.kubelet.containers import Attempt
from statelab.controlplane.kubelet.probes import get_error, headers_of, path_of, port_of
from statelab.controlplane.kubelet.steps import Work
from statelab.controlplane.runtime.http import HttpResponse, request
from statelab.controlplane.runtime.network import NetworkError

if TYPE_CHECKING:
    from statelab.controlplane.kubelet.pods import PodWorker

Resume = Callable[[Any], None]

_LEAST_GRACE_S = 2.0
_LET_GO_S = (0.08, 0.25)


def run(worker: PodWorker, container: Object, attempt: Attempt, hook: Object, timeout_s: float | None = None) -> Work:
    """Run a hook; what went wrong, or None."""
    if "exec" in hook:
        outcome = yield partial(_exec, worker, attempt, hook["exec"].get("command") or [], timeout_s)
        return outcome
    if "httpGet" in hook:
        outcome = yield partial(_http_get, worker, container, hook["httpGet"], timeout_s)
        return outcome
    if "sleep" in hook:
        wanted_s = float(hook["sleep"].get("seconds", 0))
        yield wanted_s if timeout_s is None else min(wanted_s, timeout_s)
    return None


def _exec(worker: PodWorker, attempt: Attempt, command: list[str], timeout_s: float | None, resume: Resume) -> None:
    assert attempt.runtime is not None
    output = bytearray()

    def on_exit(code: int) -> None:
        if timer is not None:
            timer.cancel()
        text = output.decode(errors="replace")
        resume(None if code == 0 else f"command '{' '.join(command)}' exited with {code}: {text}")

    def too_late() -> None:
        resume("context deadline exceeded")
        process.signal("KILL")

    timer = worker.kubelet.loop.call_later(timeout_s, too_late) if timeout_s is not None else None
    process = attempt.runtime.exec(command, on_output=lambda stream, data: output.extend(data), on_exit=on_exit)


def _http_get(worker: PodWorker, container: Object, spec: Object, timeout_s: float | None, resume: Resume) -> None:
    port = port_of(spec["port"], container)
    if port is None:
        resume(f"unable to find a port for {spec['port']}")
        return
    host = spec.get("host") or worker.record.pod_ip

    def answered(outcome: HttpResponse | NetworkError) -> None:
        # Any answer will do, whatever its status: upstream reads none of it.
        resume(None if isinstance(outcome, HttpResponse) else get_error(spec, host, port, outcome.reason))

    request(
        worker.kubelet.network,
        worker.kubelet.host_ip,
        host,
        port,
        path_of(spec),
        answered,
        headers=headers_of(spec),
        timeout_s=timeout_s,
    )


def stop_container(
    worker: PodWorker, container: Object, attempt: Attempt, grace_s: float, message: str, *, runs_hook: bool = True
) -> Work:
    """End a running container; returns when it has ended."""
    loop = worker.kubelet.loop
    deadline_s = loop.now_s + grace_s
    hook = (container.get("lifecycle") or {}).get("preStop")
    told_before, attempt.stopping = attempt.stopping, True  # a grace period may be shortened while it runs
    if not told_before:
        worker.tell(container, "Killing", message)
    if hook and runs_hook and grace_s > 0 and not told_before:
        problem = yield from run(worker, container, attempt, hook, timeout_s=grace_s)
        if problem is not None:
            worker.tell(container, "FailedPreStopHook", "PreStopHook failed", type="Warning")
    grace_s = max(deadline_s - loop.now_s, _LEAST_GRACE_S)
    if attempt.state == "running" and attempt.runtime is not None:
        yield partial(_signal_and_wait, worker, attempt, grace_s)
    yield worker.kubelet.random.uniform(*_LET_GO_S)


def _signal_and_wait(worker: PodWorker, attempt: Attempt, grace_s: float, resume: Resume) -> None:
    runtime = attempt.runtime
    assert runtime is not None

    def kill() -> None:
        runtime.signal("KILL")

    def ended() -> None:
        timer.cancel()
        resume(None)

    timer = worker.kubelet.loop.call_later(grace_s, kill)
    worker.when_exited(attempt, ended)
    runtime.signal("TERM")
