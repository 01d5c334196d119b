"""What Docker, Podman and kind write when they fail, turned into a sentence and what to do about it."""

from __future__ import annotations

from statelab.cluster.getting import how_to
from statelab.cluster.problem import Problem

TAKEN = "Somebody else has just made a kind cluster of that name; it is left as it is."
ROOTLESS = "https://kind.sigs.k8s.io/docs/user/rootless/"
# What a pull says that reaches no registry.
NO_NETWORK = (
    "no such host",
    "no route to host",
    "network is unreachable",
    "i/o timeout",
    "tls handshake timeout",
    "temporary failure in name resolution",
    "server misbehaving",
)
TOO_FEW_WATCHES = ("too many open files",)
_SILENT = (
    "cannot connect to the docker daemon",
    "failed to connect to the docker api",
    "error during connect",
    "is the docker daemon running",
    "dockerdesktoplinuxengine",
    "docker desktop is not running",
    "cannot connect to podman",
    "unable to connect to podman",
)


def explain(name: str, said: str, otherwise: str) -> Problem:
    """What an engine's (or kind's) error text means, and what to do. `otherwise`: how to begin when it is a new one."""
    title = "Podman" if name == "podman" else "Docker"
    text = " ".join(said.split())
    low = text.lower()
    if "permission denied" in low and any(
        word in low for word in ("docker.sock", "daemon socket", "docker api", "pipe")
    ):
        return Problem(
            "Docker runs, and you may not use it (permission denied on its socket).", f"{how_to('permission')}."
        )
    if any(word in low for word in _SILENT):
        return Problem(f"{title} is installed, and it is not running.", f"{how_to('start ' + title.lower())}.")
    if any(word in low for word in ("port is already allocated", "address already in use", "ports are not available")):
        return Problem(
            f"A port that the cluster needs is taken: {_line_with(said, 'port', 'address')}",
            "End the program that has it (or remove the port from kind-config.yaml), then run this again.",
        )
    if "no space left on device" in low or "disk quota exceeded" in low:
        return Problem(f"{title}'s disk is full; a kind cluster wants about 5 GB.", f"{how_to('more room')}.")
    if "already exist for a cluster with the name" in low:
        return Problem(TAKEN, "Make yours under another name: statelab up --cluster kind --name NAME")
    if "rootless provider requires" in low:
        return Problem(f"kind says: {_line_with(said, 'rootless provider')}", f"What to set, and how: {ROOTLESS}")
    if any(word in low for word in TOO_FEW_WATCHES):
        return Problem(
            "Its programs may watch too few files here (inotify: too many open files); each kind cluster takes some.",
            "On Linux: sudo sysctl fs.inotify.max_user_watches=524288 fs.inotify.max_user_instances=512, then again. "
            "Or delete a kind cluster that nobody needs: kind get clusters",
        )
    if "could not find a log line" in low:
        return Problem(
            "The nodes did not start: they may watch too few files here, or the cgroups are not as kind wants.",
            "On Linux: sudo sysctl fs.inotify.max_user_watches=524288 fs.inotify.max_user_instances=512, then again. "
            "More: https://kind.sigs.k8s.io/docs/user/known-issues/",
        )
    if any(word in low for word in ("toomanyrequests", "rate limit")):
        return Problem("Docker Hub lets this address pull no more images for now.", f"Wait, or: {name} login")
    if any(word in low for word in NO_NETWORK):
        return Problem(
            f"An image cannot be pulled: {_line_with(said, *NO_NETWORK)}",
            "Look at the internet connection, or a proxy's settings in Docker. Without internet: statelab up",
        )
    if "manifest unknown" in low or "not found: manifest" in low or "manifest for" in low:
        return Problem(
            f"There is no such node image: {_line_with(said, 'manifest')}", "Name one of kind's: --node-image"
        )
    if "failed to init node with kubeadm" in low or "timed out waiting for the condition" in low:
        return Problem(
            "Kubernetes did not come up in the control plane's container.",
            f"Mostly memory is short: give {title} 4 GiB, or delete other clusters, and run this again.",
        )
    return Problem(f"{otherwise}: {_last_lines(said)}", "Known ones: https://kind.sigs.k8s.io/docs/user/known-issues/")


def _line_with(said: str, *words: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    found = [line for line in lines if any(word in line.lower() for word in words)]
    return (found or lines or [""])[-1][:300]


def _last_lines(said: str, count: int = 3) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return "\n".join(lines[-count:])[-600:] or "it does not say why"
