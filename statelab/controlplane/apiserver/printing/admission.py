"""Admission policies and their bindings: rows of a table. Source: pkg/printers/internalversion/printers.go."""

from __future__ import annotations

from typing import Any

from statelab.controlplane.apiserver.printing.cells import AGE, NAME, Column, Printer, Since, age, name, part
from statelab.controlplane.kinds import Object
from statelab.controlplane.labels import selector_text

_UNSET = "<unset>"
_PARAM_KIND: Column = (
    "ParamKind", "string", 0, "ParamKind specifies the kind of resources used to parameterize this policy"
)  # fmt: skip


def _policy(obj: Object, since: Since, of: str) -> list[Any]:
    kind = part(obj, "spec").get("paramKind")
    shown = f"{kind.get('apiVersion', '')}/{kind.get('kind', '')}" if kind is not None else _UNSET
    return [name(obj), len(part(obj, "spec").get(of) or ()), shown, age(obj, since)]


def _binding(obj: Object, since: Since) -> list[Any]:
    reference, shown = part(obj, "spec").get("paramRef") or {}, _UNSET
    if reference.get("name"):
        shown = f"{reference.get('namespace') or '*'}/{reference['name']}"
    elif reference.get("selector") is not None:
        shown = selector_text(reference["selector"])
    return [name(obj), part(obj, "spec").get("policyName", ""), shown, age(obj, since)]


def _columns(counted: str, words: str) -> tuple[Column, ...]:
    return (NAME, (counted, "integer", 0, words), _PARAM_KIND, AGE)


_OF_BINDING: tuple[Column, ...] = (
    NAME,
    ("PolicyName", "string", 0, "PolicyName indicates the policy definition which the policy binding binded to"),
    (
        "ParamRef",
        "string",
        0,
        "ParamRef indicates the param resource which sets the configration param",
    ),
    AGE,
)

_HOOKS: Printer = Printer(
    (
        NAME,
        ("Webhooks", "integer", 0, "Webhooks indicates the number of webhooks registered in this configuration"),
        AGE,
    ),
    lambda obj, since: [name(obj), len(obj.get("webhooks") or ()), age(obj, since)],
)

PRINTERS = {
    "mutatingwebhookconfigurations": _HOOKS,
    "validatingwebhookconfigurations": _HOOKS,
    "validatingadmissionpolicies": Printer(
        _columns("Validations", "Validations indicates the number of validation rules defined in this configuration"),
        lambda obj, since: _policy(obj, since, "validations"),
    ),
    "mutatingadmissionpolicies": Printer(
        _columns("Mutations", "Mutation indicates the number of mutations rules defined in this configuration"),
        lambda obj, since: _policy(obj, since, "mutations"),
    ),
    "validatingadmissionpolicybindings": Printer(_OF_BINDING, _binding),
    "mutatingadmissionpolicybindings": Printer(_OF_BINDING, _binding),
}
