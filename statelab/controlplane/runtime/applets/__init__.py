"""The commands of a container that touch its surroundings: time, network, names, other processes.

Everything else (cat, grep, sed …) is the shell's own. `APPLETS` maps a name to its program.
"""

from __future__ import annotations

from collections.abc import Mapping

from statelab.controlplane.runtime.applets import system
from statelab.controlplane.runtime.programs import Program

APPLETS: Mapping[str, Program] = {**system.APPLETS}
# Those that read their standard input to its end before they start.
READS_STDIN = frozenset({"redis-cli", "nc", "netcat", "ncat", "telnet"})
