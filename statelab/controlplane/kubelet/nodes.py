"""The Node a kubelet registers, what it says of itself, and the addresses it gives to its Pods.

Source: pkg/kubelet/nodestatus/setters.go, pkg/kubelet/kubelet_node_status.go, pkg/volume/csi/nodeinfomanager; the names
and labels are kind's.
"""

from __future__ import annotations

from collections.abc import Iterable

from statelab.controlplane.clock import timestamp
from statelab.controlplane.kinds import Object
from statelab.version import KUBERNETES_VERSION

# A kubelet may be configured for as many (maxPods); kind's default of 110 would not hold a set of 1,000.
CAPACITY = {
    "cpu": "8",
    "ephemeral-storage": "100Gi",
    "hugepages-1Gi": "0",
    "hugepages-2Mi": "0",
    "memory": "16Gi",
    "pods": "1000",
}
CONTROL_PLANE_TAINT = {"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}
_MIGRATED = tuple(
    f"kubernetes.io/{name}"
    for name in ("aws-ebs", "azure-disk", "azure-file", "cinder", "gce-pd", "portworx-volume", "vsphere-volume")
)
_CONDITIONS = (
    ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
)


def is_control_plane(name: str) -> bool:
    return name.endswith("control-plane")


def host_ips(names: Iterable[str]) -> dict[str, str]:
    """An address for each node. Workers come first: the recorded kind-worker is 172.17.0.1."""
    ordered = sorted(names, key=is_control_plane)
    return {name: f"172.17.0.{number}" for number, name in enumerate(ordered, start=1)}


def new_node(name: str, index: int) -> Object:
    """The Node as it registers. `index` counts the cluster's nodes from 0: it decides the Pods' address range."""
    labels = {
        "beta.kubernetes.io/arch": "amd64",
        "beta.kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
    }
    spec: Object = {
        "podCIDR": f"10.244.{index}.0/24",
        "podCIDRs": [f"10.244.{index}.0/24"],
        "providerID": f"kind://docker/kind/{name}",
    }
    if is_control_plane(name):
        labels["node-role.kubernetes.io/control-plane"] = ""
        labels["node.kubernetes.io/exclude-from-external-load-balancers"] = ""
        spec["taints"] = [dict(CONTROL_PLANE_TAINT)]
    annotations = {
        "node.alpha.kubernetes.io/ttl": "0",
        "volumes.kubernetes.io/controller-managed-attach-detach": "true",
    }
    metadata = {"name": name, "labels": labels, "annotations": annotations}
    return {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "spec": spec}


def csi_node(node: Object) -> Object:
    """The CSINode beside a Node: no driver has told of itself, and of those that were built in CSI has taken over."""
    metadata = node["metadata"]
    owner = {"apiVersion": "v1", "kind": "Node", "name": metadata["name"], "uid": metadata["uid"]}
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "CSINode",
        "metadata": {
            "name": metadata["name"],
            "annotations": {"storage.alpha.kubernetes.io/migrated-plugins": ",".join(_MIGRATED)},
            "ownerReferences": [owner],
        },
        "spec": {"drivers": None},
    }


def node_status(node: Object, host_ip: str, now_s: float) -> Object:
    """What the kubelet reports: it is well. Conditions keep the time of their last transition."""
    old = node.get("status") or {}
    before = {each["type"]: each for each in old.get("conditions") or ()}
    conditions = []
    for name, status, reason, message in _CONDITIONS:
        was = before.get(name)
        same = was is not None and was["status"] == status
        conditions.append(
            {
                "type": name,
                "status": status,
                "lastHeartbeatTime": timestamp(now_s),
                "lastTransitionTime": was["lastTransitionTime"] if same and was else timestamp(now_s),
                "reason": reason,
                "message": message,
            }
        )
    name = node["metadata"]["name"]
    return {
        "capacity": dict(old.get("capacity") or CAPACITY),
        "allocatable": dict(old.get("allocatable") or CAPACITY),
        "conditions": conditions,
        "addresses": [{"type": "InternalIP", "address": host_ip}, {"type": "Hostname", "address": name}],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
        "nodeInfo": _node_info(name),
    }


def _node_info(name: str) -> Object:
    identity = f"{sum(ord(letter) << index for index, letter in enumerate(name)) & (1 << 128) - 1:032x}"
    return {
        "architecture": "amd64",
        "bootID": f"{identity[:8]}-{identity[8:12]}-{identity[12:16]}-{identity[16:20]}-{identity[20:]}",
        "containerRuntimeVersion": "containerd://2.1.3",
        "kernelVersion": "6.8.0-statelab",
        "kubeProxyVersion": "",
        "kubeletVersion": f"v{KUBERNETES_VERSION}+statelab",
        "machineID": identity,
        "operatingSystem": "linux",
        "osImage": "StateLab (sandboxed containers)",
        "systemUUID": f"{identity[:8]}-{identity[8:12]}-{identity[12:16]}-{identity[16:20]}-{identity[20:]}",
    }


class Addresses:
    """The Pod addresses of one node: 10.244.NODE.y, the next one each time, one that was given back only much later.

    A node that runs more Pods than a /24 holds goes on in 10.244.(NODE + 16).y and so on.
    """

    __slots__ = ("_index", "_next", "_used")

    _PER_RANGE = 253  # .2 to .254
    _RANGES = 15

    def __init__(self, index: int) -> None:
        self._index = index
        self._next = 0
        self._used: set[str] = set()

    def take(self) -> str:
        for _ in range(self._PER_RANGE * self._RANGES):
            nth, low = divmod(self._next, self._PER_RANGE)
            # Wrap within the first range as long as it has room, so that addresses look like kind's.
            self._next += 1
            if nth >= self._RANGES:
                self._next = 0
                continue
            address = f"10.244.{self._index + 16 * nth}.{low + 2}"
            if address not in self._used:
                if self._next >= self._PER_RANGE and len(self._used) < self._PER_RANGE // 2:
                    self._next = 0
                self._used.add(address)
                return address
        raise RuntimeError("no Pod address is left on this node")

    def give_back(self, address: str) -> None:
        self._used.discard(address)

    def reserve(self, address: str) -> None:
        self._used.add(address)
