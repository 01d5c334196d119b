"""How an etcd is told what to be: flags, or ETCD_… in its environment; flags win. Source: server/etcdmain/config.go."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

_FLAGS = {
    "name": "default", "data-dir": "", "listen-peer-urls": "http://localhost:2380",
    "listen-client-urls": "http://localhost:2379", "initial-advertise-peer-urls": "http://localhost:2380",
    "advertise-client-urls": "http://localhost:2379", "initial-cluster": "", "initial-cluster-state": "new",
    "initial-cluster-token": "etcd-cluster", "heartbeat-interval": "100", "election-timeout": "1000",
    "snapshot-count": "100000", "listen-metrics-urls": "", "strict-reconfig-check": "true", "pre-vote": "true",
    "log-level": "info", "logger": "zap", "log-outputs": "default", "log-format": "json",
    "auto-compaction-mode": "periodic", "auto-compaction-retention": "0", "quota-backend-bytes": "0",
    "max-snapshots": "5", "max-wals": "5", "metrics": "basic", "enable-v2": "false", "cors": "*",
    "host-whitelist": "*", "max-txn-ops": "128", "max-request-bytes": "1572864", "wal-dir": "",
    "initial-election-tick-advance": "true", "force-new-cluster": "false", "unsafe-no-fsync": "false",
    "enable-pprof": "false", "backend-batch-interval": "0", "backend-batch-limit": "0",
}  # fmt: skip
_BOOLEAN = frozenset(name for name, value in _FLAGS.items() if value in ("true", "false"))
_NOT_HERE = {
    "cert-file": "TLS", "key-file": "TLS", "client-cert-auth": "TLS", "trusted-ca-file": "TLS", "auto-tls": "TLS",
    "peer-cert-file": "TLS", "peer-key-file": "TLS", "peer-client-cert-auth": "TLS", "peer-trusted-ca-file": "TLS",
    "peer-auto-tls": "TLS", "discovery": "a discovery service", "discovery-srv": "a discovery service",
    "config-file": "a configuration file", "auth-token": "authentication", "proxy": "a proxy",
}  # fmt: skip
_USAGE = (
    "\n  etcd [flags]\n    Start an etcd server.\n\n  etcd --version\n    Show the version of etcd.\n\n"
    "  etcd -h | --help\n    Show the help information about etcd.\n"
)


class ConfigError(Exception):
    """It cannot start: what it prints, and the code it exits with."""

    def __init__(self, text: str, code: int = 1) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True)
class Config:
    """What a member was told. URLs are as given; `cluster` maps a peer URL list to the name it stands under."""

    name: str
    data_dir: str
    listen_peers: tuple[str, ...]
    listen_clients: tuple[str, ...]
    advertise_peers: tuple[str, ...]
    advertise_clients: tuple[str, ...]
    cluster: Mapping[str, tuple[str, ...]]
    is_new: bool
    token: str
    heartbeat_s: float
    election_s: float
    snapshot_count: int
    strict: bool
    metrics: tuple[str, ...] = ()


def read(argv: Sequence[str], env: Mapping[str, str]) -> Config:
    """Raises ConfigError, in etcd's words."""
    given = _given(argv, env)
    values = {**_FLAGS, **given}
    if values["force-new-cluster"] == "true":
        raise ConfigError(
            "statelab: --force-new-cluster is not built in: this etcd knows no cluster of one that is made of another. "
            "A kind cluster is the place to try it."
        )
    clients_set = "listen-client-urls" in given
    if clients_set and "advertise-client-urls" not in given:
        raise ConfigError(
            "error verifying flags, --advertise-client-urls is required when --listen-client-urls is set explicitly. "
            "See 'etcd --help'."
        )
    heartbeat, election = _number("heartbeat-interval", values), _number("election-timeout", values)
    if 5 * heartbeat > election:
        raise ConfigError(
            f"--election-timeout[{election}ms] should be at least as 5 times as --heartbeat-interval[{heartbeat}ms]"
        )
    if election > 50_000:
        raise ConfigError("--election-timeout[{election}ms] is too long, and should be set less than 50000ms")
    if values["initial-cluster-state"] not in ("new", "existing"):
        state = values["initial-cluster-state"]
        raise ConfigError(
            f'invalid value "{state}" for flag -initial-cluster-state: invalid value "{state}"' + _USAGE, 2
        )
    name = values["name"]
    advertise = urls("initial-advertise-peer-urls", values["initial-advertise-peer-urls"])
    text = values["initial-cluster"] or ",".join(f"{name}={each}" for each in advertise)
    return Config(
        name=name,
        data_dir=values["data-dir"] or f"{name}.etcd",
        listen_peers=urls("listen-peer-urls", values["listen-peer-urls"]),
        listen_clients=urls("listen-client-urls", values["listen-client-urls"]),
        advertise_peers=advertise,
        advertise_clients=urls("advertise-client-urls", values["advertise-client-urls"]),
        cluster=initial_cluster(text),
        is_new=values["initial-cluster-state"] == "new",
        token=values["initial-cluster-token"],
        heartbeat_s=heartbeat / 1000,
        election_s=election / 1000,
        snapshot_count=_number("snapshot-count", values),
        strict=values["strict-reconfig-check"] == "true",
        metrics=urls("listen-metrics-urls", values["listen-metrics-urls"]) if values["listen-metrics-urls"] else (),
    )


def _given(argv: Sequence[str], env: Mapping[str, str]) -> dict[str, str]:
    given = {name: env[variable] for name in _FLAGS if (variable := f"ETCD_{name.upper().replace('-', '_')}") in env}
    waiting = list(argv)
    while waiting:
        word = waiting.pop(0)
        name, has_value, value = word.lstrip("-").partition("=")
        if not word.startswith("-"):
            raise ConfigError(f"error verifying flags, '{word}' is not a valid flag. See 'etcd --help'.")
        if name in _NOT_HERE:
            raise ConfigError(
                f"statelab: --{name} is not built in: this etcd knows no {_NOT_HERE[name]}. A kind cluster is the "
                "place to try it."
            )
        if name not in _FLAGS:
            raise ConfigError(f"flag provided but not defined: -{name[:80]}{_USAGE}", 2)
        if not has_value:
            value = "true" if name in _BOOLEAN else waiting.pop(0) if waiting else ""
        if name in _BOOLEAN and value not in ("true", "false"):
            raise ConfigError(f'invalid boolean value "{value[:80]}" for -{name}: parse error{_USAGE}', 2)
        given[name] = value
    return given


def _number(name: str, values: Mapping[str, str]) -> int:
    text = values[name]
    if not re.fullmatch(r"\d{1,9}", text):
        raise ConfigError(f'invalid value "{text[:80]}" for flag -{name}: parse error{_USAGE}', 2)
    return int(text)


def urls(flag: str, text: str) -> tuple[str, ...]:
    """Raises ConfigError for what is no list of URLs."""
    found = tuple(each.strip() for each in text.split(","))
    for each in found:
        if problem := _problem(each):
            raise ConfigError(f'invalid value "{text[:200]}" for flag -{flag}: {problem}{_USAGE}', 2)
    return found


def _problem(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme == "https":
        return "statelab: this etcd knows no TLS; a kind cluster is the place to try it"
    if parts.scheme != "http":
        return f"URL scheme must be http, https, unix, or unixs: {url}"
    try:
        port = parts.port
    except ValueError:
        port = None
    if port is None or not parts.hostname:
        return f'URL address does not have the form "host:port": {url}'
    return f"URL must not contain a path: {url}" if parts.path else ""


def initial_cluster(text: str) -> dict[str, tuple[str, ...]]:
    """`name=url,name=url,…`: the URLs of each name, sorted. Raises ConfigError."""
    found: dict[str, list[str]] = {}
    for each in text.split(","):
        name, _, url = each.strip().partition("=")
        if problem := _problem(url):
            raise ConfigError(f"error setting up initial cluster: {problem}")
        found.setdefault(name, []).append(url)
    listed = [url for all_of in found.values() for url in all_of]
    if len(set(listed)) != len(listed):
        raise ConfigError(f"initial cluster {text[:500]} has duplicate url")
    return {name: tuple(sorted(all_of)) for name, all_of in found.items()}


def member_id(peer_urls: Sequence[str], token: str, now_s: float | None = None) -> int:
    """A member's id. `now_s`: when it was added, if later. Source: membership/member.go."""
    text = "".join(sorted(peer_urls)) + token + ("" if now_s is None else str(int(now_s)))
    return int.from_bytes(hashlib.sha1(text.encode()).digest()[:8], "big")


def cluster_id(members: Sequence[int]) -> int:
    """Source: membership/cluster.go genID."""
    return int.from_bytes(
        hashlib.sha1(b"".join(each.to_bytes(8, "big") for each in sorted(members))).digest()[:8], "big"
    )


def host_port(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or 0
