"""How a Redis server is configured: defaults, then a file, then options on the command line."""

from __future__ import annotations

import shlex

from statelab.controlplane.runtime.programs import Task

_DEFAULTS = {
    "port": "6379", "bind": "* -::*", "dir": "/data", "appendonly": "no", "appendfsync": "everysec", "requirepass": "",
    "masterauth": "", "save": "3600 1 300 100 60 10000", "dbfilename": "dump.rdb", "appendfilename": "appendonly.aof",
    "appenddirname": "appendonlydir", "protected-mode": "yes", "replica-read-only": "yes", "maxmemory": "0",
    "maxmemory-policy": "noeviction", "databases": "16", "timeout": "0", "loglevel": "notice", "cluster-enabled": "no",
    "replica-announce-ip": "", "replica-announce-port": "0", "replica-serve-stale-data": "yes",
    "replica-priority": "100",
    "min-replicas-to-write": "0", "min-replicas-max-lag": "10", "tcp-keepalive": "300", "daemonize": "no",
}  # fmt: skip
OLD_NAMES = {
    "slaveof": "replicaof",
    "slave-read-only": "replica-read-only",
    "slave-announce-ip": "replica-announce-ip",
}


def read_config(task: Task) -> dict[str, str]:
    """The configuration: defaults, then the file, then `--name value`. Raises ValueError."""
    config = dict(_DEFAULTS)
    arguments = list(task.argv)
    if arguments and not arguments[0].startswith("-"):
        path = task.path(arguments.pop(0))
        try:
            text = task.files.read(path).decode(errors="replace")
        except OSError as error:
            raise ValueError(f"can't open config file '{path}': {error.strerror}") from None
        for number, line in enumerate(text.splitlines(), 1):
            words = shlex.split(line, comments=False) if not line.lstrip().startswith("#") else []
            if words:
                _set(config, words[0], words[1:], f"Reading the configuration file, at line {number}\n>>> '{line}'\n")
    while arguments:
        name = arguments.pop(0)
        values = []
        while arguments and not arguments[0].startswith("--"):
            values.append(arguments.pop(0))
        _set(config, name.removeprefix("--"), values, f">>> '{name} {' '.join(values)}'\n")
    return config


def _set(config: dict[str, str], name: str, values: list[str], where: str) -> None:
    name = OLD_NAMES.get(name.lower(), name.lower())
    if not values:
        raise ValueError(f"{where}wrong number of arguments")
    if name in ("appendonly", "cluster-enabled", "protected-mode", "replica-read-only") and values[0] not in (
        "yes",
        "no",
    ):
        raise ValueError(f"{where}argument must be 'yes' or 'no'")
    if name == "port" and not values[0].isdigit():
        raise ValueError(f"{where}argument couldn't be parsed into an integer")
    config[name] = " ".join(values)
