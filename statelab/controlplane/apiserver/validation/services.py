"""Services. Source: pkg/apis/core/validation/validation.go (ValidateService and its update)."""

from __future__ import annotations

from statelab.controlplane.apiserver.validation import defaults_pods, meta, names, warnings
from statelab.controlplane.apiserver.validation.fields import (
    Errors,
    Fields,
    duplicate,
    forbidden,
    go_struct,
    invalid,
    not_supported,
    required,
)
from statelab.controlplane.apiserver.validation.rules import Rules
from statelab.controlplane.kinds import Object

__all__ = ["TYPES", "WITH_NODE_PORTS", "cluster_ips", "externally_accessible", "invalid", "needs_health_check"]

TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
WITH_NODE_PORTS = ("NodePort", "LoadBalancer")
PROTOCOLS = ("SCTP", "TCP", "UDP")
_LONGEST_AFFINITY_S = 86400
_KUBELET_PORT = 10250
_PORT = "io.k8s.api.core.v1.ServicePort"
_RANGES_ANNOTATION = "service.beta.kubernetes.io/load-balancer-source-ranges"


def create(service: Object) -> Errors:
    errors = meta.metadata(service["metadata"], namespaced=True, check_name=names.label)
    annotations = service["metadata"].get("annotations") or {}
    hints, mode = (annotations.get(f"service.kubernetes.io/topology-{key}") for key in ("aware-hints", "mode"))
    if hints is not None and mode is not None and hints != mode:
        why = "must match annotations[service.kubernetes.io/topology-aware-hints] when both are specified"
        errors.append(invalid("metadata.annotations[service.kubernetes.io/topology-mode]", mode, why))
    return errors + _spec(service, service["spec"])


def update(service: Object, old: Object) -> Errors:
    errors = meta.metadata_update(service["metadata"], old["metadata"])
    spec, before = service["spec"], old["spec"]
    if spec.get("type") != "ExternalName" and before.get("type") != "ExternalName":
        errors += _changed_ips(spec, before) + _changed_families(spec, before)
    if spec.get("type") == before.get("type") == "LoadBalancer" and spec.get("loadBalancerClass") != before.get(
        "loadBalancerClass"
    ):
        errors.append(invalid("spec.loadBalancerClass", spec.get("loadBalancerClass"), "may not change once set"))
    checked = needs_health_check(spec) and needs_health_check(before)
    if checked and spec.get("healthCheckNodePort") != before.get("healthCheckNodePort"):
        errors.append(forbidden("spec.healthCheckNodePort", "field is immutable"))
    return errors + create(service)


def update_status(service: Object, old: Object) -> Errors:
    errors = meta.metadata_update(service["metadata"], old["metadata"])
    ingresses = ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress") or []
    field = "status.loadBalancer.ingress"
    if ingresses and service["spec"].get("type") != "LoadBalancer":
        return [*errors, forbidden(field, "may only be used when `spec.type` is 'LoadBalancer'")]
    for index, ingress in enumerate(ingresses):
        here = f"{field}[{index}]"
        if ingress.get("ip"):
            errors += names.check_ip(ingress["ip"], f"{here}.ip")
        mode = ingress.get("ipMode")
        if mode is None and ingress.get("ip"):
            errors.append(required(f"{here}.ipMode", "must be specified when `ip` is set"))
        elif mode is not None and not ingress.get("ip"):
            errors.append(forbidden(f"{here}.ipMode", "may not be specified when `ip` is not set"))
        elif mode is not None and mode not in ("Proxy", "VIP"):
            errors.append(not_supported(f"{here}.ipMode", mode, ("Proxy", "VIP")))
        if ingress.get("hostname"):
            errors += names.check_subdomain(ingress["hostname"], f"{here}.hostname")
            if names.is_ip(ingress["hostname"]):
                why = "must be a DNS name, not an IP address"
                errors.append(invalid(f"{here}.hostname", ingress["hostname"], why))
    return errors


def externally_accessible(spec: Fields) -> bool:
    return spec.get("type") in WITH_NODE_PORTS or (spec.get("type") == "ClusterIP" and bool(spec.get("externalIPs")))


def needs_health_check(spec: Fields) -> bool:
    return spec.get("type") == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local"


def is_headless(spec: Fields) -> bool:
    return spec.get("clusterIPs") == ["None"]


def _spec(service: Object, spec: Fields) -> Errors:
    errors: Errors = []
    kind = spec.get("type", "")
    ports: list[Fields] = spec.get("ports") or []
    headless = is_headless(spec)
    if not ports and not headless and kind != "ExternalName":
        errors.append(required("spec.ports"))
    if kind == "LoadBalancer":
        for index, port in enumerate(ports):
            if port.get("port") == _KUBELET_PORT:
                why = f"may not expose port {_KUBELET_PORT} externally since it is used by kubelet"
                errors.append(invalid(f"spec.ports[{index}]", _KUBELET_PORT, why))
    if kind in WITH_NODE_PORTS and headless:
        errors.append(invalid("spec.clusterIPs[0]", "None", f"may not be set to 'None' for {kind} services"))
    if kind == "ExternalName":
        errors += _external_name(spec)
    seen: set[str] = set()
    for index, port in enumerate(ports):
        errors += _port(port, f"spec.ports[{index}]", seen, needs_name=len(ports) > 1)
    if spec.get("selector"):
        errors += meta.labels(spec["selector"], "spec.selector")
    errors += _affinity(spec) + cluster_ips(spec)
    for index, ip in enumerate(spec.get("externalIPs") or ()):
        field = f"spec.externalIPs[{index}]"
        errors += names.check_ip(ip, field) or non_special_ip(ip, field)
    if not kind:
        errors.append(required("spec.type"))
    elif kind not in TYPES:
        errors.append(not_supported("spec.type", kind, TYPES))
    if kind == "ClusterIP":
        errors += [
            forbidden(f"spec.ports[{index}].nodePort", "may not be used when `type` is 'ClusterIP'")
            for index, port in enumerate(ports)
            if port.get("nodePort")
        ]
    errors += _repeated_ports(ports)
    errors += _source_ranges(service, spec, kind)
    if kind != "LoadBalancer" and spec.get("allocateLoadBalancerNodePorts") is not None:
        why = "may only be used when `type` is 'LoadBalancer'"
        errors.append(forbidden("spec.allocateLoadBalancerNodePorts", why))
    if spec.get("loadBalancerClass") is not None:
        if kind == "LoadBalancer":
            errors += names.check_qualified(spec["loadBalancerClass"], "spec.loadBalancerClass")
        else:
            errors.append(forbidden("spec.loadBalancerClass", "may only be used when `type` is 'LoadBalancer'"))
    return errors + _traffic(spec, kind)


def _external_name(spec: Fields) -> Errors:
    errors: Errors = []
    for key in ("clusterIPs", "ipFamilies", "ipFamilyPolicy"):
        if spec.get(key):
            errors.append(forbidden(f"spec.{key}", "may not be set for ExternalName services"))
    name = (spec.get("externalName") or "").removesuffix(".")
    errors += names.check_subdomain(name, "spec.externalName") if name else [required("spec.externalName")]
    return errors


def _port(port: Fields, field: str, seen: set[str], *, needs_name: bool) -> Errors:
    errors: Errors = []
    name = port.get("name", "")
    if needs_name and not name:
        errors.append(required(f"{field}.name"))
    elif name:
        errors += names.check_label(name, f"{field}.name")
        if name in seen:
            errors.append(duplicate(f"{field}.name", name))
        seen.add(name)
    number = port.get("port", 0)
    errors += [invalid(f"{field}.port", number, words) for words in names.port_number(number)]
    errors += protocol(port, field)
    errors += names.check_port(port.get("targetPort", 0), f"{field}.targetPort")
    if port.get("appProtocol") is not None:
        errors += names.check_qualified(port["appProtocol"], f"{field}.appProtocol")
    return errors


def protocol(port: Fields, field: str) -> Errors:
    value = port.get("protocol")
    if not value:
        return [required(f"{field}.protocol")]
    return [] if value in PROTOCOLS else [not_supported(f"{field}.protocol", value, PROTOCOLS)]


def _affinity(spec: Fields) -> Errors:
    affinity = spec.get("sessionAffinity", "")
    if not affinity:
        return [required("spec.sessionAffinity")]
    if affinity not in ("ClientIP", "None"):
        return [not_supported("spec.sessionAffinity", affinity, ("ClientIP", "None"))]
    config = spec.get("sessionAffinityConfig")
    field = "spec.sessionAffinityConfig"
    if affinity == "None":
        if config is None:
            return []
        return [forbidden(field, "must not be set when session affinity is None")]
    why = "when session affinity type is ClientIP"
    if config is None:
        return [required(field, why)]
    if config.get("clientIP") is None:
        return [required(f"{field}.clientIP", why)]
    timeout = config["clientIP"].get("timeoutSeconds")
    if timeout is None:
        return [required(f"{field}.clientIP.timeoutSeconds", why)]
    if not 0 < timeout <= _LONGEST_AFFINITY_S:
        why = f"must be greater than 0 and less than {_LONGEST_AFFINITY_S}"
        return [invalid(f"{field}.clientIP.timeoutSeconds", timeout, why)]
    return []


def cluster_ips(spec: Fields) -> Errors:
    """clusterIP, clusterIPs and ipFamilies among themselves (ValidateServiceClusterIPsRelatedFields)."""
    if spec.get("type") == "ExternalName":
        return []
    errors: Errors = []
    ip, ips = spec.get("clusterIP", ""), spec.get("clusterIPs") or []
    families: list[str] = spec.get("ipFamilies") or []
    field = "spec.clusterIPs"
    if ip:
        if not ips:
            errors.append(required(field))
        elif ips[0] != ip:
            errors.append(invalid(field, ips, "first value must match `clusterIP`"))
    elif ips:
        errors.append(invalid(field, ips, "must be empty when `clusterIP` is not specified"))
    seen: set[str] = set()
    for index, family in enumerate(families):
        if family not in ("IPv4", "IPv6"):
            errors.append(not_supported(f"spec.ipFamilies[{index}]", family, ("IPv4", "IPv6")))
        if family in seen:
            errors.append(duplicate(f"spec.ipFamilies[{index}]", family))
        seen.add(family)
    policies = ("PreferDualStack", "RequireDualStack", "SingleStack")
    if spec.get("ipFamilyPolicy") is not None and spec["ipFamilyPolicy"] not in policies:
        errors.append(not_supported("spec.ipFamilyPolicy", spec["ipFamilyPolicy"], policies))
    broken = False
    for index, each in enumerate(ips):
        if index == 0 and each == "None":
            if len(ips) > 1:
                broken = True
                errors.append(invalid(field, ips, "'None' must be the first and only value"))
        elif wrong := names.check_ip(each, f"{field}[{index}]"):
            broken = True
            errors += wrong
    if len(ips) > 2:
        errors.append(invalid(field, ips, "may only hold up to 2 values"))
    if broken:
        return errors
    if len(ips) > 1 and len({":" in each for each in ips}) < 2:
        errors.append(invalid(field, ips, "may specify no more than one IP for each IP family"))
    if not is_headless(spec):
        for index, (each, family) in enumerate(zip(ips, families, strict=False)):
            if family in ("IPv4", "IPv6") and (family == "IPv6") != (":" in each):
                why = f"expected an {family} value as indicated by `ipFamilies[{index}]`"
                errors.append(invalid(f"{field}[{index}]", each, why))
    return errors


def non_special_ip(text: str, field: str) -> Errors:
    """No unspecified, loopback or link-local address (ValidateNonSpecialIP)."""
    ip = names.parse_ip(text)
    if ip is None:
        return [invalid(field, text, "must be a valid IP address")]
    errors: Errors = []
    if ip.is_unspecified:
        errors.append(invalid(field, text, f"may not be unspecified ({text})"))
    if ip.is_loopback:
        errors.append(invalid(field, text, "may not be in the loopback range (127.0.0.0/8, ::1/128)"))
    if ip.is_link_local:
        errors.append(invalid(field, text, "may not be in the link-local range (169.254.0.0/16, fe80::/10)"))
    if text.startswith("224.0.0.") or text.lower().startswith("ff02:"):
        errors.append(invalid(field, text, "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)"))
    return errors


def _repeated_ports(ports: list[Fields]) -> Errors:
    errors: Errors = []
    numbers: set[tuple[str, int]] = set()
    for index, port in enumerate(ports):
        if port.get("nodePort"):
            key = (port.get("protocol", ""), port["nodePort"])
            if key in numbers:
                errors.append(duplicate(f"spec.ports[{index}].nodePort", port["nodePort"]))
            numbers.add(key)
    seen: set[tuple[str, int]] = set()
    for index, port in enumerate(ports):
        key = (port.get("protocol", ""), port.get("port", 0))
        if key in seen:
            errors.append(duplicate(f"spec.ports[{index}]", go_struct(_PORT, {"protocol": key[0], "port": key[1]})))
        seen.add(key)
    return errors


def _source_ranges(service: Object, spec: Fields, kind: str) -> Errors:
    errors: Errors = []
    ranges = spec.get("loadBalancerSourceRanges") or []
    annotation = (service["metadata"].get("annotations") or {}).get(_RANGES_ANNOTATION)
    if ranges:
        field, cidrs = (
            "spec.LoadBalancerSourceRanges",
            [(f"spec.LoadBalancerSourceRanges[{index}]", each.strip()) for index, each in enumerate(ranges)],
        )
    elif annotation is not None:
        field = f"metadata.annotations[{_RANGES_ANNOTATION}]"
        cidrs = [(field, each.strip()) for each in annotation.split(",")] if annotation.strip() else []
    else:
        return errors
    if kind != "LoadBalancer":
        errors.append(forbidden(field, "may only be used when `type` is 'LoadBalancer'"))
    return errors + [error for here, each in cidrs for error in names.check_cidr(each, here)]


def _traffic(spec: Fields, kind: str) -> Errors:
    errors: Errors = []
    external = spec.get("externalTrafficPolicy", "")
    if not externally_accessible(spec):
        if external:
            why = "may only be set for externally-accessible services"
            errors.append(invalid("spec.externalTrafficPolicy", external, why))
    elif not external:
        errors.append(required("spec.externalTrafficPolicy"))
    elif external not in ("Cluster", "Local"):
        errors.append(not_supported("spec.externalTrafficPolicy", external, ("Cluster", "Local")))
    health = spec.get("healthCheckNodePort", 0)
    if not needs_health_check(spec):
        if health:
            why = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"
            errors.append(invalid("spec.healthCheckNodePort", health, why))
    elif not health:
        errors.append(required("spec.healthCheckNodePort"))
    else:
        errors += [invalid("spec.healthCheckNodePort", health, words) for words in names.port_number(health)]
    internal = spec.get("internalTrafficPolicy")
    if internal is None and kind in ("NodePort", "LoadBalancer", "ClusterIP"):
        errors.append(required("spec.internalTrafficPolicy"))
    elif internal is not None and internal not in ("Cluster", "Local"):
        errors.append(not_supported("spec.internalTrafficPolicy", internal, ("Cluster", "Local")))
    spread = ("PreferClose", "PreferSameNode", "PreferSameZone")
    if spec.get("trafficDistribution") is not None and spec["trafficDistribution"] not in spread:
        errors.append(not_supported("spec.trafficDistribution", spec["trafficDistribution"], spread))
    return errors


def _changed_ips(spec: Fields, before: Fields) -> Errors:
    if is_headless(spec) and is_headless(before):
        return []
    ips, old = spec.get("clusterIPs") or [], before.get("clusterIPs") or []
    shown = ips or None
    if len(ips) == len(old):
        return [
            invalid(f"spec.clusterIPs[{index}]", shown, "may not change once set")
            for index, (new, was) in enumerate(zip(ips, old, strict=True))
            if new != was
        ]
    errors: Errors = []
    if len(old) > len(ips) and not ips:
        errors.append(invalid("spec.clusterIPs[0]", shown, "primary clusterIP can not be unset"))
    if old and ips and ips[0] != old[0]:
        errors.append(invalid("spec.clusterIPs[0]", shown, "may not change once set"))
    if len(old) > len(ips) == 1 and spec.get("ipFamilyPolicy") != "SingleStack":
        why = "must be set to 'SingleStack' when releasing the secondary clusterIP"
        errors.append(invalid("spec.ipFamilyPolicy", spec.get("ipFamilyPolicy"), why))
    return errors


def _changed_families(spec: Fields, before: Fields) -> Errors:
    if is_headless(spec) or is_headless(before):
        return []
    families, old = spec.get("ipFamilies") or [], before.get("ipFamilies") or []
    if families and old and families[0] != old[0]:
        return [invalid("spec.ipFamilies[0]", families, "may not change once set")]
    return []


def _defaults(obj: Object) -> None:
    spec = defaults_pods.with_spec(obj)["spec"]
    spec.setdefault("sessionAffinity", "None")
    if spec["sessionAffinity"] == "None":
        spec.pop("sessionAffinityConfig", None)
    elif spec["sessionAffinity"] == "ClientIP":
        config = spec.get("sessionAffinityConfig") or {}
        if (config.get("clientIP") or {}).get("timeoutSeconds") is None:
            spec["sessionAffinityConfig"] = {"clientIP": {"timeoutSeconds": 10800}}
    spec.setdefault("type", "ClusterIP")
    for port in spec.get("ports") or ():
        port.setdefault("protocol", "TCP")
        if port.get("targetPort") in (None, 0, ""):
            port["targetPort"] = port.get("port", 0)
    outside = spec["type"] in ("NodePort", "LoadBalancer") or (spec["type"] == "ClusterIP" and spec.get("externalIPs"))
    if outside and not spec.get("externalTrafficPolicy"):
        spec["externalTrafficPolicy"] = "Cluster"
    if spec["type"] in ("ClusterIP", "NodePort", "LoadBalancer"):
        spec.setdefault("internalTrafficPolicy", "Cluster")
    if spec["type"] == "LoadBalancer":
        spec.setdefault("allocateLoadBalancerNodePorts", True)
    for ingress in ((obj.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ():
        if ingress.get("ip"):
            ingress.setdefault("ipMode", "VIP")
    obj.setdefault("status", {}).setdefault("loadBalancer", {})


RULES = {
    "services": Rules(create, update, update_status, defaults=_defaults, warnings=warnings.service),
}
