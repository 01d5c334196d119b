"""How a member finds out who it is: from its own data, from what it was told, or from the members it joins.

Source: server/etcdserver/bootstrap.go, server/config/config.go (VerifyBootstrap, VerifyJoinExisting).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from statelab.controlplane.runtime.applets.resolver import address_of
from statelab.controlplane.runtime.http import HttpResponse, request
from statelab.controlplane.runtime.images.etcd.config import cluster_id, host_port, member_id
from statelab.controlplane.runtime.images.etcd.state import Member
from statelab.controlplane.runtime.network import NetworkError

if TYPE_CHECKING:
    from statelab.controlplane.runtime.images.etcd.member import EtcdMember

_ANSWERS_WITHIN_S = 1.0
Found = tuple[int, list[Member]]


def begin(member: EtcdMember) -> None:
    """Calls `member.run` when it is known, or ends the task in etcd's words."""
    config, log = member.config, member.raft_log
    if log.existed:
        member.id, member.cluster = log.meta["member"], log.meta["cluster"]
        member.log(
            "info", "restarting local member", **{"local-member-id": f"{member.id:x}", "commit-index": log.commit}
        )
        member.run([], conf_entries=False)
        return
    if config.name not in config.cluster:
        member.fatal(
            "discovery failed", f'couldn\'t find local name "{config.name}" in the initial cluster configuration'
        )
        return
    why = not_advertised(config.name, config.cluster[config.name], config.advertise_peers)
    if why:
        member.fatal("discovery failed", why)
        return
    told_members = [Member(member_id(urls, config.token), list(urls), name) for name, urls in config.cluster.items()]
    others = [url for each in told_members if each.name != config.name for url in each.peer_urls]
    if config.is_new:
        _ask(member, others, lambda found: _begin_new(member, told_members, found))
    else:
        _ask(member, others, lambda found: _join(member, told_members, found))


def not_advertised(name: str, told: Sequence[str], advertised: Sequence[str]) -> str:
    """Why a member is not at the addresses that the list of members has for it; "" when it is."""
    told, advertised = sorted(told), sorted(advertised)
    if told == advertised:
        return ""
    own = ",".join(f"{name}={url}" for url in told)
    shown = " ".join(f'"{url}"' for url in (*advertised, "!=", *told)).replace('"!="', "!=")
    return (
        f"--initial-cluster has {own} but missing from --initial-advertise-peer-urls={','.join(advertised)} "
        f"(resolved urls: {shown})"
    )


def _begin_new(member: EtcdMember, told: list[Member], found: Found | None) -> None:
    own = next(each for each in told if each.name == member.config.name)
    known = next((each for each in found[1] if each.id == own.id), None) if found else None
    if known is not None and known.client_urls:
        member.fatal("discovery failed", f"member {own.id:x} has already been bootstrapped")
        return
    member.id, member.cluster = own.id, cluster_id([each.id for each in told])
    _starting(member)
    member.run(told, conf_entries=True)


def _join(member: EtcdMember, told: list[Member], found: Found | None) -> None:
    if found is None:
        member.fatal(
            "discovery failed",
            "cannot fetch cluster info from peer urls: could not retrieve cluster information from the given URLs",
        )
        return
    cluster, there = found
    shown = ", ".join(f"{each.id:x}" for each in there)
    if len(there) != len(told):
        member.fatal("discovery failed", f"error validating peerURLs {{ClusterID:{cluster:x} Members:[{shown}] "
                     "RemovedMemberIDs:[]}: member count is unequal")  # fmt: skip
        return
    for each in there:
        same = next((one for one in told if sorted(one.peer_urls) == sorted(each.peer_urls)), None)
        if same is None:
            member.fatal(
                "discovery failed",
                f"error validating peerURLs {{ClusterID:{cluster:x} Members:[{shown}] RemovedMemberIDs:[]}}: "
                "unmatched member while checking PeerURLs",
            )
            return
        if same.name == member.config.name:
            member.id = each.id
    member.cluster = cluster
    _starting(member)
    member.run(there, conf_entries=False)


def _starting(member: EtcdMember) -> None:
    member.log(
        "info",
        "starting local member",
        **{"local-member-id": f"{member.id:x}", "cluster-id": f"{member.cluster:x}"},
    )


def _ask(member: EtcdMember, urls: list[str], done: Callable[[Found | None], None]) -> None:
    """Ask one peer after the other who the members are; None where none of them says."""
    task = member.task
    if task.done:
        return
    if not urls:
        done(None)
        return
    name, port = host_port(urls[0])
    address = address_of(task, name)

    def answered(outcome: HttpResponse | NetworkError) -> None:
        if task.done:
            return
        if isinstance(outcome, HttpResponse) and outcome.status == 200:
            cluster = int(outcome.headers.get("x-etcd-cluster-id", "0"), 16)
            told = json.loads(outcome.body)
            members = [Member(each["id"], each["peerURLs"], each["name"], each["clientURLs"]) for each in told]
            task.guarded(lambda: done((cluster, members)))
        else:
            _ask(member, urls[1:], done)

    if address is None:
        _ask(member, urls[1:], done)
        return
    request(task.network, task.ip, address, port, "/members", answered, timeout_s=_ANSWERS_WITHIN_S)
