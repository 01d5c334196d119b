"""What the kubelet says about a container, and what it hears back: small values that cross the line in both directions.

Upstream these are the messages of the container runtime interface (k8s.io/cri-api, api.proto).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from statelab.controlplane.runtime.volumes import Volume

Stream = Literal["stdout", "stderr"]

# Linux' numbers for the signals that a Pod meets. A process that dies of one exits with 128 + its number.
SIGNALS = {
    "HUP": 1,
    "INT": 2,
    "QUIT": 3,
    "KILL": 9,
    "USR1": 10,
    "USR2": 12,
    "TERM": 15,
    "CONT": 18,
    "STOP": 19,
    "WINCH": 28,
}


def signal_name(text: str) -> str:
    """ "SIGTERM", "term" and "15" are all "TERM". Raises KeyError for a signal that does not exist."""
    name = text.upper().removeprefix("SIG")
    if name.isdigit():
        name = next(each for each, number in SIGNALS.items() if number == int(name))
    if name not in SIGNALS:
        raise KeyError(text)
    return name


@dataclass(frozen=True, slots=True)
class Limits:
    """What one container may use. A process that goes over a limit ends, and its exit names the limit.

    `busy_s`: seconds a process may compute without a pause (a sleep, a request). `files_bytes`: all its files,
    volumes not included. `output_bytes`: what one process may print in all; a main process' log keeps only its end,
    so this is for exec. `processes`: exec sessions at once.
    """

    busy_s: float = 4.0
    memory_bytes: int | None = None
    files_bytes: int = 64 * 1024 * 1024
    output_bytes: int = 16 * 1024 * 1024
    processes: int = 200


@dataclass(frozen=True, slots=True)
class Mount:
    """A volume at a path of the container. `sub_path` as in volumeMounts.subPath: a directory or file of the volume."""

    path: str
    volume: Volume
    sub_path: str = ""
    read_only: bool = False
    group: int = 0  # the Pod's fsGroup, where the kubelet gives the volume to it


@dataclass(frozen=True)
class ContainerSpec:
    """Everything a container needs to know to be started. `command` and `args` as in the Pod, already expanded."""

    namespace: str
    pod_name: str
    pod_uid: str
    name: str
    image: str
    command: Sequence[str] | None = None
    args: Sequence[str] | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    working_dir: str | None = None
    mounts: Sequence[Mount] = ()
    hostname: str = ""
    pod_ip: str = ""
    files: Mapping[str, str] = field(default_factory=dict)  # path → text: /etc/hosts, /etc/resolv.conf …
    user: int | None = None
    group: int = 0
    groups: Sequence[int] = ()  # all that the process is in: its own, the Pod's fsGroup, supplementalGroups
    termination_path: str = ""  # what the container may leave for the kubelet; there, empty, from the start
    tty: bool = False
    stdin: bool = False
    limits: Limits = field(default_factory=Limits)
    node_name: str = ""
    ports: Sequence[int] = ()
    read_only_root: bool = False  # securityContext.readOnlyRootFilesystem
    control: Callable[[], Mapping[str, str]] = dict  # its control group's files as they are now, path → text

    @property
    def has_busybox(self) -> bool:
        """Whether the image's commands are busybox's, in its words, and not coreutils' and BIND's."""
        return "busybox" in self.image or "alpine" in self.image


@dataclass(frozen=True, slots=True)
class Exit:
    """How a container ended, in the words of containerStatuses[].state.terminated.

    `reason` is "Completed" (code 0), "Error", "OOMKilled" (137), or "StartError" (128: it never ran; `message` is
    what the kubelet's event says after "Error: "). `signal` is the signal it died of.
    """

    code: int
    reason: str
    message: str = ""
    signal: int | None = None


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line a container wrote. `at_s`: cluster time. `text` without its newline; `partial`: it had none."""

    at_s: float
    stream: Stream
    text: str
    partial: bool = False


@dataclass(frozen=True, slots=True)
class Pull:
    """What pulling an image comes to. `error`: the runtime's words, which the kubelet puts into ErrImagePull; None:
    it worked.
    """

    present: bool
    delay_s: float
    error: str | None
    image_id: str = ""
    size_bytes: int = 0
    invalid: bool = False  # it is no image name at all
