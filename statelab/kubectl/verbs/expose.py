"""kubectl expose. Source: pkg/cmd/expose/expose.go."""

from __future__ import annotations

from statelab.kubectl.api import Object
from statelab.kubectl.builder import Info, select
from statelab.kubectl.call import Call
from statelab.kubectl.problems import Fail, raise_all
from statelab.kubectl.verbs.common import at, template_path
from statelab.kubectl.verbs.creating.cluster import labels_of
from statelab.kubectl.verbs.creating.making import create, metadata
from statelab.kubectl.verbs.run import overridden

_EXPOSED = ("Pod", "Service", "ReplicationController", "Deployment", "ReplicaSet")


def expose(call: Call) -> None:
    found = select(call, call.args)
    raise_all(found.errors)
    for info in found.infos:
        if info.resource.kind not in _EXPOSED:
            raise Fail(f"cannot expose a {_group_kind(info)}")
        create(call, "services", overridden(call, _service(call, info)), operation="exposed")


def _group_kind(info: Info) -> str:
    return f"{info.resource.kind}.{info.resource.group}" if info.resource.group else info.resource.kind


def _service(call: Call, info: Info) -> Object:
    flags = call.flags
    selector = labels_of(flags.text("selector")) if flags.text("selector") else _selector(info)
    labels = labels_of(flags.text("labels")) if flags.text("labels") else info.object["metadata"].get("labels") or {}
    name = flags.text("name") or info.name[:63]
    spec: Object = {"ports": _ports(call, info), "selector": selector}
    if flags.text("cluster-ip"):
        spec["clusterIP"] = flags.text("cluster-ip")
    if flags.text("type"):
        spec["type"] = flags.text("type")
    if flags.text("external-ip"):
        spec["externalIPs"] = [flags.text("external-ip")]
    if flags.text("session-affinity"):
        if flags.text("session-affinity") not in ("None", "ClientIP"):
            raise Fail(f"unknown session affinity: {flags.text('session-affinity')}")
        spec["sessionAffinity"] = flags.text("session-affinity")
    if flags.text("load-balancer-ip"):
        spec["loadBalancerIP"] = flags.text("load-balancer-ip")
    about = metadata(call, name, {key: labels[key] for key in sorted(labels)})
    return {"kind": "Service", "apiVersion": "v1", "metadata": about, "spec": spec, "status": {"loadBalancer": {}}}


def _selector(info: Info) -> dict[str, str]:
    """The labels by which an object's Pods are found. Raises Fail."""
    spec = info.object.get("spec") or {}
    if info.resource.kind == "Pod":
        found = info.object["metadata"].get("labels") or {}
        if not found:
            raise Fail(
                "couldn't retrieve selectors via --selector flag or introspection: the pod has no labels and cannot "
                "be exposed"
            )
        return dict(found)
    if info.resource.kind == "Service":
        found = spec.get("selector") or {}
        if not found:
            raise Fail(
                "couldn't retrieve selectors via --selector flag or introspection: the service has no pod selector set"
            )
        return dict(found)
    selector = spec.get("selector") or {}
    if selector.get("matchExpressions"):
        raise Fail(
            "couldn't retrieve selectors via --selector flag or introspection: couldn't convert expressions - "
            f"{selector['matchExpressions']} to map-based selector format"
        )
    return dict(selector.get("matchLabels") or {})


def _ports(call: Call, info: Info) -> list[Object]:
    flags = call.flags
    known = _known_ports(info)
    said = [each for each in flags.text("port").split(",") if each] or [str(number) for number, _ in known]
    if not said:
        raise Fail("couldn't find port via --port flag or introspection")
    protocols = dict(known)
    target = flags.text("target-port")
    ports: list[Object] = []
    for number, each in enumerate(said, 1):
        if not each.isdigit():
            raise Fail(f'strconv.Atoi: parsing "{each}": invalid syntax')
        port: Object = {"name": f"port-{number}"} if len(said) > 1 else {}
        port["protocol"] = flags.text("protocol") or protocols.get(int(each)) or "TCP"
        port["port"] = int(each)
        port["targetPort"] = (int(target) if target.isdigit() else target) if target else int(each)
        ports.append(port)
    return ports


def _known_ports(info: Info) -> list[tuple[int, str]]:
    """(port, protocol) of what an object says it listens on."""
    if info.resource.kind == "Service":
        return [(each["port"], each.get("protocol", "TCP")) for each in info.object["spec"].get("ports") or ()]
    spec = at(info.object, *template_path(info)) or {}
    return [
        (port["containerPort"], port.get("protocol", "TCP"))
        for container in spec.get("containers") or ()
        for port in container.get("ports") or ()
    ]
