"""What a scene shows of each kind of object: facts to draw and to say, no API objects."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PodShown:
    """A Pod. `state`: "ready", "starting", "pending", "terminating", "failing" or "finished"; `said`: in words.

    `version`: 1 for the first revision of its workload, 2 for the next; 0 where it has none. `names`: the DNS names, as
    far as a Pod of its namespace has to write them, that lead to it. `owner`: "statefulset/web", or "". `is_stand_in`:
    it only seems to run.
    """

    name: str
    state: str
    said: str
    ordinal: str
    revision: str
    ip: str
    node: str
    claims: tuple[str, ...]
    uid: str
    version: int = 0
    names: tuple[str, ...] = ()
    owner: str = ""
    is_stand_in: bool = False


@dataclass(frozen=True)
class NodeShown:
    name: str
    is_ready: bool
    is_control_plane: bool


@dataclass(frozen=True)
class ClaimShown:
    """A claim. `pod` is the Pod that mounts it now ("" when none does: the data wait). `node`: where its volume is."""

    name: str
    phase: str
    size: str
    volume: str
    pod: str
    node: str = ""


@dataclass(frozen=True)
class ServiceShown:
    """A Service and the names it publishes: `(name, addresses)`, the Service's own first."""

    name: str
    address: str
    is_headless: bool
    names: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True)
class CustomShown:
    """An object of a kind of the cluster's own. `columns`: (title, value), as its definition shows them."""

    kind: str
    name: str
    columns: tuple[tuple[str, str], ...] = ()

    @property
    def key(self) -> str:
        return f"{self.kind.lower()}/{self.name}"


@dataclass(frozen=True)
class SlotShown:
    """A place in a workload for one Pod: `pod` is who has it, "" when it is empty. `label`: "0", or a name's end."""

    label: str
    pod: str = ""
    state: str = ""
    version: int = 0


@dataclass(frozen=True)
class WorkloadShown:
    """What makes Pods. `parts`: the ReplicaSets of a Deployment, the Jobs of a CronJob; else its `slots`."""

    kind: str
    name: str
    ready: int
    wanted: int
    image: str = ""
    container: str = ""
    version: int = 0
    slots: tuple[SlotShown, ...] = ()
    parts: tuple[WorkloadShown, ...] = ()

    @property
    def is_done(self) -> bool:
        return self.ready == self.wanted

    @property
    def key(self) -> str:
        return f"{self.kind.lower()}/{self.name}"
