"""The commands of a container that touch its surroundings: time, network, names, other processes.

Everything else (cat, grep, sed …) is the shell's own. `APPLETS` maps a name to its program.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from statelab.controlplane.runtime.applets import (
    archive,
    copying,
    curl,
    ls,
    names,
    owning,
    processes,
    redis_cli,
    system,
    tail,
    tcp,
    wget,
)
from statelab.controlplane.runtime.programs import Program

APPLETS: Mapping[str, Program] = {
    **system.APPLETS,
    **processes.APPLETS,
    **tail.APPLETS,
    **curl.APPLETS,
    **wget.APPLETS,
    **tcp.APPLETS,
    **names.APPLETS,
    **owning.APPLETS,
    **redis_cli.APPLETS,
    **archive.APPLETS,
    **copying.APPLETS,
    **ls.APPLETS,
}
_TALKS = frozenset({"telnet"})


def wants_stdin(name: str, argv: Sequence[str]) -> bool:
    """Whether a command reads its standard input, to the end, before it starts."""
    if name == "curl":
        return "@-" in argv
    if name == "tail":
        return "-" in argv or not any(
            each and not each.startswith("-") and not each.lstrip("+").isdigit() for each in argv
        )
    if name in ("nc", "netcat", "ncat"):
        return not any(each.startswith("-") and "z" in each for each in argv)
    if name in ("redis-cli", "valkey-cli"):
        return not redis_cli.has_command(argv)
    if name == "cp":
        return "/dev/stdin" in argv
    if name == "tar":
        return archive.reads_stdin(list(argv))
    return name in _TALKS
