"""APIServices: rows of a table. Source: kube-aggregator/pkg/registry/apiservice/etcd/etcd.go."""

from __future__ import annotations

from typing import Any

from statelab.controlplane.apiserver.printing.cells import AGE, NAME, Printer, Since, age, name, part
from statelab.controlplane.kinds import Object


def _api_service(obj: Object, since: Since) -> list[Any]:
    service, status = part(obj, "spec").get("service"), "Unknown"
    shown = f"{service.get('namespace', '')}/{service.get('name', '')}" if service else "Local"
    for condition in part(obj, "status").get("conditions") or ():
        if condition.get("type") == "Available":
            status = condition["status"]
            status += f" ({condition.get('reason', '')})" if status != "True" else ""
    return [name(obj), shown, status, age(obj, since)]


PRINTERS = {
    "apiservices": Printer(
        (
            NAME,
            ("Service", "string", 0, "The reference to the service that hosts this API endpoint."),
            ("Available", "string", 0, "Whether this service is available."),
            AGE,
        ),
        _api_service,
    ),
}
