"""The program `kind`: found, old enough, and run for a cluster's creation, deletion, kubeconfig and images."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from statelab.cluster.engine import Engine, run_program
from statelab.cluster.engine_errors import explain
from statelab.cluster.getting import how_to
from statelab.cluster.problem import Problem

OLDEST = (0, 27)  # before it, no containerd 2 in a node image
OLDEST_FOR_PINNED_IMAGE = (0, 32)  # the first that can start the nodes in kind-config.yaml
_CREATED_WITHIN_S = 1800.0  # most of which is a slow download
_STOPS_WITHIN_S = 20.0
_VERSION = re.compile(r"v?(\d+)\.(\d+)(?:\.(\d+))?")
_STEP = re.compile(r"^\s*[•*]\s*(.+?)[^\w)]*$")


@dataclass(frozen=True)
class Kind:
    """The program, and its version as numbers: (0, 33, 0)."""

    program: str
    version: tuple[int, int, int]

    @property
    def text(self) -> str:
        return ".".join(map(str, self.version))

    def create(
        self,
        engine: Engine,
        name: str,
        *,
        config: Path,
        node_image: str | None,
        kubeconfig: Path,
        on_step: Callable[[str], None],
    ) -> None:
        """Create a cluster, telling of each step. Raises Problem, and lets KeyboardInterrupt through.

        kind removes what it made when it fails, and leaves it when it is interrupted: that is the caller's to remove.
        """
        command = [self.program, "create", "cluster", "--name", name, "--config", str(config)]
        command += ["--kubeconfig", str(kubeconfig)]
        command += ["--image", node_image] if node_image else []
        code, said = _follow(command, engine, on_step)
        if code is None:
            raise Problem(f"kind did not finish within {_CREATED_WITHIN_S / 60:.0f} minutes.", "Run this again.")
        if code:
            raise explain(engine.name, said, "kind could not create the cluster")

    def delete(self, engine: Engine, name: str, kubeconfig: Path) -> None:
        """Delete a cluster and its entry in the kubeconfig. Raises Problem."""
        self._run(engine, "delete", "cluster", "--name", name, "--kubeconfig", str(kubeconfig), timeout_s=180.0)

    def write_kubeconfig(self, engine: Engine, name: str, kubeconfig: Path | None) -> None:
        """Write how to reach the cluster into a kubeconfig; None means the user's own. Raises Problem."""
        where = ["--kubeconfig", str(kubeconfig)] if kubeconfig is not None else []
        self._run(engine, "export", "kubeconfig", "--name", name, *where)

    def load_image(self, engine: Engine, name: str, image: str) -> None:
        """Copy an image the engine has to every node. Raises Problem."""
        self._run(engine, "load", "docker-image", image, "--name", name, timeout_s=600.0)

    def _run(self, engine: Engine, *arguments: str, timeout_s: float = 60.0) -> str:
        try:
            done = run_program([self.program, *arguments], timeout_s, engine.environment())
        except subprocess.TimeoutExpired:
            raise Problem(
                f"kind {' '.join(arguments[:2])} did not finish within {timeout_s:.0f} s.", "Again?"
            ) from None
        if done.returncode:
            raise explain(engine.name, done.stderr or done.stdout, f"kind {' '.join(arguments[:2])} failed")
        return done.stdout


def find_kind() -> Kind:
    """The kind of this machine. Raises Problem when there is none, or it is too old."""
    program = shutil.which("kind")
    if program is None:
        raise Problem(
            "There is no kind on this machine: it makes Kubernetes nodes out of containers.", f"{how_to('kind')}."
        )
    try:
        found = _VERSION.search(run_program([program, "version"], timeout_s=30).stdout)
    except (OSError, subprocess.TimeoutExpired):
        found = None
    if found is None:
        raise Problem(f"{program} does not say its version, as kind does.", f"{how_to('kind')}.")
    kind = Kind(program, (int(found[1]), int(found[2]), int(found[3] or 0)))
    if kind.version[:2] < OLDEST:
        raise Problem(f"kind {kind.text} is too old: the course needs {_words(OLDEST)} or newer.", f"{how_to('kind')}.")
    return kind


def check_for_pinned_image(kind: Kind, image: str) -> None:
    """Raises Problem when this kind cannot start the image in kind-config.yaml."""
    if kind.version[:2] < OLDEST_FOR_PINNED_IMAGE:
        raise Problem(
            f"kind {kind.text} cannot start the course's node image, {image.partition('@')[0]}: "
            f"that needs kind {_words(OLDEST_FOR_PINNED_IMAGE)}.",
            f"{how_to('kind')}. Or keep yours, with an image that the release notes of kind {kind.text} list: "
            "statelab up --cluster kind --node-image kindest/node:…",
        )


def _words(version: tuple[int, int]) -> str:
    return ".".join(map(str, version))


def _follow(command: list[str], engine: Engine, on_step: Callable[[str], None]) -> tuple[int | None, str]:
    """Run a command that tells of its steps: its exit code, None when it took too long, and all it said.

    It has a session of its own: a Ctrl-C reaches us alone, and we end it before we remove what it made.
    """
    own: dict[str, Any] = {"start_new_session": True}
    if sys.platform == "win32":
        own = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
    process = subprocess.Popen(
        command,
        env=engine.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        **own,
    )
    assert process.stdout is not None
    too_long = threading.Event()

    def end() -> None:
        too_long.set()
        _end(process)

    alarm = threading.Timer(_CREATED_WITHIN_S, end)
    alarm.daemon = True
    alarm.start()
    said: list[str] = []
    try:
        for line in process.stdout:
            said.append(line)
            step = _STEP.match(line)
            if step is not None:
                on_step(step[1])
        code = process.wait()
    finally:
        alarm.cancel()
        _end(process)
    return (None if too_long.is_set() else code), "".join(said)


def _end(process: subprocess.Popen[str]) -> None:
    """End the program and those it started."""
    if process.poll() is not None:
        return
    _signal(process, signal.SIGTERM)
    try:
        process.wait(_STOPS_WITHIN_S)
    except subprocess.TimeoutExpired:
        _signal(process, getattr(signal, "SIGKILL", signal.SIGTERM))
        process.wait()


def _signal(process: subprocess.Popen[str], number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        if sys.platform == "win32":
            process.terminate()
        else:
            import os

            os.killpg(process.pid, number)
