"""CoreDNS's sockets: DNS over UDP and TCP on loopback, for `dig` and for whoever is not inside a Pod."""

from __future__ import annotations

import asyncio
import struct
from typing import TYPE_CHECKING, cast

import dns.exception
import dns.flags
import dns.message

from statelab.controlplane.dns import answer

if TYPE_CHECKING:
    from statelab.controlplane.store import Store

_SMALLEST_UDP = 512  # RFC 1035, for a query without EDNS
_LARGEST_UDP = 1232  # what CoreDNS sends at most: it fits into a packet anywhere
_IDLE_S = 10.0
_ATTEMPTS = 16


class DnsServer:
    """Answers from the store, on one port for both UDP and TCP."""

    def __init__(self, store: Store) -> None:
        self.port = 0
        self._store = store
        self._udp: asyncio.DatagramTransport | None = None
        self._tcp: asyncio.Server | None = None

    async def start(self, port: int = 0, host: str = "127.0.0.1") -> None:
        """Listen; with port 0 on one that is free for both. Raises OSError when the port is taken."""
        loop = asyncio.get_running_loop()
        for attempt in range(_ATTEMPTS):
            tcp = await asyncio.start_server(self._serve_tcp, host, port)
            chosen = tcp.sockets[0].getsockname()[1]
            try:
                self._udp, _ = await loop.create_datagram_endpoint(lambda: _Udp(self._store), local_addr=(host, chosen))
            except OSError:
                tcp.close()
                if port or attempt == _ATTEMPTS - 1:
                    raise
                continue
            self._tcp, self.port = tcp, chosen
            return

    async def stop(self) -> None:
        if self._udp is not None:
            self._udp.close()
        if self._tcp is not None:
            self._tcp.close()

    async def _serve_tcp(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                length = struct.unpack(">H", await asyncio.wait_for(reader.readexactly(2), _IDLE_S))[0]
                query = await asyncio.wait_for(reader.readexactly(length), _IDLE_S)
                reply = reply_to(self._store, query, None)
                if reply is None:
                    return
                writer.write(struct.pack(">H", len(reply)) + reply)
                await writer.drain()
        except (TimeoutError, asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()


class _Udp(asyncio.DatagramProtocol):
    def __init__(self, store: Store) -> None:
        self._store = store
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        reply = reply_to(self._store, data, _SMALLEST_UDP)
        if reply is not None and self._transport is not None:
            self._transport.sendto(reply, address)


def reply_to(store: Store, wire: bytes, smallest: int | None) -> bytes | None:
    """The reply to a query on the wire; None to what is not one. `smallest`: room without EDNS; None over TCP."""
    try:
        query = dns.message.from_wire(wire, ignore_trailing=True)
    except (dns.exception.DNSException, ValueError, IndexError):
        return None
    if query.flags & dns.flags.QR:
        return None
    reply = answer(query, store)
    if smallest is None:
        return reply.to_wire(max_size=65535)
    room = max(smallest, min(query.payload or smallest, _LARGEST_UDP))
    try:
        return reply.to_wire(max_size=room)
    except dns.exception.TooBig:
        short = dns.message.make_response(query, recursion_available=True)
        short.flags |= dns.flags.TC | (reply.flags & dns.flags.AA)
        return short.to_wire(max_size=room)
