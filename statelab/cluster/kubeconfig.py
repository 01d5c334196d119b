"""What a kubeconfig says of a context, read without connecting: some kubeconfigs run a program when they are used."""

from __future__ import annotations

import ipaddress
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from statelab.cluster.problem import Problem

# How the tools that make a cluster on one's own machine call their contexts.
_LOCAL_TOOLS = ("kind-", "k3d-", "minikube", "docker-desktop", "rancher-desktop", "colima", "orbstack", "microk8s")
_LOCAL_HOSTS = ("localhost", "host.docker.internal", "kubernetes.docker.internal")


@dataclass(frozen=True)
class Context:
    """A context by name: the file it is in, and its API server."""

    name: str
    path: Path
    server: str

    @property
    def is_local(self) -> bool:
        """Whether a tool for one's own machine made it, and it leads to this machine or its network."""
        return self.name.startswith(_LOCAL_TOOLS) and _is_near(urlsplit(self.server).hostname or "")


def users_kubeconfigs() -> list[Path]:
    """The files that kubectl would read, those that are there."""
    named = [Path(each) for each in os.environ.get("KUBECONFIG", "").split(os.pathsep) if each]
    return [path for path in named or [Path.home() / ".kube" / "config"] if path.is_file()]


def find_context(name: str, paths: list[Path] | None = None) -> Context:
    """The context of that name. Raises Problem with the names there are."""
    paths = users_kubeconfigs() if paths is None else paths
    if not paths:
        raise Problem(
            "There is no kubeconfig: " + (os.environ.get("KUBECONFIG") or str(Path.home() / ".kube" / "config")) + ".",
            "The embedded cluster needs none: statelab up. A real one on this machine: statelab up --cluster kind",
        )
    there: list[str] = []
    for path in paths:
        said = _read(path)
        servers = {each["name"]: each["cluster"]["server"] for each in said.get("clusters") or ()}
        for each in said.get("contexts") or ():
            there.append(str(each["name"]))
            if each["name"] == name and each["context"]["cluster"] in servers:
                return Context(name, path, str(servers[each["context"]["cluster"]]))
    known = ", ".join(there[:8]) + (" …" if len(there) > 8 else "")
    raise Problem(
        f"The kubeconfig has no context {name}.",
        f"There are: {known}." if there else "It has none: statelab up --cluster kind makes a cluster.",
    )


def _read(path: Path) -> Any:
    try:
        said = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        for each in said.get("clusters") or ():
            str(each["cluster"]["server"])
        for each in said.get("contexts") or ():
            str(each["context"]["cluster"])
    except (OSError, yaml.YAMLError, UnicodeDecodeError, AttributeError, KeyError, TypeError) as error:
        raise Problem(
            f"The kubeconfig {path} cannot be read: {str(error).splitlines()[0]}",
            "See whether kubectl can: kubectl config view",
        ) from None
    return said


def _is_near(host: str) -> bool:
    if host in _LOCAL_HOSTS:
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_private
