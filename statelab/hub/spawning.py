"""What the hub does before it starts a user's server: which settings they get, and a port that nobody else gets."""

from __future__ import annotations

import socket
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

_FIRST_PORT, _PORTS = 12_000, 16_000  # below what systems give to outgoing connections: those take none of these


class Ports:
    """A port for each server, its own for as long as the hub runs.

    A spawner that asks the system for a free port lets go of it before the server takes it: of twelve that start at
    once, some took each other's.
    """

    def __init__(self, is_free: Callable[[int], bool] | None = None) -> None:
        self._of: dict[str, int] = {}
        self._is_free = is_free or _is_free

    def of(self, server: str) -> int:
        """That of last time where it is free, else the next one that nobody was given. Raises OSError without any."""
        given = self._of.get(server)
        if given is not None and self._is_free(given):
            return given
        taken = set(self._of.values())
        for port in range(_FIRST_PORT, _FIRST_PORT + _PORTS):
            if port not in taken and self._is_free(port):
                self._of[server] = port
                return port
        raise OSError(f"no port is free between {_FIRST_PORT} and {_FIRST_PORT + _PORTS}")


def before_start(settings: Path, instructors: Collection[str], *, choose_port: bool) -> Callable[[Any], None]:
    """A `Spawner.pre_spawn_hook`. `settings`: the folder that `statelab hub-config` wrote."""
    ports = Ports()

    def prepare(spawner: Any) -> None:
        who = "instructor" if spawner.user.name in instructors else "learner"
        spawner.environment = {**spawner.environment, "JUPYTER_CONFIG_PATH": str(settings / who)}
        if who == "instructor":
            spawner.default_url = "/lab"
        if choose_port:
            spawner.port = ports.of(f"{spawner.user.name}/{spawner.name}")

    return prepare


def _is_free(port: int) -> bool:
    with socket.socket() as asking:
        try:
            asking.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
