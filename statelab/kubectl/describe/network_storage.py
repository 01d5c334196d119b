"""Services, their endpoints; claims, volumes, classes."""

from __future__ import annotations

from typing import Any

from statelab.kubectl.api import Object
from statelab.kubectl.call import Call
from statelab.kubectl.describe.text import Text, age, events, when
from statelab.kubectl.describe.volumes import volume_source

_MODES = {"ReadWriteOnce": "RWO", "ReadOnlyMany": "ROX", "ReadWriteMany": "RWX", "ReadWriteOncePod": "RWOP"}


def describe_service(call: Call, obj: Object) -> str:
    text = Text()
    spec, status = obj["spec"], obj.get("status") or {}
    text.name(obj)
    text.labels("Labels", obj["metadata"].get("labels"))
    text.annotations(obj["metadata"].get("annotations"))
    selector = spec.get("selector") or {}
    text.put(0, f"Selector:\t{','.join(f'{key}={selector[key]}' for key in sorted(selector)) or '<none>'}\n")
    text.put(0, f"Type:\t{spec.get('type', '')}\n")
    if spec.get("ipFamilyPolicy"):
        text.put(0, f"IP Family Policy:\t{spec['ipFamilyPolicy']}\n")
    if spec.get("ipFamilies"):
        text.put(0, f"IP Families:\t{','.join(spec['ipFamilies'])}\n")
    else:
        text.put(0, "IP Families:\t<none>\n")
    text.put(0, f"IP:\t{spec.get('clusterIP', '')}\n")
    text.put(0, f"IPs:\t{','.join(spec.get('clusterIPs') or ()) or '<none>'}\n")
    if spec.get("externalIPs"):
        text.put(0, f"External IPs:\t{','.join(spec['externalIPs'])}\n")
    if spec.get("loadBalancerIP"):
        text.put(0, f"Desired LoadBalancer IP:\t{spec['loadBalancerIP']}\n")
    if spec.get("externalName"):
        text.put(0, f"External Name:\t{spec['externalName']}\n")
    ingress = (status.get("loadBalancer") or {}).get("ingress")
    if ingress:
        text.put(
            0, f"LoadBalancer Ingress:\t{', '.join(each.get('ip') or each.get('hostname') or '' for each in ingress)}\n"
        )
    slices = _slices(call, obj)
    for port in spec.get("ports") or ():
        name = port.get("name") or "<unset>"
        text.put(0, f"Port:\t{name}\t{port['port']}/{port.get('protocol', 'TCP')}\n")
        target = port.get("targetPort")
        text.put(0, f"TargetPort:\t{target}/{port.get('protocol', 'TCP')}\n")
        if port.get("nodePort"):
            text.put(0, f"NodePort:\t{name}\t{port['nodePort']}/{port.get('protocol', 'TCP')}\n")
        text.put(0, f"Endpoints:\t{_addresses(slices, port.get('name') or '')}\n")
    text.put(0, f"Session Affinity:\t{spec.get('sessionAffinity', '')}\n")
    if spec.get("externalTrafficPolicy"):
        text.put(0, f"External Traffic Policy:\t{spec['externalTrafficPolicy']}\n")
    if spec.get("internalTrafficPolicy"):
        text.put(0, f"Internal Traffic Policy:\t{spec['internalTrafficPolicy']}\n")
    if spec.get("trafficDistribution"):
        text.put(0, f"Traffic Distribution:\t{spec['trafficDistribution']}\n")
    events(call, text, obj)
    return text.text()


def _slices(call: Call, obj: Object) -> list[Object]:
    resource = call.mapper.maybe("endpointslices")
    if resource is None:
        return []
    metadata = obj["metadata"]
    return call.list(resource, metadata["namespace"], labelSelector=f"kubernetes.io/service-name={metadata['name']}")


def _addresses(slices: list[Object], port: str) -> str:
    """The ready addresses behind a port, at most three of them."""
    found: list[str] = []
    for each in slices:
        numbers = [one.get("port") for one in each.get("ports") or () if (one.get("name") or "") == port]
        for endpoint in each.get("endpoints") or ():
            if (endpoint.get("conditions") or {}).get("ready", True):
                found += [f"{address}:{number}" for number in numbers for address in endpoint["addresses"]]
    if not found:
        return ""
    more = f" + {len(found) - 3} more..." if len(found) > 3 else ""
    return ",".join(found[:3]) + more


def describe_endpoints(call: Call, obj: Object) -> str:
    text = Text()
    text.name(obj)
    text.labels("Labels", obj["metadata"].get("labels"))
    text.annotations(obj["metadata"].get("annotations"))
    text.put(0, "Subsets:\n")
    for subset in obj.get("subsets") or ():
        for field, words in (("addresses", "Addresses"), ("notReadyAddresses", "NotReadyAddresses")):
            said = ",".join(each["ip"] for each in subset.get(field) or ()) or "<none>"
            text.put(0, f"  {words}:\t{said}\n")
        if subset.get("ports"):
            text.put(0, "  Ports:\n")
            text.put(0, "    Name\tPort\tProtocol\n    ----\t----\t--------\n")
            for port in subset["ports"]:
                text.put(0, f"    {port.get('name') or '<unset>'}\t{port['port']}\t{port.get('protocol', '')}\n")
        text.put(0, "\n")
    events(call, text, obj)
    return text.text()


def describe_endpointslice(call: Call, obj: Object) -> str:
    text = Text()
    text.name(obj)
    text.labels("Labels", obj["metadata"].get("labels"))
    text.annotations(obj["metadata"].get("annotations"))
    text.put(0, f"AddressType:\t{obj.get('addressType', '')}\n")
    ports = obj.get("ports") or ()
    if ports:
        text.put(0, "Ports:\n")
        text.put(1, "Name\tPort\tProtocol\n")
        text.put(1, "----\t----\t--------\n")
        for port in ports:
            text.put(
                1,
                f"{port.get('name') or '<unset>'}\t{port.get('port', '<unset>')}\t{port.get('protocol', '<unset>')}\n",
            )
    else:
        text.put(0, "Ports:\t<unset>\n")
    found = obj.get("endpoints") or ()
    text.put(0, "Endpoints:\n" if found else "Endpoints:\t<none>\n")
    for endpoint in found:
        text.put(1, f"- Addresses:\t{', '.join(endpoint['addresses'])}\n")
        text.put(2, "Conditions:\n")
        conditions = endpoint.get("conditions") or {}
        ready = conditions.get("ready")
        text.put(3, f"Ready:\t{'<unset>' if ready is None else 'true' if ready else 'false'}\n")
        text.put(2, f"Hostname:\t{endpoint.get('hostname') or '<unset>'}\n")
        target = endpoint.get("targetRef")
        if target:
            text.put(2, f"TargetRef:\t{target.get('kind')}/{target.get('name')}\n")
        text.put(2, f"NodeName:\t{endpoint.get('nodeName') or '<unset>'}\n")
        text.put(2, f"Zone:\t{endpoint.get('zone') or '<unset>'}\n")
    events(call, text, obj)
    return text.text()


# ---- storage


def modes(found: Any) -> str:
    return ",".join(_MODES.get(each, each) for each in found or ())


def describe_claim(call: Call, obj: Object) -> str:
    text = Text()
    spec, status, metadata = obj["spec"], obj.get("status") or {}, obj["metadata"]
    text.name(obj)
    text.put(0, f"StorageClass:\t{spec.get('storageClassName') or ''}\n")
    if metadata.get("deletionTimestamp"):
        text.put(0, f"Status:\tTerminating (lasts {age(call, metadata['deletionTimestamp'])})\n")
    else:
        text.put(0, f"Status:\t{status.get('phase', '')}\n")
    text.put(0, f"Volume:\t{spec.get('volumeName') or ''}\n")
    text.labels("Labels", metadata.get("labels"))
    text.annotations(metadata.get("annotations"))
    text.put(0, f"Finalizers:\t[{' '.join(metadata.get('finalizers') or ())}]\n")
    bound = bool(spec.get("volumeName"))
    text.put(0, f"Capacity:\t{(status.get('capacity') or {}).get('storage', '') if bound else ''}\n")
    text.put(0, f"Access Modes:\t{modes(status.get('accessModes')) if bound else ''}\n")
    if spec.get("volumeMode"):
        text.put(0, f"VolumeMode:\t{spec['volumeMode']}\n")
    source = spec.get("dataSource")
    if source:
        text.put(0, "DataSource:\n")
        if source.get("apiGroup"):
            text.put(1, f"APIGroup:\t{source['apiGroup']}\n")
        text.put(1, f"Kind:\t{source['kind']}\n")
        text.put(1, f"Name:\t{source['name']}\n")
    users = [
        pod["metadata"]["name"]
        for pod in call.list(call.mapper.find("pods"), metadata["namespace"])
        if _uses(pod, metadata["name"])
    ]
    text.put(0, f"Used By:\t{users[0] if users else '<none>'}\n")
    for each in users[1:]:
        text.put(0, f"\t{each}\n")
    found = status.get("conditions") or ()
    if found:
        text.put(0, "Conditions:\n")
        text.put(1, "Type\tStatus\tLastProbeTime\tLastTransitionTime\tReason\tMessage\n")
        text.put(1, "----\t------\t-----------------\t------------------\t------\t-------\n")
        for each in found:
            text.put(
                1,
                f"{each['type']} \t{each['status']} \t{when(each.get('lastProbeTime'))} \t"
                f"{when(each.get('lastTransitionTime'))} \t{each.get('reason', '')} \t{each.get('message', '')}\n",
            )
    events(call, text, obj)
    return text.text()


def _uses(pod: Object, claim: str) -> bool:
    return any(
        (each.get("persistentVolumeClaim") or {}).get("claimName") == claim for each in pod["spec"].get("volumes") or ()
    )


def describe_volume(call: Call, obj: Object) -> str:
    text = Text()
    spec, status, metadata = obj["spec"], obj.get("status") or {}, obj["metadata"]
    text.name(obj)
    text.labels("Labels", metadata.get("labels"))
    text.annotations(metadata.get("annotations"))
    text.put(0, f"Finalizers:\t[{' '.join(metadata.get('finalizers') or ())}]\n")
    text.put(0, f"StorageClass:\t{spec.get('storageClassName') or ''}\n")
    if metadata.get("deletionTimestamp"):
        text.put(0, f"Status:\tTerminating (lasts {age(call, metadata['deletionTimestamp'])})\n")
    else:
        text.put(0, f"Status:\t{status.get('phase', '')}\n")
    claim = spec.get("claimRef")
    text.put(0, f"Claim:\t{claim['namespace']}/{claim['name']}\n" if claim else "Claim:\t\n")
    text.put(0, f"Reclaim Policy:\t{spec.get('persistentVolumeReclaimPolicy', '')}\n")
    text.put(0, f"Access Modes:\t{modes(spec.get('accessModes'))}\n")
    if spec.get("volumeMode"):
        text.put(0, f"VolumeMode:\t{spec['volumeMode']}\n")
    text.put(0, f"Capacity:\t{(spec.get('capacity') or {}).get('storage', '')}\n")
    _affinity(text, spec.get("nodeAffinity"))
    text.put(0, f"Message:\t{status.get('message', '')}\n")
    text.put(0, "Source:\n")
    for line in _volume_source(spec):
        text.put(0, f"    {line}\n")
    events(call, text, obj)
    return text.text()


def _volume_source(spec: Object) -> list[str]:
    if "local" in spec:
        return [
            "Type:\tLocalVolume (a persistent volume backed by local storage on a node)",
            f"Path:\t{spec['local']['path']}",
        ]
    return volume_source(spec)


def _affinity(text: Text, affinity: Object | None) -> None:
    if not affinity or not affinity.get("required"):
        text.put(0, "Node Affinity:\t<none>\n")
        return
    text.put(0, "Node Affinity:\t\n")
    terms = affinity["required"].get("nodeSelectorTerms") or ()
    text.put(1, "Required Terms:\t\n" if terms else "Required Terms:\t<none>\n")
    for number, term in enumerate(terms):
        head = f"Term {number}:\t"
        for each in term.get("matchExpressions") or ():
            values = f" [{', '.join(each['values'])}]" if each.get("values") else ""
            text.put(2, f"{head}{each['key']} {each['operator'].lower()}{values}\n")
            head = "\t"


def describe_class(call: Call, obj: Object) -> str:
    text = Text()
    metadata = obj["metadata"]
    annotations = metadata.get("annotations") or {}
    is_default = "true" in (
        annotations.get("storageclass.kubernetes.io/is-default-class"),
        annotations.get("storageclass.beta.kubernetes.io/is-default-class"),
    )
    text.put(0, f"Name:\t{metadata['name']}\n")
    text.put(0, f"IsDefaultClass:\t{'Yes' if is_default else 'No'}\n")
    text.put(0, f"Annotations:\t{_pairs(annotations)}\n")
    text.put(0, f"Provisioner:\t{obj.get('provisioner', '')}\n")
    text.put(0, f"Parameters:\t{_pairs(obj.get('parameters') or {})}\n")
    expands = obj.get("allowVolumeExpansion")
    text.put(0, f"AllowVolumeExpansion:\t{'<unset>' if expands is None else 'True' if expands else 'False'}\n")
    options = obj.get("mountOptions")
    if options:
        text.put(0, "MountOptions:\n")
        for each in options:
            text.put(0, f"  {each}\n")
    else:
        text.put(0, "MountOptions:\t<none>\n")
    if obj.get("reclaimPolicy"):
        text.put(0, f"ReclaimPolicy:\t{obj['reclaimPolicy']}\n")
    if obj.get("volumeBindingMode"):
        text.put(0, f"VolumeBindingMode:\t{obj['volumeBindingMode']}\n")
    events(call, text, obj)
    return text.text()


def _pairs(found: dict[str, str]) -> str:
    return ",".join(f"{key}={found[key]}" for key in sorted(found)) or "<none>"
