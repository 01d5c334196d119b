"""FlowSchemas and PriorityLevelConfigurations: rows of a table.

Source: pkg/printers/internalversion/printers.go.
"""

from __future__ import annotations

from typing import Any

from statelab.controlplane.apiserver.printing.cells import AGE, NAME, Printer, Since, age, name, part
from statelab.controlplane.kinds import Object

_NONE = "<none>"
_DEFINITION = "io.k8s.api.flowcontrol.v1."


def _schema(obj: Object, since: Since) -> list[Any]:
    spec, missing = part(obj, "spec"), "?"
    for condition in part(obj, "status").get("conditions") or ():
        if condition.get("type") == "Dangling":
            missing = condition.get("status", "")
    method = part(spec, "distinguisherMethod").get("type") or _NONE
    level = part(spec, "priorityLevelConfiguration").get("name", "")
    return [name(obj), level, spec.get("matchingPrecedence", 0), method, age(obj, since), missing]


def _level(obj: Object, since: Since) -> list[Any]:
    spec = part(obj, "spec")
    shares, queues = _NONE, [_NONE] * 3
    if spec.get("limited") is not None:
        shares = spec["limited"].get("nominalConcurrencyShares", 0)
        queuing = part(spec["limited"], "limitResponse").get("queuing")
        if queuing is not None:
            queues = [queuing.get(key, 0) for key in ("queues", "handSize", "queueLengthLimit")]
    return [name(obj), spec.get("type", ""), shares, *queues, age(obj, since)]


PRINTERS = {
    "flowschemas": Printer(
        (
            NAME,
            ("PriorityLevel", "string", 0, _DEFINITION + "PriorityLevelConfigurationReference#name"),
            ("MatchingPrecedence", "string", 0, _DEFINITION + "FlowSchemaSpec#matchingPrecedence"),
            ("DistinguisherMethod", "string", 0, _DEFINITION + "FlowSchemaSpec#distinguisherMethod"),
            AGE,
            ("MissingPL", "string", 0, "references a broken or non-existent PriorityLevelConfiguration"),
        ),
        _schema,
    ),
    "prioritylevelconfigurations": Printer(
        (
            NAME,
            ("Type", "string", 0, _DEFINITION + "PriorityLevelConfigurationSpec#type"),
            (
                "NominalConcurrencyShares",
                "string",
                0,
                _DEFINITION + "LimitedPriorityLevelConfiguration#nominalConcurrencyShares",
            ),
            ("Queues", "string", 0, _DEFINITION + "QueuingConfiguration#queues"),
            ("HandSize", "string", 0, _DEFINITION + "QueuingConfiguration#handSize"),
            ("QueueLengthLimit", "string", 0, _DEFINITION + "QueuingConfiguration#queueLengthLimit"),
            AGE,
        ),
        _level,
    ),
}
