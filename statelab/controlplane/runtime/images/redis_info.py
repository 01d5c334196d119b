"""What a Redis server says about itself: INFO, ROLE, and the form of its log."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from statelab.controlplane.runtime.images.redis_server import Server

VERSION = "7.4.5"


def log_line(now_s: float, letter: str, level: str, text: str) -> str:
    moment = datetime.fromtimestamp(now_s, UTC).strftime("%d %b %Y %H:%M:%S.%f")[:-3]
    return f"1:{letter} {moment} {level} {text}\n"


def role(server: Server) -> Any:
    if server.link is not None:
        state = b"connected" if server.link.up else b"connect"
        return [b"slave", server.link.host.encode(), server.link.port, state, server.offset if server.link.up else -1]
    replicas = [
        [c.address.encode(), str(c.replica_port).encode(), str(max(0, c.acknowledged)).encode()]
        for c in server.replicas.values()
    ]
    return [b"master", server.offset, replicas]


def info(server: Server, wanted: list[str]) -> bytes:
    """`wanted`: names of sections; none means all."""
    sections = {
        "server": _server(server),
        "clients": [("connected_clients", len(server.clients)), ("blocked_clients", len(server.data.waiting))],
        "memory": [
            ("used_memory", 1_000_000),
            ("used_memory_human", "976.56K"),
            ("maxmemory", server.config["maxmemory"]),
        ],
        "persistence": _persistence(server),
        "stats": [
            ("total_connections_received", server.connections),
            ("total_commands_processed", server.commands),
        ],
        "replication": _replication(server),
        "cpu": [("used_cpu_sys", "0.000000"), ("used_cpu_user", "0.000000")],
        "cluster": [("cluster_enabled", 0)],
        "keyspace": [
            (f"db{number}", f"keys={keys},expires={expires},avg_ttl=0")
            for number, (keys, expires) in server.data.keyspace().items()
        ],
    }
    chosen = [
        name for name in sections if not wanted or name in wanted or {"all", "default", "everything"} & set(wanted)
    ]
    parts = []
    for name in chosen:
        title = "CPU" if name == "cpu" else name.capitalize()
        parts.append(f"# {title}\r\n" + "".join(f"{key}:{value}\r\n" for key, value in sections[name]))
    return "\r\n".join(parts).encode()


def _server(server: Server) -> list[tuple[str, Any]]:
    uptime_s = int(server.loop.now_s - server.started_s)
    return [
        ("redis_version", VERSION), ("redis_mode", "standalone"), ("os", "Linux (statelab) x86_64"), ("arch_bits", 64),
        ("process_id", 1), ("run_id", server.run_id), ("tcp_port", server.port), ("uptime_in_seconds", uptime_s),
        ("uptime_in_days", uptime_s // 86400),
    ]  # fmt: skip


def _persistence(server: Server) -> list[tuple[str, Any]]:
    return [
        ("loading", 0), ("rdb_changes_since_last_save", server.data.dirty), ("rdb_bgsave_in_progress", 0),
        ("rdb_last_save_time", int(server.files.saved_s)),
        ("rdb_last_bgsave_status", "err" if server.files.error else "ok"),
        ("aof_enabled", int(server.files.appends)), ("aof_rewrite_in_progress", 0),
        ("aof_last_write_status", "err" if server.files.error else "ok"),
    ]  # fmt: skip


def _replication(server: Server) -> list[tuple[str, Any]]:
    link = server.link
    if link is not None:
        followed = server.offset if server.has_history else 1
        lines: list[tuple[str, Any]] = [
            ("role", "slave"),
            ("master_host", link.host),
            ("master_port", link.port),
            ("master_link_status", "up" if link.up else "down"),
            ("master_last_io_seconds_ago", 0 if link.up else -1),
            ("master_sync_in_progress", 0),
            ("slave_read_repl_offset", followed),
            ("slave_repl_offset", followed),
        ]
        if not link.up:
            down_s = -1 if server.down_since_s is None else int(server.loop.now_s - server.down_since_s)
            lines.append(("master_link_down_since_seconds", down_s))
        lines += [
            ("slave_priority", server.config["replica-priority"]),
            ("slave_read_only", 1),
            ("replica_announced", 1),
        ]
    else:
        lines = [("role", "master")]
    lines.append(("connected_slaves", len(server.replicas)))
    for number, client in enumerate(server.replicas.values()):
        where = f"ip={client.address},port={client.replica_port}"
        lines.append((f"slave{number}", f"{where},state=online,offset={max(0, client.acknowledged)},lag=0"))
    lines += [
        ("master_failover_state", "no-failover"),
        ("master_replid", server.replication_id),
        ("master_repl_offset", server.offset),
        ("repl_backlog_active", int(bool(server.replicas))),
    ]
    return lines
