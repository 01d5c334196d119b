"""NetworkPolicies, Ingresses, IngressClasses and Leases: rows of a table.

Source: pkg/printers/internalversion/printers.go.
"""

from __future__ import annotations

from typing import Any

from statelab.controlplane.apiserver.printing.cells import AGE, NAME, Printer, Since, age, name, part
from statelab.controlplane.kinds import Object
from statelab.controlplane.labels import selector_text

_NETWORKING, _COORDINATION = "io.k8s.api.networking.v1.", "io.k8s.api.coordination.v1."
_MOST_HOSTS = 3


def _policy(obj: Object, since: Since) -> list[Any]:
    return [name(obj), selector_text(part(obj, "spec").get("podSelector")) or "<none>", age(obj, since)]


def _ingress(obj: Object, since: Since) -> list[Any]:
    spec, balancer = part(obj, "spec"), part(part(obj, "status"), "loadBalancer")
    addresses = [each.get("ip") or each.get("hostname") or "" for each in balancer.get("ingress") or ()]
    hosts = [rule["host"] for rule in spec.get("rules") or () if rule.get("host")]
    more = f" + {len(hosts) - _MOST_HOSTS} more..." if len(hosts) > _MOST_HOSTS else ""
    shown = ",".join(hosts[:_MOST_HOSTS]) + more or "*"
    ports = "80, 443" if spec.get("tls") else "80"
    return [
        name(obj), spec.get("ingressClassName") or "<none>", shown, ",".join(filter(None, addresses)), ports,
        age(obj, since),
    ]  # fmt: skip


def _class(obj: Object, since: Since) -> list[Any]:
    spec = part(obj, "spec")
    parameters = spec.get("parameters")
    shown = "<none>"
    if parameters:
        group = f".{parameters['apiGroup']}" if parameters.get("apiGroup") else ""
        shown = f"{parameters.get('kind', '')}{group}/{parameters.get('name', '')}"
    return [name(obj), spec.get("controller", ""), shown, age(obj, since)]


def _lease(obj: Object, since: Since) -> list[Any]:
    return [name(obj), part(obj, "spec").get("holderIdentity") or "", age(obj, since)]


PRINTERS = {
    "networkpolicies": Printer(
        (NAME, ("Pod-Selector", "string", 0, _NETWORKING + "NetworkPolicySpec#podSelector"), AGE), _policy
    ),
    "ingresses": Printer(
        (
            NAME,
            (
                "Class",
                "string",
                0,
                "The name of the IngressClass resource that should be used for additional configuration",
            ),
            ("Hosts", "string", 0, "Hosts that incoming requests are matched against before the ingress rule"),
            ("Address", "string", 0, "Address is a list containing ingress points for the load-balancer"),
            ("Ports", "string", 0, "Ports of TLS configurations that open"),
            AGE,
        ),
        _ingress,
    ),
    "ingressclasses": Printer(
        (
            NAME,
            ("Controller", "string", 0, "Controller that is responsible for handling this class"),
            ("Parameters", "string", 0, "A reference to a resource with additional parameters"),
            AGE,
        ),
        _class,
    ),
    "leases": Printer((NAME, ("Holder", "string", 0, _COORDINATION + "LeaseSpec#holderIdentity"), AGE), _lease),
}
