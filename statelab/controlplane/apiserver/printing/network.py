"""Services and what they lead to: rows of a table. Source: pkg/printers/internalversion/printers.go."""

from __future__ import annotations

from typing import Any

from statelab.controlplane.apiserver.printing.cells import AGE, NAME, Printer, Since, age, listed, name, part
from statelab.controlplane.kinds import Object

_CORE = "io.k8s.api.core.v1."
_DISCOVERY = "io.k8s.api.discovery.v1."


def _service(obj: Object, since: Since) -> list[Any]:
    spec = part(obj, "spec")
    addresses = spec.get("clusterIPs") or ()
    selector = spec.get("selector") or {}
    return [
        name(obj),
        spec.get("type", ""),
        addresses[0] if addresses else "<none>",
        _external_address(obj),
        ",".join(map(_service_port, spec.get("ports") or ())) or "<none>",
        age(obj, since),
        ",".join(f"{key}={selector[key]}" for key in sorted(selector)) or "<none>",
    ]


def _service_port(port: Object) -> str:
    node_port = f":{port['nodePort']}" if port.get("nodePort") else ""
    return f"{port['port']}{node_port}/{port.get('protocol', '')}"


def _external_address(obj: Object) -> str:
    spec = part(obj, "spec")
    external = list(spec.get("externalIPs") or ())
    match spec.get("type"):
        case "ClusterIP" | "NodePort":
            return ",".join(external) or "<none>"
        case "LoadBalancer":
            ingress = part(part(obj, "status"), "loadBalancer").get("ingress") or ()
            balanced = sorted({each.get("ip") or each.get("hostname") or "" for each in ingress} - {""})
            return ",".join([*balanced, *external]) or "<pending>"
        case "ExternalName":
            return str(spec.get("externalName", ""))
    return "<unknown>"


def _endpoints(obj: Object, since: Since) -> list[Any]:
    subsets = obj.get("subsets") or ()
    found: list[str] = []
    for subset in subsets:
        addresses = [each["ip"] for each in subset.get("addresses") or ()]
        ports = subset.get("ports") or ()
        if not ports:
            found += addresses
        for port in ports:
            found += [_host_port(address, port["port"]) for address in addresses]
    return [name(obj), listed(found) if subsets else "<none>", age(obj, since)]


def _host_port(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _endpoint_slice(obj: Object, since: Since) -> list[Any]:
    ports = [_slice_port(each) for each in obj.get("ports") or ()]
    addresses = [address for each in obj.get("endpoints") or () for address in each.get("addresses") or ()]
    texts = [listed(each) or "<unset>" for each in (ports, addresses)]
    return [name(obj), obj.get("addressType", ""), *texts, age(obj, since)]


def _slice_port(port: Object) -> str:
    if port.get("port") is not None:
        return str(port["port"])
    return str(port["name"]) if port.get("name") is not None else "*"


PRINTERS = {
    "services": Printer(
        (
            NAME,
            ("Type", "string", 0, _CORE + "ServiceSpec#type"),
            ("Cluster-IP", "string", 0, _CORE + "ServiceSpec#clusterIP"),
            ("External-IP", "string", 0, _CORE + "ServiceSpec#externalIPs"),
            ("Port(s)", "string", 0, _CORE + "ServiceSpec#ports"),
            AGE,
            ("Selector", "string", 1, _CORE + "ServiceSpec#selector"),
        ),
        _service,
    ),
    "endpoints": Printer((NAME, ("Endpoints", "string", 0, _CORE + "Endpoints#subsets"), AGE), _endpoints),
    "endpointslices": Printer(
        (
            NAME,
            ("AddressType", "string", 0, _DISCOVERY + "EndpointSlice#addressType"),
            ("Ports", "string", 0, _DISCOVERY + "EndpointSlice#ports"),
            ("Endpoints", "string", 0, _DISCOVERY + "EndpointSlice#endpoints"),
            AGE,
        ),
        _endpoint_slice,
    ),
}
