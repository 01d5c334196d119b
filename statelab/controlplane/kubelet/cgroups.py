"""What a container reads of its own limits: the files of its control group, and how soon it is killed for memory.

Source: pkg/kubelet/cm/helpers_linux.go (MilliCPUToShares, MilliCPUToQuota), KEP-2254 (weights),
pkg/kubelet/qos/policy.go.
"""

from __future__ import annotations

from statelab.controlplane.kinds import Object
from statelab.controlplane.qos import qos_class
from statelab.controlplane.scheduling.nodeinfo import amount

FOLDER = "/sys/fs/cgroup"
_PERIOD_US, _LEAST_QUOTA_US = 100_000, 1000
_LEAST_SHARES, _MOST_SHARES = 2, 262_144
_GUARANTEED, _BEST_EFFORT = -997, 1000
_CRITICAL = 2_000_000_000


def files(pod: Object, container: Object, node_memory: int) -> dict[str, str]:
    """By path. `pod` and `container` with the resources that the node has allowed; `node_memory` in bytes."""
    resources = container.get("resources") or {}
    requests, limits = ({**(resources.get(key) or {})} for key in ("requests", "limits"))
    cpu_limit = amount("cpu", limits.get("cpu", "0"))
    cpu = amount("cpu", requests.get("cpu", "0")) or cpu_limit
    quota = max(cpu_limit * _PERIOD_US // 1000, _LEAST_QUOTA_US) if cpu_limit else "max"
    memory = amount("memory", limits.get("memory", "0")) or "max"
    adjusted = _oom_score_adjust(pod, amount("memory", requests.get("memory", "0")), node_memory)
    return {
        f"{FOLDER}/cgroup.controllers": "cpuset cpu io memory hugetlb pids rdma misc\n",
        f"{FOLDER}/cpu.max": f"{quota} {_PERIOD_US}\n",
        f"{FOLDER}/cpu.weight": f"{_weight(cpu)}\n",
        f"{FOLDER}/memory.max": f"{memory}\n",
        "/proc/1/oom_score_adj": f"{adjusted}\n",
    }


def _weight(cpu_m: int) -> int:
    shares = min(max(cpu_m * 1024 // 1000, _LEAST_SHARES), _MOST_SHARES)
    return 1 + (shares - 2) * 9999 // 262_142


def _oom_score_adjust(pod: Object, memory: int, node_memory: int) -> int:
    spec = pod["spec"]
    quality = qos_class(spec)
    if quality == "Guaranteed" or (spec.get("priority") or 0) >= _CRITICAL:
        return _GUARANTEED
    if quality == "BestEffort":
        return _BEST_EFFORT
    return min(max(1000 - 1000 * memory // node_memory, 1000 + _GUARANTEED), _BEST_EFFORT - 1)
