"""What the kubelet knows of a container: one Attempt for each time it was started, as the runtime would report it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from statelab.controlplane.clock import timestamp
from statelab.controlplane.kinds import Object

if TYPE_CHECKING:
    from statelab.controlplane.runtime.containers import Container

ALWAYS, ON_FAILURE, RESTART_ALL = "Always", "OnFailure", "RestartAllContainers"


@dataclass(slots=True)
class Attempt:
    """One run of a container. The kubelet keeps the last and the one before, as upstream's garbage collection does."""

    name: str
    restarts: int
    container_id: str
    image: str
    image_id: str
    user: tuple[int, int, tuple[int, ...]] = (0, 0, (0,))
    state: Literal["created", "running", "exited"] = "created"
    started_at_s: float = 0.0
    finished_at_s: float = 0.0
    exit_code: int = 0
    reason: str = ""
    message: str = ""
    started: bool = False  # its startup probe has succeeded, or it has none
    ready: bool = False
    stopping: bool = False  # it was told to stop
    unhealthy: str = ""  # "liveness" or "startup": the probe that has given it up
    runtime: Container | None = None

    def ended_well(self) -> bool:
        return self.state == "exited" and self.exit_code == 0

    def api_state(self) -> Object:
        """The v1.ContainerState."""
        if self.state == "running":
            return {"running": {"startedAt": timestamp(self.started_at_s)}}
        if self.state == "created":
            return {"waiting": {}}
        terminated: Object = {"exitCode": self.exit_code}
        if self.reason:
            terminated["reason"] = self.reason
        if self.message:
            terminated["message"] = self.message
        # A container that could not be started says that it started at the beginning of time, as containerd has it.
        known = bool(self.started_at_s) or self.reason == "StartError"
        terminated["startedAt"] = timestamp(self.started_at_s) if known else None
        terminated["finishedAt"] = timestamp(self.finished_at_s) if self.finished_at_s else None
        terminated["containerID"] = self.container_id
        return {"terminated": terminated}


@dataclass(slots=True)
class PodRecord:
    """What the kubelet holds of one Pod beside its API object."""

    seen_at_s: float = 0.0  # when its first sync began: the ticks of its liveness probes count from there
    sandbox: bool = False  # the network namespace exists: PodReadyToStartContainers
    pod_ip: str = ""
    last: dict[str, Attempt] = field(default_factory=dict)
    before: dict[str, Attempt] = field(default_factory=dict)
    waiting: dict[str, tuple[str, str]] = field(default_factory=dict)  # why a container was not started, last time
    initialized: bool = False  # the init containers are done: the others may be started, and started again
    rerun: set[str] = field(default_factory=set)  # containers that must run once more, whatever their policy says
    restarting_all: bool = False  # a rule of a container that has ended says RestartAllContainers
    # Of a Pod that was resized (resizing.py): by container ("": the Pod as a whole) what the node has allowed, and what
    # is told of it.
    allocated: dict[str, Object] | None = None
    resizing: dict[str, Object] = field(default_factory=dict)
    restart_for_resize: set[str] = field(default_factory=set)

    def running(self) -> list[Attempt]:
        return [attempt for attempt in self.last.values() if attempt.state == "running"]

    def add(self, attempt: Attempt) -> None:
        if attempt.name in self.last:
            self.before[attempt.name] = self.last[attempt.name]
            self.before[attempt.name].runtime = None if attempt.runtime is None else self.before[attempt.name].runtime
        self.last[attempt.name] = attempt


def containers_of(pod: Object) -> list[Object]:
    """Init containers first, then the others: the order in which they start. Ephemeral ones come last."""
    spec = pod["spec"]
    found = [*(spec.get("initContainers") or ()), *spec["containers"]]
    return [*found, *spec["ephemeralContainers"]] if spec.get("ephemeralContainers") else found


def allocated(pod: Object, record: PodRecord) -> Object:
    """The Pod with the resources that its node has allowed; itself unless it was ever resized."""
    if record.allocated is None:
        return pod
    spec = dict(pod["spec"])
    for key in ("containers", "initContainers"):
        if spec.get(key):
            spec[key] = [{**each, "resources": record.allocated.get(each["name"], {})} for each in spec[key]]
    if record.allocated.get("") or spec.get("resources"):
        spec["resources"] = record.allocated.get("", {})
    return {**pod, "spec": spec}


def is_sidecar(container: Object) -> bool:
    """An init container that keeps running: KEP-753."""
    return container.get("restartPolicy") == ALWAYS


def is_init(pod: Object, name: str) -> bool:
    return any(each["name"] == name for each in pod["spec"].get("initContainers") or ())


def restart_policy(pod: Object, container: Object) -> str:
    """Of one container: its own if it has one (KEP-5307), or the Pod's; an init container's Always means OnFailure."""
    own = container.get("restartPolicy")
    if own:
        return str(own)
    policy = str(pod["spec"].get("restartPolicy") or ALWAYS)
    return ON_FAILURE if policy == ALWAYS and is_init(pod, container["name"]) else policy


def should_restart(pod: Object, container: Object, attempt: Attempt | None) -> bool:
    """Whether it is to be started (again). Source: kubecontainer.ShouldContainerBeRestarted."""
    if pod["metadata"].get("deletionTimestamp"):
        return False
    if attempt is None:
        return True
    if attempt.state != "exited":
        return False
    return restarts_after(pod, container, attempt.exit_code)


def restarts_after(pod: Object, container: Object, exit_code: int) -> bool:
    """What its rules and its policy say of one that has ended so."""
    if matching_action(container, exit_code):
        return True
    policy = restart_policy(pod, container)
    return policy == ALWAYS or (policy == ON_FAILURE and exit_code != 0)


def matching_action(container: Object, exit_code: int) -> str:
    """What the first of its restart rules that fits says: Restart, RestartAllContainers, or "" (KEP-5307, KEP-5532)."""
    for rule in container.get("restartPolicyRules") or ():
        on = rule.get("exitCodes") or {}
        if (exit_code in (on.get("values") or ())) == (on.get("operator") == "In"):
            return str(rule["action"])
    return ""


def may_restart_all(pod: Object) -> bool:
    """Whether a rule of one of its containers says RestartAllContainers."""
    rules = (rule for each in containers_of(pod) for rule in each.get("restartPolicyRules") or ())
    return any(rule["action"] == RESTART_ALL for rule in rules)
