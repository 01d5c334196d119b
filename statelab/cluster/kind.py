"""A kind cluster named `statelab`, or any other through its kubeconfig context."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from statelab.cluster.cluster import Cluster
from statelab.cluster.connection import from_kubeconfig
from statelab.cluster.nodes import give_back
from statelab.cluster.problem import Problem

CONTEXT = "kind-statelab"


class KindCluster(Cluster):
    """A Cluster made by kind: real, so nothing of it is simulated. Its nodes are containers of Docker."""

    place = "kind"

    def stop_node(self, name: str) -> None:
        """Freeze a node: its kubelet falls silent, as when a cable is cut. Raises Problem when Docker will not."""
        _docker("pause", name)

    def start_node(self, name: str) -> None:
        """Let a frozen node go on. Raises Problem when Docker will not."""
        _docker("unpause", name)

    def mend_nodes(self) -> None:
        if self.context == CONTEXT:  # another kind cluster may have its reasons
            give_back(self)


def _docker(verb: str, node: str) -> None:
    tool = shutil.which("docker") or shutil.which("podman")
    if tool is None:
        raise Problem("Stopping a node of kind needs Docker.", f"Where Docker runs, type: docker {verb} {node}")
    done = subprocess.run([tool, verb, node], capture_output=True, text=True, timeout=60, check=False)
    if done.returncode and f"is {'already' if verb == 'pause' else 'not'} paused" not in done.stderr:
        raise Problem(f"docker {verb} {node} failed: {done.stderr.strip()}", "See the nodes: docker ps")


def connect_context(context: str | None, *, allow_any: bool = False) -> Cluster:
    """The cluster behind a kubeconfig context; one that is not kind's must be allowed explicitly. Raises Problem."""
    path = Path(os.environ.get("KUBECONFIG", "").split(os.pathsep)[0] or Path.home() / ".kube" / "config")
    if not path.exists():
        raise Problem(
            f"There is no kubeconfig at {path}.", "Make a cluster with `kind create cluster --name statelab`."
        )
    connection, name, namespace = from_kubeconfig(path, context)
    if name.startswith("kind-"):
        return KindCluster(connection, context=name, kubeconfig=path, namespace=namespace)
    if not allow_any:
        raise Problem(
            f"Context {name} is neither the embedded cluster nor a kind cluster; the course changes nothing there.",
            f'If you are sure, say it twice: statelab.connect("{name}", allow_any=True).',
        )
    return Cluster(connection, context=name, kubeconfig=path, namespace=namespace)
