"""What containers that misbehave cost those who do not."""

from __future__ import annotations

import time
from collections.abc import Generator

from benchmarks.figure import Figure
from benchmarks.server import serving

_PODS = "/api/v1/namespaces/default/pods"
_HOSTILE = {
    "loop": "while :; do :; done",
    "fork-bomb": ":(){ :|:& };:",
    "flood": "while true; do echo flood; done",
    "files": "i=0; while true; do echo x > /tmp/f$i; i=$((i+1)); done",
    "memory": "x=a; while true; do x=$x$x; done",
    "calls": "while true; do date; curl -s http://10.244.9.9; done",
    "jobs": "while true; do (while true; do :; done) & done",
}
_FOR_S = 8.0


def containers() -> Generator[Figure]:
    """A server with seven hostile Pods: how long a GET takes meanwhile."""
    with serving() as server:
        client = server.client()
        for name, script in _HOSTILE.items():
            container = {"name": "main", "image": "busybox:1.36", "command": ["sh", "-c", script]}
            pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {"containers": [container]}}
            client.request("POST", _PODS, pod)
        took_s = []
        ends_s = time.monotonic() + _FOR_S
        while time.monotonic() < ends_s:
            begun_s = time.perf_counter()
            client.request("GET", f"{_PODS}/loop")
            took_s.append(time.perf_counter() - begun_s)
            time.sleep(0.005)
        took_s.sort()
        yield Figure("GET beside seven hostile Pods, median", took_s[len(took_s) // 2] * 1000, "ms", better="lower")
        yield Figure(
            "GET beside seven hostile Pods, p99", took_s[int(len(took_s) * 0.99)] * 1000, "ms", better="lower", aim=50.0
        )
