"""PriorityClasses: rows of a table. Source: pkg/printers/internalversion/printers.go."""

from __future__ import annotations

from typing import Any

from statelab.controlplane.apiserver.printing.cells import AGE, NAME, Printer, Since, age, name
from statelab.controlplane.kinds import Object

_SCHEDULING = "io.k8s.api.scheduling.v1.PriorityClass#"


def _priority_class(obj: Object, since: Since) -> list[Any]:
    is_default, policy = bool(obj.get("globalDefault")), obj.get("preemptionPolicy", "")
    return [name(obj), obj.get("value", 0), is_default, age(obj, since), policy]


PRINTERS = {
    "priorityclasses": Printer(
        (
            NAME,
            ("Value", "integer", 0, _SCHEDULING + "value"),
            ("Global-Default", "boolean", 0, _SCHEDULING + "globalDefault"),
            AGE,
            ("PreemptionPolicy", "string", 0, _SCHEDULING + "preemptionPolicy"),
        ),
        _priority_class,
    ),
}
