"""What the final's first three tasks ask for, said again as questions to a cluster."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from small_cluster import Cluster, Pod, claim_for, is_ready, name_of

from grader.registry import task
from statelab.controlplane.errors import ApiError
from statelab.controlplane.labels import selector_of
from statelab.controlplane.quantity import whole as quantity

# ---- the store


def redis(cluster: Cluster, pod: str, *words: str) -> str:
    return cluster.run(pod, "redis-cli", *words)[1]


def is_replicated(cluster: Cluster, count: int) -> bool:
    """One primary with followers that hear it, and take no writes themselves."""
    if not cluster.are_ready("statefulsets", "redis", count):
        return False
    cluster.wait(5)
    value = f"value-{cluster.cp.store.revision}"
    if "role:master" not in redis(cluster, "redis-0", "info", "replication"):
        return False
    if redis(cluster, "redis-0", "set", "greeting", value) != "OK":
        return False
    cluster.wait(5)
    for ordinal in range(1, count):
        name = f"redis-{ordinal}"
        if (
            "role:slave" not in redis(cluster, name, "info", "replication")
            or redis(cluster, name, "get", "greeting") != value
        ):
            return False
        if not redis(cluster, name, "set", "stray", "1").startswith("READONLY"):
            return False
    return redis(cluster, "redis-0", "info", "replication").count("state=online") == count - 1


def clients_are_led(cluster: Cluster) -> bool:
    said = [redis(cluster, "redis-2", "-h", "redis-primary", "incr", "visits") for _ in range(9)]
    return said[-1].removeprefix("(integer) ") == "9" and redis(cluster, "redis-0", "get", "visits").strip('"') == "9"


def have_claims(cluster: Cluster, count: int) -> bool:
    taken = set()
    for pod in cluster.pods("statefulsets", "redis"):
        folder = redis(cluster, name_of(pod), "config", "get", "dir").split("\n")[-1].strip()
        claim = claim_for(pod, folder)
        found = cluster.one("persistentvolumeclaims", claim) if claim else None
        if found is None or quantity(found["spec"]["resources"]["requests"]["storage"]) < 1024**3:
            return False
        taken.add(claim)
    return len(taken) == count


def loses_nothing(cluster: Cluster) -> bool:
    for what in (["redis-2"], ["redis-1"], ["redis-0"], "end", ["redis-0", "redis-1", "redis-2"]):
        value = f"kept-{cluster.cp.store.revision}"
        if redis(cluster, "redis-0", "set", "last", value) != "OK":
            return False
        cluster.wait(5)
        if what == "end":
            cluster.run("redis-0", "redis-cli", "shutdown", "nosave")
            cluster.wait(2)
            cluster.settle()
        else:
            cluster.kill(*what)
        cluster.wait(5)
        if not cluster.are_ready("statefulsets", "redis", 3):
            return False
        if any(redis(cluster, f"redis-{each}", "get", "last") != value for each in range(3)):
            return False
    return True


def store(text: str) -> bool:
    cluster = Cluster(text)
    if not is_replicated(cluster, 3) or not cluster.each_is_found("redis", "redis"):
        return False
    service = cluster.one("services", "redis")
    everybody = cluster.pods("statefulsets", "redis")
    if service["spec"].get("clusterIP") != "None" or not cluster.leads_to("redis", everybody):
        return False
    if not clients_are_led(cluster) or not have_claims(cluster, 3) or not loses_nothing(cluster):
        return False
    cluster.scale("statefulsets", "redis", 5)
    if not is_replicated(cluster, 5) or not have_claims(cluster, 5):
        return False
    other = Cluster(text, namespace="elsewhere")
    return is_replicated(other, 3) and clients_are_led(other)


# ---- probes


def lives(cluster: Cluster, name: str) -> Iterator[tuple[float, Pod]]:
    for revision in cluster.cp.store.history:
        if revision.plural == "pods" and revision.key == cluster.key(name):
            yield revision.at_s, revision.object


def started(pod: Pod) -> bool:
    return any("running" in each.get("state", {}) for each in pod.get("status", {}).get("containerStatuses", ()))


def restarts(pod: Pod | None) -> int:
    return sum(each["restartCount"] for each in (pod or {}).get("status", {}).get("containerStatuses", ()))


def _loads(cluster: Cluster, loading_s: float) -> bool:
    """Both are Ready once they have loaded, not sooner, and nothing was killed."""
    if not cluster.until(lambda: cluster.are_ready("statefulsets", "sessions", 2), loading_s + 80):
        return False
    for name in ("sessions-0", "sessions-1"):
        began = next(at_s for at_s, pod in lives(cluster, name) if started(pod))
        ready = next(at_s for at_s, pod in lives(cluster, name) if is_ready(pod))
        if ready - began < loading_s - 1 or restarts(cluster.one("pods", name)):
            return False
    return True


def _starts_again(cluster: Cluster, name: str, loading_s: float) -> bool:
    if not is_ready(cluster.one("pods", name)):
        return False
    cluster.run(name, "redis-cli", "shutdown", "nosave")
    if not cluster.until(lambda: restarts(cluster.one("pods", name)) > 0, 180):
        return False
    cluster.wait(5)
    cluster.until(lambda: is_ready(cluster.one("pods", name)), loading_s + 120)
    cluster.wait(30)
    now = cluster.one("pods", name)
    return restarts(now) == 1 and is_ready(now)


def sessions(text: str) -> bool:
    cluster = Cluster(text)
    if not _loads(cluster, 40):
        return False
    cluster.run("sessions-0", "redis-cli", "shutdown", "nosave")
    began = len(cluster.cp.store.history)
    if not cluster.until(lambda: not is_ready(cluster.one("pods", "sessions-0")), 60):
        return False
    cluster.wait(30)
    later = [each for each in list(cluster.cp.store.history)[began:] if each.key == "default/sessions-1"]
    if any(each.plural == "pods" and not is_ready(each.object) for each in later):
        return False
    if not _starts_again(cluster, "sessions-1", 40):
        return False

    def loads_longer(obj: Any) -> None:
        if obj.get("kind") == "StatefulSet":
            for each in obj["spec"]["template"]["spec"]["containers"]:
                each["command"] = ["sh", "-c", "sleep 120; redis-server; sleep 1000000"]

    other = Cluster(text, change=loads_longer)
    return _loads(other, 120) and _starts_again(other, "sessions-0", 120)


# ---- a budget


def evicts(cluster: Cluster, pod: str) -> bool:
    body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod}}
    try:
        cluster.cp.api.evict(cluster.namespace, pod, body, cluster.cp.options())
    except ApiError:
        return False
    return True


def budget(text: str) -> bool:
    cluster = Cluster(text, task("final.budget").given)
    found = cluster.cp.list("poddisruptionbudgets", "default")
    members = cluster.pods("statefulsets", "orders")
    chosen = [selector_of(each["spec"].get("selector")) for each in found]
    counted = [each for each in chosen if all(each(pod["metadata"]["labels"]) for pod in members)]
    if not counted:
        return False
    for count in (3, 5):
        cluster.scale("statefulsets", "orders", count)
        for ordinal in reversed(range(count)):
            if not cluster.are_ready("statefulsets", "orders", count) or not evicts(cluster, f"orders-{ordinal}"):
                return False
            if any(evicts(cluster, f"orders-{other}") for other in range(count) if other != ordinal):
                return False
            cluster.settle()
        if not all(evicts(cluster, name_of(pod)) for pod in cluster.pods("deployments", "front")):
            return False
        cluster.settle()
    return True


ORACLES = {"final.store": store, "final.probes": sessions, "final.budget": budget}
