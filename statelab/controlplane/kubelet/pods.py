"""A pod worker: makes one Pod's containers on this node be what its spec asks for, until the Pod goes.

It works as upstream's does. A *sync* first writes the status of what it finds, then acts, and remembers why a
container could not be started for the next sync to tell: that is why `ErrImagePull` is seen before `ImagePullBackOff`.
A change in the containers is noticed within about a second (the PLEG), a failure is looked at again after 12 to 15.

Source: pkg/kubelet/{kubelet,pod_workers}.go, pkg/kubelet/kuberuntime/kuberuntime_manager.go (SyncPod).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Generator
from functools import partial
from typing import TYPE_CHECKING, Any

from statelab.controlplane.clock import Timer, seconds, timestamp
from statelab.controlplane.errors import ApiError
from statelab.controlplane.kinds import Object, key_of
from statelab.controlplane.kubelet import actions, ending, hooks, mounting, resizing, starting
from statelab.controlplane.kubelet.containers import Attempt, PodRecord, containers_of
from statelab.controlplane.kubelet.env import PodFacts
from statelab.controlplane.kubelet.health import Health
from statelab.controlplane.kubelet.status import CLAIM_STATUSES, is_terminal, pod_status
from statelab.controlplane.kubelet.steps import Steps, Wait, Work
from statelab.controlplane.kubelet.volumes import Mounted

if TYPE_CHECKING:
    from statelab.controlplane.kubelet.kubelet import Kubelet
    from statelab.controlplane.runtime.spec import Exit

log = logging.getLogger(__name__)

_FIRST_SYNC_S = 0.02
_REJECT_S = (0.5, 1.0)  # a controller may try again at once, and again: no more often than about once a second
_SANDBOX_S = (0.25, 0.45)
_PLEG_S = (0.35, 0.75)
_RELIST_S = 1.0
_RETRY_S = (12.0, 15.0)
_TRIES_WORTH_WAITING_FOR = 4


class PodWorker:
    """One Pod on one node. `pod` is its API object as last seen; the record is what runs."""

    __slots__ = (
        "_again",
        "_deadline",
        "_kills",
        "_next",
        "_refresh",
        "_steps",
        "_when_exited",
        "health",
        "is_admitted",
        "is_done",
        "key",
        "kubelet",
        "mounted",
        "needs",
        "pod",
        "record",
        "terminating",
        "uid",
    )

    def __init__(self, kubelet: Kubelet, pod: Object) -> None:
        self.kubelet = kubelet
        self.pod = pod
        self.key = key_of(pod)
        self.uid: str = pod["metadata"]["uid"]
        self.record = PodRecord()
        self.health: dict[str, Health] = {}
        self.mounted: dict[str, Mounted] | None = None
        self.needs: tuple[str, str] | None = None  # the object a mount waits for
        self.terminating = False
        self.is_admitted = False
        self.is_done = False  # its containers have stopped, and its object was let go
        self._steps: Steps | None = None
        self._kills: list[Steps] = []
        self._when_exited: list[tuple[Attempt, Callable[[], None]]] = []
        self._next: Timer | None = None
        self._refresh: Timer | None = None
        self._deadline: Timer | None = None
        self._again = False

    # ---- what happens to the Pod

    def start(self) -> None:
        self.sync_in(_FIRST_SYNC_S)

    def pod_changed(self, pod: Object, by_us: bool) -> None:
        """The API object was written: by us, or by someone whose change may matter."""
        before, self.pod = self.pod, pod
        if self.terminating:
            grace = "deletionGracePeriodSeconds"
            if pod["metadata"].get(grace) != before["metadata"].get(grace):
                self.terminate()
        elif pod["metadata"].get("deletionTimestamp"):
            self.terminate()
        elif not by_us and not is_terminal(pod):
            if pod["spec"] is not before["spec"]:
                resizing.changed(self, before)
            if pod["spec"] != before["spec"] or pod["status"].get("conditions") != before["status"].get("conditions"):
                self.sync_in(_FIRST_SYNC_S)
            if pod["metadata"] != before["metadata"]:
                self.refresh_in(1.0)

    def sync_in(self, delay_s: float, *, housekeeping: bool = False) -> None:
        """Look at the Pod again so soon, or sooner if that was planned already."""
        if self.terminating:
            return
        if self._steps is not None and not housekeeping:
            self._again = True
            return
        at_s = self.kubelet.loop.now_s + delay_s
        if self._next is not None and self._next.callback is not None:
            if self._next.at_s <= at_s:
                return
            self._next.cancel()
        self._next = self.kubelet.loop.call_at(at_s, self._sync_now, housekeeping=housekeeping)

    def hurry(self) -> None:
        """What the Pod waits for may be there now."""
        if self._steps is not None:
            self._steps.hurry()
        elif self._next is not None and self._next.callback is not None:
            at_s = self._next.at_s
            self._next.cancel()
            self._next = self.kubelet.loop.call_at(at_s, self._sync_now)

    def stop(self) -> None:
        """The node stops: forget everything that was going to happen. Containers are the kubelet's to end."""
        self.terminating = True
        for timer in (self._next, self._refresh, self._deadline):
            if timer is not None:
                timer.cancel()
        for steps in (self._steps, *self._kills):
            if steps is not None:
                steps.cancel()
        self.stop_probes()

    # ---- a sync

    def _sync_now(self) -> None:
        self._next = None
        if self.terminating or self._steps is not None:
            return
        self._steps = Steps(self.kubelet.loop, self._sync(), self._sync_done, self._sync_failed)
        self._steps.start()

    def _sync_done(self) -> None:
        self._steps = None
        if self._again:
            self._again = False
            self.sync_in(self._soon())

    def _sync_failed(self, error: Exception) -> None:
        """The API server refused a write (a full disk), or we have a bug: try again later, without haste."""
        if not isinstance(error, ApiError):
            log.error("%s: syncing %s failed", self.kubelet.view.actor, self.key, exc_info=error)
        self._steps = None
        self._again = False
        self.sync_in(self.kubelet.random.uniform(*_RETRY_S), housekeeping=True)

    def _soon(self) -> float:
        return self.kubelet.random.uniform(*_PLEG_S)

    def _reject(self, reason: str, message: str) -> None:
        """The node does not run this Pod: it has failed, and nothing of it is kept."""
        self.kubelet.view.event(self.pod, reason, message.removeprefix("Pod was rejected: "), type="Warning")
        old = self.pod.get("status") or {}
        status = {
            "observedGeneration": self.pod["metadata"].get("generation", 1),
            "phase": "Failed",
            **{key: old[key] for key in ("conditions", *CLAIM_STATUSES) if old.get(key)},
            "message": message,
            "reason": reason,
            "startTime": timestamp(self.kubelet.loop.now_s),
            "qosClass": old.get("qosClass") or "BestEffort",
        }
        self.terminating = self.is_done = True
        self.kubelet.forget(self)
        self.put(status)

    def _sync(self) -> Work:
        if not self.is_admitted and not is_terminal(self.pod):
            refusal = self.kubelet.admit(self)
            if refusal is not None:
                yield self.kubelet.random.uniform(*_REJECT_S)
                self._reject(*refusal)
                return
        resizing.consider(self)
        actions.note_restart_of_all(self.pod, self.record)
        status = pod_status(self.pod, self.record, self.kubelet.host_ip, self.kubelet.loop.now_s)
        if status["phase"] in ("Succeeded", "Failed"):  # its containers have ended for good
            self._end_of_life()
            return
        self.put(status)
        if not self.record.seen_at_s:
            self.record.seen_at_s = self.kubelet.loop.now_s
        self._watch_deadline()
        if self.mounted is None:
            yield from mounting.mount(self)
        if not self.record.sandbox:
            yield self.kubelet.random.uniform(*_SANDBOX_S)
            self._create_sandbox()
        again = yield from self._stop()
        if self.record.restarting_all:
            actions.begin_anew(self.pod, self.record)
            self._again = True
            return
        if not again and self._stop_sidecars():
            return
        failed = False
        for container in actions.to_start(self.pod, self.record, again):
            failed |= yield from self._start(container, container["name"] in again)
        if failed:
            self.sync_in_after_failure()
        self.record.restart_for_resize.clear()
        if resizing.finish(self):
            self._again = True  # the condition goes

    def sync_in_at_rest(self, delay_s: float) -> None:
        """Look at the Pod again some time, if nothing happens before: nothing waits for that."""
        self.kubelet.loop.call_later(delay_s, lambda: self.sync_in(0.0, housekeeping=True), housekeeping=True)

    def sync_in_after_failure(self) -> None:
        delay_s = self.kubelet.random.uniform(*_RETRY_S)
        at_s = self.kubelet.loop.now_s + delay_s
        hopeless = self._is_hopeless()
        if self._next is not None:
            self._next.cancel()
        self._next = self.kubelet.loop.call_at(at_s, self._sync_now, housekeeping=hopeless)

    def _is_hopeless(self) -> bool:
        """Every container that is not running has failed so often that waiting for it is idle."""
        kubelet = self.kubelet
        for container in containers_of(self.pod):
            name = container["name"]
            if name in self.record.waiting and self.record.waiting[name][0] not in _CONFIG_ERRORS:
                pulls = kubelet.images.attempts(self.pod, container)
                restarts = kubelet.back_off.times(starting.back_off_key(self, name))
                if max(pulls, restarts) < _TRIES_WORTH_WAITING_FOR:
                    return False
        return True

    def _watch_deadline(self) -> None:
        """`activeDeadlineSeconds` counts from the Pod's start. Source: pkg/kubelet/active_deadline.go."""
        limit_s = self.pod["spec"].get("activeDeadlineSeconds")
        if limit_s is not None:
            if self._deadline is not None:
                self._deadline.cancel()
            due_s = seconds(self.pod["status"]["startTime"]) + limit_s
            self._deadline = self.kubelet.loop.call_at(due_s, self._too_long)

    def _too_long(self) -> None:
        words = "Pod was active on the node longer than the specified deadline"
        self.kubelet.view.event(self.pod, "DeadlineExceeded", words)
        self.put({**self.pod["status"], "phase": "Failed", "reason": "DeadlineExceeded", "message": words})
        if self._steps is not None:
            self._steps.cancel()
            self._steps = None
        self._end_of_life()

    def put(self, status: Object) -> None:
        if status == self.pod.get("status"):
            return
        why = starting.reason_for(self.pod, status)
        try:
            self.pod = self.kubelet.view.update_status("pods", {**self.pod, "status": status}, why=why)
        except ApiError as error:
            if error.code not in (404, 409):
                raise

    def _create_sandbox(self) -> None:
        if self.pod["spec"].get("hostNetwork"):
            self.record.pod_ip = self.kubelet.host_ip
        else:
            self.record.pod_ip = self.kubelet.addresses.take()
            self.kubelet.network.attach(self.record.pod_ip)
        self.record.sandbox = True
        self._again = True  # the PLEG reports the new sandbox

    def facts(self) -> PodFacts:
        kubelet = self.kubelet
        return PodFacts(self.record.pod_ip, kubelet.host_ip, kubelet.allocatable(), kubelet.tokens.token)

    def _stop(self) -> Generator[Wait, Any, set[str]]:
        """Stop what must be started anew, within this sync: nobody sees the Pod between the two. Their names."""
        again = set()
        for each in list(actions.to_stop(self.pod, self.record)):
            grace_s = self._grace_s() if each.grace_s is None else each.grace_s
            stopping = hooks.stop_container(
                self, each.container, each.attempt, grace_s, each.message, runs_hook=each.runs_hook
            )
            yield from stopping
            if each.again:
                again.add(each.attempt.name)
        return again

    def _grace_s(self) -> float:
        return float(self.pod["spec"].get("terminationGracePeriodSeconds", 30))

    def _stop_sidecars(self) -> bool:
        """Once all other containers have ended for good, the sidecars' work is done, too (KEP-753)."""
        if not actions.have_ended_for_good(self.pod, self.record):
            return False
        for attempt in self.record.running():
            if not attempt.stopping:
                self.kill(attempt, f"Stopping container {attempt.name}")
        return True

    def _start(self, container: Object, anew: bool) -> Work:
        """Start one container. True when it could not be. `anew`: it was stopped for that."""
        name = container["name"]
        try:
            starting.check_back_off(self, container, anew)
            yield from starting.start(self, container)
        except starting.StartError as error:
            self.record.waiting[name] = (error.reason, error.message)
            return True
        self.record.waiting.pop(name, None)
        self.record.rerun.discard(name)
        self._again = True  # the PLEG reports the new container
        return False

    def tell(self, container: Object, reason: str, message: str, type: str = "Normal") -> None:
        """An event about one container."""
        rare = ("initContainers", "ephemeralContainers")
        section = next((key for key in rare if container in (self.pod["spec"].get(key) or ())), "containers")
        field_path = f"spec.{section}{{{container['name']}}}"
        self.kubelet.view.event(self.pod, reason, message, type=type, field_path=field_path)

    # ---- running containers

    def started(self, container: Object, attempt: Attempt) -> None:
        """The container runs: watch its health."""
        attempt.started = "startupProbe" not in container
        attempt.ready = "readinessProbe" not in container
        self.record.add(attempt)
        if any(f"{kind}Probe" in container for kind in ("startup", "liveness", "readiness")):
            self.health[attempt.name] = Health(self, container, attempt)
            self.health[attempt.name].start()

    def exited(self, attempt: Attempt, exit: Exit) -> None:
        """The runtime says that a container has ended."""
        if attempt.state == "exited":
            return
        attempt.finished_at_s = attempt.finished_at_s or self.kubelet.loop.now_s
        unseen_s = attempt.started_at_s + _RELIST_S - self.kubelet.loop.now_s
        if unseen_s > 0 and not attempt.stopping and exit.reason != "StartError":
            # The PLEG looks at containers once a second: one that ends sooner was seen running.
            self.kubelet.loop.call_later(unseen_s, lambda: self.exited(attempt, exit))
            return
        attempt.state = "exited"
        attempt.exit_code, attempt.reason = exit.code, starting.exit_reason(exit)
        if attempt.reason == "StartError":
            attempt.started_at_s = 0.0
        attempt.message = starting.termination_message(self.pod, attempt, exit)
        attempt.ready = attempt.started = False
        if health := self.health.pop(attempt.name, None):
            health.stop()
        waiting, self._when_exited = self._when_exited, []
        for who, callback in waiting:
            if who is attempt:
                callback()
            else:
                self._when_exited.append((who, callback))
        self.sync_in(self._soon())

    def when_exited(self, attempt: Attempt, callback: Callable[[], None]) -> None:
        """`callback` is called once, when that container ends."""
        if attempt.state == "exited":
            callback()
        else:
            self._when_exited.append((attempt, callback))

    def stop_probes(self) -> None:
        for health in self.health.values():
            health.stop()
        self.health.clear()

    def kill(self, attempt: Attempt, message: str) -> None:
        """Stop one container of a Pod that goes on."""
        container = next(each for each in containers_of(self.pod) if each["name"] == attempt.name)
        self.stop_container(container, attempt, self._grace_s(), message, lambda: None)

    def stop_container(
        self, container: Object, attempt: Attempt, grace_s: float, message: str, done: Callable[[], None]
    ) -> None:
        """Stop a running container gracefully; `done` is called when it has ended."""

        def finished() -> None:
            if steps in self._kills:
                self._kills.remove(steps)
            done()

        steps = Steps(self.kubelet.loop, hooks.stop_container(self, container, attempt, grace_s, message), finished)
        self._kills.append(steps)
        steps.start()

    # ---- the end

    def _end_of_life(self) -> None:
        """The sandbox goes; what the containers wrote to their logs stays to be read."""
        self.stop_probes()
        for attempt in self.record.running():  # sidecars
            self.kill(attempt, f"Stopping container {attempt.name}")
        self.remove_sandbox()
        self.kubelet.release(self)
        self.put(pod_status(self.pod, self.record, self.kubelet.host_ip, self.kubelet.loop.now_s))

    def remove_sandbox(self) -> None:
        """The Pod's address is nobody's any more."""
        if self.record.sandbox:
            self.record.sandbox = False
            if self.record.pod_ip != self.kubelet.host_ip:
                self.kubelet.network.detach(self.record.pod_ip)
                self.kubelet.addresses.give_back(self.record.pod_ip)

    def terminate(self, *, removed: bool = False) -> None:
        """The Pod is to go, or to go sooner than it was said before. `removed`: its object is gone already."""
        for steps in self._kills:
            steps.cancel()
        self._kills.clear()
        self.terminating = True
        for timer in (self._next, self._refresh, self._deadline):
            if timer is not None:
                timer.cancel()
        if self._steps is not None:
            self._steps.cancel()
        for health in self.health.values():
            health.stop(keep_readiness=True)
        failed = partial(self._termination_failed, removed)
        self._steps = Steps(self.kubelet.loop, ending.terminate(self, removed), self._terminated, failed)
        self._steps.start()

    def _termination_failed(self, removed: bool, error: Exception) -> None:
        if not isinstance(error, ApiError):
            log.error("%s: ending %s failed", self.kubelet.view.actor, self.key, exc_info=error)
        self._steps = None
        self.is_done = False
        again = partial(self.terminate, removed=removed)
        self._next = self.kubelet.loop.call_later(self.kubelet.random.uniform(*_RETRY_S), again, housekeeping=True)

    def _terminated(self) -> None:
        self._steps = None
        self.kubelet.forget(self)

    # ---- ConfigMaps, Secrets and labels that change under a running Pod

    def refresh_in(self, delay_s: float) -> None:
        """Write the volumes made of API objects anew, once the kubelet's caches have heard of the change."""
        if self.mounted is not None and self._refresh is None and not self.terminating:
            self._refresh = self.kubelet.loop.call_later(delay_s, self._refresh_volumes)

    def _refresh_volumes(self) -> None:
        self._refresh = None
        mounting.refresh(self)


_CONFIG_ERRORS = ("CreateContainerConfigError", "InvalidImageName", "ErrImageNeverPull")
