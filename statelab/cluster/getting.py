"""How to get what a real cluster needs, for the system we are on."""

from __future__ import annotations

import shlex
import sys

_HOW = {
    "docker": {
        "linux": "Install Docker Engine (https://docs.docker.com/engine/install/) or Podman "
        "(sudo apt install podman, sudo dnf install podman)",
        "darwin": "Install Docker Desktop, OrbStack or Colima: brew install --cask docker-desktop, "
        "or brew install colima docker && colima start",
        "win32": "Install Docker Desktop, with its WSL 2 backend: winget install Docker.DockerDesktop",
    },
    "kind": {
        "linux": "Get kind from https://kind.sigs.k8s.io/docs/user/quick-start/#installation "
        "(one file, to be put in your PATH), or: brew install kind",
        "darwin": "brew install kind",
        "win32": "winget install Kubernetes.kind",
    },
    "start docker": {
        "linux": "Start it: sudo systemctl start docker (rootless: systemctl --user start docker)",
        "darwin": "Start Docker Desktop from the Applications folder (or: colima start) and wait until it says running",
        "win32": "Start Docker Desktop from the Start menu and wait until it says running",
    },
    "start podman": {
        "linux": "See what it says: podman info",
        "darwin": "Start its machine: podman machine start (the first time: podman machine init --memory 4096 first)",
        "win32": "Start its machine: podman machine start (the first time: podman machine init --memory 4096 first)",
    },
    "permission": {
        "linux": "Join its group, then log out and in again: sudo usermod -aG docker $USER "
        "(or install rootless Docker: https://docs.docker.com/engine/security/rootless/)",
        "darwin": "Start Docker Desktop again as the user you are logged in as",
        "win32": "Join the group docker-users (lusrmgr.msc, or ask an administrator), then log out and in again",
    },
    "more room": {
        "linux": "See what takes it: docker system df. Free some: docker system prune",
        "darwin": "Free some (docker system prune), or give Docker Desktop more: Settings → Resources → Disk",
        "win32": "Free some (docker system prune), or give Docker Desktop more: Settings → Resources → Disk",
    },
}


def setting(name: str, value: str) -> str:
    """The line that sets a variable in this system's usual shell."""
    if sys.platform == "win32":
        return f"$env:{name} = '{value.replace(chr(39), chr(39) * 2)}'"
    return f"export {name}={shlex.quote(value)}"


def how_to(what: str) -> str:
    """A sentence without its full stop: how to get "docker", "kind", or out of a situation, on this system."""
    by_system = _HOW[what]
    return by_system.get(sys.platform, by_system["linux"])
