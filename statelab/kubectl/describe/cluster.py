"""Nodes, namespaces, and the small kinds: ConfigMaps, Secrets, ServiceAccounts, budgets, quotas."""

from __future__ import annotations

import base64

from statelab.controlplane import quantity
from statelab.controlplane.labels import selector_text
from statelab.kubectl.api import Object
from statelab.kubectl.call import Call
from statelab.kubectl.describe.text import Text, age, events, when


def describe_node(call: Call, obj: Object) -> str:
    text = Text()
    spec, status, metadata = obj["spec"], obj.get("status") or {}, obj["metadata"]
    labels = metadata.get("labels") or {}
    text.put(0, f"Name:\t{metadata['name']}\n")
    roles = sorted(key.partition("/")[2] for key in labels if key.startswith("node-role.kubernetes.io/"))
    text.put(0, f"Roles:\t{','.join(roles) or '<none>'}\n")
    text.labels("Labels", labels)
    text.annotations(metadata.get("annotations"))
    text.put(0, f"CreationTimestamp:\t{when(metadata.get('creationTimestamp'))}\n")
    taints = [
        each["key"] + (f"={each['value']}" if each.get("value") else "") + f":{each['effect']}"
        for each in sorted(spec.get("taints") or (), key=lambda one: (one["effect"], one["key"]))
    ]
    text.put(0, f"Taints:\t{taints[0] if taints else '<none>'}\n")
    for each in taints[1:]:
        text.put(0, f"\t{each}\n")
    text.put(0, f"Unschedulable:\t{'true' if spec.get('unschedulable') else 'false'}\n")
    _lease(call, text, metadata["name"])
    conditions = status.get("conditions") or ()
    if conditions:
        text.put(0, "Conditions:\n  Type\tStatus\tLastHeartbeatTime\tLastTransitionTime\tReason\tMessage\n")
        text.put(1, "----\t------\t-----------------\t------------------\t------\t-------\n")
        for each in conditions:
            text.put(
                1,
                f"{each['type']} \t{each['status']} \t{when(each.get('lastHeartbeatTime'))} \t"
                f"{when(each.get('lastTransitionTime'))} \t{each.get('reason', '')} \t{each.get('message', '')}\n",
            )
    text.put(0, "Addresses:\n")
    for each in status.get("addresses") or ():
        text.put(1, f"{each['type']}:\t{each['address']}\n")
    for field, words in (("capacity", "Capacity"), ("allocatable", "Allocatable")):
        if status.get(field):
            text.put(0, f"{words}:\n")
            for key in sorted(status[field]):
                text.put(1, f"{key}:\t{quantity.canonical(str(status[field][key]))}\n")
    info = status.get("nodeInfo") or {}
    text.put(0, "System Info:\n")
    for words, field in (
        ("Machine ID", "machineID"), ("System UUID", "systemUUID"), ("Boot ID", "bootID"),
        ("Kernel Version", "kernelVersion"), ("OS Image", "osImage"), ("Operating System", "operatingSystem"),
        ("Architecture", "architecture"), ("Container Runtime Version", "containerRuntimeVersion"),
        ("Kubelet Version", "kubeletVersion"),
    ):  # fmt: skip
        text.put(1, f"{words}:\t{info.get(field, '')}\n")
    if spec.get("podCIDR"):
        text.put(0, f"PodCIDR:\t{spec['podCIDR']}\n")
    if spec.get("podCIDRs"):
        text.put(0, f"PodCIDRs:\t{','.join(spec['podCIDRs'])}\n")
    if spec.get("providerID"):
        text.put(0, f"ProviderID:\t{spec['providerID']}\n")
    _pods(call, text, metadata["name"], status.get("allocatable") or status.get("capacity") or {})
    events(call, text, {**obj, "metadata": {"name": metadata["name"]}})
    return text.text()


def _lease(call: Call, text: Text, name: str) -> None:
    """Source: describeNodeLease. A server without leases tells nothing."""
    reply = call.api.request("GET", f"/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/{name}")
    if reply.code >= 400:
        text.put(0, f"Lease:\tFailed to get lease: {(reply.body or {}).get('message', '')}\n")
        return
    spec = reply.body.get("spec") or {}
    text.put(0, "Lease:\n")
    text.put(1, f"HolderIdentity:\t{spec.get('holderIdentity') or '<unset>'}\n")
    for words, field in (("AcquireTime", "acquireTime"), ("RenewTime", "renewTime")):
        text.put(1, f"{words}:\t{when(spec[field]) if spec.get(field) else '<unset>'}\n")


def _pods(call: Call, text: Text, node: str, allocatable: Object) -> None:
    """The Pods that count, what each asks for, and all together."""
    selector = f"spec.nodeName={node},status.phase!=Succeeded,status.phase!=Failed"
    pods = call.list(call.mapper.find("pods"), "", fieldSelector=selector)
    text.put(0, f"Non-terminated Pods:\t({len(pods)} in total)\n")
    text.put(1, "Namespace\tName\t\tCPU Requests\tCPU Limits\tMemory Requests\tMemory Limits\tAge\n")
    text.put(1, "---------\t----\t\t------------\t----------\t---------------\t-------------\t---\n")
    sums: dict[tuple[str, str], int] = {}
    for pod in pods:
        cells = []
        for resource in ("cpu", "memory"):
            for field in ("requests", "limits"):
                nanos = _asked(pod, resource, field)
                cells.append(_share(nanos, resource, allocatable))
        for resource in ("cpu", "memory", "ephemeral-storage", "hugepages-1Gi", "hugepages-2Mi"):
            for field in ("requests", "limits"):
                sums[resource, field] = sums.get((resource, field), 0) + _asked(pod, resource, field)
        metadata = pod["metadata"]
        text.put(
            1,
            f"{metadata['namespace']}\t{metadata['name']}\t\t"
            + "\t".join(cells)
            + f"\t{age(call, metadata.get('creationTimestamp'))}\n",
        )
    text.put(0, "Allocated resources:\n  (Total limits may be over 100 percent, i.e., overcommitted.)\n")
    text.put(1, "Resource\tRequests\tLimits\n")
    text.put(1, "--------\t--------\t------\n")
    shown = ["cpu", "memory", "ephemeral-storage", *sorted(key for key in allocatable if key.startswith("hugepages-"))]
    for resource in shown:
        cells = [_share(sums.get((resource, field), 0), resource, allocatable) for field in ("requests", "limits")]
        text.put(1, f"{resource}\t" + "\t".join(cells) + "\n")


def _asked(pod: Object, resource: str, field: str) -> int:
    """What a Pod asks for, in nanos: its containers together, or its largest init container."""
    spec = pod["spec"]

    def of(container: Object) -> int:
        said = ((container.get("resources") or {}).get(field) or {}).get(resource)
        return quantity.nanos(str(said)) if said is not None else 0

    usual = sum(of(each) for each in spec.get("containers") or ())
    return max([usual, *(of(each) for each in spec.get("initContainers") or ())])


def _share(nanos: int, resource: str, allocatable: Object) -> str:
    total = quantity.nanos(str(allocatable.get(resource, "0")))
    percent = int(nanos / total * 100) if total else 0
    shown = str(quantity.of_nanos(nanos, binary=resource != "cpu")) if nanos else "0"
    return f"{shown} ({percent}%)"


# ---- namespaces and small kinds


def describe_namespace(call: Call, obj: Object) -> str:
    text = Text()
    text.put(0, f"Name:\t{obj['metadata']['name']}\n")
    text.labels("Labels", obj["metadata"].get("labels"))
    text.annotations(obj["metadata"].get("annotations"))
    text.put(0, f"Status:\t{(obj.get('status') or {}).get('phase', '')}\n")
    conditions = (obj.get("status") or {}).get("conditions") or ()
    if conditions:
        text.put(0, "Conditions:\n")
        text.put(1, "Type\tStatus\tLastTransitionTime\tReason\tMessage\n")
        text.put(1, "----\t------\t------------------\t------\t-------\n")
        for each in conditions:
            text.put(
                1,
                f"{each['type']} \t{each['status']} \t{when(each.get('lastTransitionTime'))} \t"
                f"{each.get('reason', '')} \t{each.get('message', '')}\n",
            )
    resource = call.mapper.maybe("resourcequotas")
    quotas = call.list(resource, obj["metadata"]["name"]) if resource is not None else []
    if not quotas:
        text.put(0, "\nNo resource quota.\n")
    else:
        text.put(0, "\nResource Quotas\n")
        for quota in quotas:
            text.put(1, f"Name:\t{quota['metadata']['name']}\n")
            _quota(text, quota, 1)
    limits = call.mapper.maybe("limitranges")
    if limits is None or not call.list(limits, obj["metadata"]["name"]):
        text.put(0, "\nNo LimitRange resource.\n") if limits is not None else None
    return text.text()


def _quota(text: Text, quota: Object, level: int) -> None:
    status = quota.get("status") or {}
    text.put(level, "Resource\tUsed\tHard\n")
    text.put(level, "--------\t----\t----\n")
    hard, used = status.get("hard") or {}, status.get("used") or {}
    for key in sorted(hard):
        text.put(level, f"{key}\t{used.get(key, '0')}\t{hard[key]}\n")


def describe_quota(call: Call, obj: Object) -> str:
    text = Text()
    text.name(obj)
    scopes = (obj.get("spec") or {}).get("scopes")
    if scopes:
        text.put(0, f"Scopes:\t{', '.join(sorted(scopes))}\n")
    _quota(text, obj, 0)
    return text.text()


def describe_configmap(call: Call, obj: Object) -> str:
    text = Text()
    text.name(obj)
    text.labels("Labels", obj["metadata"].get("labels"))
    text.annotations(obj["metadata"].get("annotations"))
    text.put(0, "\nData\n====\n")
    for key in sorted(obj.get("data") or {}):
        text.put(0, f"{key}:\n----\n")
        text.put(0, f"{obj['data'][key]}\n\n")
    text.put(0, "\nBinaryData\n====\n")
    for key in sorted(obj.get("binaryData") or {}):
        text.put(0, f"{key}: {len(base64.b64decode(obj['binaryData'][key]))} bytes\n")
    text.put(0, "\n")
    events(call, text, obj)
    return text.text()


def describe_secret(call: Call, obj: Object) -> str:
    text = Text()
    text.name(obj)
    text.labels("Labels", obj["metadata"].get("labels"))
    text.annotations(obj["metadata"].get("annotations"))
    text.put(0, f"\nType:\t{obj.get('type', '')}\n")
    text.put(0, "\nData\n====\n")
    data = obj.get("data") or {}
    for key in sorted(data):
        if key == "token" and obj.get("type") == "kubernetes.io/service-account-token":
            text.put(0, f"{key}:\t{base64.b64decode(data[key]).decode()}\n")
        else:
            text.put(0, f"{key}:\t{len(base64.b64decode(data[key]))} bytes\n")
    return text.text()


def describe_serviceaccount(call: Call, obj: Object) -> str:
    text = Text()
    text.name(obj)
    text.labels("Labels", obj["metadata"].get("labels"))
    text.annotations(obj["metadata"].get("annotations"))
    pulls = [each["name"] for each in obj.get("imagePullSecrets") or ()]
    text.put(0, f"Image pull secrets:\t{pulls[0] if pulls else '<none>'}\n")
    for each in pulls[1:]:
        text.put(0, f"                   \t{each}\n")
    events(call, text, obj)
    return text.text()


def describe_budget(call: Call, obj: Object) -> str:
    text = Text()
    spec, status = obj["spec"], obj.get("status") or {}
    text.name(obj)
    if spec.get("minAvailable") is not None:
        text.put(0, f"Min available:\t{spec['minAvailable']}\n")
    elif spec.get("maxUnavailable") is not None:
        text.put(0, f"Max unavailable:\t{spec['maxUnavailable']}\n")
    if spec.get("selector") is not None:
        text.put(0, f"Selector:\t{selector_text(spec['selector'])}\n")
    else:
        text.put(0, "Selector:\t<unset>\n")
    text.put(0, "Status:\n")
    for words, field in (
        ("Allowed disruptions", "disruptionsAllowed"),
        ("Current", "currentHealthy"),
        ("Desired", "desiredHealthy"),
        ("Total", "expectedPods"),
    ):
        text.put(2, f"{words}:\t{status.get(field, 0)}\n")
    events(call, text, obj)
    return text.text()
