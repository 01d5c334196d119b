"""ComponentStatuses: rows of a table. Source: pkg/printers/internalversion/printers.go."""

from __future__ import annotations

from typing import Any

from statelab.controlplane.apiserver.printing.cells import NAME, Printer, Since, name
from statelab.controlplane.kinds import Object


def _component(obj: Object, _since: Since) -> list[Any]:
    healthy: Object = next((each for each in obj.get("conditions") or () if each.get("type") == "Healthy"), {})
    shown = {"True": "Healthy", "False": "Unhealthy"}.get(healthy.get("status", ""), "Unknown")
    return [name(obj), shown, healthy.get("message", ""), healthy.get("error", "")]


PRINTERS = {
    "componentstatuses": Printer(
        (
            NAME,
            ("Status", "string", 0, "Status of the component conditions"),
            ("Message", "string", 0, "Message of the component conditions"),
            ("Error", "string", 0, "Error of the component conditions"),
        ),
        _component,
    ),
}
