"""The program `etcd`: reads its flags, opens its two ports, and runs a member behind them."""

from __future__ import annotations

import json

from statelab.controlplane.image_names import parse_reference
from statelab.controlplane.runtime.http import HttpRequest, HttpResponse, MessageReader, encode_response
from statelab.controlplane.runtime.images.etcd import config, peers
from statelab.controlplane.runtime.images.etcd.api import Api
from statelab.controlplane.runtime.images.etcd.member import EtcdMember
from statelab.controlplane.runtime.network import LOCALHOST, Accept, Connection, is_address
from statelab.controlplane.runtime.programs import Task

DEFAULT_VERSION = "3.5.21"


def version_of(task: Task) -> str:
    """The version an image's tag names."""
    tag = parse_reference(task.container.spec.image).tag.removeprefix("v").partition("-")[0]
    return tag if tag.count(".") == 2 and tag.replace(".", "").isdigit() else DEFAULT_VERSION


def etcd(task: Task) -> None:
    version = version_of(task)
    if "--version" in task.argv or "-version" in task.argv:
        task.write(f"etcd Version: {version}\nGit SHA: statelab\nGo Version: none\nGo OS/Arch: linux/amd64\n")
        task.finish(0)
        return
    try:
        told = config.read(task.argv, task.env)
    except config.ConfigError as error:
        if error.code == 2 or str(error).startswith("statelab"):
            task.fail(f"{error}\n", error.code)
        else:
            line = {"level": "fatal", "msg": "failed to verify flags", "error": str(error)}
            task.fail(json.dumps(line) + "\n", error.code)
        return
    member = EtcdMember(task, told)
    api = Api(member, version)
    member.log(
        "info", "starting an etcd server", **{"etcd-version": version, "name": told.name, "data-dir": told.data_dir}
    )
    opened: list[int] = []
    clients = [(url, api.accept) for url in dict.fromkeys((*told.listen_clients, *told.metrics))]
    for url, accept in [*((each, _peer_port(member)) for each in told.listen_peers), *clients]:
        host, port = config.host_port(url)
        problem = _cannot_listen(host, url)
        if not problem and port not in opened:
            try:
                task.network.listen(task.ip, port, _only(host, accept))
                opened.append(port)
            except OSError:
                problem = f"listen tcp {host}:{port}: bind: address already in use"
        if problem:
            member.fatal("discovery failed", problem)
            return
    member.start(api.ready)
    end = task.on_end

    def close() -> None:
        for port in opened:
            task.network.unlisten(task.ip, port)
        if end is not None:
            end()

    if task.done:
        close()
    else:
        task.on_end = close


def _cannot_listen(host: str, url: str) -> str:
    return "" if is_address(host) or host in LOCALHOST else f"expected IP in URL for binding ({url})"


def _only(host: str, accept: Accept) -> Accept:
    """A server that listens on the loopback address has no other callers."""
    if host not in LOCALHOST:
        return accept

    def local(connection: Connection) -> None:
        if connection.remote[0] == connection.local[0]:
            accept(connection)
        else:
            connection.close()

    return local


def _peer_port(member: EtcdMember) -> Accept:
    def accept(connection: Connection) -> None:
        peers.accept(member, connection, member.may_come, other)

    def other(connection: Connection, data: bytes) -> None:
        reader = MessageReader(lambda first, headers, body: connection.send(encode_response(_plain(member, first))))
        try:
            reader.feed(data)
        except ValueError:
            connection.close()

    return accept


def _plain(member: EtcdMember, first: str) -> HttpResponse:
    """What the peers' port says over plain HTTP: who the members are, which one who joins asks for."""
    path = HttpRequest("GET", [*first.split(" "), "/"][1]).path
    if path == "/members" and member.is_running:
        found = [
            {"id": each.id, "peerURLs": each.peer_urls, "name": each.name, "clientURLs": each.client_urls}
            for each in sorted(member.state.members.values(), key=lambda each: each.id)
        ]
        return HttpResponse(200, json.dumps(found).encode(), {"X-Etcd-Cluster-ID": f"{member.cluster:x}"})
    if path == "/version":
        return HttpResponse(200, json.dumps({"etcdserver": version_of(member.task)}).encode())
    return HttpResponse(404, b"404 page not found\n")
