"""Starting one container: its image, its configuration, its process, its postStart hook; and the words for what fails.

Source: pkg/kubelet/kuberuntime/kuberuntime_container.go (startContainer, generateContainerConfig, verifyRunAsNonRoot).
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from statelab.controlplane import quantity
from statelab.controlplane.image_names import is_stand_in, parse_reference
from statelab.controlplane.kinds import Object
from statelab.controlplane.kubelet import cgroups, hooks, sysctls
from statelab.controlplane.kubelet.backoff import duration
from statelab.controlplane.kubelet.containers import Attempt, allocated, containers_of
from statelab.controlplane.kubelet.env import ConfigError, environment, expand
from statelab.controlplane.kubelet.hostfiles import files_for, hostname_and_domain
from statelab.controlplane.kubelet.images import ImageError, reported
from statelab.controlplane.kubelet.nodes import CAPACITY
from statelab.controlplane.kubelet.steps import Work
from statelab.controlplane.kubelet.volumes import files_builder
from statelab.controlplane.runtime.images import image_for
from statelab.controlplane.runtime.spec import ContainerSpec, Exit, Limits, Mount
from statelab.controlplane.runtime.volumes import Volume

if TYPE_CHECKING:
    from statelab.controlplane.kubelet.pods import PodWorker

_CREATE_S = (0.03, 0.08)
_START_S = (0.04, 0.1)
_MOST_TERMINATION_BYTES = 4096
_MOST_LOG_LINES = 80
_MOST_LOG_BYTES = 2048


class StartError(Exception):
    """The container was not started: the reason and message of its waiting state."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


def start(worker: PodWorker, container: Object) -> Work:
    """Bring up one container and run its postStart hook. Raises StartError."""
    kubelet, pod = worker.kubelet, worker.pod

    def tell(reason: str, message: str, type: str = "Normal") -> None:
        worker.tell(container, reason, message, type)

    try:
        yield from kubelet.images.ensure(pod, container, tell)
        yield kubelet.random.uniform(*_CREATE_S)
        spec = container_spec(worker, container)
    except ImageError as error:
        tell("Failed", f"Error: {error.reason}", type="Warning")
        raise StartError(error.reason, error.message) from None
    except ConfigError as error:
        tell("Failed", f"Error: {error}", type="Warning")
        raise StartError(error.reason, str(error)) from None
    tell("Created", "Container created")
    if is_stand_in(container["image"]):
        tell("StandIn", f'Image "{container["image"]}" is not built in: a stand-in runs in its place and does nothing')
    yield kubelet.random.uniform(*_START_S)
    attempt = _attempt(worker, container)
    attempt.runtime = kubelet.runtime.create(spec)
    attempt.state = "running"
    attempt.started_at_s = kubelet.loop.now_s
    worker.started(container, attempt)
    attempt.runtime.start(partial(worker.exited, attempt))
    yield 0.0
    if attempt.reason == "StartError":
        tell("Failed", f"Error: {attempt.message}", type="Warning")
        raise StartError("RunContainerError", attempt.message)
    tell("Started", "Container started")
    hook = (container.get("lifecycle") or {}).get("postStart")
    if hook:
        yield from _post_start(worker, container, attempt, hook)


# ---- how long to wait before it is started again


def back_off_key(worker: PodWorker, name: str) -> str:
    return f"{worker.uid}_{name}"


def check_back_off(worker: PodWorker, container: Object, anew: bool = False) -> None:
    """Raises StartError while a container that has ended must wait; counts the start that follows otherwise.

    One that the kubelet has just stopped itself (`anew`) waits for the run before that: upstream's sync knows no later
    one. So a container that fails its liveness probe is started again twice before the first pause.
    """
    name, back_off, now_s = container["name"], worker.kubelet.back_off, worker.kubelet.loop.now_s
    attempt = (worker.record.before if anew else worker.record.last).get(name)
    if attempt is None or attempt.state != "exited":
        return
    key = back_off_key(worker, name)
    if back_off.remaining_s(key, now_s, attempt.finished_at_s) <= 0:
        back_off.next(key, now_s)
        return
    pod = f"{worker.pod['metadata']['name']}_{worker.pod['metadata']['namespace']}({worker.uid})"
    worker.tell(container, "BackOff", f"Back-off restarting failed container {name} in pod {pod}", type="Warning")
    delay = duration(back_off.delay_s(key))
    raise StartError("CrashLoopBackOff", f"back-off {delay} restarting failed container={name} pod={pod}")


# ---- making it


def _post_start(worker: PodWorker, container: Object, attempt: Attempt, hook: Object) -> Work:
    problem = yield from hooks.run(worker, container, attempt, hook)
    if problem is None:
        return
    worker.tell(container, "FailedPostStartHook", "PostStartHook failed", type="Warning")
    grace_s = worker.pod["spec"].get("terminationGracePeriodSeconds", 30)
    yield from hooks.stop_container(worker, container, attempt, grace_s, "FailedPostStartHook")
    raise StartError("PostStartHookError", problem)


def _attempt(worker: PodWorker, container: Object) -> Attempt:
    last = worker.record.last.get(container["name"])
    image, image_id = reported(container["image"])
    attempt = Attempt(
        name=container["name"],
        restarts=last.restarts + 1 if last is not None else 0,
        container_id=f"containerd://{worker.kubelet.random.getrandbits(256):064x}",
        image=image,
        image_id=image_id,
    )
    attempt.user = _linux_user(worker.pod, container)
    return attempt


def _security(pod: Object, container: Object, field: str) -> object:
    own = container.get("securityContext") or {}
    return own.get(field, (pod["spec"].get("securityContext") or {}).get(field))


def _linux_user(pod: Object, container: Object) -> tuple[int, int, tuple[int, ...]]:
    uid, gid = _security(pod, container, "runAsUser"), _security(pod, container, "runAsGroup")
    context = pod["spec"].get("securityContext") or {}
    uid_number = uid if isinstance(uid, int) else image_for(parse_reference(container["image"])).user
    gid_number = gid if isinstance(gid, int) else 0
    groups = [
        gid_number,
        *([context["fsGroup"]] if "fsGroup" in context else []),
        *(context.get("supplementalGroups") or ()),
    ]
    return uid_number, gid_number, tuple(dict.fromkeys(groups))


def _check_not_root(pod: Object, container: Object) -> None:
    if not _security(pod, container, "runAsNonRoot"):
        return
    metadata = pod["metadata"]
    where = f'(pod: "{metadata["name"]}_{metadata["namespace"]}({metadata["uid"]})", container: {container["name"]})'
    user = _security(pod, container, "runAsUser")
    if user == 0:
        raise ConfigError(f"container's runAsUser breaks non-root policy {where}")
    if user is None and not image_for(parse_reference(container["image"])).user:
        raise ConfigError(f"container has runAsNonRoot and image will run as root {where}")


def container_spec(worker: PodWorker, container: Object) -> ContainerSpec:
    """What the runtime is told. Raises ConfigError."""
    kubelet, pod, record = worker.kubelet, worker.pod, worker.record
    env = environment(pod, container, worker.facts(), kubelet.view)
    _check_not_root(pod, container)
    user = _security(pod, container, "runAsUser")
    limits = (container.get("resources") or {}).get("limits") or {}
    _, group, groups = _linux_user(pod, container)
    return ContainerSpec(
        namespace=pod["metadata"]["namespace"],
        pod_name=pod["metadata"]["name"],
        pod_uid=worker.uid,
        name=container["name"],
        image=container["image"],
        command=[expand(each, env) for each in container["command"]] if container.get("command") else None,
        args=[expand(each, env) for each in container["args"]] if container.get("args") else None,
        env={**env, "HOSTNAME": hostname_and_domain(pod)[0]},
        working_dir=container.get("workingDir") or None,
        mounts=[_mount(worker, container, each, env) for each in container.get("volumeMounts") or ()],
        hostname=kubelet.node_name if pod["spec"].get("hostNetwork") else hostname_and_domain(pod)[0],
        pod_ip=record.pod_ip,
        files={**files_for(pod, record.pod_ip), **sysctls.files(pod)},
        user=user if isinstance(user, int) else None,
        group=group,
        groups=groups,
        termination_path=container.get("terminationMessagePath") or "/dev/termination-log",
        tty=bool(container.get("tty")),
        stdin=bool(container.get("stdin")),
        limits=Limits(memory_bytes=_bytes(limits.get("memory"))),
        node_name=kubelet.node_name,
        ports=[each["containerPort"] for each in container.get("ports") or ()],
        read_only_root=bool((container.get("securityContext") or {}).get("readOnlyRootFilesystem")),
        control=partial(_control, worker, container["name"]),
    )


def _control(worker: PodWorker, name: str) -> dict[str, str]:
    pod, node = allocated(worker.pod, worker.record), worker.kubelet.view.get("nodes", worker.kubelet.node_name) or {}
    capacity = ((node.get("status") or {}).get("capacity") or CAPACITY)["memory"]
    found: Object = next(each for each in containers_of(pod) if each["name"] == name)
    return cgroups.files(pod, found, quantity.whole(capacity))


def _bytes(amount: str | None) -> int | None:
    return quantity.whole(amount) if amount else None


def _mount(worker: PodWorker, container: Object, mount: Object, env: dict[str, str]) -> Mount:
    pod = worker.pod
    found = (worker.mounted or {}).get(mount["name"])
    if found is None:
        raise ConfigError(f'cannot find volume "{mount["name"]}" to mount into container "{container["name"]}"')
    sub_path = mount.get("subPath") or ""
    if mount.get("subPathExpr"):
        sub_path = expand(mount["subPathExpr"], env)
        if "$(" in sub_path:
            raise ConfigError(f"missing value for subPathExpr {mount['subPathExpr']!r}")
    if sub_path.startswith("/") or ".." in sub_path.split("/"):
        problem = "must not be an absolute path" if sub_path.startswith("/") else "must not contain '..'"
        raise ConfigError(f'unable to provision SubPath `{sub_path}`: {problem}: "{sub_path}"')
    volume = found.volume
    if sub_path and _is_made_of_objects(pod, mount["name"]):
        volume = _frozen(volume)  # a subPath of a ConfigMap or Secret does not follow its changes
    path = "/".join(part for part in (found.sub_path, sub_path) if part)
    read_only = bool(mount.get("readOnly")) or found.read_only
    return Mount(mount["mountPath"], volume, path, read_only, _group_of(pod, mount["name"]))


def _group_of(pod: Object, name: str) -> int:
    """The fsGroup, where the kubelet gives a volume to it: claims of rancher.io/local-path, say, stay as they are."""
    spec: Object = next((each for each in pod["spec"].get("volumes") or () if each["name"] == name), {})
    group = (pod["spec"].get("securityContext") or {}).get("fsGroup")
    return int(group) if group and ("emptyDir" in spec or files_builder(spec) is not None) else 0


def _is_made_of_objects(pod: Object, name: str) -> bool:
    return any(each["name"] == name and files_builder(each) for each in pod["spec"].get("volumes") or ())


def _frozen(volume: Volume) -> Volume:
    copy = Volume(volume.name, read_only=True, times=volume.times)
    for path in volume.list():
        if not path.endswith("/"):
            copy.write(path, volume.read(path))
            copy.keep(path, volume.modified_s(path))
    return copy


# ---- how it ended


def exit_reason(exit: Exit) -> str:
    return exit.reason or ("Completed" if exit.code == 0 else "Error")


def termination_message(pod: Object, attempt: Attempt, exit: Exit) -> str:
    """What the container left in its terminationMessagePath, or the end of its log where the policy says so."""
    if attempt.runtime is None or exit.reason == "StartError":
        return exit.message
    container = next(each for each in containers_of(pod) if each["name"] == attempt.name)
    path = container.get("terminationMessagePath") or "/dev/termination-log"
    try:
        left = attempt.runtime.files.read(path)
    except OSError:
        left = b""
    if left:
        return left[-_MOST_TERMINATION_BYTES:].decode(errors="replace")
    if container.get("terminationMessagePolicy") == "FallbackToLogsOnError" and exit.code != 0:
        lines = [line.text + ("" if line.partial else "\n") for line in list(attempt.runtime.logs)[-_MOST_LOG_LINES:]]
        return "".join(lines)[-_MOST_LOG_BYTES:]
    return "" if exit.reason == "OOMKilled" else exit.message  # its log says how much it wanted


# ---- causes


def reason_for(pod: Object, status: Object) -> str:
    """Why the kubelet writes this status, in plain words, for `why`."""
    name = pod["metadata"]["name"]
    before = {each["name"]: each for each in _all_statuses(pod.get("status") or {})}
    told = []
    for each in _all_statuses(status):
        was = before.get(each["name"]) or {}
        state = next(iter(each["state"]))
        detail = each["state"][state]
        if state != next(iter(was.get("state") or {"": None})):
            if state == "running":
                told.append(f"container {each['name']} is running")
            elif state == "terminated":
                told.append(f"container {each['name']} ended with exit code {detail['exitCode']}")
            elif detail.get("reason"):
                told.append(f"container {each['name']} waits: {detail['reason']}")
        elif state == "waiting" and detail.get("reason") != was["state"]["waiting"].get("reason"):
            told.append(f"container {each['name']} waits: {detail.get('reason')}")
        if each["ready"] != was.get("ready", False):
            told.append(f"container {each['name']} is {'ready' if each['ready'] else 'not ready'}")
    return f"on its node, {name}'s " + " and its ".join(told) if told else f"on its node, {name} is {status['phase']}"


def _all_statuses(status: Object) -> list[Object]:
    keys = ("initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses")
    return [each for key in keys for each in status.get(key) or ()]


__all__ = ["StartError", "duration", "exit_reason", "reason_for", "start", "termination_message"]
