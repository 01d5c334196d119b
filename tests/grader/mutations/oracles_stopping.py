"""What ps7 asks for, said again as questions to a cluster: stops, slow starts, a quorum, a budget for any number."""

from __future__ import annotations

import json
from typing import Any

from oracles_final import evicts, lives, restarts, started
from small_cluster import Cluster, claims, is_ready, name_of

from grader.registry import task
from statelab.controlplane.labels import selector_of
from statelab.controlplane.quantity import whole as quantity

# ---- a stop that loses nothing


def _saves(cluster: Cluster, name: str, count: int, *, late: bool = False, evict: bool = False) -> bool:
    """So many entries are taken and kept, and writers that come late; where there are none, it is gone soon."""
    before = cluster.one("pods", name)
    entries = [f"{cluster.cp.store.revision}-{each}" for each in range(count)]
    if not is_ready(before or {}) or (entries and cluster.run(name, "sh", "/ledger/note.sh", *entries)[0]):
        return False
    began_s = cluster.cp.loop.now_s
    if evict:
        if not evicts(cluster, name):
            return False
    else:
        cluster.cp.delete("pods", cluster.key(name))
    for second in (3, 6, 9, 14) if late else ():
        cluster.wait(began_s + second - cluster.cp.loop.now_s)
        entry = f"{cluster.cp.store.revision}-late-{second}"
        if cluster.run(name, "sh", "/ledger/note.sh", entry)[0] == 0:
            entries.append(entry)
        elif second < 10:
            return False

    def is_another() -> bool:
        now = cluster.one("pods", name)
        return now is None or now["metadata"]["uid"] != before["metadata"]["uid"]

    is_gone = cluster.until(is_another, 200)
    took_s = cluster.cp.loop.now_s - began_s
    cluster.settle()
    if not is_gone or not is_ready(cluster.one("pods", name) or {}) or (not count and took_s > 32):
        return False
    return set(entries) <= set(cluster.run(name, "cat", "/data/ledger")[1].split())


def _outlives(cluster: Cluster, act: Any) -> bool:
    """Entries that are taken while something is done to the whole set are kept, once all have been stopped again."""
    act()
    kept: dict[str, list[str]] = {"ledger-0": [], "ledger-1": []}
    told: list[str] = []  # the uids of Pods, once for each entry: no more than it may have in its memory
    for turn in range(20):
        for name, entries in kept.items():
            pod = cluster.one("pods", name)
            if pod is not None and is_ready(pod) and told.count(pod["metadata"]["uid"]) < 5:
                told.append(pod["metadata"]["uid"])
                entry = f"{cluster.cp.store.revision}-{turn}"
                if cluster.run(name, "sh", "/ledger/note.sh", entry)[0] == 0:
                    entries.append(entry)
        cluster.wait(4)
    cluster.scale("statefulsets", "ledger", 2)
    cluster.kill("ledger-0", "ledger-1")
    cluster.settle()
    return cluster.are_ready("statefulsets", "ledger", 2) and all(
        set(entries) <= set(cluster.run(name, "cat", "/data/ledger")[1].split()) for name, entries in kept.items()
    )


def shutdown(text: str) -> bool:
    given = task("ps7.shutdown").given
    cluster = Cluster(text, given)
    if not cluster.are_ready("statefulsets", "ledger", 2):
        return False
    if not (_saves(cluster, "ledger-1", 3) and _saves(cluster, "ledger-1", 9)):
        return False
    if not (_saves(cluster, "ledger-0", 1, late=True) and _saves(cluster, "ledger-1", 0)):
        return False
    rolled = {"spec": {"template": {"metadata": {"annotations": {"rolled": "1"}}}}}
    if not _outlives(cluster, lambda: cluster.cp.patch("statefulsets", cluster.key("ledger"), rolled)):
        return False
    if not _outlives(cluster, lambda: cluster.cp.scale("statefulsets", cluster.key("ledger"), 1)):
        return False
    other = Cluster(text, given, namespace="elsewhere")
    if other.one("statefulsets", "ledger") is None:
        return False
    other.scale("statefulsets", "ledger", 3)
    return other.are_ready("statefulsets", "ledger", 3) and _saves(other, "ledger-2", 9, late=True, evict=True)


# ---- a probe that does not kill


def _comes_up(cluster: Cluster, replay_s: float) -> bool:
    """It is Ready soon after it has replayed, and not before, and nothing was killed."""

    def is_up() -> bool:
        return is_ready(cluster.one("pods", "archive-0") or {})

    cluster.until(lambda: is_up() or restarts(cluster.one("pods", "archive-0")) > 0, replay_s + 80)
    if restarts(cluster.one("pods", "archive-0")) or not is_up():
        return False
    began = next(at_s for at_s, pod in lives(cluster, "archive-0") if started(pod))
    ready = next(at_s for at_s, pod in lives(cluster, "archive-0") if is_ready(pod))
    return replay_s - 1 <= ready - began <= replay_s + 13


def slow_start(text: str) -> bool:
    t = task("ps7.slow-start")

    def elsewhere(replay_s: int, namespace: str) -> Cluster:
        given = t.given.replace('replay-seconds: "45"', f'replay-seconds: "{replay_s}"')
        assert str(replay_s) in given
        return Cluster(text, given, namespace=namespace, max_s=5)

    cluster = Cluster(text, t.given, max_s=5)
    if [name_of(each) for each in cluster.pods("statefulsets", "archive")] != ["archive-0"]:
        return False
    if not _comes_up(cluster, 45):
        return False
    cluster.run("archive-0", "killall", "httpd")
    cluster.wait(8)
    cluster.run("archive-0", "httpd", "-p", "80", "-h", "/www")
    cluster.wait(20)
    if restarts(cluster.one("pods", "archive-0")):
        return False
    began_s = cluster.cp.loop.now_s
    cluster.run("archive-0", "killall", "httpd")
    if not cluster.until(lambda: not is_ready(cluster.one("pods", "archive-0")), 13):
        return False
    if not cluster.until(
        lambda: restarts(cluster.one("pods", "archive-0")) > 0, 63 - (cluster.cp.loop.now_s - began_s)
    ):
        return False
    cluster.wait(5)
    cluster.until(lambda: is_ready(cluster.one("pods", "archive-0")), 125)
    cluster.wait(20)
    now = cluster.one("pods", "archive-0")
    if restarts(now) != 1 or not is_ready(now):
        return False
    if not _comes_up(elsewhere(280, "elsewhere"), 280):
        return False
    endless = elsewhere(1_000_000, "default")
    began_s = endless.cp.loop.now_s
    is_given_up = endless.until(lambda: restarts(endless.one("pods", "archive-0")) > 0, 940)
    return is_given_up and endless.cp.loop.now_s - began_s > 260


# ---- an etcd


def _ctl(cluster: Cluster, pod: str, *words: str) -> str:
    code, said = cluster.run(pod, "etcdctl", *words)
    return said.split("\n{")[0] if code == 0 else ""


def _at(pod: str) -> str:
    return f"--endpoints=http://{pod}.kv:2379"


def _members(cluster: Cluster) -> dict[str, Any]:
    found = {}
    for name in ("kv-0", "kv-1", "kv-2"):
        said = _ctl(cluster, name, _at(name), "endpoint", "status", "-w", "json")
        if said:
            found[name] = json.loads(said)[0]["Status"]
    return found


def _is_formed(cluster: Cluster) -> bool:
    cluster.until(lambda: cluster.are_ready("statefulsets", "kv", 3), 20)
    if not cluster.are_ready("statefulsets", "kv", 3) or not cluster.each_is_found("kv", "kv"):
        return False
    found = _members(cluster).values()
    return (
        len(found) == 3
        and len({each["header"]["cluster_id"] for each in found}) == 1
        and len({each["header"]["member_id"] for each in found}) == 3
        and len({each.get("leader") for each in found}) == 1
    )


def _keeps(cluster: Cluster, value: str, *away: str) -> bool:
    """A value is written, before or while some are away, and read on each afterwards."""
    writer = next(each for each in ("kv-0", "kv-1", "kv-2") if each not in away or len(away) == 3)
    if len(away) != 3:
        for name in away:
            cluster.cp.delete("pods", cluster.key(name))
    if not any(_ctl(cluster, writer, _at(writer), "put", "key", value) for _ in range(3)):
        return False
    if len(away) == 3:
        for name in away:
            cluster.cp.delete("pods", cluster.key(name))
    cluster.wait(10)
    cluster.settle()
    return _is_formed(cluster) and all(
        _ctl(cluster, name, _at(name), "get", "key", "--print-value-only") == value for name in ("kv-0", "kv-1", "kv-2")
    )


def etcd(text: str) -> bool:
    cluster = Cluster(text)
    if not _is_formed(cluster) or not _keeps(cluster, "first"):
        return False
    ids = {name: each["header"]["member_id"] for name, each in _members(cluster).items()}
    for url in _ctl(cluster, "kv-0", _at("kv-0"), "member", "list").split("\n"):
        clients = url.split(", ")[4]
        asker = "kv-1" if "kv-1" not in url.split(", ")[2] else "kv-0"
        if "localhost" in clients or not _ctl(cluster, asker, f"--endpoints={clients}", "endpoint", "status"):
            return False
    taken = [claims(pod) for pod in cluster.pods("statefulsets", "kv")]
    if not all(taken) or len({each[0] for each in taken}) != 3:
        return False
    sizes = [
        cluster.one("persistentvolumeclaims", each[0])["spec"]["resources"]["requests"]["storage"] for each in taken
    ]
    if any(quantity(each) < 1024**3 for each in sizes):
        return False
    for name in ("kv-0", "kv-1", "kv-2"):
        if not _keeps(cluster, f"without-{name}", name):
            return False
    if not _keeps(cluster, "all", "kv-0", "kv-1", "kv-2"):
        return False
    if ids != {name: each["header"]["member_id"] for name, each in _members(cluster).items()}:
        return False
    cluster.cp.scale("statefulsets", cluster.key("kv"), 1)
    if not cluster.until(lambda: not is_ready(cluster.one("pods", "kv-0")), 90):
        return False
    cluster.scale("statefulsets", "kv", 3)
    return _is_formed(cluster) and _is_formed(Cluster(text, namespace="elsewhere"))


# ---- a budget


def budget(text: str) -> bool:
    cluster = Cluster(text, task("ps7.budget").given)
    chosen = [selector_of(each["spec"].get("selector")) for each in cluster.cp.list("poddisruptionbudgets", "default")]
    members = cluster.pods("statefulsets", "vote")
    if not any(all(each(pod["metadata"]["labels"]) for pod in members) for each in chosen):
        return False
    for count in (7, 6, 5, 4, 3):
        cluster.scale("statefulsets", "vote", count)
        if not cluster.are_ready("statefulsets", "vote", count):
            return False
        gone = sum(evicts(cluster, f"vote-{each}") for each in range(count))
        cluster.settle()
        if not 1 <= gone <= count - (count // 2 + 1):
            return False
    for ordinal in range(3):
        if not cluster.are_ready("statefulsets", "vote", 3) or not evicts(cluster, f"vote-{ordinal}"):
            return False
        cluster.settle()
    if not all(evicts(cluster, name_of(pod)) for pod in cluster.pods("deployments", "front")):
        return False
    for name in ("vote-0", "vote-1"):
        cluster.run(name, "killall", "httpd")
    cluster.settle()
    return not evicts(cluster, "vote-2") and evicts(cluster, "vote-0") and evicts(cluster, "vote-1")


ORACLES = {"ps7.shutdown": shutdown, "ps7.slow-start": slow_start, "ps7.etcd": etcd, "ps7.budget": budget}
