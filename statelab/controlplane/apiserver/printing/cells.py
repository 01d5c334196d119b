"""What printers share: a column, a printer, and the cells that many kinds have.

Source: pkg/printers/internalversion/printers.go.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from statelab.controlplane import clock
from statelab.controlplane.kinds import Object

_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"

# A column is (name, type, priority, description). A description written "Definition#field" is that field's own.
Column = tuple[str, str, int, str]
Since = Callable[[str | None], str]  # how long ago a timestamp was, as ages are shown

NAME: Column = ("Name", "string", 0, _META + "#name")
AGE: Column = ("Age", "string", 0, _META + "#creationTimestamp")
CREATED_AT: Column = ("Created At", "date", 0, _META + "#creationTimestamp")
CONTAINERS: Column = ("Containers", "string", 1, "Names of each container in the template.")
IMAGES: Column = ("Images", "string", 1, "Images referenced by each container in the template.")


@dataclass(frozen=True, slots=True)
class Printer:
    """How a kind is shown in a table: its columns, and the cells of one object, wide ones included.

    `conditions(obj)` is what a row says of itself, beside its cells.
    """

    columns: tuple[Column, ...]
    cells: Callable[[Object, Since], list[Any]]
    conditions: Callable[[Object], list[Object]] | None = None


def human_duration(seconds: float) -> str:
    """A duration as `kubectl get` shows ages: `5s`, `3m12s`, `2d4h`. Source: apimachinery/pkg/util/duration."""
    if seconds <= -2:
        return "<invalid>"
    s = max(0, int(seconds))
    if s < 120:
        return f"{s}s"
    minutes, hours, days = s // 60, s // 3600, s // 86400
    if minutes < 10:
        return _two(minutes, "m", s % 60, "s")
    if minutes < 180:
        return f"{minutes}m"
    if hours < 8:
        return _two(hours, "h", minutes % 60, "m")
    if hours < 48:
        return f"{hours}h"
    if hours < 24 * 8:
        return _two(days, "d", hours % 24, "h")
    if hours < 24 * 365 * 2:
        return f"{days}d"
    if hours < 24 * 365 * 8:
        return _two(days // 365, "y", days % 365, "d")
    return f"{days // 365}y"


def _two(large: int, large_unit: str, small: int, small_unit: str) -> str:
    return f"{large}{large_unit}{small}{small_unit}" if small else f"{large}{large_unit}"


def since(timestamp: str | None, now_s: float) -> str:
    """How long ago an RFC 3339 timestamp was; `<unknown>` for none."""
    return human_duration(now_s - clock.seconds(timestamp)) if timestamp else "<unknown>"


def age(obj: Object, since: Since) -> str:
    return since(obj["metadata"].get("creationTimestamp"))


def name(obj: Object) -> str:
    return str(obj["metadata"]["name"])


def part(obj: Mapping[str, Any], name: str) -> Any:
    return obj.get(name) or {}


def containers(obj: Object) -> tuple[str, str]:
    found = part(part(part(obj, "spec"), "template"), "spec").get("containers") or ()
    return ",".join(each["name"] for each in found), ",".join(each.get("image", "") for each in found)


def listed(items: Sequence[str], most: int = 3) -> str:
    text = ",".join(items[:most])
    return f"{text} + {len(items) - most} more..." if len(items) > most else text
