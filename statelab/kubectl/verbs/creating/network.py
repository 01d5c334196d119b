"""Services and Ingresses."""

from __future__ import annotations

from statelab.kubectl.api import Object
from statelab.kubectl.call import Call
from statelab.kubectl.gotext import quote
from statelab.kubectl.problems import Fail
from statelab.kubectl.verbs.creating.making import create, metadata, name_of


def service_clusterip(call: Call) -> None:
    _service(call, "ClusterIP")


def service_nodeport(call: Call) -> None:
    _service(call, "NodePort")


def service_loadbalancer(call: Call) -> None:
    _service(call, "LoadBalancer")


def service_externalname(call: Call) -> None:
    _service(call, "ExternalName")


def _service(call: Call, type: str) -> None:
    flags = call.flags
    name = name_of(call)
    headless = "clusterip" in flags.known and flags.text("clusterip") == "None"
    ports = [_port(each) for each in flags.all("tcp")]
    if not ports and type != "ExternalName" and not headless:
        raise Fail("at least one tcp port specifier must be provided")
    if type == "NodePort" and flags.number("node-port"):
        for each in ports:
            each["nodePort"] = flags.number("node-port")
    spec: Object = {}
    if ports:
        spec["ports"] = ports
    spec["selector"] = {"app": name}
    if "clusterip" in flags.known and flags.text("clusterip"):
        spec["clusterIP"] = flags.text("clusterip")
    spec["type"] = type
    if type == "ExternalName":
        spec["externalName"] = flags.text("external-name")
    create(call, "services", {
        "kind": "Service",
        "apiVersion": "v1",
        "metadata": metadata(call, name, {"app": name}),
        "spec": spec,
        "status": {"loadBalancer": {}},
    }, noun=f"{type} service")  # fmt: skip


def _port(said: str) -> Object:
    """`80`, `80:8080`, `80:http`. Raises Fail."""
    port, colon, target = said.partition(":")
    if not port.isdigit() or not 0 < int(port) < 65536 or ":" in target or (colon and not target):
        raise Fail(
            f"strconv.ParseUint: parsing {quote(port)}: invalid syntax"
            if not port.isdigit()
            else f"port must be between 1 and 65535: {said}"
        )
    to: int | str = int(target) if target.isdigit() else target or int(port)
    name = f"{port}-{target}" if colon else port
    return {"name": name, "protocol": "TCP", "port": int(port), "targetPort": to}


def ingress(call: Call) -> None:
    flags = call.flags
    name = name_of(call)
    if not flags.all("rule") and not flags.text("default-backend"):
        raise Fail(
            "not enough information provided: every ingress has to either specify a default-backend (which "
            "catches all traffic) or a list of rules (which catch specific paths)"
        )
    spec: Object = {}
    if flags.text("class"):
        spec["ingressClassName"] = flags.text("class")
    if flags.text("default-backend"):
        spec["defaultBackend"] = _backend(flags.text("default-backend"))
    rules, tls = _rules(flags.all("rule"))
    if tls:
        spec["tls"] = tls
    if rules:
        spec["rules"] = rules
    about = metadata(call, name)
    annotations = dict(each.split("=", 1) for each in flags.all("annotation") if "=" in each)
    if annotations:
        about["annotations"] = annotations
    create(call, "ingresses.networking.k8s.io", {
        "kind": "Ingress",
        "apiVersion": "networking.k8s.io/v1",
        "metadata": about,
        "spec": spec,
        "status": {"loadBalancer": {}},
    }, noun="ingress")  # fmt: skip


def _backend(said: str) -> Object:
    service, colon, port = said.partition(":")
    if not colon or not service or not port:
        raise Fail("default-backend should be in format servicename:serviceport")
    number: Object = {"number": int(port)} if port.isdigit() else {"name": port}
    return {"service": {"name": service, "port": number}}


def _rules(said: list[str]) -> tuple[list[Object], list[Object]]:
    """`host/path=service:port[,tls[=secret]]` of each. Raises Fail."""
    rules: dict[str, Object] = {}
    tls: list[Object] = []
    for each in said:
        head, *options = each.split(",")
        where, equals, backend = head.partition("=")
        if not equals or ":" not in backend:
            raise Fail(f"rule {each} is invalid and should be in format host/path=svcname:svcport[,tls[=secret]]")
        host, slash, path = where.partition("/")
        path = f"/{path}" if slash else "/"
        type = "Prefix" if path.endswith("*") else "Exact"
        entry: Object = {"path": path.removesuffix("*"), "pathType": type, "backend": _backend(backend)}
        rule = rules.setdefault(host, {**({"host": host} if host else {}), "http": {"paths": []}})
        rule["http"]["paths"].append(entry)
        for option in options:
            key, _, secret = option.partition("=")
            if key == "tls":
                tls.append({"hosts": [host], **({"secretName": secret} if secret else {})})
    return list(rules.values()), tls
