"""ConfigMaps, Secrets and ServiceAccounts: rows of a table. Source: pkg/printers/internalversion/printers.go."""

from __future__ import annotations

from typing import Any

from statelab.controlplane.apiserver.printing.cells import AGE, NAME, Printer, Since, age, name, part
from statelab.controlplane.kinds import Object

_CORE = "io.k8s.api.core.v1."


def _config_map(obj: Object, since: Since) -> list[Any]:
    return [name(obj), len(part(obj, "data")) + len(part(obj, "binaryData")), age(obj, since)]


def _secret(obj: Object, since: Since) -> list[Any]:
    return [name(obj), obj.get("type", ""), len(part(obj, "data")), age(obj, since)]


def _service_account(obj: Object, since: Since) -> list[Any]:
    return [name(obj), len(obj.get("secrets") or ()), age(obj, since)]


PRINTERS = {
    "configmaps": Printer((NAME, ("Data", "string", 0, _CORE + "ConfigMap#data"), AGE), _config_map),
    "secrets": Printer(
        (
            NAME,
            ("Type", "string", 0, _CORE + "Secret#type"),
            ("Data", "string", 0, _CORE + "Secret#data"),
            AGE,
        ),
        _secret,
    ),
    "serviceaccounts": Printer(
        (NAME, ("Secrets", "string", 0, _CORE + "ServiceAccount#secrets"), AGE), _service_account
    ),
}
