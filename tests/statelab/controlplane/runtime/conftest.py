"""One node's runtime without a cluster: containers, a network between them, virtual time."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest

from statelab.controlplane.clock import Loop
from statelab.controlplane.kinds import Object, key_of
from statelab.controlplane.runtime import (
    Container,
    ContainerSpec,
    Exit,
    Limits,
    Mount,
    Network,
    Process,
    Runtime,
    shells,
)


@dataclass
class Said:
    """What an exec came to."""

    code: int
    stdout: str
    stderr: str
    raw: bytes


class Objects:
    """Services and EndpointSlices for the network and DNS to read."""

    def __init__(self) -> None:
        self.objects: dict[str, list[Object]] = {"namespaces": [{"metadata": {"name": "default"}}]}
        self.now_s = 0.0

    def add(self, plural: str, obj: Object) -> None:
        self.objects.setdefault(plural, []).append(obj)

    def get(self, plural: str, key: str) -> Object | None:
        return next((each for each in self.objects.get(plural, ()) if key_of(each) == key), None)

    def list(self, plural: str, namespace: str = "") -> list[Object]:
        found = self.objects.get(plural, [])
        return [each for each in found if not namespace or each["metadata"].get("namespace") == namespace]


RESOLV_CONF = (
    "search default.svc.cluster.local svc.cluster.local cluster.local\nnameserver 10.96.0.10\noptions ndots:5\n"
)


@dataclass
class Node:
    loop: Loop
    network: Network
    runtime: Runtime
    objects: Objects
    exits: dict[str, Exit] = field(default_factory=dict)
    started: list[Container] = field(default_factory=list)

    def run(
        self,
        image: str = "busybox:1.36",
        command: Sequence[str] | None = None,
        *,
        name: str = "web-0",
        ip: str = "10.244.1.5",
        args: Sequence[str] | None = None,
        mounts: Sequence[Mount] = (),
        env: dict[str, str] | None = None,
        limits: Limits | None = None,
        for_s: float = 0.5,
        **more: object,
    ) -> Container:
        """Start a container and give it a moment."""
        spec = ContainerSpec(
            namespace="default", pod_name=name, pod_uid=f"uid-{name}", name="main", image=image, command=command,
            args=args, mounts=mounts, env=env or {}, hostname=name, pod_ip=ip, limits=limits or Limits(),
            files={
                "/etc/resolv.conf": RESOLV_CONF,
                "/etc/hosts": f"127.0.0.1\tlocalhost\n{ip}\t{name}.nginx.default.svc.cluster.local\t{name}\n",
            },
            **more,  # type: ignore[arg-type]
        )  # fmt: skip
        container = self.runtime.create(spec)
        self.started.append(container)
        self.exits.pop(name, None)
        container.start(lambda ended: self.exits.__setitem__(name, ended))
        self.loop.run_for(for_s)
        return container

    def sh(self, script: str, *, name: str = "web-0", for_s: float = 0.5, **more: object) -> Container:
        return self.run(command=["sh", "-c", script], name=name, for_s=for_s, **more)  # type: ignore[arg-type]

    def exec(
        self, container: Container, *argv: str, stdin: bytes | None = None, tty: bool = False, within_s: float = 300.0
    ) -> Said:
        """Run a command and wait, in virtual time, until it has ended."""
        out, err, raw, codes = bytearray(), bytearray(), bytearray(), list[int]()

        def on_output(stream: str, data: bytes) -> None:
            (out if stream == "stdout" else err).extend(data)
            raw.extend(data)

        container.exec(list(argv), stdin=stdin, tty=tty, on_output=on_output, on_exit=codes.append)
        assert self.loop.run_until(lambda: bool(codes), timeout_s=within_s), f"{argv} has not ended: {bytes(raw)!r}"
        return Said(codes[0], out.decode(errors="replace"), err.decode(errors="replace"), bytes(raw))

    def service(
        self, name: str, cluster_ip: str, endpoints: Sequence[tuple[str, str]], port: int = 80, **spec: object
    ) -> None:
        """`endpoints`: (address, hostname); those with "!" before the address are not ready."""
        self.objects.add(
            "services",
            {
                "metadata": {"name": name, "namespace": "default", "uid": f"uid-{name}"},
                "spec": {
                    "clusterIP": cluster_ip, "clusterIPs": [cluster_ip], "ports": [{"port": port, "name": ""}], **spec
                },
            },
        )  # fmt: skip
        self.objects.add(
            "endpointslices",
            {
                "metadata": {
                    "name": f"{name}-x", "namespace": "default", "labels": {"kubernetes.io/service-name": name}
                },
                "ports": [{"port": port, "name": "", "protocol": "TCP"}],
                "endpoints": [
                    {
                        "addresses": [address.lstrip("!")],
                        "hostname": hostname,
                        "conditions": {"ready": not address.startswith("!")},
                    }
                    for address, hostname in endpoints
                ],
            },
        )  # fmt: skip


@pytest.fixture(params=["bashkit", "python"])
def shell(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Whose shell the containers run: each test of a node is one for both."""
    monkeypatch.setattr(shells, "in_python", request.param == "python")
    return str(request.param)


@pytest.fixture
def node(shell: str) -> Node:
    return new_node()


def new_node(seed: int = 0) -> Node:
    loop, objects = Loop(), Objects()
    network = Network(loop, objects)
    return Node(loop, network, Runtime(loop, network, random.Random(seed)), objects)


@pytest.fixture
def node_factory(shell: str) -> Callable[[int], Node]:
    return new_node


class Typing:
    """A session on a terminal: what is typed, and what the screen shows."""

    def __init__(self, node: Node, container: Container, *argv: str) -> None:
        self.node = node
        self.screen = bytearray()
        self.codes: list[int] = []
        self.process: Process = container.exec(
            list(argv), tty=True, interactive=True,
            on_output=lambda stream, data: self.screen.extend(data), on_exit=self.codes.append,
        )  # fmt: skip
        node.loop.run_for(0.1)

    def type(self, keys: bytes) -> str:
        before = len(self.screen)
        self.process.write(keys)
        self.node.loop.run_for(0.5)
        return self.screen[before:].decode()


@pytest.fixture
def typing(node: Node) -> Callable[..., Typing]:
    return lambda container, *argv: Typing(node, container, *argv)
