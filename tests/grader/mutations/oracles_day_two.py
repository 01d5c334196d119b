"""What ps8 asks for, said again as questions to a cluster."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from small_cluster import Cluster, is_ready, name_of

from grader.registry import task
from statelab.controlplane.quantity import nanos as quantity
from statelab.manifest import read

ETCD = "quay.io/coreos/etcd:v3.5.21"
LOOK = f"""\
apiVersion: v1
kind: Pod
metadata: {{name: look}}
spec:
  containers:
  - {{name: sh, image: "busybox:1.37", command: [sleep, "9999999"], volumeMounts: [{{name: b, mountPath: /backups}}]}}
  volumes: [{{name: b, persistentVolumeClaim: {{claimName: backups}}}}]
---
apiVersion: v1
kind: Pod
metadata: {{name: utl}}
spec:
  containers: [{{name: etcd, image: "{ETCD}", volumeMounts: [{{name: b, mountPath: /backups}}]}}]
  volumes: [{{name: b, persistentVolumeClaim: {{claimName: backups}}}}]
"""


def etcdctl(cluster: Cluster, pod: str, *words: str) -> str | None:
    code, said = cluster.run(pod, "etcdctl", *words)
    return None if code else said


# ---- backup


def revision(cluster: Cluster) -> int:
    said = etcdctl(cluster, "shop-0", "endpoint", "status", "--write-out=json") or ""
    return int(said.split('"revision":')[1].split(",")[0].split("}")[0])


def revisions_kept(cluster: Cluster) -> dict[str, int]:
    """Of each whole copy the revision that is in it."""
    if cluster.one("persistentvolumeclaims", "backups") is None:
        return {}
    for name in ("look", "utl"):
        if not is_ready(cluster.one("pods", name) or {}):
            for obj in texts_of(LOOK):
                if name_of(obj) == name and cluster.one("pods", name) is None:
                    cluster.put(obj)
    cluster.until(lambda: all(is_ready(cluster.one("pods", each)) for each in ("look", "utl")), 60)
    if not is_ready(cluster.one("pods", "look")):
        return {}
    found = {}
    for path in cluster.run("look", "find", "/backups", "-type", "f")[1].split():
        code, said = cluster.run("utl", "etcdutl", "snapshot", "status", path)
        if path.endswith(".db") and code == 0:
            found[path] = int(said.splitlines()[-1].split(", ")[1])
    return found


def texts_of(text: str) -> list[Any]:
    return [dict(each) for each in read(text).objects]


def _fresh_copy(cluster: Cluster, key: str) -> bool:
    """A key that is written now is in a copy five minutes later."""
    if etcdctl(cluster, "shop-0", "put", key, "1") is None:
        return False
    wanted = revision(cluster)
    cluster.wait(320)
    cluster.settle()
    return any(each >= wanted for each in revisions_kept(cluster).values())


def _has_run(cluster: Cluster) -> bool:
    return bool(((cluster.one("cronjobs", "backup") or {}).get("status") or {}).get("lastSuccessfulTime"))


def backup(text: str) -> bool:
    given = task("ps8.backup").given
    cluster = Cluster(text, given)
    if cluster.one("cronjobs", "backup") is None:
        return False
    shop = cluster.one("pods", "shop-0")["metadata"]["uid"]
    etcdctl(cluster, "shop-0", "put", "order/0", "0")
    cluster.until(lambda: _has_run(cluster), 3900)
    cluster.wait(10)
    if not revisions_kept(cluster) or not _fresh_copy(cluster, "order/1"):
        return False
    good = revision(cluster)
    etcdctl(cluster, "shop-0", "del", "order/", "--prefix")
    cluster.wait(620)
    if not any(1 < each <= good for each in revisions_kept(cluster).values()):
        return False
    if cluster.one("pods", "shop-0")["metadata"]["uid"] != shop or not _fresh_copy(cluster, "order/2"):
        return False
    cluster.cp.delete("statefulsets", cluster.key("shop"))
    cluster.settle()
    cluster.wait(320)
    if not any(each > good + 1 for each in revisions_kept(cluster).values()):
        return False
    other = Cluster(text, given, namespace="elsewhere")
    return _fresh_copy(other, "order/1")


# ---- lines


def after(name: str, text: str, pace_s: float, namespace: str) -> Cluster:
    return Cluster.after_lines(task(name), text, namespace, pace_s)


def at_paces(holds: Callable[[Cluster], bool], name: str, *paces: tuple[float, str]) -> Callable[[str], bool]:
    return lambda text: all(holds(after(name, text, pace_s, namespace)) for pace_s, namespace in paces)


def never_troubled(cluster: Cluster, names: set[str]) -> bool:
    """Since they were Ready first, none of these Pods has been anything else, and none is another Pod."""
    ready: set[str] = set()
    uids: dict[str, set[str]] = {}
    for each in cluster.cp.store.history:
        namespace, _, name = each.key.rpartition("/")
        if each.plural != "pods" or namespace != cluster.namespace or name not in names:
            continue
        uids.setdefault(name, set()).add(each.object["metadata"]["uid"])
        is_good = (
            each.type != "DELETED" and is_ready(each.object) and "deletionTimestamp" not in each.object["metadata"]
        )
        if is_good:
            ready.add(name)
        elif name in ready and len(ready) == len(names):
            return False
    return ready == names and all(len(each) == 1 for each in uids.values())


def grown(cluster: Cluster) -> bool:
    names = {f"ledger-{each}" for each in range(3)}
    owner = cluster.one("statefulsets", "ledger")
    if owner is None or not cluster.are_ready("statefulsets", "ledger", 3) or not never_troubled(cluster, names):
        return False
    if any(
        cluster.run(each, "cat", "/books/books.txt")[1] != f"the books of {each} in {cluster.namespace}"
        for each in names
    ):
        return False
    cluster.scale("statefulsets", "ledger", 4)
    claims = [cluster.one("persistentvolumeclaims", f"books-ledger-{each}") for each in range(4)]
    sizes = [each and (each["status"].get("capacity") or {}).get("storage") for each in claims]
    if any(not each or quantity(each) != 2 * 1024**3 * 10**9 for each in sizes):
        return False
    cluster.scale("statefulsets", "ledger", 3)
    container = {**owner["spec"]["template"]["spec"]["containers"][0], "image": "registry.k8s.io/nginx-slim:0.25"}
    patch = {"spec": {"template": {"spec": {"containers": [container]}}}}
    cluster.cp.patch("statefulsets", cluster.key("ledger"), patch)
    cluster.settle()
    pods = cluster.pods("statefulsets", "ledger")
    images = [each["spec"]["containers"][0]["image"] for each in pods]
    return images == [container["image"]] * 3 and cluster.are_ready("statefulsets", "ledger", 3)


def get(cluster: Cluster, key: str) -> str:
    return cluster.run("db-0", "redis-cli", "get", key)[1]


def _is_whole(cluster: Cluster) -> bool:
    if not cluster.are_ready("statefulsets", "db", 1) or cluster.pods("deployments", "db"):
        return False
    mounted = [
        each.get("persistentVolumeClaim", {}).get("claimName")
        for each in cluster.one("pods", "db-0")["spec"]["volumes"]
    ]
    if "data-db-0" not in mounted:
        return False
    drinks = {"order-1": "1 cups of tea", "order-2": "2 cups of coffee", "order-3": "3 cups of milk"}
    sales = cluster.run("till", "cat", "/tmp/sold")[1].split()
    old = all(get(cluster, key) == f"{value} in {cluster.namespace}" for key, value in drinks.items())
    return old and all(get(cluster, each) == "paid" for each in sales)


def moved(cluster: Cluster) -> bool:
    if not never_troubled(cluster, {"till"}) or not _is_whole(cluster) or not _one_at_a_time(cluster):
        return False
    before = cluster.run("till", "redis-cli", "-h", "db", "set", "more", "1")
    cluster.kill("db-0")
    if before != (0, "OK") or cluster.run("till", "redis-cli", "-h", "db", "set", "sale-more", "1") != (0, "OK"):
        return False
    if not _is_whole(cluster):
        return False
    cluster.scale("statefulsets", "db", 2)
    claims = [cluster.one("persistentvolumeclaims", f"data-db-{each}") for each in range(2)]
    volumes = {each["spec"].get("volumeName") for each in claims if each}
    return cluster.are_ready("statefulsets", "db", 2) and len(volumes) == 2


def _one_at_a_time(cluster: Cluster) -> bool:
    volumes: dict[str, str] = {}
    for each in cluster.cp.store.history:
        if each.plural == "persistentvolumeclaims" and each.object["spec"].get("volumeName"):
            volumes[each.key] = each.object["spec"]["volumeName"]
    pods: dict[str, set[str]] = {}
    for each in cluster.cp.store.history:
        labels = each.object["metadata"].get("labels") or {}
        is_of_db = each.plural == "endpointslices" and labels.get("kubernetes.io/service-name") == "db"
        ends = each.object.get("endpoints") or () if is_of_db else ()
        if sum(bool(end["conditions"].get("ready")) for end in ends) > 1:
            return False
        if each.plural != "pods":
            continue
        status = each.object.get("status", {})
        states = [*status.get("containerStatuses", ()), *status.get("initContainerStatuses", ())]
        pods.pop(each.key, None)
        if each.type != "DELETED" and any("running" in state["state"] for state in states):
            claims = [one["persistentVolumeClaim"]["claimName"] for one in each.object["spec"]["volumes"]
                      if "persistentVolumeClaim" in one]  # fmt: skip
            pods[each.key] = {volumes.get(f"{cluster.namespace}/{claim}", claim) for claim in claims}
        used = [volume for mine in pods.values() for volume in mine]
        if len(used) != len(set(used)):
            return False
    return True


def stands_beside(cluster: Cluster) -> bool:
    members = [f"again-{each}" for each in range(3)]
    if not cluster.are_ready("statefulsets", "again", 3) or not never_troubled(cluster, {"shop-0"}):
        return False
    # Monday's orders are what was written to the shop first: its history still has them.
    wanted = etcdctl(cluster, "shop-0", "get", "order/", "--prefix", "--rev=4")
    if not wanted or any(
        etcdctl(cluster, each, "get", "order/", "--prefix", "--consistency=s") != wanted for each in members
    ):
        return False
    if any((etcdctl(cluster, each, "member", "list") or "").count("again-") < 3 for each in members):
        return False
    if any(len((etcdctl(cluster, each, "member", "list") or "").splitlines()) != 3 for each in members):
        return False
    if etcdctl(cluster, "shop-0", "get", "order/", "--prefix") != "order/tuesday\nbread" or revision(cluster) != 6:
        return False
    for each in cluster.cp.store.history:
        volumes = each.object.get("spec", {}).get("volumes", ()) if each.plural == "pods" else ()
        claims = [one.get("persistentVolumeClaim", {}).get("claimName") for one in volumes]
        if "data-shop-0" in claims and not each.key.endswith("/shop-0"):
            return False
    if "/backups/monday.db" not in revisions_kept(cluster):
        return False
    if etcdctl(cluster, "again-0", "put", "order/later", "1") is None:
        return False
    cluster.wait(5)
    cluster.kill(*members)
    if not cluster.are_ready("statefulsets", "again", 3):
        return False
    return all(etcdctl(cluster, each, "get", "order/later", "--consistency=s") == "order/later\n1" for each in members)


def moved_at_each_pace(text: str) -> bool:
    """Quickly and slowly, and from a Redis that takes its time to stop."""
    chosen = task("ps8.move")
    begins = "volumeMounts: [{name: data"
    given = chosen.given.replace(begins, "lifecycle: {preStop: {sleep: {seconds: 8}}}\n        " + begins, 1)
    slow = replace(chosen, id="ps8.move-slow", given=given)
    quickly = at_paces(moved, "ps8.move", (1.0, "default"), (25.0, "default"))
    return quickly(text) and moved(Cluster.after_lines(slow, text, "blue", 0.2))


ORACLES = {
    "ps8.backup": backup,
    "ps8.beside": at_paces(stands_beside, "ps8.beside", (1.0, "default"), (25.0, "blue")),
    "ps8.grow": at_paces(grown, "ps8.grow", (1.0, "default"), (25.0, "blue")),
    "ps8.move": moved_at_each_pace,
}
