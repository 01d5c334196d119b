"""NetworkPolicies, Ingresses and IngressClasses.

Source: pkg/apis/networking/validation/validation.go, pkg/apis/networking/v1/defaults.go, pkg/registry/networking.
"""

from __future__ import annotations

from collections.abc import Iterator

from statelab.controlplane.apiserver.encoding.go_json import go_quote
from statelab.controlplane.apiserver.validation import meta, names, warnings
from statelab.controlplane.apiserver.validation.fields import (
    Errors,
    Fields,
    forbidden,
    immutable,
    invalid,
    not_supported,
    required,
    too_long,
)
from statelab.controlplane.apiserver.validation.rules import Rules, spec_changed
from statelab.controlplane.kinds import Object

_PROTOCOLS = ("TCP", "UDP", "SCTP")
_POLICY_TYPES = ("Ingress", "Egress")
_PATH_TYPES = ("Exact", "ImplementationSpecific", "Prefix")
_BAD_SEQUENCES, _BAD_ENDINGS = ("//", "/./", "/../", "%2f", "%2F"), ("/..", "/.")
_CLASS = "kubernetes.io/ingress.class"
_LONGEST_CONTROLLER = 250
_WILDCARD = (
    "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of "
    "lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character (e.g. '*.example.com', "
    r"regex used for validation is '\*\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)


# ---- NetworkPolicy


def create_policy(obj: Object) -> Errors:
    errors = meta.metadata(obj["metadata"], namespaced=True, check_name=names.subdomain)
    return errors + _policy_spec(obj.get("spec") or {})


def update_policy(obj: Object, old: Object) -> Errors:
    return meta.metadata_update(obj["metadata"], old["metadata"]) + _policy_spec(obj.get("spec") or {})


def _policy_spec(spec: Fields) -> Errors:
    errors = meta.label_selector(spec.get("podSelector") or {}, "spec.podSelector")
    for way, peers in (("ingress", "from"), ("egress", "to")):
        for index, rule in enumerate(spec.get(way) or ()):
            here = f"spec.{way}[{index}]"
            for number, port in enumerate(rule.get("ports") or ()):
                errors += _policy_port(port, f"{here}.ports[{number}]")
            for number, peer in enumerate(rule.get(peers) or ()):
                errors += _peer(peer, f"{here}.{peers}[{number}]")
    types = spec.get("policyTypes") or ()
    if len(types) > len(_POLICY_TYPES):
        return [*errors, invalid("spec.policyTypes", types, "may not specify more than two policyTypes")]
    for index, each in enumerate(types):
        if each not in _POLICY_TYPES:
            errors.append(not_supported(f"spec.policyTypes[{index}]", each, _POLICY_TYPES))
    return errors


def _policy_port(value: Fields, field: str) -> Errors:
    errors: Errors = []
    protocol, port, end = value.get("protocol"), value.get("port"), value.get("endPort")
    if protocol is not None and protocol not in _PROTOCOLS:
        errors.append(not_supported(f"{field}.protocol", protocol, _PROTOCOLS))
    if port is None:
        if end is not None:
            errors.append(invalid(f"{field}.endPort", end, "may not be specified when `port` is not specified"))
    elif isinstance(port, str):
        if end is not None:
            errors.append(invalid(f"{field}.endPort", end, "may not be specified when `port` is non-numeric"))
        errors += names.check_port(port, f"{field}.port")
    else:
        errors += names.check_port(port, f"{field}.port")
        if end is not None:
            if end < port:
                errors.append(invalid(f"{field}.endPort", end, "must be greater than or equal to `port`"))
            errors += names.check_port(end, f"{field}.endPort")
    return errors


def _peer(value: Fields, field: str) -> Errors:
    errors: Errors = []
    found = [key for key in ("podSelector", "namespaceSelector", "ipBlock") if value.get(key) is not None]
    for key in found:
        if key == "ipBlock":
            errors += _ip_block(value[key], f"{field}.ipBlock")
        else:
            errors += meta.label_selector(value[key], f"{field}.{key}")
    if not found:
        errors.append(required(field, "must specify a peer"))
    elif len(found) > 1 and "ipBlock" in found:
        errors.append(forbidden(field, "may not specify both ipBlock and another peer"))
    return errors


def _ip_block(value: Fields, field: str) -> Errors:
    text = value.get("cidr", "")
    if not text:
        return [required(f"{field}.cidr")]
    errors = names.check_cidr(text, f"{field}.cidr")
    block = names.parse_cidr(text)
    if block is None:
        return errors
    whole = block.network
    for index, each in enumerate(value.get("except") or ()):
        here = f"{field}.except[{index}]"
        errors += names.check_cidr(each, here)
        found = names.parse_cidr(each)
        if found is None:
            continue
        part = found.network
        inside = part.version == whole.version and part.network_address in whole and part.prefixlen > whole.prefixlen
        if not inside:
            errors.append(invalid(here, each, "must be a strict subset of `cidr`"))
    return errors


def _policy_defaults(obj: Object) -> None:
    spec = obj.setdefault("spec", {})
    spec.setdefault("podSelector", {})
    for way in ("ingress", "egress"):
        for rule in spec.get(way) or ():
            for port in rule.get("ports") or ():
                port.setdefault("protocol", "TCP")
    if not spec.get("policyTypes"):
        spec["policyTypes"] = ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"]


# ---- Ingress


def create_ingress(obj: Object) -> Errors:
    errors = _ingress(obj)
    name, annotations = (obj.get("spec") or {}).get("ingressClassName"), obj["metadata"].get("annotations") or {}
    if name is not None and annotations.get(_CLASS, name) != name:
        why = "must match `ingressClassName` when both are specified"
        errors.append(invalid(f"annotations.{_CLASS}", annotations[_CLASS], why))
    return errors


def update_ingress(obj: Object, old: Object) -> Errors:
    return meta.metadata_update(obj["metadata"], old["metadata"]) + _ingress(obj)


def _ingress(obj: Object) -> Errors:
    errors = meta.metadata(obj["metadata"], namespaced=True, check_name=names.subdomain)
    spec = obj.get("spec") or {}
    rules, backend, name = spec.get("rules") or (), spec.get("defaultBackend"), spec.get("ingressClassName")
    if not rules and backend is None:
        why = "either `defaultBackend` or `rules` must be specified"
        errors.append(invalid("spec", spec.get("rules"), why))
    if backend is not None:
        errors += _backend(backend, "spec.defaultBackend")
    for index, rule in enumerate(rules):
        errors += _ingress_rule(rule, f"spec.rules[{index}]")
    for index, tls in enumerate(spec.get("tls") or ()):
        here = f"spec.tls[{index}]"
        for number, host in enumerate(tls.get("hosts") or ()):
            errors += _host(host, f"{here}.hosts[{number}]")
        if tls.get("secretName"):
            errors += names.check_subdomain(tls["secretName"], f"{here}.secretName")
    if name is not None:
        errors += names.check_subdomain(name, "spec.ingressClassName")
    return errors


def _host(host: str, field: str) -> Errors:
    if "*" not in host:
        return names.check_subdomain(host, field)
    rest = host.removeprefix("*.")
    return [] if host.startswith("*.") and not names.subdomain(rest) else [invalid(field, host, _WILDCARD)]


def _ingress_rule(rule: Fields, field: str) -> Errors:
    errors: Errors = []
    host = rule.get("host", "")
    if host:
        if names.is_ip(host):
            errors.append(invalid(f"{field}.host", host, "must be a DNS name, not an IP address"))
        errors += _host(host, f"{field}.host")
    if rule.get("http") is None:
        return errors
    paths = rule["http"].get("paths") or ()
    if not paths:
        errors.append(required(f"{field}.http.paths"))
    for index, path in enumerate(paths):
        errors += _path(path, f"{field}.http.paths[{index}]")
    return errors


def _path(value: Fields, field: str) -> Errors:
    kind, path = value.get("pathType"), value.get("path", "")
    if kind is None:
        return [required(f"{field}.pathType", "pathType must be specified")]
    errors: Errors = []
    if kind not in _PATH_TYPES:
        errors.append(not_supported(f"{field}.pathType", kind, _PATH_TYPES))
    elif not path.startswith("/") and (path or kind != "ImplementationSpecific"):
        errors.append(invalid(f"{field}.path", path, "must be an absolute path"))
    if kind in ("Exact", "Prefix"):
        for each in _BAD_SEQUENCES:
            if each in path:
                errors.append(invalid(f"{field}.path", path, f"must not contain '{each}'"))
        for each in _BAD_ENDINGS:
            if path.endswith(each):
                errors.append(invalid(f"{field}.path", path, f"cannot end with '{each}'"))
    return errors + _backend(value.get("backend") or {}, f"{field}.backend")


def _backend(value: Fields, field: str) -> Errors:
    service, resource = value.get("service"), value.get("resource")
    if service is not None and resource is not None:
        return [invalid(field, "", "cannot set both resource and service backends")]
    if resource is not None:
        return _reference(resource, f"{field}.resource")
    if service is None:
        return [invalid(field, "", "resource or service backend is required")]
    name, port = service.get("name", ""), service.get("port") or {}
    errors = names.check_label(name, f"{field}.service.name") if name else [required(f"{field}.service.name")]
    port_name, number = port.get("name", ""), port.get("number", 0)
    if port_name and number:
        errors.append(invalid(field, "", "cannot set both port name & port number"))
    elif port_name:
        errors += names.check_port(port_name, f"{field}.service.port.name")
    elif number:
        errors += names.check_port(number, f"{field}.service.port.number")
    else:
        errors.append(required(field, "port name or number is required"))
    return errors


def _reference(value: Fields, field: str) -> Errors:
    errors: Errors = []
    if value.get("apiGroup") is not None:
        errors += names.check_subdomain(value["apiGroup"], f"{field}.apiGroup")
    for key in ("kind", "name"):
        text = value.get(key, "")
        if not text:
            errors.append(required(f"{field}.{key}"))
        errors += [invalid(f"{field}.{key}", text, words) for words in names.path_segment(text)]
    return errors


def update_ingress_status(obj: Object, old: Object) -> Errors:
    errors = meta.metadata_update(obj["metadata"], old["metadata"])
    for index, each in enumerate(((obj.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()):
        here = f"status.loadBalancer.ingress[{index}]"
        if each.get("ip"):
            errors += names.check_ip(each["ip"], f"{here}.ip")
        if each.get("hostname"):
            errors += names.check_subdomain(each["hostname"], f"{here}.hostname")
            if names.is_ip(each["hostname"]):
                errors.append(invalid(f"{here}.hostname", each["hostname"], "must be a DNS name, not an IP address"))
    return errors


# ---- IngressClass


def create_class(obj: Object) -> Errors:
    errors = meta.metadata(obj["metadata"], namespaced=False, check_name=names.subdomain)
    spec = obj.get("spec") or {}
    controller = spec.get("controller", "")
    if not controller:
        errors.append(required("spec.controller"))
    elif len(controller) > _LONGEST_CONTROLLER:
        errors.append(too_long("spec.controller", _LONGEST_CONTROLLER))
    if controller:
        errors += _domain_path(controller, "spec.controller")
    if spec.get("parameters") is not None:
        errors += _parameters(spec["parameters"], "spec.parameters")
    return errors


def _domain_path(text: str, field: str) -> Errors:
    domain, slash, path = text.partition("/")
    if not slash or not domain or not path:
        return [invalid(field, text, 'must be a domain-prefixed path (such as "acme.io/foo")')]
    return names.check_subdomain(domain, field)


def _parameters(value: Fields, field: str) -> Errors:
    errors, scope, namespace = _reference(value, field), value.get("scope"), value.get("namespace")
    if scope is None:
        return [*errors, required(f"{field}.scope")]
    if scope not in ("Cluster", "Namespace"):
        return [*errors, not_supported(f"{field}.scope", scope, ("Cluster", "Namespace"))]
    if scope == "Namespace":
        if namespace is None:
            errors.append(required(f"{field}.namespace", "`parameters.scope` is set to 'Namespace'"))
        else:
            errors += names.check_label(namespace, f"{field}.namespace")
    elif namespace is not None:
        errors.append(forbidden(f"{field}.namespace", "`parameters.scope` is set to 'Cluster'"))
    return errors


def update_class(obj: Object, old: Object) -> Errors:
    errors = meta.metadata_update(obj["metadata"], old["metadata"])
    new, before = ((each.get("spec") or {}).get("controller", "") for each in (obj, old))
    return errors + immutable(new, before, "spec.controller") + create_class(obj)


def _class_defaults(obj: Object) -> None:
    parameters = (obj.get("spec") or {}).get("parameters")
    if parameters is not None:
        parameters.setdefault("scope", "Cluster")


# ---- what is taken and probably not meant


def _policy_warnings(obj: Object, _old: Object | None) -> Iterator[str]:
    spec = obj.get("spec") or {}
    for way, peers in (("ingress", "from"), ("egress", "to")):
        for index, rule in enumerate(spec.get(way) or ()):
            for number, peer in enumerate(rule.get(peers) or ()):
                block, here = peer.get("ipBlock") or {}, f"spec.{way}[{index}].{peers}[{number}].ipBlock"
                for text, field in ((block.get("cidr"), f"{here}.cidr"), *_numbered(block.get("except"), here)):
                    yield from warnings.of_cidr(text, field) if text else ()


def _numbered(found: list[str] | None, field: str) -> Iterator[tuple[str, str]]:
    return ((text, f"{field}.except[{index}]") for index, text in enumerate(found or ()))


def _ingress_warnings(obj: Object, old: Object | None) -> Iterator[str]:
    said = (obj["metadata"].get("annotations") or {}).get(_CLASS)
    if old is None and said is not None and (obj.get("spec") or {}).get("ingressClassName") is None:
        yield f"annotation {go_quote(_CLASS)} is deprecated, please use 'spec.ingressClassName' instead"


RULES = {
    "networkpolicies": Rules(
        create_policy, update_policy, defaults=_policy_defaults, counts=spec_changed, warnings=_policy_warnings
    ),
    "ingresses": Rules(
        create_ingress, update_ingress, update_ingress_status, counts=spec_changed, warnings=_ingress_warnings
    ),
    "ingressclasses": Rules(create_class, update_class, defaults=_class_defaults, counts=spec_changed),
}
