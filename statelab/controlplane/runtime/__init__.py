"""Containers without processes: a sandbox for each, on a network, with files that outlive them.

`Runtime` is the way in: `runtime.create(ContainerSpec(...)).start(on_exit)`. See runtime.py.
"""

from statelab.controlplane.runtime.containers import Container
from statelab.controlplane.runtime.network import Connection, Network, NetworkError
from statelab.controlplane.runtime.process import Process
from statelab.controlplane.runtime.runtime import Runtime
from statelab.controlplane.runtime.spec import ContainerSpec, Exit, Limits, LogLine, Mount, Pull
from statelab.controlplane.runtime.volumes import FileRecord, Volume

__all__ = [
    "Connection", "Container", "ContainerSpec", "Exit", "FileRecord", "Limits", "LogLine", "Mount", "Network",
    "NetworkError", "Process", "Pull", "Runtime", "Volume",
]  # fmt: skip
