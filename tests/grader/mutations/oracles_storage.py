"""What the tasks of ps4 and ps6 ask for, said again as questions to a cluster."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from small_cluster import Cluster, claim_for, differing, is_ready, name_of, objects

from grader.registry import task
from statelab.controlplane.errors import ApiError
from statelab.controlplane.quantity import whole as quantity

HTML = "/usr/share/nginx/html"
FREE = ("image", "labels", "annotations", "namespace")
Change = Callable[[Any], None]


def replicas(count: int) -> Change:
    def change(obj: Any) -> None:
        if obj.get("kind") == "StatefulSet":
            obj["spec"]["replicas"] = count

    return change


# ---- ps4.repair


def notes(text: str) -> bool:
    t = task("ps4.repair")
    cluster = Cluster(text)
    pod = cluster.one("pods", "pv-pod")
    if cluster.was_refused or pod is None or not is_ready(pod) or claim_for(pod, HTML) != "pv-claim":
        return False
    if cluster.run("pv-pod", "sh", "-c", f"echo mine > {HTML}/page")[0]:
        return False
    cluster.kill("pv-pod")
    cluster.put(copy.deepcopy(objects(text)[("Pod", "pv-pod")]))
    cluster.settle()
    if cluster.run("pv-pod", "cat", f"{HTML}/page") != (0, "mine"):
        return False
    other = Cluster("", "")
    other.cp.delete("storageclasses", "standard")
    other.put({**_class("standard", "false"), "provisioner": "example.com/off"})
    other.put(_class("ssd", "true"))
    for obj in objects(text).values():
        other.put(copy.deepcopy(obj))
    other.settle()
    moved = other.one("pods", "pv-pod")
    mended = t.start.replace("apiVerison", "apiVersion").replace("kind: pv-pod", "name: pv-pod")
    before, after = objects(mended), objects(text)
    changed = sum(differing(before.get(key), after.get(key), FREE) for key in {*before, *after})
    return moved is not None and is_ready(moved) and changed == 0


def _class(name: str, default: str) -> Any:
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": name, "annotations": {"storageclass.kubernetes.io/is-default-class": default}},
        "provisioner": "rancher.io/local-path",
        "volumeBindingMode": "WaitForFirstConsumer",
    }


# ---- ps4: sets and their claims


def two_volumes(text: str) -> bool:
    given, folders = task("ps4.two-volumes").given, {"/var/lib/db": 2 * 1024**3, "/var/log/db": 512 * 1024**2}
    cluster = Cluster(text, given)
    if not cluster.are_ready("statefulsets", "db", 2) or not cluster.each_is_found("db", "db"):
        return False
    taken: list[str] = []
    for pod in cluster.pods("statefulsets", "db"):
        for folder, size in folders.items():
            claim = claim_for(pod, folder)
            found = cluster.one("persistentvolumeclaims", claim) if claim else None
            if claim is None or quantity(found["spec"]["resources"]["requests"]["storage"]) != size:
                return False
            taken.append(claim)
    if len(set(taken)) != 4 or not cluster.keeps("db", 2, folders, lambda: cluster.kill("db-0", "db-1")):
        return False
    other = Cluster(text, given, namespace="elsewhere", change=replicas(4))
    return other.keeps("db", 4, folders, lambda: to_nothing(other, "db", 4)) and cluster.keeps(
        "db", 2, folders, lambda: made_again(cluster, "db", text)
    )


def to_nothing(cluster: Cluster, name: str, count: int) -> None:
    cluster.scale("statefulsets", name, 0)
    cluster.scale("statefulsets", name, count)


def made_again(cluster: Cluster, name: str, text: str, change: Change = lambda obj: None) -> None:
    cluster.cp.delete("statefulsets", cluster.key(name), propagationPolicy="Background")
    cluster.settle(40)
    obj = copy.deepcopy(objects(text)[("StatefulSet", name)])
    change(obj)
    cluster.put(obj)
    cluster.settle()


def ledger(text: str) -> bool:
    given = task("ps4.disasters").given

    def crash(cluster: Cluster, count: int) -> None:
        for ordinal in range(count):
            cluster.run(f"ledger-{ordinal}", "sh", "-c", "kill 1")
        cluster.settle()

    def without_claims(cluster: Cluster, count: int) -> None:
        claims = [each for each in cluster.cp.list("persistentvolumeclaims", cluster.namespace)
                  if any(name_of(each).endswith(f"-ledger-{n}") for n in range(count))]  # fmt: skip
        cluster.scale("statefulsets", "ledger", 0)
        for each in claims:
            if cluster.one("persistentvolumeclaims", name_of(each)) is not None:
                cluster.cp.delete("persistentvolumeclaims", cluster.key(name_of(each)))
        cluster.settle()
        for each in claims:
            volume = each["spec"].get("volumeName", "none")
            if cluster.cp.get("persistentvolumes", volume) is not None:
                gone = {"spec": {"claimRef": {"uid": None, "resourceVersion": None}}}
                cluster.cp.patch("persistentvolumes", volume, gone)
        cluster.scale("statefulsets", "ledger", count)

    def all_hold(cluster: Cluster, count: int) -> bool:
        disasters: list[Callable[[], object]] = [
            lambda: crash(cluster, count),
            lambda: cluster.kill(*(f"ledger-{each}" for each in range(count))),
            lambda: to_nothing(cluster, "ledger", count),
            lambda: made_again(cluster, "ledger", text, replicas(count)),
            lambda: without_claims(cluster, count),
        ]
        return all(cluster.keeps("ledger", count, ["/ledger"], each) for each in disasters)

    asks_for_two = Cluster(text, given).are_ready("statefulsets", "ledger", 2)
    return asks_for_two and all_hold(Cluster(text, given, namespace="elsewhere", change=replicas(3)), 3)


def queue(text: str) -> bool:
    t = task("ps4.retention")
    after = objects(text)
    free = ("persistentVolumeClaimRetentionPolicy", "labels", "annotations", "namespace")
    before = objects(t.start)
    if sum(differing(before.get(key), after.get(key), free) for key in {*before, *after}):
        return False
    cluster = Cluster(text, t.given, namespace="elsewhere", change=replicas(5))

    def scaled_and_back() -> None:
        cluster.scale("statefulsets", "queue", 2)
        cluster.settle(40)

    if not cluster.are_ready("statefulsets", "queue", 5):
        return False
    cluster.run("queue-0", "sh", "-c", "echo mine > /queue/jobs")
    scaled_and_back()
    left = {name_of(each) for each in cluster.cp.list("persistentvolumeclaims", "elsewhere")}
    if left != {"jobs-queue-0", "jobs-queue-1"} or len(cluster.cp.list("persistentvolumes")) != 2:
        return False
    cluster.kill("queue-0")
    if cluster.run("queue-0", "cat", "/queue/jobs") != (0, "mine"):
        return False
    return cluster.keeps("queue", 2, ["/queue"], lambda: made_again(cluster, "queue", text, replicas(2)))


# ---- ps4.by-hand


def archive(text: str) -> bool:
    given = task("ps4.by-hand").given
    cluster = Cluster(text, given)
    volume = _volume_of(cluster, text)
    if volume is None or not _reads(cluster):
        return False
    # Others ask first: a claim of the same kind, here and in another namespace under the same name.
    early = {
        "storageClassName": volume["spec"].get("storageClassName") or "",
        "accessModes": volume["spec"]["accessModes"],
        "volumeMode": volume["spec"].get("volumeMode") or "Filesystem",
        "resources": {"requests": {"storage": "1Mi"}},
    }
    other = Cluster("", given)
    other.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "other"}})
    other.settle()
    for name, where in (("hungry", "default"), ("archive", "other")):
        claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name}, "spec": dict(early)}
        other.cp.create(claim, namespace=where)
    wants = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "hungry-user"}, "spec": {
        "containers": [{"name": "main", "image": "registry.k8s.io/nginx-slim:0.24"}],
        "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "hungry"}}]}}  # fmt: skip
    other.put(wants)
    _put_all(other, text, "PersistentVolume")
    other.settle()
    _put_all(other, text)
    other.settle()
    if _volume_of(other, text) is None:
        return False
    # Another volume fits as well, and was there first.
    claim = cluster.one("persistentvolumeclaims", "archive")["spec"]
    decoy = {
        "capacity": claim["resources"]["requests"],
        "accessModes": claim["accessModes"],
        "storageClassName": claim.get("storageClassName") or "",
        "persistentVolumeReclaimPolicy": "Retain",
        "hostPath": {"path": "/x"},
    }
    third = Cluster("", given)
    third.put({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "a-decoy"}, "spec": decoy})
    third.settle()
    _put_all(third, text)
    third.settle()
    if _volume_of(third, text) is None:
        return False
    # The claim goes; the volume stays, with the books, and is nobody's.
    cluster.kill("reader")
    cluster.cp.delete("persistentvolumeclaims", "default/archive")
    cluster.settle()
    late = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "late"}, "spec": dict(early)}
    cluster.put(late)
    cluster.settle()
    left = cluster.cp.get("persistentvolumes", name_of(volume))
    books = cluster.run("keeper", "cat", "/archive/books.txt")
    return left is not None and left["status"]["phase"] == "Released" and books == (0, "the books of 2025")


def _put_all(cluster: Cluster, text: str, *kinds: str) -> None:
    for (kind, _), obj in objects(text).items():
        if not kinds or kind in kinds:
            try:
                cluster.put(copy.deepcopy(obj))
            except (ApiError, KeyError, TypeError, AttributeError, ValueError):
                continue


def _volume_of(cluster: Cluster, text: str) -> Any:
    claim = cluster.one("persistentvolumeclaims", "archive") or {}
    bound = claim.get("spec", {}).get("volumeName")
    if claim.get("status", {}).get("phase") != "Bound" or ("PersistentVolume", bound) not in objects(text):
        return None
    return cluster.cp.get("persistentvolumes", bound)


def _reads(cluster: Cluster) -> bool:
    return cluster.run("reader", "cat", "/archive/books.txt") == (0, "the books of 2025")


# ---- ps6


def _is_small(name: str, text: str, most: int = 1) -> bool:
    before, after = objects(task(name).start), objects(text)
    free = ("image", "annotations", "namespace", "creationTimestamp")
    changed = sum(differing(before.get(key), after.get(key), free) for key in {*before, *after})
    return before.keys() <= after.keys() and changed <= most


def pending(text: str) -> bool:
    cluster = Cluster(text)
    if not cluster.keeps("ledger", 2, [HTML], lambda: cluster.kill("ledger-0", "ledger-1")):
        return False
    cluster.scale("statefulsets", "ledger", 4)
    return cluster.are_ready("statefulsets", "ledger", 4) and _is_small("ps6.pending", text)


def nobody_answers(text: str) -> bool:
    cluster = Cluster(text)

    def answers(count: int) -> bool:
        pods = cluster.pods("deployments", "shop")
        url = ("curl", "-sS", "-o", "/dev/null", "--max-time", "5", "http://shop/")
        return cluster.are_ready("deployments", "shop", count) and not any(
            cluster.run(name_of(pod), *url)[0] for pod in pods for _ in range(3)
        )

    if not answers(2):
        return False
    cluster.scale("deployments", "shop", 5)
    return answers(5) and _is_small("ps6.nobody-answers", text)


def deadlock(text: str) -> bool:
    if not _is_small("ps6.deadlock", text):
        return False
    cluster = Cluster(text)
    if not cluster.are_ready("statefulsets", "quorum", 2):
        return False
    cluster.scale("statefulsets", "quorum", 1)
    cluster.wait(60)
    if is_ready(cluster.pods("statefulsets", "quorum")[0]):
        return False
    cluster.scale("statefulsets", "quorum", 2)
    if not cluster.are_ready("statefulsets", "quorum", 2):
        return False
    return Cluster(text, namespace="elsewhere").are_ready("statefulsets", "quorum", 2)


def forgetful(text: str) -> bool:
    cluster = Cluster(text)
    if not cluster.keeps("notes", 2, ["/data"], lambda: cluster.kill("notes-0", "notes-1")):
        return False
    cluster.scale("statefulsets", "notes", 3)
    return cluster.are_ready("statefulsets", "notes", 3) and _is_small("ps6.forgetful", text)


def stops_at_the_first(text: str) -> bool:
    def deaf(obj: Any) -> None:
        if obj.get("kind") == "StatefulSet":
            for each in obj["spec"]["template"]["spec"]["containers"]:
                each |= {"image": "busybox:1.36", "command": ["sleep", "100000"]}

    cluster = Cluster(text)
    if not cluster.are_ready("statefulsets", "relay", 3) or not _is_small("ps6.stops-at-the-first", text):
        return False
    cluster.scale("statefulsets", "relay", 5)
    listens = cluster.are_ready("statefulsets", "relay", 5)
    return listens and not any(map(is_ready, Cluster(text, change=deaf).pods("statefulsets", "relay")))


def half_the_answers(text: str) -> bool:
    cluster = Cluster(text)

    def is_right(count: int) -> bool:
        front = {name_of(pod) for pod in cluster.pods("deployments", "front")}
        if not cluster.are_ready("deployments", "front", count) or cluster.selected("front") != front:
            return False
        ask = ("curl", "-sS", "--max-time", "5", "http://front/hostname")
        return {cluster.run(min(front), *ask)[1] for _ in range(4 * count)} == front

    if not is_right(2) or not cluster.are_ready("deployments", "admin", 2):
        return False
    cluster.scale("deployments", "front", 4)
    return is_right(4) and _is_small("ps6.half-the-answers", text, 2)


ORACLES = {
    "ps4.repair": notes,
    "ps4.two-volumes": two_volumes,
    "ps4.disasters": ledger,
    "ps4.retention": queue,
    "ps4.by-hand": archive,
    "ps6.pending": pending,
    "ps6.nobody-answers": nobody_answers,
    "ps6.deadlock": deadlock,
    "ps6.forgetful": forgetful,
    "ps6.stops-at-the-first": stops_at_the_first,
    "ps6.half-the-answers": half_the_answers,
}
