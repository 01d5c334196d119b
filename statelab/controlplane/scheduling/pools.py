"""The devices that a node can reach, by the pools of their drivers, and those that claims have already.

Source: dynamic-resource-allocation/structured/internal (pools.go), allocateddevices.go.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from statelab.controlplane import quantity
from statelab.controlplane.apiserver.validation.device_selectors import described
from statelab.controlplane.controllers.common.devices import PLURAL, newest, results_of
from statelab.controlplane.kinds import Object, key_of
from statelab.controlplane.kubelet.env import Reader
from statelab.controlplane.scheduling.nodematch import matches_selector

Key = tuple[str, str, str]  # driver, pool, device


@dataclass
class Candidate:
    """A device of a slice, and where it can be used: one node, those of a selector, or (neither) all."""

    key: Key
    spec: Object
    node_name: str
    node_selector: Object | None

    @cached_property
    def described(self) -> dict[str, Any]:
        """As selectors see it."""
        return described(self.key[0], self.spec)

    @property
    def is_shared(self) -> bool:
        return bool(self.spec.get("allowMultipleAllocations"))


@dataclass(slots=True)
class Pool:
    """A pool as it is now: its newest slices. `devices`: those that this node can reach."""

    key: tuple[str, str]
    is_complete: bool
    is_valid: bool = True
    devices: list[Candidate] = field(default_factory=list)
    all_devices: list[Candidate] = field(default_factory=list)
    counters: dict[tuple[str, str], int] = field(default_factory=dict)

    @property
    def shown(self) -> str:
        return "/".join(self.key)


def pools_of(slices: list[Object], node: Object) -> list[Pool]:
    """The pools that have something for a node, by driver and name."""
    found: dict[tuple[str, str], list[Object]] = {}
    for each in sorted(slices, key=lambda one: str(one["metadata"]["name"])):
        found.setdefault((each["spec"]["driver"], each["spec"]["pool"]["name"]), []).append(each)
    pools = (_pool(key, found[key], node) for key in sorted(found))
    return [pool for pool in pools if pool.devices]


def _pool(key: tuple[str, str], slices: list[Object], node: Object) -> Pool:
    """Slices of an older generation do not count, and two devices of one name spoil a pool."""
    slices = newest(slices)
    pool = Pool(key, len(slices) >= slices[0]["spec"]["pool"]["resourceSliceCount"])
    for each in slices:
        spec = each["spec"]
        for counters in spec.get("sharedCounters") or ():
            for name, counter in counters["counters"].items():
                pool.counters[counters["name"], name] = quantity.parse(counter["value"]).nanos
        for device in spec.get("devices") or ():
            where = device if spec.get("perDeviceNodeSelection") else spec
            name, selector = where.get("nodeName") or "", where.get("nodeSelector")
            candidate = Candidate((*key, device["name"]), device, name, selector)
            pool.all_devices.append(candidate)
            if name == node["metadata"]["name"] or (
                not name and (selector is None or matches_selector(selector, node))
            ):
                pool.devices.append(candidate)
    pool.is_valid = len({each.key for each in pool.all_devices}) == len(pool.all_devices)
    return pool


@dataclass(slots=True)
class InUse:
    """`devices`: those that somebody has alone; `consumed`: of those that are shared, how much of each capacity."""

    devices: set[Key] = field(default_factory=set)
    consumed: dict[Key, dict[str, int]] = field(default_factory=dict)


def in_use(cluster: Reader) -> InUse:
    """What all claims have. Who only administers a device does not use it."""
    found = InUse()
    # What is decided and not written yet counts.
    claims = (cluster.get(PLURAL, key_of(stored)) or stored for stored in cluster.list(PLURAL))
    for result in (each for claim in claims for each in results_of(claim)):
        if result.get("adminAccess"):
            continue
        key = (result["driver"], result["pool"], result["device"])
        if result.get("shareID") is None:
            found.devices.add(key)
            continue
        consumed = found.consumed.setdefault(key, {})
        for name, amount in (result.get("consumedCapacity") or {}).items():
            consumed[name] = consumed.get(name, 0) + quantity.parse(amount).nanos
    return found
