"""The cluster's network: Pods' addresses, what listens there, and Services' addresses in front of them.

A connection is two ends in this process; bytes sent at one end are there at the other at once. A Service's address is
exchanged for a ready endpoint's when a connection is opened, as kube-proxy does: any of them by chance, or by the
client's address with `sessionAffinity: ClientIP`. Chance is the cluster's: the same seed and requests give the same.
Source: pkg/proxy (iptables mode: `statistic --mode random`), endpoints chosen by pkg/proxy/topology.go.
"""

from __future__ import annotations

import ipaddress
import logging
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from statelab.controlplane import dns
from statelab.controlplane.clock import Loop
from statelab.controlplane.kinds import Object
from statelab.controlplane.runtime.networkpolicy import may_connect

log = logging.getLogger(__name__)
LOCALHOST = ("localhost", "127.0.0.1", "::1")
_UNREACHABLE_AFTER_S = 3.07  # a node asks for the address' hardware three times, a second apart
_TIMED_OUT_AFTER_S = 130.0
_AFFINITY_TIMEOUT_S = 10800
_FIRST_EPHEMERAL_PORT = 32768


class NetworkError(Exception):
    """A connection that cannot be had: "connection refused", "no route to host", "timed out", "no such host".

    `after_s`: how long the client waits, in cluster seconds, before it is told.
    """

    def __init__(self, reason: str, after_s: float = 0.0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.after_s = after_s


class Reader(Protocol):
    def get(self, plural: str, key: str) -> Object | None: ...
    def list(self, plural: str, namespace: str = "") -> list[Object]: ...


Address = tuple[str, int]


class Connection:
    """One end of a TCP connection. What comes before `on_data` is set is kept; `on_close` is told once."""

    __slots__ = ("_early", "_on_close", "_on_data", "closed", "local", "peer", "remote", "tls")

    def __init__(self, local: Address, remote: Address, *, tls: bool = False) -> None:
        self.local = local
        self.remote = remote
        self.tls = tls  # the client speaks TLS, which is not simulated beyond that
        self.peer: Connection = self
        self.closed = False
        self._early: list[bytes] = []
        self._on_data: Callable[[bytes], None] | None = None
        self._on_close: Callable[[], None] | None = None

    def send(self, data: bytes) -> None:
        """Nothing happens when it is closed."""
        if not self.closed and data:
            self.peer._receive(data)

    def receive(self, on_data: Callable[[bytes], None], on_close: Callable[[], None] | None = None) -> None:
        """From now on call these; what came before is delivered first."""
        self._on_data, self._on_close = on_data, on_close
        early, self._early = self._early, []
        for data in early:
            on_data(data)
        if self.closed and on_close is not None:
            self._on_close = None
            on_close()

    def close(self) -> None:
        """Close both ends; the other one is told, this one is not."""
        if not self.closed:
            self.closed = True
            self._on_close = None
            self.peer._closed_by_peer()

    def _receive(self, data: bytes) -> None:
        if self.closed:
            return
        if self._on_data is None:
            self._early.append(data)
            return
        try:
            self._on_data(data)
        except Exception:  # a mistake of ours costs the connection, not the cluster
            log.exception("a server at %s:%s", *self.local)
            self.close()

    def _closed_by_peer(self) -> None:
        if not self.closed:
            self.closed = True
            on_close, self._on_close = self._on_close, None
            if on_close is not None:
                on_close()


Accept = Callable[[Connection], None]
# A datagram and where it came from, to the reply; None: there is none.
Answer = Callable[[bytes, Address], bytes | None]


@dataclass(frozen=True, slots=True)
class Secured:
    """A server that speaks TLS: the certificate of who signed its own, and the names its own is for."""

    authority: str  # PEM
    names: frozenset[str]


class Network:
    """One per cluster. `cluster`: where Services, EndpointSlices and Pods are read; None: there are only Pods'
    addresses. `seed`: of which of a Service's endpoints are chosen.
    """

    def __init__(self, loop: Loop, cluster: Reader | None = None, *, seed: int = 0) -> None:
        self.loop = loop
        self.cluster = cluster
        self._listeners: dict[str, dict[int, Accept]] = {}  # address → port → who accepts
        self._datagrams: dict[str, dict[int, Answer]] = {}  # address → port → who hears what is sent by UDP
        self._secured: dict[Address, tuple[Accept, Secured]] = {}  # servers of nodes, which come back with them
        self._shown: dict[Address, str] = {}  # what servers in Pods show of themselves in a TLS handshake, PEM
        self._open: dict[str, list[Connection]] = {}  # address → server ends of its connections
        self._random = random.Random(f"kube-proxy {seed}")  # its own: a connection more changes nobody's name
        self._affinity: dict[tuple[str, str], tuple[str, float]] = {}
        self._last_port = _FIRST_EPHEMERAL_PORT

    # ---- Pods

    def attach(self, ip: str) -> None:
        """The address exists: a port of it where nothing listens refuses, instead of not answering."""
        self._listeners.setdefault(ip, {})

    def detach(self, ip: str) -> None:
        """The Pod is gone, and its connections with it."""
        self._listeners.pop(ip, None)
        self._datagrams.pop(ip, None)
        self._shown = {address: chain for address, chain in self._shown.items() if address[0] != ip}
        for connection in self._open.pop(ip, []):
            connection.close()

    def listen(self, ip: str, port: int, accept: Accept) -> None:
        """Raises OSError(98) when the port is taken (by another container of the Pod)."""
        ports = self._listeners.setdefault(ip, {})
        if port in ports:
            raise OSError(98, "Address already in use")
        ports[port] = accept

    def hear(self, ip: str, port: int, answer: Answer) -> None:
        """Listen for datagrams. Raises OSError(98) when the port is taken."""
        ports = self._datagrams.setdefault(ip, {})
        if port in ports:
            raise OSError(98, "Address already in use")
        ports[port] = answer

    def hear_no_more(self, ip: str, port: int) -> None:
        self._datagrams.get(ip, {}).pop(port, None)

    def send(self, source_ip: str, host: str, port: int, data: bytes) -> bytes | None:
        """A datagram, and the reply to it. Nobody says whether one arrived: None is all that is heard of a lost one.

        Raises NetworkError for a name that does not exist.
        """
        ip = self.address_of(host)
        if host in LOCALHOST:
            ip = source_ip
        else:
            try:
                ip, port = self._endpoint(ip, port, source_ip, "UDP")
            except NetworkError:
                return None
        answer = self._datagrams.get(ip, {}).get(port)
        if answer is None or not self.may_connect(source_ip, ip, port, "UDP"):
            return None
        self._last_port = self._last_port + 1 if self._last_port < 60999 else _FIRST_EPHEMERAL_PORT
        return answer(data, (source_ip, self._last_port))

    def secure(self, ip: str, port: int, accept: Accept, secured: Secured) -> None:
        """A server of a node that speaks TLS: it answers whenever the node is there."""
        self._secured[ip, port] = (accept, secured)

    def secured(self, source_ip: str, host: str, port: int) -> Secured | None:
        """What the server that answers at an address shows of itself in a TLS handshake; None where none speaks TLS.

        Raises NetworkError.
        """
        ip = self.address_of(host)
        found = self._secured.get(self._endpoint(ip, port, source_ip) if host not in LOCALHOST else (source_ip, port))
        return found[1] if found is not None else None

    def show(self, ip: str, port: int, chain: str) -> None:
        """A server in a Pod that speaks TLS shows this certificate (PEM), as long as it listens."""
        self._shown[ip, port] = chain

    def certificate(self, ip: str, port: int) -> str | None:
        """What the server in a Pod that listens at its address shows of itself; None where none speaks TLS."""
        return self._shown.get((ip, port))

    def endpoint(self, source_ip: str, host: str, port: int) -> Address:
        """Where a connection to an address, a Service's or a name would lead. Raises NetworkError."""
        return self._endpoint(self.address_of(host), port, source_ip)

    def unlisten(self, ip: str, port: int) -> None:
        """The server is gone, and its connections with it."""
        self._shown.pop((ip, port), None)
        self._listeners.get(ip, {}).pop(port, None)
        for connection in [each for each in self._open.get(ip, ()) if each.local[1] == port]:
            self._open[ip].remove(connection)
            connection.close()

    def listening(self, ip: str) -> list[int]:
        return sorted(self._listeners.get(ip, ()))

    def exists(self, ip: str, source_ip: str) -> bool:
        """Whether somebody has the address: what ping asks. Services' addresses answer nobody."""
        return ip in self._listeners or ip in LOCALHOST or ip == source_ip

    # ---- connections

    def connect(self, source_ip: str, host: str, port: int, *, tls: bool = False) -> Connection:
        """Open a connection from a Pod (or a node) to an address, a Service's address or a full name. Raises
        NetworkError.
        """
        ip = self.address_of(host)
        if host in LOCALHOST:
            ip = source_ip
        else:
            ip, port = self._endpoint(ip, port, source_ip)
        if not self.may_connect(source_ip, ip, port):  # packets are dropped, not refused
            raise NetworkError("timed out", _TIMED_OUT_AFTER_S)
        ports = self._listeners.get(ip)
        if ports is None:
            raise self._unreachable(ip)
        accept = ports.get(port)
        if accept is None and (ip, port) in self._secured:
            accept = self._secured[ip, port][0]
        if accept is None:
            raise NetworkError("connection refused")
        self._last_port = self._last_port + 1 if self._last_port < 60999 else _FIRST_EPHEMERAL_PORT
        client = Connection((source_ip, self._last_port), (ip, port), tls=tls)
        server = Connection((ip, port), (source_ip, self._last_port), tls=tls)
        client.peer, server.peer = server, client
        opened = self._open.setdefault(ip, [])
        if len(opened) > 64:
            opened[:] = [each for each in opened if not each.closed]
        opened.append(server)
        accept(server)
        return client

    def may_connect(self, source_ip: str, ip: str, port: int, protocol: str = "TCP") -> bool:
        """Whether NetworkPolicies let a new connection through. `ip`, `port`: an endpoint's, not a Service's."""
        return self.cluster is None or may_connect(self.cluster, source_ip, ip, port, protocol)

    def address_of(self, host: str) -> str:
        """An address as it is; a full name by the cluster's DNS. Raises NetworkError("no such host")."""
        if host in LOCALHOST or is_address(host):
            return host
        found = self.lookup(host, ())
        if not found:
            raise NetworkError("no such host")
        return found[0]

    def lookup(self, name: str, search: Sequence[str], ndots: int = 5, type: str = "A") -> list[str]:
        """The addresses of a name, by the cluster's DNS, as a resolver with this search list finds them."""
        if self.cluster is None:
            return []
        try:
            return list(dns.resolve(name, type, reader=self.cluster, search=search, ndots=ndots).addresses)
        except ValueError:
            return []

    def _unreachable(self, ip: str) -> NetworkError:
        try:
            inside = ipaddress.ip_address(ip) in ipaddress.ip_network("10.244.0.0/16")
        except ValueError:
            inside = False
        if inside:
            return NetworkError("no route to host", _UNREACHABLE_AFTER_S)
        return NetworkError("timed out", _TIMED_OUT_AFTER_S)

    # ---- Services

    def _endpoint(self, ip: str, port: int, source_ip: str, protocol: str = "TCP") -> Address:
        """Where a connection to this address ends: the address itself, or an endpoint of the Service that has it."""
        found = self._service_port(ip, port, protocol)
        if found is None:
            return ip, port
        service, service_port = found
        if service_port is None:
            raise NetworkError("connection refused" if ip.startswith("172.") else "timed out", _TIMED_OUT_AFTER_S)
        endpoints = self.endpoints_of(service, service_port)
        if not endpoints:
            raise NetworkError("connection refused")
        if service["spec"].get("internalTrafficPolicy") == "Local" and not ip.startswith("172."):
            endpoints = self.endpoints_of(service, service_port, self._node_of(source_ip))
            if not endpoints:  # packets are dropped, not refused
                raise NetworkError("timed out", _TIMED_OUT_AFTER_S)
        return self._choose(service, endpoints, source_ip)

    def _service_port(self, ip: str, port: int, protocol: str) -> tuple[Object, Object | None] | None:
        for service in self.cluster.list("services") if self.cluster is not None else ():
            spec = service["spec"]
            addresses = [*(spec.get("clusterIPs") or [spec.get("clusterIP")]), *(spec.get("externalIPs") or ())]
            if ip in addresses:
                return service, next((each for each in _ports(spec, protocol) if each["port"] == port), None)
            if ip.startswith("172.17."):
                for each in _ports(spec, protocol):
                    if each.get("nodePort") == port:
                        return service, each
        return None

    def _node_of(self, ip: str) -> str:
        """The node that has a Pod of this address, or the address itself."""
        assert self.cluster is not None
        for pod in self.cluster.list("pods"):
            if (pod.get("status") or {}).get("podIP") == ip:
                return str(pod["spec"].get("nodeName") or "")
        for node in self.cluster.list("nodes"):
            if any(each.get("address") == ip for each in (node.get("status") or {}).get("addresses") or ()):
                return str(node["metadata"]["name"])
        return ""

    def endpoints_of(self, service: Object, service_port: Object, node: str | None = None) -> list[Address]:
        """The endpoints traffic for a Service's port goes to: the ready ones; if none is, those that end but still
        serve. `node`: only those there.
        """
        ready: list[Address] = []
        ending: list[Address] = []
        for endpoint, port in self._slices(service, service_port):
            if node is not None and endpoint.get("nodeName") != node:
                continue
            conditions = endpoint.get("conditions") or {}
            addresses = [(address, port) for address in endpoint.get("addresses") or ()]
            if conditions.get("ready", True):
                ready += addresses
            elif conditions.get("serving") and conditions.get("terminating"):
                ending += addresses
        return sorted(set(ready or ending))

    def _slices(self, service: Object, service_port: Object) -> Iterator[tuple[Object, int]]:
        assert self.cluster is not None
        metadata = service["metadata"]
        for each in self.cluster.list("endpointslices", metadata["namespace"]):
            if (each["metadata"].get("labels") or {}).get("kubernetes.io/service-name") != metadata["name"]:
                continue
            for port in each.get("ports") or ():
                if (port.get("name") or "") == (service_port.get("name") or "") and port.get("port"):
                    for endpoint in each.get("endpoints") or ():
                        yield endpoint, int(port["port"])

    def _choose(self, service: Object, endpoints: list[Address], source_ip: str) -> Address:
        uid = service["metadata"]["uid"]
        spec = service["spec"]
        if spec.get("sessionAffinity") == "ClientIP":
            config = (spec.get("sessionAffinityConfig") or {}).get("clientIP") or {}
            timeout_s = config.get("timeoutSeconds") or _AFFINITY_TIMEOUT_S
            before = self._affinity.get((uid, source_ip))
            same = [each for each in endpoints if before is not None and each[0] == before[0]]
            if before is not None and same and self.loop.now_s - before[1] <= timeout_s:
                self._affinity[uid, source_ip] = (before[0], self.loop.now_s)
                return same[0]
        chosen = self._random.choice(endpoints)
        if spec.get("sessionAffinity") == "ClientIP":
            self._affinity[uid, source_ip] = (chosen[0], self.loop.now_s)
        return chosen


def is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _ports(spec: Object, protocol: str) -> list[Object]:
    """The ports of a Service for a protocol: one of another has the same number and is another port."""
    return [each for each in spec.get("ports") or () if each.get("protocol", "TCP") == protocol]
