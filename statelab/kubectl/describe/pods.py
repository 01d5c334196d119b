"""Pods, and the templates of Pods."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from statelab.kubectl.api import Object
from statelab.kubectl.call import Call
from statelab.kubectl.describe.text import Text, age, boolean, events, owner, title, when
from statelab.kubectl.describe.volumes import volumes


def describe_pod(call: Call, pod: Object) -> str:
    text = Text()
    spec, status, metadata = pod["spec"], pod.get("status") or {}, pod["metadata"]
    text.name(pod)
    if spec.get("priority") is not None:
        text.put(0, f"Priority:\t{spec['priority']}\n")
    if spec.get("priorityClassName"):
        text.put(0, f"Priority Class Name:\t{spec['priorityClassName']}\n")
    if spec.get("runtimeClassName"):
        text.put(0, f"Runtime Class Name:\t{spec['runtimeClassName']}\n")
    if spec.get("serviceAccountName"):
        text.put(0, f"Service Account:\t{spec['serviceAccountName']}\n")
    text.put(
        0, f"Node:\t{spec['nodeName']}/{status.get('hostIP', '')}\n" if spec.get("nodeName") else "Node:\t<none>\n"
    )
    if status.get("startTime"):
        text.put(0, f"Start Time:\t{when(status['startTime'])}\n")
    text.labels("Labels", metadata.get("labels"))
    text.annotations(metadata.get("annotations"))
    if metadata.get("deletionTimestamp") and status.get("reason") != "NodeLost":
        text.put(0, f"Status:\tTerminating (lasts {age(call, metadata['deletionTimestamp'])})\n")
        text.put(0, f"Termination Grace Period:\t{metadata.get('deletionGracePeriodSeconds', 0)}s\n")
    else:
        text.put(0, f"Status:\t{status.get('phase', '')}\n")
    for field in ("reason", "message"):
        if status.get(field):
            text.put(0, f"{field.title()}:\t{status[field]}\n")
    profile = ((spec.get("securityContext") or {}).get("seccompProfile") or {}).get("type")
    if profile:
        text.put(0, f"SeccompProfile:\t{profile}\n")
    text.put(0, f"IP:\t{status.get('podIP', '')}\n")
    ips = status.get("podIPs") or ()
    text.put(0, "IPs:\n" if ips else "IPs:\t<none>\n")
    for each in ips:
        text.put(1, f"IP:\t{each['ip']}\n")
    controller = owner(pod)
    if controller is not None:
        text.put(0, f"Controlled By:\t{controller['kind']}/{controller['name']}\n")
    if status.get("nominatedNodeName"):
        text.put(0, f"NominatedNodeName:\t{status['nominatedNodeName']}\n")
    if spec.get("initContainers"):
        containers(text, "Init Containers", spec["initContainers"], status.get("initContainerStatuses"), pod)
    containers(text, "Containers", spec.get("containers") or (), status.get("containerStatuses"), pod)
    if spec.get("ephemeralContainers"):
        containers(
            text, "Ephemeral Containers", spec["ephemeralContainers"], status.get("ephemeralContainerStatuses"), pod
        )
    _gates_and_conditions(text, spec, status)
    volumes(text, spec.get("volumes") or ())
    text.put(0, f"QoS Class:\t{status.get('qosClass', '')}\n")
    text.labels("Node-Selectors", spec.get("nodeSelector"))
    tolerations(text, spec.get("tolerations") or ())
    _spread(text, spec.get("topologySpreadConstraints") or ())
    events(call, text, pod)
    return text.text()


def _gates_and_conditions(text: Text, spec: Object, status: Object) -> None:
    conditions = status.get("conditions") or ()
    if spec.get("readinessGates"):
        text.put(0, "Readiness Gates:\n  Type\tStatus\n")
        for gate in spec["readinessGates"]:
            has = next((each["status"] for each in conditions if each["type"] == gate["conditionType"]), "<none>")
            text.put(1, f"{gate['conditionType']} \t{has} \n")
    if conditions:
        text.put(0, "Conditions:\n  Type\tStatus\n")
        for each in conditions:
            text.put(1, f"{each['type']} \t{each['status']} \n")


def _spread(text: Text, constraints: Sequence[Object]) -> None:
    from statelab.controlplane.labels import selector_text

    for number, each in enumerate(sorted(constraints, key=lambda one: str(one.get("topologyKey")))):
        head = "Topology Spread Constraints:" if number == 0 else ""
        said = f"{each['topologyKey']}:{each['whenUnsatisfiable']} when max skew {each['maxSkew']} is exceeded"
        if each.get("labelSelector"):
            said += f" for selector {selector_text(each['labelSelector'])}"
        text.put(0, f"{head}\t{said}\n")


# ---- containers


def containers(
    text: Text,
    label: str,
    found: Sequence[Object],
    statuses: Sequence[Object] | None,
    pod: Object | None,
    space: str = "",
) -> None:
    """Each container, with its status where there is one; `space` where it is a template's."""
    states = {each["name"]: each for each in statuses or ()}
    text.put(0, f"{space}{label}:\n" if found else f"{space}{label}:\t <none>\n")
    for container in found:
        status = states.get(container["name"])
        text.put(1, f"{' ' if space else ''}{container['name']}:\n")
        _basics(text, container, status)
        for field, name in (("command", "Command"), ("args", "Args")):
            if container.get(field):
                text.put(2, f"{name}:\n")
                for word in container[field]:
                    for line in str(word).split("\n"):
                        text.put(3, f"{line}\n")
        if status is not None:
            _state(text, "State", status.get("state") or {})
            if (status.get("lastState") or {}).get("terminated"):
                _state(text, "Last State", status["lastState"])
            text.put(2, f"Ready:\t{title(bool(status.get('ready')))}\n")
            text.put(2, f"Restart Count:\t{status.get('restartCount', 0)}\n")
        for field, name in (("limits", "Limits"), ("requests", "Requests")):
            amounts = (container.get("resources") or {}).get(field) or {}
            if amounts:
                text.put(2, f"{name}:\n")
            for key in sorted(amounts):
                text.put(3, f"{key}:\t{amounts[key]}\n")
        for field, name in (
            ("livenessProbe", "Liveness"),
            ("readinessProbe", "Readiness"),
            ("startupProbe", "Startup"),
        ):
            if container.get(field):
                text.put(2, f"{name}:\t{probe(container[field])}\n")
        _environment(text, container, pod)
        _mounts(text, container)


def _basics(text: Text, container: Object, status: Object | None) -> None:
    if status is not None:
        text.put(2, f"Container ID:\t{status.get('containerID', '')}\n")
    text.put(2, f"Image:\t{container.get('image', '')}\n")
    if status is not None:
        text.put(2, f"Image ID:\t{status.get('imageID', '')}\n")
    for key, name in (("containerPort", "Port"), ("hostPort", "Host Port")):
        ports = ", ".join(_port(each, key) for each in container.get("ports") or ())
        text.put(2, f"{name}s:\t{ports}\n" if "," in ports else f"{name}:\t{ports or '<none>'}\n")
    profile = ((container.get("securityContext") or {}).get("seccompProfile") or {}).get("type")
    if profile:
        text.put(2, f"SeccompProfile:\t{profile}\n")


def _port(port: Object, key: str) -> str:
    name = f" ({port['name']})" if port.get("name") else ""
    return f"{port.get(key, 0)}/{port.get('protocol', 'TCP')}{name}"


def _state(text: Text, name: str, state: Object) -> None:
    if state.get("running") is not None:
        text.put(2, f"{name}:\tRunning\n")
        text.put(3, f"Started:\t{when(state['running'].get('startedAt'))}\n")
    elif state.get("terminated") is not None:
        ended = state["terminated"]
        text.put(2, f"{name}:\tTerminated\n")
        for field in ("reason", "message"):
            if ended.get(field):
                text.put(3, f"{field.title()}:\t{ended[field]}\n")
        text.put(3, f"Exit Code:\t{ended.get('exitCode', 0)}\n")
        if ended.get("signal"):
            text.put(3, f"Signal:\t{ended['signal']}\n")
        text.put(3, f"Started:\t{when(ended.get('startedAt'))}\n")
        text.put(3, f"Finished:\t{when(ended.get('finishedAt'))}\n")
    else:
        text.put(2, f"{name}:\tWaiting\n")
        reason = (state.get("waiting") or {}).get("reason")
        if reason:
            text.put(3, f"Reason:\t{reason}\n")


def probe(said: Object) -> str:
    """A probe in one line."""
    attributes = (
        f"delay={said.get('initialDelaySeconds', 0)}s timeout={said.get('timeoutSeconds', 0)}s "
        f"period={said.get('periodSeconds', 0)}s successThreshold={said.get('successThreshold', 0)} "
        f"failureThreshold={said.get('failureThreshold', 0)}"
    )
    if said.get("exec") is not None:
        return f"exec [{' '.join(said['exec'].get('command') or ())}] {attributes}"
    if said.get("httpGet") is not None:
        get = said["httpGet"]
        scheme = str(get.get("scheme") or "http").lower()
        path = str(get.get("path") or "")
        path = path if path.startswith("/") or not path else f"/{path}"
        return f"http-get {scheme}://{get.get('host', '')}:{get.get('port', '')}{path} {attributes}"
    if said.get("tcpSocket") is not None:
        return f"tcp-socket {said['tcpSocket'].get('host', '')}:{said['tcpSocket'].get('port', '')} {attributes}"
    if said.get("grpc") is not None:
        return f"grpc <pod>:{said['grpc'].get('port', '')} {said['grpc'].get('service') or ''} {attributes}"
    return f"unknown {attributes}"


def _environment(text: Text, container: Object, pod: Object | None) -> None:
    sources = container.get("envFrom") or ()
    if sources:
        text.put(2, "Environment Variables from:\n")
    for each in sources:
        prefix = f" with prefix '{each['prefix']}'" if each.get("prefix") else ""
        kind, ref = (
            ("ConfigMap", each["configMapRef"]) if "configMapRef" in each else ("Secret", each.get("secretRef") or {})
        )
        text.put(3, f"{ref.get('name', '')}\t{kind}{prefix}\tOptional: {boolean(ref.get('optional'))}\n")
    variables = container.get("env") or ()
    text.put(2, "Environment:\n" if variables else "Environment:\t<none>\n")
    for each in variables:
        source = each.get("valueFrom")
        if not source:
            first, *more = str(each.get("value") or "").split("\n")
            text.put(3, f"{each['name']}:\t{first}\n")
            for line in more:
                text.put(3, f"\t{line}\n")
        elif "fieldRef" in source:
            ref = source["fieldRef"]
            value = _field(pod, ref["fieldPath"]) if pod is not None else ""
            text.put(3, f"{each['name']}:\t{value} ({ref.get('apiVersion', 'v1')}:{ref['fieldPath']})\n")
        elif "resourceFieldRef" in source:
            ref = source["resourceFieldRef"]
            value = _resource(container, ref["resource"])
            text.put(3, f"{each['name']}:\t{value} ({ref['resource']})\n")
        elif "secretKeyRef" in source:
            ref = source["secretKeyRef"]
            text.put(
                3,
                f"{each['name']}:\t<set to the key '{ref['key']}' in secret '{ref['name']}'>\tOptional: "
                f"{boolean(ref.get('optional'))}\n",
            )
        elif "configMapKeyRef" in source:
            ref = source["configMapKeyRef"]
            text.put(
                3,
                f"{each['name']}:\t<set to the key '{ref['key']}' of config map '{ref['name']}'>\tOptional: "
                f"{boolean(ref.get('optional'))}\n",
            )


def _field(pod: Object, path: str) -> str:
    value: Any = pod
    head, bracket, key = path.partition("['")
    for step in head.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    if bracket:
        value = (value or {}).get(key.removesuffix("']")) if isinstance(value, dict) else None
    return "" if value is None else str(value)


def _resource(container: Object, resource: str) -> str:
    where, _, name = resource.partition(".")
    return str(((container.get("resources") or {}).get(where) or {}).get(name, "0"))


def _mounts(text: Text, container: Object) -> None:
    mounts = container.get("volumeMounts") or ()
    text.put(2, "Mounts:\n" if mounts else "Mounts:\t<none>\n")
    for each in sorted(mounts, key=lambda mount: str(mount["mountPath"])):
        flags = "ro" if each.get("readOnly") else "rw"
        if each.get("subPath"):
            flags += f',path="{each["subPath"]}"'
        text.put(3, f"{each['mountPath']} from {each['name']} ({flags})\n")
    devices = container.get("volumeDevices") or ()
    if devices:
        text.put(2, "Devices:\n")
        for each in devices:
            text.put(3, f"{each['devicePath']} from {each['name']}\n")


# ---- templates and what stands in them


def tolerations(text: Text, found: Sequence[Object], space: str = "") -> None:
    said = []
    for each in found:
        key, value, effect = each.get("key") or "", each.get("value") or "", each.get("effect") or ""
        one = str(key) + (f"={value}" if value else "") + (f":{effect}" if effect else "")
        if each.get("operator") == "Exists" and not value:
            one += " op=Exists" if key or effect else "op=Exists"
        if each.get("tolerationSeconds") is not None:
            one += f" for {each['tolerationSeconds']}s"
        said.append(one)
    text.put(0, f"{space}Tolerations:\t{said[0] if said else '<none>'}\n")
    for line in said[1:]:
        text.put(0, f"\t{line}\n")


def template(text: Text, found: Object) -> None:
    """`Pod Template:` of a workload."""
    text.put(0, "Pod Template:\n")
    _template(text, found)


def _template(text: Text, found: Object) -> None:
    metadata, spec = found.get("metadata") or {}, found.get("spec") or {}
    text.labels("Labels", metadata.get("labels"), "  ")
    if metadata.get("annotations"):
        text.annotations(metadata["annotations"], indent="  ")
    if spec.get("serviceAccountName"):
        text.put(0, f"  Service Account:\t{spec['serviceAccountName']}\n")
    if spec.get("initContainers"):
        containers(text, "Init Containers", spec["initContainers"], None, None, "  ")
    containers(text, "Containers", spec.get("containers") or (), None, None, "  ")
    volumes(text, spec.get("volumes") or (), "  ")
    _spread(text, spec.get("topologySpreadConstraints") or ())
    if spec.get("priorityClassName"):
        text.put(0, f"  Priority Class Name:\t{spec['priorityClassName']}\n")
    text.labels("Node-Selectors", spec.get("nodeSelector"), "  ")
    tolerations(text, spec.get("tolerations") or (), "  ")


def template_text(found: Object) -> str:
    """A template by itself, as rollout history shows it."""
    text = Text()
    template(text, found)
    return text.raw()
