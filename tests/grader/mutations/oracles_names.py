"""What the tasks of ps1, ps2 and ps3 ask for, said again as questions to a cluster."""

from __future__ import annotations

from typing import Any

from small_cluster import Cluster, Pod, claim_for, claims, differing, is_ready, name_of, objects

from grader.registry import task
from statelab.controlplane.quantity import whole as quantity

HTML = "/usr/share/nginx/html"

# ---- ps1


def shop(text: str) -> bool:
    def is_served(cluster: Cluster, count: int) -> bool:
        pods = cluster.pods("deployments", "shop")
        if not cluster.are_ready("deployments", "shop", count) or cluster.selected("shop") != set(map(name_of, pods)):
            return False
        return cluster.run("visitor", "wget", "-qO-", "-T", "3", "http://shop")[0] == 0

    given = task("ps1.shop").given
    cluster = Cluster(text, given)
    address = cluster.asks("shop")
    service = cluster.one("services", "shop")
    if not is_served(cluster, 3) or service is None or address != [service["spec"].get("clusterIP")]:
        return False
    cluster.kill(*map(name_of, cluster.pods("deployments", "shop")))
    if not is_served(cluster, 3) or cluster.asks("shop") != address:
        return False
    other = Cluster(text, given, namespace="elsewhere")
    other.scale("deployments", "shop", 5)
    version = {"spec": {"template": {"metadata": {"annotations": {"version": "2"}}}}}
    other.cp.patch("deployments", other.key("shop"), version)
    other.settle(40)
    return is_served(other, 5)


# ---- ps2


def _service(text: str, name: str) -> Any:
    return objects(text).get(("Service", name), {})


def headless(text: str) -> bool:
    t = task("ps2.headless")

    def leads(cluster: Cluster, count: int) -> bool:
        ready = [each for each in cluster.pods("deployments", "chat") if is_ready(each)]
        return len(ready) == count and cluster.leads_to("chat", ready)

    cluster = Cluster(text, t.given)
    listed = [each for each in cluster.asks("_http._tcp.chat", "SRV") if each.split()[2] == "80"]
    if not leads(cluster, 3) or len(listed) != 3:
        return False
    cluster.kill(name_of(cluster.pods("deployments", "chat")[0]))
    cluster.scale("deployments", "chat", 4)
    if not leads(cluster, 4):
        return False
    other = Cluster(text, t.given, namespace="elsewhere")
    other.run(name_of(other.pods("deployments", "chat")[0]), "rm", f"{HTML}/index.html")
    other.wait(12)
    free = ("clusterIP", "clusterIPs", "labels", "annotations", "namespace")
    return leads(other, 2) and differing(_service(t.start, "chat"), _service(text, "chat"), free) == 0


def orders(text: str) -> bool:
    t = task("ps2.repair")

    def is_served(cluster: Cluster, count: int) -> bool:
        pods = cluster.pods("deployments", "orders")
        if not cluster.are_ready("deployments", "orders", count) or cluster.selected("orders") != {*map(name_of, pods)}:
            return False
        visits = [cluster.run("visitor", "wget", "-qO-", "-T", "3", "http://orders")[0] for _ in range(6)]
        return not any(visits)

    if not is_served(Cluster(text, t.given), 3):
        return False
    other = Cluster(text, t.given, namespace="elsewhere")
    change = {"spec": {"replicas": 2, "template": {"metadata": {"annotations": {"version": "2"}}}}}
    other.cp.patch("deployments", other.key("orders"), change)
    other.settle(40)
    free = ("app", "part", "targetPort", "labels", "annotations", "namespace")
    return is_served(other, 2) and differing(_service(t.start, "orders"), _service(text, "orders"), free) == 0


def gossip(text: str) -> bool:
    t = task("ps2.early")

    def meet(cluster: Cluster, count: int) -> bool:
        cluster.until(lambda: cluster.are_ready("deployments", "gossip", count), 40)
        return cluster.are_ready("deployments", "gossip", count) and cluster.leads_to(
            "gossip", cluster.pods("deployments", "gossip")
        )

    cluster = Cluster(text, t.given)
    if not meet(cluster, 3):
        return False
    for pod in cluster.pods("deployments", "gossip"):
        cluster.cp.delete("pods", cluster.key(name_of(pod)))
    cluster.wait(10)
    five = t.given.replace("replicas: 3", "replicas: 5").replace("-ge 3", "-ge 5")
    return meet(cluster, 3) and meet(Cluster(text, five, namespace="elsewhere"), 5)


def team(text: str) -> bool:
    def are_found(cluster: Cluster, reds: int) -> bool:
        red, blue = (cluster.pods("deployments", name) for name in ("red", "blue"))
        if not cluster.are_ready("deployments", "red", reds) or not cluster.are_ready("deployments", "blue", 1):
            return False
        found = cluster.leads_to("red.team", red) and cluster.leads_to("blue.team", blue)
        return found and cluster.leads_to("team", [*red, *blue])

    cluster = Cluster(text)
    if not are_found(cluster, 1):
        return False
    cluster.kill(*(name_of(pod) for name in ("red", "blue") for pod in cluster.pods("deployments", name)))
    other = Cluster(text, namespace="elsewhere")
    if not are_found(cluster, 1) or not are_found(other, 1):
        return False
    other.scale("deployments", "red", 3)
    return are_found(other, 3)


# ---- ps3


def repair(text: str) -> bool:
    t = task("ps3.repair")
    cluster = Cluster(text, t.given)
    if cluster.was_refused or not _runs(cluster, "web", 2) or not _in_order(cluster, "web"):
        return False
    if not _comes_back(cluster, "web-1") or not cluster.each_is_found("web", "nginx"):
        return False
    cluster.scale("statefulsets", "web", 4)
    mended = t.start.replace("app/v1", "apps/v1").replace("selectors", "selector")
    before, after = (objects(each).get(("StatefulSet", "web"), {}) for each in (mended, text))
    is_little = differing(before, after, ("image", "labels", "annotations", "namespace")) == 0
    return _runs(cluster, "web", 4) and cluster.each_is_found("web", "nginx") and is_little


def identity(text: str) -> bool:
    cluster = Cluster(text)
    if not _runs(cluster, "web", 3) or not _in_order(cluster, "web"):
        return False
    mine = [claim_for(pod, HTML) for pod in cluster.pods("statefulsets", "web")]
    if None in mine or len(set(mine)) != 3:
        return False
    asked = [cluster.one("persistentvolumeclaims", str(claim)) for claim in mine]
    if any(each is None or quantity(each["spec"]["resources"]["requests"]["storage"]) != 1024**3 for each in asked):
        return False
    if not _is_headless(cluster, "nginx") or not _comes_back(cluster, "web-1"):
        return False
    if not cluster.each_is_found("web", "nginx"):
        return False
    cluster.scale("statefulsets", "web", 5)
    if not _runs(cluster, "web", 5) or not cluster.each_is_found("web", "nginx"):
        return False
    cluster.scale("statefulsets", "web", 1)
    kept = len(cluster.cp.list("persistentvolumeclaims", "default"))
    cluster.scale("statefulsets", "web", 3)
    return kept >= 5 and _runs(cluster, "web", 3)


def lookup(text: str) -> bool:
    cluster = Cluster(text)
    if cluster.was_refused or not _runs(cluster, "cache", 2) or not _is_headless(cluster, "cache"):
        return False
    if not cluster.each_is_found("cache", "cache") or not _comes_back(cluster, "cache-1"):
        return False
    found = cluster.each_is_found("cache", "cache")
    cluster.scale("statefulsets", "cache", 3)
    return found and _runs(cluster, "cache", 3) and cluster.each_is_found("cache", "cache")


def peers(text: str) -> bool:
    cluster = Cluster(text, task("ps3.peers").given)
    found = cluster.one("configmaps", "peers") or {}
    names = [each.strip() for each in str((found.get("data") or {}).get("peers", "")).split("\n") if each]
    return names == ["db-0.db-peers", "db-1.db-peers", "db-2.db-peers"]


def _runs(cluster: Cluster, owner: str, count: int) -> bool:
    names = [name_of(pod) for pod in cluster.pods("statefulsets", owner) if is_ready(pod)]
    return names == [f"{owner}-{ordinal}" for ordinal in range(count)]


def _in_order(cluster: Cluster, owner: str) -> bool:
    ready: set[str] = set()
    for revision in cluster.cp.store.history:
        if revision.plural == "pods":
            ordinal = int(revision.key.rpartition("-")[2])
            if revision.type == "ADDED" and ordinal and f"default/{owner}-{ordinal - 1}" not in ready:
                return False
            if is_ready(revision.object):
                ready.add(revision.key)
    return True


def _comes_back(cluster: Cluster, name: str) -> bool:
    before: Pod | None = cluster.one("pods", name)
    cluster.kill(name)
    after: Pod | None = cluster.one("pods", name)
    if before is None or after is None or before["metadata"]["uid"] == after["metadata"]["uid"]:
        return False
    return is_ready(after) and claims(before) == claims(after)


def _is_headless(cluster: Cluster, name: str) -> bool:
    found = cluster.one("services", name)
    return found is not None and found["spec"].get("clusterIP") == "None"


ORACLES = {
    "ps1.shop": shop,
    "ps2.headless": headless,
    "ps2.repair": orders,
    "ps2.early": gossip,
    "ps2.team": team,
    "ps3.repair": repair,
    "ps3.identity": identity,
    "ps3.lookup": lookup,
    "ps3.peers": peers,
}
