"""The Redis image. The server is in redis_server.py, read when one is started: what it needs takes long to import."""

from __future__ import annotations

from statelab.controlplane.runtime.images.image import Image, numbered
from statelab.controlplane.runtime.images.redis_info import VERSION
from statelab.controlplane.runtime.programs import Task


def _redis_server(task: Task) -> None:
    from statelab.controlplane.runtime.images.redis_server import redis_server

    redis_server(task)


IMAGE = Image(
    command=("redis-server",),
    env={"REDIS_VERSION": VERSION},
    working_dir="/data",
    directories=("/data", "/usr/local/etc/redis"),
    programs={"redis-server": _redis_server, "valkey-server": _redis_server, "redis-sentinel": _redis_server},
    tag_exists=numbered("2", "3", "4", "5", "6", "7", "8", words="alpine bookworm bullseye trixie"),
    size_bytes=45_000_000,
)
