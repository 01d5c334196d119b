"""The logs of a node's containers as they lie below its /var/log, and what its kubelet goes by.

Source: pkg/kubelet/kubelet.go (the /logs/ handler is Go's http.FileServer), pkg/kubelet/kuberuntime/helpers.go (names),
the format of cri-api's logs; pkg/kubelet/apis/config/v1beta1 (configz).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from statelab.controlplane.apiserver.serving.logs import nanoseconds
from statelab.controlplane.kubelet import backoff, hostfiles
from statelab.controlplane.kubelet.nodes import CAPACITY
from statelab.controlplane.runtime.spec import LogLine

if TYPE_CHECKING:
    from statelab.controlplane.controlplane import ControlPlane

_HEAD = '<!doctype html>\n<meta name="viewport" content="width=device-width">\n<pre>\n'


def configuration() -> dict[str, Any]:
    """What of a KubeletConfiguration is true here; what this kubelet does not know is left out."""
    return {
        "enableServer": True,
        "port": 10250,
        "clusterDomain": hostfiles.CLUSTER_DOMAIN,
        "clusterDNS": [hostfiles.CLUSTER_DNS],
        "nodeLeaseDurationSeconds": 40,
        "nodeStatusReportFrequency": "5m0s",
        "maxPods": int(CAPACITY["pods"]),
        "crashLoopBackOff": {"maxContainerRestartPeriod": f"{int(backoff.LONGEST_S) // 60}m0s"},
    }


def files(cluster: ControlPlane, node: str) -> dict[str, bytes]:
    """Each log by its path below /var/log: as the runtime writes it, and as a link beside it is called."""
    found: dict[str, bytes] = {}
    for pod in cluster.store.list("pods"):
        if pod["spec"].get("nodeName") == node:
            found.update(_of_pod(cluster, node, pod))
    return found


def _of_pod(cluster: ControlPlane, node: str, pod: dict[str, Any]) -> Iterator[tuple[str, bytes]]:
    metadata, kubelet = pod["metadata"], cluster.kubelets[node]
    namespace, name = metadata["namespace"], metadata["name"]
    folder, key = f"pods/{namespace}_{name}_{metadata['uid']}", f"{namespace}/{name}"
    status = pod.get("status") or {}
    for section in ("initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses"):
        for each in status.get(section) or ():
            container, count = each["name"], each.get("restartCount", 0)
            runs = [(count, kubelet.container(key, container), each.get("containerID", ""))]
            ended = (each.get("lastState") or {}).get("terminated") or {}
            runs += [(count - 1, kubelet.previous(key, container), ended.get("containerID", ""))] if count else []
            for number, run, identity in runs:
                if run is not None:
                    text = b"".join(map(_line, run.logs))
                    yield f"{folder}/{container}/{number}.log", text
                    yield f"containers/{name}_{namespace}_{container}-{identity.rpartition('/')[2]}.log", text


def listing(paths: Iterable[str], folder: str) -> str | None:
    """A folder as Go's file server shows it; None where there is no such folder."""
    names = set()
    for path in paths:
        if path.startswith(folder):
            name, slash, _ = path[len(folder) :].partition("/")
            names.add(name + slash)
    if not names:
        return None
    lines = (f'<a href="{quote(each)}">{escape(each)}</a>\n' for each in sorted(names))
    return f"{_HEAD}{''.join(lines)}</pre>\n"


def _line(line: LogLine) -> bytes:
    whole = "P" if line.partial else "F"
    return f"{nanoseconds(line.at_s)} {line.stream} {whole} {line.text}\n".encode("utf-8", "replace")
