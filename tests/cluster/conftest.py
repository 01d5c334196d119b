"""Every place that connect() can give, one after the other, each with the StatefulSet of lesson 06 on it.

`make test-kind` makes a kind cluster of its own and deletes it; `STATELAB_TEST_CONTEXT=k3d-mine python -m pytest
tests/cluster` runs the same tests on a cluster that is there already. See docs/kind.md.
"""

from __future__ import annotations

import asyncio
import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from contract_images import MANIFEST, TELLER, load_contract_images

from statelab.cluster import Cluster, Home, connect, local
from statelab.cluster.embedded import EmbeddedCluster
from statelab.cluster.steps import on_terminal

NAMESPACE = "contract"
CONTEXT = os.environ.get("STATELAB_TEST_CONTEXT", "")
WISH = os.environ.get("STATELAB_TEST_KIND", "")
PACE = 20
_CREATED_WITHIN_S = 2400


@contextmanager
def in_process(folder: Path) -> Iterator[Cluster]:
    """API server, controllers and kubelets in a thread of this process."""
    from statelab import server
    from statelab.controlplane.apiserver.wire import certificates
    from statelab.controlplane.apiserver.wire.http import Edge
    from statelab.controlplane.controlplane import ControlPlane
    from statelab.controlplane.dns_server import DnsServer

    home, ready = Home(folder), threading.Event()
    home.folder.mkdir()
    ends: list[Callable[[], None]] = []
    servers: list[local.Server] = []

    async def serve() -> None:
        controlplane = ControlPlane(pace=PACE)
        certificate = certificates.make()
        edge, dns = Edge(controlplane, "token", certificate), DnsServer(controlplane.store)
        await edge.start(0)
        await dns.start()
        home.kubeconfig.write_text(json.dumps(server._kubeconfig(edge.port, "token", certificate.authority)))
        servers.append(local.Server(f"http://127.0.0.1:{edge.port}", "token", os.getpid(), PACE, dns.port))
        driver, end = server.Driver(controlplane), asyncio.Event()
        loop = asyncio.get_running_loop()
        ends.append(lambda: loop.call_soon_threadsafe(end.set))
        driving = asyncio.create_task(driver.run())
        ready.set()
        await end.wait()
        driving.cancel()
        await asyncio.wait_for(edge.stop(), 10)
        await dns.stop()
        driver.stop()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    assert ready.wait(30)
    try:
        yield EmbeddedCluster(home, servers[0])
    finally:
        ends[0]()
        thread.join(30)


@contextmanager
def over_http(folder: Path) -> Iterator[Cluster]:
    """As a notebook has it: a process of its own, started by connect()."""
    with environment(STATELAB_HOME=str(folder), STATELAB_PACE=str(PACE)):
        try:
            yield connect("embedded")
        finally:
            local.stop(Home(folder))


@contextmanager
def by_kubeconfig(folder: Path) -> Iterator[Cluster]:
    """The embedded cluster as a stranger's: all we have is a kubeconfig."""
    with over_http(folder):
        kubeconfig = folder.parent / f"{folder.name}-kubeconfig"
        kubeconfig.write_bytes((folder / ".statelab" / "kubeconfig").read_bytes())
        with environment(STATELAB_HOME=str(folder.parent), KUBECONFIG=str(kubeconfig)):
            yield connect("context:statelab", allow_any=True)


@contextmanager
def on_kind(folder: Path) -> Iterator[Cluster]:
    """A real one: the fixture `kind_home` has made it in this folder."""
    with environment(STATELAB_HOME=str(folder)):
        yield connect("kind")


@contextmanager
def in_a_context(folder: Path) -> Iterator[Cluster]:
    """One that is there already, by the name of its context."""
    with environment(STATELAB_HOME=str(folder)):
        yield connect(f"context:{CONTEXT}", allow_any=True)


PLACES = {
    "in process": in_process,
    "over HTTP": over_http,
    "by kubeconfig": by_kubeconfig,
    "kind": on_kind,
    **({CONTEXT: in_a_context} if CONTEXT else {}),
}
_REAL = [pytest.mark.kind, pytest.mark.timeout(_CREATED_WITHIN_S)]
_NOT_NOW = pytest.mark.skip(reason="it takes minutes to make a kind cluster: make test-kind")
_MARKS = {"kind": [*_REAL, *([] if WISH else [_NOT_NOW])], CONTEXT: _REAL}


@contextmanager
def environment(**names: str) -> Iterator[None]:
    """For the tests of one place; a session's fixture has no monkeypatch."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in names.items():
            patch.setenv(name, value)
        yield


@pytest.fixture(
    scope="session",
    params=[pytest.param(each, marks=_MARKS.get(each, [])) for each in PLACES],
)
def cluster(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """The cluster of one place, in a namespace where `web` runs. A test leaves it as it found it."""
    is_kind = request.param == "kind"
    folder = request.getfixturevalue("kind_home") if is_kind else tmp_path_factory.mktemp("home")
    if is_kind:
        with on_terminal() as steps:
            for why in load_contract_images(Home(folder), steps):
                steps.warn(f"Not brought beforehand: {why}")
    with PLACES[request.param](folder) as found:
        found.fresh(NAMESPACE)
        for manifest in (MANIFEST.read_text(), TELLER):
            applied = found.kubectl("apply -f -", stdin=manifest)
            assert applied.code == 0, applied.stderr
        found.wait("sts/web", "Rollout", timeout_s=600)
        found.wait("pod/teller", "Ready", timeout_s=600)
        yield found
        found.delete(f"namespace/{NAMESPACE}")
