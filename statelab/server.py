"""The embedded cluster as a process: what `statelab serve` runs."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import gc
import json
import logging
import os
import secrets
import shlex
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from statelab.controlplane.errors import ApiError
from statelab.lifetime import LOOK_EVERY_S, Lifetime
from statelab.pace import note
from statelab.version import KUBERNETES_VERSION
from statelab.watchdog import watched

if TYPE_CHECKING:
    from statelab.controlplane.apiserver.wire.http import Edge
    from statelab.controlplane.controlplane import ControlPlane
    from statelab.controlplane.journal import Journal

log = logging.getLogger(__name__)

_SYNC_EVERY_S = 1.0
_SLICE_S = 0.01  # how long the cluster may work before requests get their turn
_STOP_WITHIN_S = 5.0


def serve(
    *,
    port: int = 0,
    token: str | None = None,
    state: Path | None = None,
    pace: float = 1.0,
    kubeconfig: Path | None = None,
    server_file: Path | None = None,
    idle_end_s: float | None = None,
) -> None:
    """Run a cluster until SIGTERM or Ctrl-C, or until its time has come (lifetime.py). `state` None keeps it in memory.

    Without a token, that of an earlier server is taken from `server_file`, if nobody else could have read it there.
    Exits with a sentence and code 1 when the port is taken or the state folder is in use.
    """
    os.umask(0o077)  # what this process writes is nobody else's to read
    token = token or _token_of_last_time(server_file) or secrets.token_hex(24)
    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.WARNING, stream=sys.stderr)
    try:
        asyncio.run(_run(port, token, state, pace, kubeconfig, server_file, idle_end_s))
    except _CannotServe as problem:
        print(f"statelab: {problem}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        pass


def _token_of_last_time(server_file: Path | None) -> str | None:
    """The token in the file an earlier server wrote, so that kubeconfigs stay good; None where others could read it."""
    if server_file is None:
        return None
    try:
        with server_file.open(encoding="utf-8") as file:
            about = os.fstat(file.fileno())
            found = json.load(file)["token"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    is_private = os.name == "nt" or (about.st_uid == os.getuid() and not about.st_mode & 0o077)
    return found if is_private and isinstance(found, str) and found else None


@contextlib.contextmanager
def _without_trust() -> Iterator[None]:
    """Let OpenSSL find no certificates for a moment: reading them takes a tenth of the time we may start in."""
    kept = os.environ.get("SSL_CERT_FILE")
    os.environ["SSL_CERT_FILE"] = os.devnull
    try:
        yield
    finally:
        del os.environ["SSL_CERT_FILE"]
        if kept is not None:
            os.environ["SSL_CERT_FILE"] = kept


class _CannotServe(Exception):
    """Told to the user as it is."""


async def _run(
    port: int,
    token: str,
    state: Path | None,
    pace: float,
    kubeconfig: Path | None,
    server_file: Path | None,
    idle_end_s: float | None,
) -> None:
    gc.disable()  # nothing of what is loaded now will ever be garbage
    with _without_trust():
        import aiohttp  # noqa: F401 - its client, which is not used here, reads every certificate this machine trusts
    from statelab.controlplane.apiserver.wire import certificates
    from statelab.controlplane.apiserver.wire.http import Edge
    from statelab.controlplane.controlplane import ControlPlane
    from statelab.controlplane.dns_server import DnsServer
    from statelab.controlplane.journal import JournalLocked
    from statelab.controlplane.runtime import open_files

    open_files.raise_limit()
    try:
        cluster = ControlPlane(pace=pace, state=state)
    except JournalLocked as locked:
        raise _CannotServe(f"{locked}. Stop it with `statelab down`, or give another folder with --state.") from None
    except OSError as error:
        raise _CannotServe(f"The state folder {state} cannot be used: {error.strerror or error}.") from None
    for warning in cluster.recovered.warnings:
        log.warning("%s", warning)
    gc.freeze()
    gc.enable()
    certificate = certificates.make() if state is None else certificates.load_or_make(state)
    edge, dns = Edge(cluster, token, certificate), DnsServer(cluster.store)
    try:
        await edge.start(port)
    except OverflowError:
        raise _CannotServe(
            f"Port {port} does not exist: ports go from 1 to 65535, and 0 lets the system choose."
        ) from None
    except OSError as error:
        hint = "give another one with --port, or 0 to let the system choose"
        raise _CannotServe(f"Port {port} is taken ({error.strerror}): {hint}.") from None
    await dns.start()
    cluster.dns_port = dns.port
    url = f"http://127.0.0.1:{edge.port}"
    if kubeconfig is not None:
        _write(kubeconfig, json.dumps(_kubeconfig(edge.port, token, certificate.authority), indent=2) + "\n")
    if server_file is not None:
        about = {"url": url, "token": token, "pid": os.getpid(), "pace": pace, "dns_port": dns.port}
        _write(server_file, json.dumps({**about, "version": KUBERNETES_VERSION}) + "\n")
    _say(url, dns.port, kubeconfig, state, pace)
    driver = Driver(cluster)
    stop = asyncio.Event()
    for name in ("SIGTERM", "SIGINT"):
        with contextlib.suppress(NotImplementedError, AttributeError):  # Windows has no such handlers
            asyncio.get_running_loop().add_signal_handler(getattr(signal, name), stop.set)
    lifetime = Lifetime(
        idle_end_s=idle_end_s,
        folder=server_file.parent if server_file is not None else None,
        journal=cluster.journal.path if cluster.journal is not None else None,
    )
    driving = asyncio.create_task(driver.run())
    stopping = asyncio.create_task(stop.wait())
    ending = asyncio.create_task(_end_in_time(edge, lifetime))
    try:
        with watched(asyncio.get_running_loop()):
            await asyncio.wait({driving, stopping, ending}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(edge.stop(), _STOP_WITHIN_S)
        await dns.stop()
        driver.stop()
        for task in (driving, stopping, ending):
            task.cancel()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(driver.kept(), _STOP_WITHIN_S)
        if cluster.journal is not None:
            with contextlib.suppress(ApiError):
                cluster.save_volumes()
            cluster.journal.close()
        lifetime.close()
    if driving.done() and not driving.cancelled():
        driving.result()  # a bug that ended it is told


async def _end_in_time(edge: Edge, lifetime: Lifetime) -> None:
    """Return when the server's time has come."""
    while True:
        await asyncio.sleep(LOOK_EVERY_S)
        why = lifetime.why_to_end(edge.idle_s())
        if why is not None:
            log.warning("it ends: %s", why)
            return


class Driver:
    """Lets the cluster's time pass: runs what is due, sleeps until more is, wakes when something comes sooner."""

    def __init__(self, cluster: ControlPlane) -> None:
        self._cluster = cluster
        self._wake = asyncio.Event()
        self._asyncio = asyncio.get_running_loop()
        self._is_message_waiting = False
        self._keeping: asyncio.Task[None] | None = None
        cluster.loop.on_earlier(self._wake.set)
        cluster.runtime.on_message = self._on_message

    def stop(self) -> None:
        self._cluster.loop.on_earlier(None)
        self._cluster.runtime.on_message = None

    def _on_message(self) -> None:
        """A sandbox has something to say. Called from its thread; one call at a time is enough."""
        if not self._is_message_waiting:
            self._is_message_waiting = True
            with contextlib.suppress(RuntimeError):  # the asyncio loop is closed: the server is stopping
                self._asyncio.call_soon_threadsafe(self._pump)

    def _pump(self) -> None:
        self._is_message_waiting = False
        self._cluster.runtime.pump()
        self._wake.set()

    async def kept(self) -> None:
        """Until what is being brought to the disk is there."""
        if self._keeping is not None:
            await self._keeping

    async def _keep(self, journal: Journal) -> None:
        """Bring what containers wrote, and what the journal holds, to the disk. A disk that is full is no end."""
        try:
            self._cluster.save_volumes()
            await asyncio.to_thread(journal.sync)
        except (ApiError, OSError) as error:
            log.warning("not everything could be kept: %s", error)

    async def run(self) -> None:
        loop, journal = self._cluster.loop, self._cluster.journal
        synced_s = time.monotonic()
        while True:
            slice_ends_s = time.monotonic() + _SLICE_S
            while loop.run_due(limit=10) and time.monotonic() < slice_ends_s:
                pass
            is_keeping = self._keeping is not None and not self._keeping.done()
            if journal is not None and not is_keeping and time.monotonic() - synced_s > _SYNC_EVERY_S:
                self._keeping = asyncio.create_task(self._keep(journal))  # a slow disk does not stop the cluster's time
                synced_s = time.monotonic()
            self._wake.clear()
            next_s = loop.seconds_to_next()
            if next_s == 0:
                await asyncio.sleep(0)
                continue
            if journal is not None:
                next_s = min(_SYNC_EVERY_S, next_s if next_s is not None else _SYNC_EVERY_S)
            timer = None if next_s is None else self._asyncio.call_later(next_s, self._wake.set)
            await self._wake.wait()
            if timer is not None:
                timer.cancel()


def _kubeconfig(port: int, token: str, authority: str) -> dict[str, object]:
    """By HTTPS, though on loopback: kubectl sends no token over plain HTTP."""
    name = "statelab"
    trusted = base64.b64encode(authority.encode()).decode()
    cluster = {"server": f"https://127.0.0.1:{port}", "certificate-authority-data": trusted}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": cluster}],
        "users": [{"name": name, "user": {"token": token}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name, "namespace": "default"}}],
        "current-context": name,
    }


def _write(path: Path, text: str) -> None:
    """Write a file that holds a token: for its owner alone, and whole or not at all."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    os.replace(fresh, path)


def _say(url: str, dns_port: int, kubeconfig: Path | None, state: Path | None, pace: float) -> None:
    where = f"kept in {state}" if state is not None else "kept in memory only"
    print(f"StateLab serves Kubernetes {KUBERNETES_VERSION} at {url} ({where}, pace {pace:g})")
    print(note(pace), end="")
    print(f"  DNS:     dig @127.0.0.1 -p {dns_port} kubernetes.default.svc.cluster.local")
    if kubeconfig is not None:
        print(f"  kubectl: export KUBECONFIG={shlex.quote(str(kubeconfig))}")
    sys.stdout.flush()
