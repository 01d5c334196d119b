"""A pod worker: makes one Pod's containers on this node be what its spec asks for, until the Pod goes.

It works as upstream's does. A *sync* first writes the status of what it finds, then acts, and remembers why a
container could not be started for the next sync to tell: that is why `ErrImagePull` is seen before `ImagePullBackOff`.
A change in the containers is noticed within about a second (the PLEG), a failure is looked at again after 12 to 15.

Source: pkg/kubelet/{kubelet,pod_workers}.go, pkg/kubelet/kuberuntime/kuberuntime_manager.go (SyncPod).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from statelab.controlplane.clock import Timer, seconds
from statelab.controlplane.errors import ApiError
from statelab.controlplane.kinds import Object, key_of
from statelab.controlplane.kubelet import hooks, starting
from statelab.controlplane.kubelet.containers import Attempt, PodRecord, containers_of, is_sidecar, should_restart
from statelab.controlplane.kubelet.env import PodFacts
from statelab.controlplane.kubelet.health import Health
from statelab.controlplane.kubelet.status import is_terminal, pod_status, terminated_status
from statelab.controlplane.kubelet.steps import Pause, Steps, Work
from statelab.controlplane.kubelet.volumes import (
    Files,
    Mounted,
    MountError,
    files_builder,
    files_of,
    mount_all,
    write_files,
)

if TYPE_CHECKING:
    from statelab.controlplane.kubelet.kubelet import Kubelet
    from statelab.controlplane.runtime.spec import Exit
    from statelab.controlplane.runtime.volumes import Volume

_FIRST_SYNC_S = 0.02
_SANDBOX_S = (0.25, 0.45)
_PLEG_S = (0.35, 0.75)
_RETRY_S = (12.0, 15.0)
_FIRST_MOUNT_RETRY_S = 0.5
_LONGEST_MOUNT_RETRY_S = 122.0
_TRIES_WORTH_WAITING_FOR = 4


class PodWorker:
    """One Pod on one node. `pod` is its API object as last seen; the record is what runs."""

    __slots__ = (
        "_again",
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
        for timer in (self._next, self._refresh):
            if timer is not None:
                timer.cancel()
        for steps in (self._steps, *self._kills):
            if steps is not None:
                steps.cancel()
        self._stop_probes()

    # ---- a sync

    def _sync_now(self) -> None:
        self._next = None
        if self.terminating or self._steps is not None:
            return
        self._steps = Steps(self.kubelet.loop, self._sync(), self._sync_done)
        self._steps.start()

    def _sync_done(self) -> None:
        self._steps = None
        if self._again:
            self._again = False
            self.sync_in(self._soon())

    def _soon(self) -> float:
        return self.kubelet.random.uniform(*_PLEG_S)

    def reject(self, reason: str, message: str, at: str) -> None:
        """The node does not run this Pod: it has failed, and nothing of it is kept."""
        old = self.pod.get("status") or {}
        status = {
            "observedGeneration": self.pod["metadata"].get("generation", 1),
            "phase": "Failed",
            "conditions": old.get("conditions") or [],
            "message": message,
            "reason": reason,
            "startTime": at,
            "qosClass": old.get("qosClass") or "BestEffort",
        }
        self.terminating = self.is_done = True
        self.kubelet.forget(self)
        self._put(status)

    def _sync(self) -> Work:
        if not self.is_admitted:
            self.is_admitted = self.kubelet.admit(self)
            if not self.is_admitted:
                return
        if self._has_ended():
            self._end_of_life()
            return
        self.write_status()
        if self.mounted is None:
            yield from self._mount()
        if not self.record.sandbox:
            yield self.kubelet.random.uniform(*_SANDBOX_S)
            self._create_sandbox()
        self._kill_what_changed()
        failed = False
        for container in self._to_start():
            failed |= yield from self._start(container)
        if failed:
            self.sync_in_after_failure()

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
                restarts = kubelet.back_off.times(self._back_off_key(name))
                if max(pulls, restarts) < _TRIES_WORTH_WAITING_FOR:
                    return False
        return True

    def write_status(self, *, terminal: bool = False) -> None:
        status = pod_status(self.pod, self.record, self.kubelet.host_ip, self.kubelet.loop.now_s, terminal=terminal)
        self._put(status)

    def _put(self, status: Object) -> None:
        if status == self.pod.get("status"):
            return
        why = starting.reason_for(self.pod, status)
        try:
            self.pod = self.kubelet.view.update_status("pods", {**self.pod, "status": status}, why=why)
        except ApiError as error:
            if error.code not in (404, 409):
                raise

    def _mount(self) -> Work:
        delay_s, tries = _FIRST_MOUNT_RETRY_S, 0
        while True:
            try:
                self.mounted = mount_all(
                    self.pod, self.facts(), self.kubelet.view, self.kubelet.volumes, self.kubelet.node_name
                )
            except MountError as error:
                self.needs = error.needs
                self.kubelet.view.event(self.pod, "FailedMount", error.message, type="Warning")
                tries += 1
                yield Pause(delay_s) if tries > _TRIES_WORTH_WAITING_FOR else delay_s
                delay_s = min(2 * delay_s, _LONGEST_MOUNT_RETRY_S)
            else:
                self.needs = None
                return

    def _create_sandbox(self) -> None:
        if self.pod["spec"].get("hostNetwork"):
            self.record.pod_ip = self.kubelet.host_ip
        else:
            self.record.pod_ip = self.kubelet.addresses.take()
            self.kubelet.network.attach(self.record.pod_ip)
        self.record.sandbox = True
        self._again = True  # the PLEG reports the new sandbox

    def facts(self) -> PodFacts:
        return PodFacts(self.record.pod_ip, self.kubelet.host_ip, self.kubelet.allocatable())

    # ---- which containers to start

    def _to_start(self) -> list[Object]:
        """Source: computePodActions: init containers one after the other, then all the others."""
        spec = self.pod["spec"]
        main = spec["containers"]
        initialized = any(each["name"] in self.record.last for each in main)
        start: list[Object] = []
        for container in spec.get("initContainers") or ():
            attempt = self.record.last.get(container["name"])
            if is_sidecar(container):
                if attempt is None or attempt.state == "exited":
                    start.append(container)
                if not initialized and (attempt is None or attempt.state != "running" or not attempt.started):
                    return start
                continue
            if initialized or (attempt is not None and attempt.ended_well()):
                continue
            if attempt is None or should_restart(self.pod, container, attempt):
                start.append(container)
            return start
        start += [each for each in main if should_restart(self.pod, each, self.record.last.get(each["name"]))]
        return start

    def _start(self, container: Object) -> Work:
        """Start one container. True when it could not be."""
        name = container["name"]
        try:
            if self._is_backing_off(container):
                raise starting.StartError("CrashLoopBackOff", self._back_off_message(name))
            yield from starting.start(self, container)
        except starting.StartError as error:
            self.record.waiting[name] = (error.reason, error.message)
            return True
        self.record.waiting.pop(name, None)
        self._again = True  # the PLEG reports the new container
        return False

    def _back_off_key(self, name: str) -> str:
        return f"{self.uid}_{name}"

    def _is_backing_off(self, container: Object) -> bool:
        attempt = self.record.last.get(container["name"])
        if attempt is None or attempt.state != "exited":
            return False
        key, now_s = self._back_off_key(container["name"]), self.kubelet.loop.now_s
        if self.kubelet.back_off.remaining_s(key, now_s, attempt.finished_at_s) > 0:
            where = f"{self.pod['metadata']['name']}_{self.pod['metadata']['namespace']}({self.uid})"
            words = f"Back-off restarting failed container {container['name']} in pod {where}"
            self.tell(container, "BackOff", words, type="Warning")
            return True
        self.kubelet.back_off.next(key, now_s)
        return False

    def _back_off_message(self, name: str) -> str:
        delay = starting.duration(self.kubelet.back_off.delay_s(self._back_off_key(name)))
        where = f"{self.pod['metadata']['name']}_{self.pod['metadata']['namespace']}({self.uid})"
        return f"back-off {delay} restarting failed container={name} pod={where}"

    def _kill_what_changed(self) -> None:
        """A container whose image was changed in the spec is started anew."""
        for container in containers_of(self.pod):
            attempt = self.record.last.get(container["name"])
            runs = attempt.runtime.spec.image if attempt is not None and attempt.runtime is not None else None
            if attempt is not None and attempt.state == "running" and runs not in (None, container["image"]):
                self.kill(attempt, f"Container {container['name']} definition changed, will be restarted")

    def tell(self, container: Object, reason: str, message: str, type: str = "Normal") -> None:
        """An event about one container."""
        section = "initContainers" if container in (self.pod["spec"].get("initContainers") or ()) else "containers"
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
        attempt.state = "exited"
        attempt.finished_at_s = self.kubelet.loop.now_s
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

    def _stop_probes(self) -> None:
        for health in self.health.values():
            health.stop()
        self.health.clear()

    def kill(self, attempt: Attempt, message: str, grace_s: float | None = None) -> None:
        """Stop one container of a Pod that goes on; it may be started again."""
        container = next(each for each in containers_of(self.pod) if each["name"] == attempt.name)
        if grace_s is None:
            grace_s = self.pod["spec"].get("terminationGracePeriodSeconds", 30)
        self._kill(container, attempt, grace_s, message, lambda: None)

    # ---- the end

    def _has_ended(self) -> bool:
        """Whether its containers have ended for good: the Pod has succeeded or failed."""
        status = pod_status(self.pod, self.record, self.kubelet.host_ip, self.kubelet.loop.now_s)
        return status["phase"] in ("Succeeded", "Failed")

    def _end_of_life(self) -> None:
        """The sandbox goes; what the containers wrote to their logs stays to be read."""
        self._stop_probes()
        for attempt in self.record.running():  # sidecars
            self.kill(attempt, f"Stopping container {attempt.name}")
        self.remove_sandbox()
        self.write_status()

    def remove_sandbox(self) -> None:
        """The Pod's address is nobody's any more."""
        if self.record.sandbox:
            self.record.sandbox = False
            if self.record.pod_ip != self.kubelet.host_ip:
                self.kubelet.network.detach(self.record.pod_ip)
                self.kubelet.addresses.give_back(self.record.pod_ip)

    def terminate(self, *, removed: bool = False) -> None:
        """The Pod is to go: stop its containers within its grace period, say how they ended, let the object go."""
        if self.terminating:
            for steps in self._kills:  # a shorter grace period than before
                steps.cancel()
            self._kills.clear()
        self.terminating = True
        if self._next is not None:
            self._next.cancel()
        if self._refresh is not None:
            self._refresh.cancel()
        if self._steps is not None:
            self._steps.cancel()
        for health in self.health.values():
            health.stop(keep_readiness=True)
        self._steps = Steps(self.kubelet.loop, self._terminate(removed), self._terminated)
        self._steps.start()

    def _terminate(self, removed: bool) -> Work:
        metadata, spec = self.pod["metadata"], self.pod["spec"]
        grace_s = metadata.get("deletionGracePeriodSeconds", spec.get("terminationGracePeriodSeconds", 30))
        if removed:
            grace_s = 0
        deadline_s = self.kubelet.loop.now_s + grace_s
        sidecars = [each for each in spec.get("initContainers") or () if is_sidecar(each)]
        names = {each["name"] for each in sidecars}
        yield partial(self._kill_all, [each for each in containers_of(self.pod) if each["name"] not in names], grace_s)
        for sidecar in reversed(sidecars):  # KEP-753: after all others, last started first
            yield partial(self._kill_all, [sidecar], deadline_s - self.kubelet.loop.now_s)
        self._stop_probes()
        yield self.kubelet.random.uniform(0.05, 0.15)
        self.remove_sandbox()
        if removed:
            return
        status = pod_status(self.pod, self.record, self.kubelet.host_ip, self.kubelet.loop.now_s, terminal=True)
        self._put(terminated_status(self.pod, status))
        yield self.kubelet.random.uniform(0.02, 0.06)
        self.is_done = True
        why = f"{metadata['name']}'s containers have stopped and its volumes are unmounted"
        self.kubelet.view.delete("pods", self.pod, why=why, grace_period_s=0)

    def _terminated(self) -> None:
        self._steps = None
        self.kubelet.forget(self)

    def _kill_all(self, containers: list[Object], grace_s: float, resume: Callable[[None], None]) -> None:
        left = 0

        def one_less() -> None:
            nonlocal left
            left -= 1
            if left == 0:
                resume(None)

        found = [(each, self.record.last.get(each["name"])) for each in containers]
        alive = [(each, attempt) for each, attempt in found if attempt is not None and attempt.state == "running"]
        left = len(alive)
        if not alive:
            resume(None)
        for container, attempt in alive:
            self._kill(container, attempt, grace_s, f"Stopping container {attempt.name}", one_less)

    def _kill(
        self, container: Object, attempt: Attempt, grace_s: float, message: str, done: Callable[[], None]
    ) -> None:
        def finished() -> None:
            if steps in self._kills:
                self._kills.remove(steps)
            done()

        steps = Steps(self.kubelet.loop, hooks.stop_container(self, container, attempt, grace_s, message), finished)
        self._kills.append(steps)
        steps.start()

    # ---- ConfigMaps, Secrets and labels that change under a running Pod

    def refresh_in(self, delay_s: float) -> None:
        """Write the volumes made of API objects anew, once the kubelet's caches have heard of the change."""
        if self.mounted is not None and self._refresh is None and not self.terminating:
            self._refresh = self.kubelet.loop.call_later(delay_s, self._refresh_volumes)

    def _refresh_volumes(self) -> None:
        self._refresh = None
        for spec in self.pod["spec"].get("volumes") or ():
            if files_builder(spec) is None or self.mounted is None:
                continue
            volume = self.mounted[spec["name"]].volume
            try:
                after = files_of(self.pod, spec, self.facts(), self.kubelet.view)
            except MountError as error:
                self.kubelet.view.event(self.pod, "FailedMount", error.message, type="Warning")
                continue
            # The modes of what is there are not compared: a file whose content is the same is left alone.
            before: Files = {path: (volume.read("/" + path), after.get(path, (b"", 0))[1]) for path in _files(volume)}
            write_files(volume, before, after)

    # ---- a node that comes back

    def adopt(self) -> None:
        """After a restart of the node: what ran has ended, unseen; it is started again as restart policies say."""
        status = self.pod.get("status") or {}
        ran = False
        for each in status.get("containerStatuses") or ():
            if "waiting" in each["state"] and not each.get("lastState"):
                continue
            ran = True
            self.record.last[each["name"]] = _lost(each, self.kubelet.loop.now_s)
        for each in status.get("initContainerStatuses") or ():
            if each.get("containerID"):
                self.record.last[each["name"]] = _lost(each, self.kubelet.loop.now_s)
        if ran:
            words = "Pod sandbox changed, it will be killed and re-created."
            self.kubelet.view.event(self.pod, "SandboxChanged", words)


def _files(volume: Volume) -> list[str]:
    return [path.lstrip("/") for path in volume.list() if not path.endswith("/")]


_CONFIG_ERRORS = ("CreateContainerConfigError", "InvalidImageName", "ErrImageNeverPull")


def _lost(status: Object, now_s: float) -> Attempt:
    """The attempt behind a status the API remembers. A container that ran when the node went: exit code 255."""
    state = status["state"]
    running, ended = state.get("running"), state.get("terminated") or (status.get("lastState") or {}).get("terminated")
    attempt = Attempt(
        status["name"], status["restartCount"], status.get("containerID", ""), status["image"], status["imageID"]
    )
    attempt.state = "exited"
    if running is not None:
        attempt.exit_code, attempt.reason = 255, "Unknown"
        attempt.started_at_s, attempt.finished_at_s = seconds(running["startedAt"]), now_s
    elif ended is not None:
        attempt.exit_code, attempt.reason = ended["exitCode"], ended.get("reason", "")
        attempt.message = ended.get("message", "")
        attempt.started_at_s = seconds(ended["startedAt"]) if ended.get("startedAt") else 0.0
        attempt.finished_at_s = seconds(ended["finishedAt"]) if ended.get("finishedAt") else 0.0
    return attempt
