"""PodDisruptionBudgets and ResourceQuotas: rows of a table. Source: pkg/printers/internalversion/printers.go."""

from __future__ import annotations

from typing import Any

from statelab.controlplane.apiserver.printing.cells import AGE, NAME, Printer, Since, age, name, part
from statelab.controlplane.kinds import Object


def _disruption_budget(obj: Object, since: Since) -> list[Any]:
    spec = part(obj, "spec")
    allowed = [str(spec[name]) if spec.get(name) is not None else "N/A" for name in ("minAvailable", "maxUnavailable")]
    return [name(obj), *allowed, part(obj, "status").get("disruptionsAllowed", 0), age(obj, since)]


def _quota(obj: Object, since: Since) -> list[Any]:
    status = part(obj, "status")
    hard, used = part(status, "hard"), part(status, "used")
    texts = {name: f"{name}: {used.get(name, '0')}/{hard[name]}" for name in sorted(hard)}
    limits = [text for name, text in texts.items() if name.startswith("limits.")]
    requests = [text for name, text in texts.items() if not name.startswith("limits.")]
    return [name(obj), ", ".join(requests), ", ".join(limits), age(obj, since)]


PRINTERS = {
    "poddisruptionbudgets": Printer(
        (
            NAME,
            ("Min Available", "string", 0, "The minimum number of pods that must be available."),
            ("Max Unavailable", "string", 0, "The maximum number of pods that may be unavailable."),
            ("Allowed Disruptions", "integer", 0, "Calculated number of pods that may be disrupted at this time."),
            AGE,
        ),
        _disruption_budget,
    ),
    "resourcequotas": Printer(
        (
            NAME,
            (
                "Request",
                "string",
                0,
                "Request represents a minimum amount of cpu/memory that a container may consume.",
            ),
            (
                "Limit",
                "string",
                0,
                "Limits control the maximum amount of cpu/memory that a container may use independent of contention on "
                "the node.",
            ),
            AGE,
        ),
        _quota,
    ),
}
