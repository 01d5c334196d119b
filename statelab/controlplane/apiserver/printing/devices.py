"""Devices, their classes and who claims them: rows of a table. Source: pkg/printers/internalversion/printers.go."""

from __future__ import annotations

from typing import Any

from statelab.controlplane.apiserver.printing.cells import AGE, NAME, Printer, Since, age, name, part
from statelab.controlplane.kinds import Object

_SLICE = "io.k8s.api.resource.v1.ResourceSliceSpec#"
_POOL = "io.k8s.api.resource.v1.ResourcePool#"


def _named(obj: Object, since: Since) -> list[Any]:
    return [name(obj), age(obj, since)]


def _claim(obj: Object, since: Since) -> list[Any]:
    return [name(obj), state(obj), age(obj, since)]


def state(claim: Object) -> str:
    """`pending`, `allocated,reserved`, `deleted,allocated`."""
    status, is_deleted = part(claim, "status"), bool(claim["metadata"].get("deletionTimestamp"))
    found = ["deleted"] if is_deleted else []
    if status.get("allocation"):
        found.append("allocated")
        if status.get("reservedFor"):
            found.append("reserved")
    elif not is_deleted:
        found.append("pending")
    return ",".join(found)


def _slice(obj: Object, since: Since) -> list[Any]:
    spec = part(obj, "spec")
    pool = part(spec, "pool").get("name", "")
    return [name(obj), spec.get("nodeName") or "", spec.get("driver", ""), pool, age(obj, since)]


PRINTERS = {
    "deviceclasses": Printer((NAME, AGE), _named),
    "resourceclaims": Printer(
        (
            NAME,
            ("State", "string", 0, "A summary of the current state (allocated, pending, reserved, etc.)."),
            AGE,
        ),
        _claim,
    ),
    "resourceclaimtemplates": Printer((NAME, AGE), _named),
    "resourceslices": Printer(
        (
            NAME,
            ("Node", "string", 0, _SLICE + "nodeName"),
            ("Driver", "string", 0, _SLICE + "driver"),
            ("Pool", "string", 0, _POOL + "name"),
            AGE,
        ),
        _slice,
    ),
}
