"""IPAddresses and ServiceCIDRs: rows of a table. Source: pkg/printers/internalversion/printers.go."""

from __future__ import annotations

from typing import Any

from statelab.controlplane.apiserver.printing.cells import AGE, NAME, Printer, Since, age, name, part
from statelab.controlplane.kinds import Object


def _address(obj: Object, since: Since) -> list[Any]:
    parent = part(part(obj, "spec"), "parentRef")
    return [name(obj), "/".join(parent[key] for key in ("resource", "namespace", "name") if parent.get(key))]


def _range(obj: Object, since: Since) -> list[Any]:
    return [name(obj), ",".join(part(obj, "spec").get("cidrs") or ()), age(obj, since)]


PRINTERS = {
    "ipaddresses": Printer(
        (NAME, ("ParentRef", "string", 0, "io.k8s.api.networking.v1.IPAddressSpec#parentRef")), _address
    ),
    "servicecidrs": Printer(
        (NAME, ("CIDRs", "string", 0, "io.k8s.api.networking.v1.ServiceCIDRSpec#cidrs"), AGE), _range
    ),
}
