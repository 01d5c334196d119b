"""The environment of a container: `env`, `envFrom`, the downward API, service links, and `$(VAR)` expansion.

Source: pkg/kubelet/kubelet_pods.go (makeEnvironmentVariables), pkg/kubelet/envvars, pkg/fieldpath,
third_party/forked/golang/expansion, pkg/api/v1/resource (ExtractContainerResourceValue).
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from statelab.controlplane import quantity
from statelab.controlplane.kinds import Object


class Reader(Protocol):
    """What is read of the cluster: View satisfies it."""

    def get(self, plural: str, key: str) -> Object | None: ...

    def list(self, plural: str, namespace: str = "") -> list[Object]: ...


# Linux takes no longer word or variable (MAX_ARG_STRLEN), and no more of them in all (a quarter of the stack).
_LONGEST = 128 * 1024
_MOST_IN_ALL = 2 * 1024 * 1024


class ConfigError(Exception):
    """The container's configuration cannot be made: `reason`, with this message."""

    reason = "CreateContainerConfigError"


class TooLong(ConfigError):
    """`$(VAR)` in `$(VAR)` in `$(VAR)`: no program can be started with words as long as these."""

    reason = "RunContainerError"

    def __init__(self) -> None:
        super().__init__(
            "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create "
            "failed: unable to start container process: exec: argument list too long"
        )


@dataclass(frozen=True, slots=True)
class PodFacts:
    """What a Pod's environment and downward files need that is not in its spec."""

    pod_ip: str
    host_ip: str
    allocatable: Mapping[str, str]  # of the node: a limit that is not set reads as the node's
    token: Callable[[Object, Mapping[str, object]], bytes] = lambda pod, source: b""  # for a projected volume


def environment(pod: Object, container: Object, facts: PodFacts, cluster: Reader) -> dict[str, str]:
    """The variables the container starts with. Raises ConfigError for a reference to what is not there, and TooLong."""
    services = service_links(pod, cluster)
    env: dict[str, str] = {}
    size = 0
    for source in container.get("envFrom") or ():
        for name, value in _env_from(pod, source, cluster).items():
            env[source.get("prefix", "") + name] = value
    for each in container.get("env") or ():
        value = each.get("value") or ""
        if value:
            value = expand(value, env, services)
        elif each.get("valueFrom"):
            found = _value_from(pod, container, each["valueFrom"], facts, cluster)
            if found is None:
                continue
            value = found
        env[each["name"]] = value
        size += len(value)
        if size > _MOST_IN_ALL:
            raise TooLong
    return {**services, **env}


def expand(text: str, *scopes: Mapping[str, str]) -> str:
    """`$(VAR)` becomes its value in the first scope that has it; `$$` is a dollar; what is not known stays as it is.

    Raises TooLong.
    """
    parts: list[str] = []
    at = size = 0
    while at < len(text):
        dollar = text.find("$", at)
        if dollar < 0 or dollar + 1 >= len(text):
            break
        parts.append(text[at:dollar])
        following = text[dollar + 1]
        if following == "$":
            parts.append("$")
            at = dollar + 2
        elif following == "(" and (end := text.find(")", dollar)) > 0:
            name = text[dollar + 2 : end]
            known = next((scope[name] for scope in scopes if name in scope), None)
            parts.append(text[dollar : end + 1] if known is None else known)
            at, size = end + 1, size + len(parts[-1])
            if size > _LONGEST:
                raise TooLong
        else:
            parts.append("$" + ("(" if following == "(" else following))
            at = dollar + 2
    parts.append(text[at:])
    return "".join(parts)


# ---- ConfigMaps and Secrets


def data_of(plural: str, namespace: str, name: str, cluster: Reader) -> dict[str, bytes] | None:
    """The entries of a ConfigMap or Secret as bytes, or None when there is none of that name."""
    obj = cluster.get(plural, f"{namespace}/{name}")
    if obj is None:
        return None
    if plural == "secrets":
        return {key: base64.b64decode(value) for key, value in (obj.get("data") or {}).items()}
    data = {key: str(value).encode() for key, value in (obj.get("data") or {}).items()}
    return data | {key: base64.b64decode(value) for key, value in (obj.get("binaryData") or {}).items()}


def _text_of(plural: str, pod: Object, name: str, cluster: Reader, optional: bool) -> dict[str, str] | None:
    """The text entries a variable may take. A ConfigMap's binaryData are not among them."""
    namespace = pod["metadata"]["namespace"]
    obj = cluster.get(plural, f"{namespace}/{name}")
    if obj is None:
        if optional:
            return None
        raise ConfigError(f'{plural[:-1]} "{name}" not found')
    if plural == "configmaps":
        return dict(obj.get("data") or {})
    return {k: base64.b64decode(v).decode(errors="replace") for k, v in (obj.get("data") or {}).items()}


def _env_from(pod: Object, source: Object, cluster: Reader) -> dict[str, str]:
    for field, plural in (("configMapRef", "configmaps"), ("secretRef", "secrets")):
        if ref := source.get(field):
            return _text_of(plural, pod, ref.get("name", ""), cluster, bool(ref.get("optional"))) or {}
    return {}


_KEY_REFERENCES = {"configMapKeyRef": ("configmaps", "ConfigMap"), "secretKeyRef": ("secrets", "Secret")}


def _value_from(pod: Object, container: Object, source: Object, facts: PodFacts, cluster: Reader) -> str | None:
    if ref := source.get("fieldRef"):
        return field_value(pod, ref["fieldPath"], facts)
    if ref := source.get("resourceFieldRef"):
        return resource_value(pod, ref, facts, container)
    for field, (plural, kind) in _KEY_REFERENCES.items():
        if not (ref := source.get(field)):
            continue
        optional = bool(ref.get("optional"))
        entries = _text_of(plural, pod, ref.get("name", ""), cluster, optional)
        if entries is None:
            return None
        if ref["key"] not in entries:
            if optional:
                return None
            namespace = pod["metadata"]["namespace"]
            raise ConfigError(f"couldn't find key {ref['key']} in {kind} {namespace}/{ref.get('name', '')}")
        return entries[ref["key"]]
    return ""


# ---- the downward API


def _map_text(entries: Mapping[str, str] | None) -> str:
    """fieldpath.FormatMap: sorted `key="value"` lines."""
    return "\n".join(f"{key}={_quoted(value)}" for key, value in sorted((entries or {}).items()))


def _quoted(text: str) -> str:
    escapes = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}
    return '"' + "".join(escapes.get(letter, letter) for letter in text) + '"'


_FIELDS: dict[str, Callable[[Object, PodFacts], str]] = {
    "metadata.name": lambda pod, facts: str(pod["metadata"]["name"]),
    "metadata.namespace": lambda pod, facts: str(pod["metadata"]["namespace"]),
    "metadata.uid": lambda pod, facts: str(pod["metadata"]["uid"]),
    "metadata.labels": lambda pod, facts: _map_text(pod["metadata"].get("labels")),
    "metadata.annotations": lambda pod, facts: _map_text(pod["metadata"].get("annotations")),
    "spec.nodeName": lambda pod, facts: str(pod["spec"].get("nodeName", "")),
    "spec.serviceAccountName": lambda pod, facts: str(pod["spec"].get("serviceAccountName", "")),
    "status.hostIP": lambda pod, facts: facts.host_ip,
    "status.hostIPs": lambda pod, facts: facts.host_ip,
    "status.podIP": lambda pod, facts: facts.pod_ip,
    "status.podIPs": lambda pod, facts: facts.pod_ip,
}


def field_value(pod: Object, path: str, facts: PodFacts) -> str:
    """The value of a `fieldRef`. Raises ConfigError for a path the downward API does not know."""
    for field in ("labels", "annotations"):
        if path.startswith(f"metadata.{field}['") and path.endswith("']"):
            return str((pod["metadata"].get(field) or {}).get(path[len(field) + 11 : -2], ""))
    if path not in _FIELDS:
        raise ConfigError(f"unsupported fieldPath: {path}")
    return _FIELDS[path](pod, facts)


def resource_value(pod: Object, ref: Object, facts: PodFacts, container: Object | None = None) -> str:
    """The value of a `resourceFieldRef`, in units of its divisor, rounded up."""
    name = ref.get("containerName")
    if container is None or (name and name != container["name"]):
        everyone = [*(pod["spec"].get("initContainers") or ()), *pod["spec"]["containers"]]
        container = next((each for each in everyone if each["name"] == name), None)
        if container is None:
            raise ConfigError(f"container {name} not found")
    kind, _, resource = ref["resource"].partition(".")  # "limits.cpu"
    resources = container.get("resources") or {}
    amount = (resources.get(kind) or {}).get(resource)
    if amount is None:
        amount = facts.allocatable.get(resource, "0") if kind == "limits" else "0"
    divisor = quantity.nanos(ref.get("divisor") or "1") or quantity.nanos("1")
    return str(-(-quantity.nanos(amount) // divisor))


# ---- service links


def service_links(pod: Object, cluster: Reader) -> dict[str, str]:
    """`{NAME}_SERVICE_HOST` and its kin, for Services with a virtual IP that exist as the container starts."""
    namespace = pod["metadata"]["namespace"]
    wanted: dict[str, Object] = {}
    if (kubernetes := cluster.get("services", "default/kubernetes")) is not None:
        wanted["kubernetes"] = kubernetes
    if pod["spec"].get("enableServiceLinks", True):
        wanted |= {each["metadata"]["name"]: each for each in cluster.list("services", namespace)}
    links: dict[str, str] = {}
    for name, service in wanted.items():
        if service["spec"].get("clusterIP") not in (None, "", "None") and service["spec"].get("ports"):
            links |= _links_of(name.replace("-", "_").upper(), service["spec"]["clusterIP"], service["spec"]["ports"])
    return links


def _links_of(prefix: str, ip: str, ports: list[Object]) -> dict[str, str]:
    host = f"[{ip}]" if ":" in ip else ip
    links = {f"{prefix}_SERVICE_HOST": ip, f"{prefix}_SERVICE_PORT": str(ports[0]["port"])}
    for each in ports:
        if each.get("name"):
            links[f"{prefix}_SERVICE_PORT_{each['name'].replace('-', '_').upper()}"] = str(each["port"])
    for index, each in enumerate(ports):
        protocol = each.get("protocol", "TCP")
        address = f"{protocol.lower()}://{host}:{each['port']}"
        port_prefix = f"{prefix}_PORT_{each['port']}_{protocol}"
        if index == 0:
            links[f"{prefix}_PORT"] = address
        links |= {
            port_prefix: address,
            f"{port_prefix}_PROTO": protocol.lower(),
            f"{port_prefix}_PORT": str(each["port"]),
            f"{port_prefix}_ADDR": ip,
        }
    return links
