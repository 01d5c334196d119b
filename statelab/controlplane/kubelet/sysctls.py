"""A Pod's sysctls: those a node may set for one Pod alone are set, others make the kubelet refuse it.

Source: pkg/kubelet/sysctl (safe_sysctls.go, allowlist.go).
"""

from __future__ import annotations

from statelab.controlplane.kinds import Object

_SAFE = frozenset(
    (
        "kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.tcp_syncookies",
        "net.ipv4.ping_group_range", "net.ipv4.ip_unprivileged_port_start",
        "net.ipv4.ip_local_reserved_ports", "net.ipv4.tcp_keepalive_time",
        "net.ipv4.tcp_fin_timeout", "net.ipv4.tcp_keepalive_intvl", "net.ipv4.tcp_keepalive_probes",
        "net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem",
    )
)  # fmt: skip


def _of(pod: Object) -> dict[str, str]:
    """Name, with dots, and value."""
    found = (pod["spec"].get("securityContext") or {}).get("sysctls") or ()
    return {each["name"].replace("/", "."): each["value"] for each in found}


def rejection(pod: Object) -> tuple[str, str] | None:
    """`(reason, message)` for a Pod that asks for what the node's administrator has not allowed, or None."""
    for name in _of(pod):
        if name not in _SAFE:
            return "SysctlForbidden", f'Pod was rejected: forbidden sysctl: "{name}" not allowlisted'
    return None


def files(pod: Object) -> dict[str, str]:
    """Where its containers read them."""
    return {f"/proc/sys/{name.replace('.', '/')}": f"{value}\n" for name, value in _of(pod).items()}
