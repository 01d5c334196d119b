"""The container engine that kind's nodes run in: Docker or Podman, found, asked whether it answers, and used."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from statelab.cluster.engine_errors import ROOTLESS, explain
from statelab.cluster.getting import how_to
from statelab.cluster.problem import Problem

CLUSTER_LABEL = "io.x-k8s.kind.cluster"
ROLE_LABEL = "io.x-k8s.kind.role"
_ANSWERS_WITHIN_S = 30.0
_LEAST_MEMORY_BYTES = 3 * 2**30
_CONTROLLERS = {"cpu", "memory", "pids"}


@dataclass(frozen=True)
class Node:
    """A container that is a node of a kind cluster. `created`: in RFC 3339; `state`: "running", "paused", "exited"…"""

    name: str
    id: str
    cluster: str
    role: str
    state: str
    created: str


@dataclass(frozen=True)
class Engine:
    """Docker or Podman, known to answer. `program`: its path; `name`: "docker" or "podman"."""

    name: str
    program: str
    version: str
    is_rootless: bool = False
    warnings: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        return self.name.capitalize()

    def environment(self) -> dict[str, str]:
        """What kind has to find in its environment, to use this engine and no other."""
        return {**os.environ, "KIND_EXPERIMENTAL_PROVIDER": self.name}

    def run(self, *arguments: str, timeout_s: float = 60.0) -> str:
        """What it printed. Raises Problem in a sentence when it refused."""
        done = _ask([self.program, *arguments], timeout_s)
        if done.returncode:
            raise explain(self.name, done.stderr or done.stdout, f"{self.name} {' '.join(arguments)} failed")
        return done.stdout

    def nodes(self, cluster: str) -> list[Node]:
        """The nodes of a kind cluster, those that are stopped or paused too."""
        listed = self.run(
            "ps", "-a", "--no-trunc", "--filter", f"label={CLUSTER_LABEL}={cluster}", "--format", "{{.ID}}"
        )
        ids = listed.split()
        if not ids:
            return []
        found = [_node(each) for each in json.loads(self.run("inspect", "--type", "container", *ids))]
        return sorted((each for each in found if each.cluster == cluster), key=lambda node: node.name)


def _node(said: dict[str, Any]) -> Node:
    labels = said.get("Config", {}).get("Labels") or {}
    return Node(
        name=str(said.get("Name", "")).removeprefix("/"),
        id=str(said.get("Id", "")),
        cluster=str(labels.get(CLUSTER_LABEL, "")),
        role=str(labels.get(ROLE_LABEL, "")),
        state=str(said.get("State", {}).get("Status", "")),
        created=str(said.get("Created", "")),
    )


def find_engine(prefer: str = "") -> Engine:
    """The engine that answers: `prefer`, or the one KIND_EXPERIMENTAL_PROVIDER names, else Docker, else Podman.

    Raises Problem.
    """
    wanted = prefer or os.environ.get("KIND_EXPERIMENTAL_PROVIDER", "")
    names = [wanted] if wanted in ("docker", "podman") else ["docker", "podman"]
    first: Problem | None = None
    for name in names:
        program = shutil.which(name)
        if program is None:
            continue
        try:
            return _look_at(name, program)
        except Problem as problem:
            first = first or problem
    if first is not None:
        raise first
    if wanted in ("docker", "podman"):
        raise Problem(
            f"The cluster is one of {wanted.capitalize()}, and there is no {wanted} on this machine.",
            f"Install it again; or, where KIND_EXPERIMENTAL_PROVIDER says {wanted}, unset that.",
        )
    raise Problem(
        "A kind cluster runs in Docker or Podman, and this machine has neither.",
        f"{how_to('docker')}. The embedded cluster needs nothing of that: statelab up",
    )


def _look_at(name: str, program: str) -> Engine:
    """The engine, if its server answers. Raises Problem saying why not."""
    format = ["--format", "json" if name == "podman" else "{{json .}}"]
    done = _ask([program, "info", *format], _ANSWERS_WITHIN_S)
    if done.returncode:
        raise explain(name, done.stderr or done.stdout, f"{name.capitalize()} does not work")
    try:
        said = json.loads(done.stdout)
    except ValueError:
        raise Problem(f"{program} info answers with what is not JSON.", f"See what it says: {name} info") from None
    if "host" in said:  # Podman; also where its package answers to the name of docker
        return _podman(program, said)
    return _docker(program, said)


def _docker(program: str, said: dict[str, Any]) -> Engine:
    errors = said.get("ServerErrors") or []
    if errors or not said.get("ServerVersion"):
        raise explain("docker", " ".join(map(str, errors)) or "Cannot connect to the Docker daemon.", "Docker")
    if said.get("OSType") == "windows":
        raise Problem(
            "Docker runs Windows containers now, and the nodes of kind are Linux.",
            "Switch it: the menu of Docker's icon → Switch to Linux containers…",
        )
    options = " ".join(said.get("SecurityOptions") or [])
    is_rootless = "name=rootless" in options
    if is_rootless:
        controllers = {name for name, key in (("memory", "MemoryLimit"), ("pids", "PidsLimit")) if said.get(key)}
        controllers |= {"cpu"} if said.get("CPUShares") or said.get("CpuCfsQuota") else set()
        _check_rootless("Docker", str(said.get("CgroupVersion", "")), controllers)
    return Engine("docker", program, str(said["ServerVersion"]), is_rootless, _small(said.get("MemTotal"), "Docker"))


def _podman(program: str, said: dict[str, Any]) -> Engine:
    host = said["host"]
    is_rootless = bool(host.get("security", {}).get("rootless"))
    if is_rootless:
        _check_rootless("Podman", str(host.get("cgroupVersion", "")), set(host.get("cgroupControllers") or ()))
    version = str(said.get("version", {}).get("Version", ""))
    return Engine("podman", program, version, is_rootless, _small(host.get("memTotal"), "Podman"))


def _check_rootless(title: str, cgroups: str, controllers: set[str]) -> None:
    """What kind asks of an engine without root. Source: kind's rootless page."""
    if cgroups.removeprefix("v") != "2":
        raise Problem(
            f"{title} runs without root here, and kind then needs cgroup v2; this machine has v{cgroups or '1'}.",
            f"Switch to cgroup v2 ({ROOTLESS}), or use {title} with root.",
        )
    missing = _CONTROLLERS - controllers
    if missing:
        raise Problem(
            f"{title} runs without root here, and may not limit {', '.join(sorted(missing))}: kind cannot work so.",
            f"Let systemd delegate (Delegate=yes, five lines: {ROOTLESS}), log out and in again; "
            "or try: systemd-run --scope --user -p Delegate=yes statelab up --cluster kind",
        )


def _small(memory_bytes: Any, title: str) -> tuple[str, ...]:
    if isinstance(memory_bytes, int) and 0 < memory_bytes < _LEAST_MEMORY_BYTES:
        has = f"{memory_bytes / 2**30:.1f}"
        return (f"{title} has {has} GiB of memory; three nodes want 4. If they do not start, give it more.",)
    return ()


def run_program(
    command: list[str], timeout_s: float, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end with nothing to read; what it printed is text, whatever it was.

    Raises OSError when it cannot be run, and subprocess.TimeoutExpired.
    """
    return subprocess.run(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        encoding="utf-8",
        errors="replace",
        timeout=timeout_s,
        check=False,
    )


def _ask(command: list[str], timeout_s: float) -> subprocess.CompletedProcess[str]:
    try:
        return run_program(command, timeout_s)
    except subprocess.TimeoutExpired:
        raise Problem(
            f"{' '.join(command[:2])} did not answer within {timeout_s:.0f} s.",
            f"{os.path.basename(command[0])} may be starting still, or hang: start it again, then run this again.",
        ) from None
    except OSError as error:
        raise Problem(f"{command[0]} cannot be run: {error.strerror}.", "Install it again.") from None
