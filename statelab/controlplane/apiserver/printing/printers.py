"""The cells of a table's row, for each kind. Source: pkg/printers/internalversion/printers.go."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from statelab.controlplane import clock
from statelab.controlplane.apiserver.printing.pod_printer import pod_cells, pod_row_conditions
from statelab.controlplane.kinds import Object
from statelab.controlplane.labels import selector_text

_BETA_CLASS = "volume.beta.kubernetes.io/storage-class"
_DEFAULT_CLASS = ("storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class")


def human_duration(seconds: float) -> str:
    """A duration as `kubectl get` shows ages: `5s`, `3m12s`, `2d4h`. Source: apimachinery/pkg/util/duration."""
    if seconds <= -2:
        return "<invalid>"
    s = max(0, int(seconds))
    if s < 120:
        return f"{s}s"
    minutes, hours, days = s // 60, s // 3600, s // 86400
    if minutes < 10:
        return _two(minutes, "m", s % 60, "s")
    if minutes < 180:
        return f"{minutes}m"
    if hours < 8:
        return _two(hours, "h", minutes % 60, "m")
    if hours < 48:
        return f"{hours}h"
    if hours < 24 * 8:
        return _two(days, "d", hours % 24, "h")
    if hours < 24 * 365 * 2:
        return f"{days}d"
    if hours < 24 * 365 * 8:
        return _two(days // 365, "y", days % 365, "d")
    return f"{days // 365}y"


def _two(large: int, large_unit: str, small: int, small_unit: str) -> str:
    return f"{large}{large_unit}{small}{small_unit}" if small else f"{large}{large_unit}"


def since(timestamp: str | None, now_s: float) -> str:
    """How long ago an RFC 3339 timestamp was; `<unknown>` for none."""
    return human_duration(now_s - clock.seconds(timestamp)) if timestamp else "<unknown>"


def cells(plural: str, obj: Object, now_s: float) -> list[Any]:
    """The cells of one row, wide columns included."""
    printer = _PRINTERS.get(plural)
    if printer is None:
        metadata = obj["metadata"]
        return [metadata["name"], metadata.get("creationTimestamp")]
    return printer(obj, lambda timestamp: since(timestamp, now_s))


def row_conditions(plural: str, obj: Object) -> list[Object]:
    """What a row says of itself: a Pod that is done is marked so."""
    return pod_row_conditions(obj) if plural == "pods" else []


Since = Callable[[str | None], str]


def _age(obj: Object, since: Since) -> str:
    return since(obj["metadata"].get("creationTimestamp"))


def _name(obj: Object) -> str:
    return str(obj["metadata"]["name"])


def _part(obj: Mapping[str, Any], name: str) -> Any:
    return obj.get(name) or {}


def _containers(obj: Object) -> tuple[str, str]:
    containers = _part(_part(_part(obj, "spec"), "template"), "spec").get("containers") or ()
    return ",".join(each["name"] for each in containers), ",".join(each.get("image", "") for each in containers)


def _listed(items: Sequence[str], most: int = 3) -> str:
    text = ",".join(items[:most])
    return f"{text} + {len(items) - most} more..." if len(items) > most else text


# ---- workloads


def _deployment(obj: Object, since: Since) -> list[Any]:
    spec, status = _part(obj, "spec"), _part(obj, "status")
    return [
        _name(obj),
        f"{status.get('readyReplicas', 0)}/{spec.get('replicas', 0)}",
        status.get("updatedReplicas", 0),
        status.get("availableReplicas", 0),
        _age(obj, since),
        *_containers(obj),
        selector_text(spec.get("selector")),
    ]


def _replica_set(obj: Object, since: Since) -> list[Any]:
    spec, status = _part(obj, "spec"), _part(obj, "status")
    return [
        _name(obj),
        spec.get("replicas", 0),
        status.get("replicas", 0),
        status.get("readyReplicas", 0),
        _age(obj, since),
        *_containers(obj),
        selector_text(spec.get("selector")) or "<none>",
    ]


def _stateful_set(obj: Object, since: Since) -> list[Any]:
    spec, status = _part(obj, "spec"), _part(obj, "status")
    ready = f"{status.get('readyReplicas', 0)}/{spec.get('replicas', 0)}"
    return [_name(obj), ready, _age(obj, since), *_containers(obj)]


def _controller_revision(obj: Object, since: Since) -> list[Any]:
    owner = next((each for each in obj["metadata"].get("ownerReferences") or () if each.get("controller")), None)
    controller = "<none>"
    if owner is not None:
        group = owner["apiVersion"].rpartition("/")[0]
        kind = owner["kind"].lower()
        controller = f"{kind}.{group}/{owner['name']}" if group else f"{kind}/{owner['name']}"
    return [_name(obj), controller, obj.get("revision", 0), _age(obj, since)]


def _disruption_budget(obj: Object, since: Since) -> list[Any]:
    spec = _part(obj, "spec")
    allowed = [str(spec[name]) if spec.get(name) is not None else "N/A" for name in ("minAvailable", "maxUnavailable")]
    return [_name(obj), *allowed, _part(obj, "status").get("disruptionsAllowed", 0), _age(obj, since)]


def _scale(obj: Object, since: Since) -> list[Any]:
    replicas = [_part(obj, part).get("replicas", 0) for part in ("spec", "status")]
    return [_name(obj), *replicas, _age(obj, since)]


# ---- network


def _service(obj: Object, since: Since) -> list[Any]:
    spec = _part(obj, "spec")
    addresses = spec.get("clusterIPs") or ()
    selector = spec.get("selector") or {}
    return [
        _name(obj),
        spec.get("type", ""),
        addresses[0] if addresses else "<none>",
        _external_address(obj),
        ",".join(map(_service_port, spec.get("ports") or ())) or "<none>",
        _age(obj, since),
        ",".join(f"{key}={selector[key]}" for key in sorted(selector)) or "<none>",
    ]


def _service_port(port: Object) -> str:
    node_port = f":{port['nodePort']}" if port.get("nodePort") else ""
    return f"{port['port']}{node_port}/{port.get('protocol', '')}"


def _external_address(obj: Object) -> str:
    spec = _part(obj, "spec")
    external = list(spec.get("externalIPs") or ())
    match spec.get("type"):
        case "ClusterIP" | "NodePort":
            return ",".join(external) or "<none>"
        case "LoadBalancer":
            ingress = _part(_part(obj, "status"), "loadBalancer").get("ingress") or ()
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
    return [_name(obj), _listed(found) if subsets else "<none>", _age(obj, since)]


def _host_port(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _endpoint_slice(obj: Object, since: Since) -> list[Any]:
    ports = [_slice_port(each) for each in obj.get("ports") or ()]
    addresses = [address for each in obj.get("endpoints") or () for address in each.get("addresses") or ()]
    texts = [_listed(each) or "<unset>" for each in (ports, addresses)]
    return [_name(obj), obj.get("addressType", ""), *texts, _age(obj, since)]


def _slice_port(port: Object) -> str:
    if port.get("port") is not None:
        return str(port["port"])
    return str(port["name"]) if port.get("name") is not None else "*"


# ---- storage


def access_modes(modes: Sequence[str]) -> str:
    """`RWO,ROX`: the short names, in upstream's order, each once."""
    short = {"ReadWriteOnce": "RWO", "ReadOnlyMany": "ROX", "ReadWriteMany": "RWX", "ReadWriteOncePod": "RWOP"}
    return ",".join(text for mode, text in short.items() if mode in modes)


def _class_name(obj: Object) -> str:
    beta = _part(obj["metadata"], "annotations").get(_BETA_CLASS)
    return str(beta if beta is not None else _part(obj, "spec").get("storageClassName") or "")


def _unset(value: Any) -> str:
    return "<unset>" if value is None else str(value)


def _phase(obj: Object) -> str:
    return "Terminating" if obj["metadata"].get("deletionTimestamp") else str(_part(obj, "status").get("phase", ""))


def _volume(obj: Object, since: Since) -> list[Any]:
    spec, status = _part(obj, "spec"), _part(obj, "status")
    claim = spec.get("claimRef")
    return [
        _name(obj),
        str(_part(spec, "capacity").get("storage", "0")),
        access_modes(spec.get("accessModes") or ()),
        spec.get("persistentVolumeReclaimPolicy", ""),
        _phase(obj),
        f"{claim.get('namespace', '')}/{claim.get('name', '')}" if claim else "",
        _class_name(obj),
        _unset(spec.get("volumeAttributesClassName")),
        status.get("reason", ""),
        _age(obj, since),
        _unset(spec.get("volumeMode")),
    ]


def _claim(obj: Object, since: Since) -> list[Any]:
    spec, status = _part(obj, "spec"), _part(obj, "status")
    bound = bool(spec.get("volumeName"))
    return [
        _name(obj),
        _phase(obj),
        spec.get("volumeName", ""),
        str(_part(status, "capacity").get("storage", "0")) if bound else "",
        access_modes(status.get("accessModes") or ()) if bound else "",
        _class_name(obj),
        _unset(spec.get("volumeAttributesClassName")),
        _age(obj, since),
        _unset(spec.get("volumeMode")),
    ]


def _storage_class(obj: Object, since: Since) -> list[Any]:
    annotations = _part(obj["metadata"], "annotations")
    is_default = any(annotations.get(name) == "true" for name in _DEFAULT_CLASS)
    return [
        f"{_name(obj)} (default)" if is_default else _name(obj),
        obj.get("provisioner", ""),
        obj.get("reclaimPolicy", "Delete"),
        obj.get("volumeBindingMode", "Immediate"),
        bool(obj.get("allowVolumeExpansion")),
        _age(obj, since),
    ]


# ---- cluster and configuration


def _node(obj: Object, since: Since) -> list[Any]:
    status = _part(obj, "status")
    info = _part(status, "nodeInfo")
    ready = next((each["status"] for each in status.get("conditions") or () if each["type"] == "Ready"), None)
    state = "Unknown" if ready is None else "Ready" if ready == "True" else "NotReady"
    if _part(obj, "spec").get("unschedulable"):
        state += ",SchedulingDisabled"
    addresses = [
        next((each["address"] for each in status.get("addresses") or () if each["type"] == kind), "<none>")
        for kind in ("InternalIP", "ExternalIP")
    ]
    known = [info.get(name) or "<unknown>" for name in ("osImage", "kernelVersion", "containerRuntimeVersion")]
    return [_name(obj), state, _roles(obj), _age(obj, since), info.get("kubeletVersion", ""), *addresses, *known]


def _roles(obj: Object) -> str:
    labels: dict[str, str] = _part(obj["metadata"], "labels")
    prefix = "node-role.kubernetes.io/"
    roles = {key.removeprefix(prefix) for key in labels if key.startswith(prefix)}
    roles.add(labels.get("kubernetes.io/role", ""))
    return ",".join(sorted(roles - {""})) or "<none>"


def _namespace(obj: Object, since: Since) -> list[Any]:
    return [_name(obj), _part(obj, "status").get("phase", ""), _age(obj, since)]


def _event(obj: Object, since: Since) -> list[Any]:
    involved, source = _part(obj, "involvedObject"), _part(obj, "source")
    first = since(obj.get("firstTimestamp") or obj.get("eventTime"))
    last = since(obj["lastTimestamp"]) if obj.get("lastTimestamp") else first
    count = obj.get("count") or 1
    if obj.get("series"):
        last, count = since(obj["series"].get("lastObservedTime")), obj["series"].get("count", 0)
    kind = str(involved.get("kind", "")).lower()
    component = source.get("component") or obj.get("reportingComponent") or ""
    instance = source.get("host") or obj.get("reportingInstance") or ""
    return [
        last,
        obj.get("type", ""),
        obj.get("reason", ""),
        f"{kind}/{involved['name']}" if involved.get("name") else kind,
        involved.get("fieldPath", ""),
        f"{component}, {instance}" if instance else component,
        str(obj.get("message", "")).strip(),
        first,
        count,
        _name(obj),
    ]


def _config_map(obj: Object, since: Since) -> list[Any]:
    return [_name(obj), len(_part(obj, "data")) + len(_part(obj, "binaryData")), _age(obj, since)]


def _secret(obj: Object, since: Since) -> list[Any]:
    return [_name(obj), obj.get("type", ""), len(_part(obj, "data")), _age(obj, since)]


def _service_account(obj: Object, since: Since) -> list[Any]:
    return [_name(obj), len(obj.get("secrets") or ()), _age(obj, since)]


def _quota(obj: Object, since: Since) -> list[Any]:
    status = _part(obj, "status")
    hard, used = _part(status, "hard"), _part(status, "used")
    texts = {name: f"{name}: {used.get(name, '0')}/{hard[name]}" for name in sorted(hard)}
    limits = [text for name, text in texts.items() if name.startswith("limits.")]
    requests = [text for name, text in texts.items() if not name.startswith("limits.")]
    return [_name(obj), ", ".join(requests), ", ".join(limits), _age(obj, since)]


_PRINTERS: dict[str, Callable[[Object, Since], list[Any]]] = {
    "pods": pod_cells,
    "deployments": _deployment,
    "replicasets": _replica_set,
    "statefulsets": _stateful_set,
    "controllerrevisions": _controller_revision,
    "poddisruptionbudgets": _disruption_budget,
    "scales": _scale,
    "services": _service,
    "endpoints": _endpoints,
    "endpointslices": _endpoint_slice,
    "persistentvolumes": _volume,
    "persistentvolumeclaims": _claim,
    "storageclasses": _storage_class,
    "nodes": _node,
    "namespaces": _namespace,
    "events": _event,
    "configmaps": _config_map,
    "secrets": _secret,
    "serviceaccounts": _service_account,
    "resourcequotas": _quota,
}
