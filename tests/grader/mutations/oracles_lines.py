"""What the tasks with kubectl lines ask for, read from the history of a cluster in which the lines were carried out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from small_cluster import Cluster, Pod, is_ready, name_of

from grader.registry import task
from grader.tasks import Task

SLIM = "registry.k8s.io/nginx-slim"


def after(
    name: str, text: str, pace_s: float, *, given: Callable[[str], str] = lambda text: text, namespace: str = "default"
) -> Cluster:
    t = task(name)
    other = Task(f"{name}-again", 1, "", answer="commands", given=given(t.given), before=t.before, paces=t.paces)
    return Cluster.after_lines(other, text, namespace, pace_s)


def moments(cluster: Cluster, prefix: str) -> Iterator[dict[str, Pod]]:
    """The Pods with names that begin so, after each change of one."""
    pods: dict[str, Pod] = {}
    for revision in cluster.cp.store.history:
        name = revision.key.rpartition("/")[2]
        if revision.plural == "pods" and revision.key.startswith(f"{cluster.namespace}/{prefix}-"):
            pods.pop(name, None)
            if revision.type != "DELETED":
                pods[name] = revision.object
            yield pods


def image(pod: Pod, place: int = 0) -> str:
    return str(pod["spec"]["containers"][place]["image"])


def going(pod: Pod) -> bool:
    return "deletionTimestamp" in pod["metadata"]


def fewest_ready(cluster: Cluster, prefix: str, count: int) -> int:
    """The fewest that served at a time, from when `count` did first. A Pod that is stopping gets no traffic."""
    least, begun = count, False
    for pods in moments(cluster, prefix):
        ready = sum(is_ready(pod) and not going(pod) for pod in pods.values())
        begun = begun or ready >= count
        least = min(least, ready) if begun else least
    return least


# ---- ps1.scale


def scale(text: str, pace_s: float) -> bool:
    def holds(cluster: Cluster, carts: int) -> bool:
        most = max(
            (sum(is_ready(pod) and not going(pod) for pod in pods.values()) for pods in moments(cluster, "shop")),
            default=0,
        )
        if most != 6 or not cluster.are_ready("deployments", "shop", 2):
            return False
        if cluster.one("deployments", "reports") is None or cluster.pods("deployments", "reports"):
            return False
        first = {each.key for each in cluster.cp.store.history if each.plural == "pods" and "/cart-" in each.key}
        untouched = cluster.are_ready("deployments", "cart", carts) and len(first) == carts
        cluster.scale("deployments", "reports", 1)
        return untouched and cluster.are_ready("deployments", "reports", 1)

    def others(given: str) -> str:
        shop, reports, cart = given.removeprefix("---\n").split("---\n")
        numbers = (shop.replace("replicas: 3", "replicas: 1"), reports.replace("replicas: 2", "replicas: 4"),
                   cart.replace("replicas: 2", "replicas: 3"))  # fmt: skip
        return "---\n" + "---\n".join(numbers)

    return holds(after("ps1.scale", text, pace_s), 2) and holds(
        after("ps1.scale", text, pace_s, given=others, namespace="elsewhere"), 3
    )


# ---- ps1.rollout


def rollout(text: str, pace_s: float) -> bool:
    def holds(cluster: Cluster, count: int, least: int) -> bool:
        seen: list[str] = []  # what ran everywhere, and what was tried, in order
        pods: dict[str, Pod] = {}
        wanted = ""
        for revision in cluster.cp.store.history:
            if revision.plural == "deployments" and revision.key == cluster.key("shop"):
                wanted = str(revision.object["spec"]["template"]["spec"]["containers"][0]["image"])
            elif revision.plural == "pods" and revision.key.startswith(cluster.key("shop-")):
                pods.pop(revision.key, None)
                if revision.type != "DELETED" and not going(revision.object):
                    pods[revision.key] = revision.object
            else:
                continue
            version = wanted.removeprefix(f"{SLIM}:")
            whole = len(pods) == count and all(is_ready(pod) and image(pod) == wanted for pod in pods.values())
            for each in ([version] if whole else []) + [f"try {version}"]:
                if each not in seen[-2:]:
                    seen.append(each)
        steps = iter(seen)
        if not all(step in steps for step in ("try 0.24", "0.24", "0.27", "try newest", "0.27", "0.24")):
            return False
        now = cluster.one("deployments", "shop")
        containers = now["spec"]["template"]["spec"]["containers"]
        as_before = [each["image"] for each in containers] == [f"{SLIM}:0.24", "busybox:1.36"]
        same = as_before and now["spec"]["replicas"] == count and cluster.are_ready("deployments", "shop", count)
        first = next(each.object for each in cluster.cp.store.history if each.plural == "deployments")
        return (
            same
            and now["spec"]["template"] == first["spec"]["template"]
            and fewest_ready(cluster, "shop", count) >= least
        )

    five = after(
        "ps1.rollout",
        text,
        pace_s,
        given=lambda each: each.replace("replicas: 3", "replicas: 5"),
        namespace="elsewhere",
    )
    return holds(after("ps1.rollout", text, pace_s), 3, 3) and holds(five, 5, 4)


# ---- ps5


def _bring(cluster: Cluster, owner: str, version: str) -> None:
    found = cluster.one("statefulsets", owner)
    container = {**found["spec"]["template"]["spec"]["containers"][0], "image": version}
    patch = {"spec": {"template": {"spec": {"containers": [container]}}}}
    cluster.cp.patch("statefulsets", cluster.key(owner), patch)
    cluster.settle()


def _images(cluster: Cluster, owner: str) -> list[str]:
    """The version of each member, by ordinal; "" for one that is not Ready."""
    pods = cluster.pods("statefulsets", owner)
    return [image(pod).removeprefix(f"{SLIM}:") if is_ready(pod) else "" for pod in pods]


def canary(text: str, pace_s: float) -> bool:
    cluster = after("ps5.canary", text, pace_s)
    if _images(cluster, "web") != ["0.24", "0.24", "0.24", "0.24", "0.25"] or fewest_ready(cluster, "web", 5) < 4:
        return False
    for pods in moments(cluster, "web"):
        if any(image(pod).endswith(":0.25") for name, pod in pods.items() if name != "web-4"):
            return False
    if cluster.one("statefulsets", "web")["spec"]["replicas"] != 5:
        return False
    cluster.kill("web-1")
    cluster.scale("statefulsets", "web", 7)
    cluster.kill("web-0")
    if _images(cluster, "web") != ["0.24"] * 4 + ["0.25"] * 3:
        return False
    cluster.scale("statefulsets", "web", 5)
    cluster.cp.patch("statefulsets", "default/web", {"spec": {"updateStrategy": {"rollingUpdate": {"partition": 0}}}})
    cluster.settle()
    return _images(cluster, "web") == ["0.25"] * 5


def stuck(text: str, pace_s: float) -> bool:
    cluster = after("ps5.stuck", text, pace_s)
    if _images(cluster, "web") != ["0.25"] * 3 or fewest_ready(cluster, "web", 3) < 2:
        return False
    _bring(cluster, "web", f"{SLIM}:0.26")
    return _images(cluster, "web") == ["0.26"] * 3


def by_hand(text: str, pace_s: float) -> bool:
    cluster = after("ps5.by-hand", text, pace_s)
    if _images(cluster, "db") != ["0.25"] * 3 or fewest_ready(cluster, "db", 3) < 2:
        return False
    for pods in moments(cluster, "db"):
        primary = pods.get("db-1")
        if primary is not None and going(primary) and image(primary).endswith(":0.24"):
            others = [pods.get(name) for name in ("db-0", "db-2")]
            if not all(each is not None and is_ready(each) and image(each).endswith(":0.25") for each in others):
                return False
    uids = {(each.key, each.object["metadata"]["uid"]) for each in cluster.cp.store.history if each.plural == "pods"}
    if len(uids) != 6:
        return False
    cluster.kill("db-0")
    _bring(cluster, "db", f"{SLIM}:0.26")
    if _images(cluster, "db") != ["0.25"] * 3:
        return False
    cluster.kill("db-2")
    return _images(cluster, "db") == ["0.25", "0.25", "0.26"]


# ---- final


def _redis(cluster: Cluster, pod: str, *words: str) -> str:
    return cluster.run(pod, "redis-cli", *words)[1]


def update(text: str, pace_s: float) -> bool:
    def holds(cluster: Cluster) -> bool:
        order: list[str] = []
        alone = False
        owner: Any = {}
        pods: dict[str, Pod] = {}
        for revision in cluster.cp.store.history:
            name = revision.key.rpartition("/")[2]
            if revision.key == cluster.key("orders") and revision.plural == "statefulsets":
                owner = revision.object
            elif revision.plural == "pods" and revision.key.startswith(cluster.key("orders-")):
                pods = {**{each: pod for each, pod in pods.items() if each != name},
                        **({name: revision.object} if revision.type != "DELETED" else {})}  # fmt: skip
                order += [each for each, pod in pods.items() if image(pod) == "redis:7.4" and each not in order]
            strategy = owner.get("spec", {}).get("updateStrategy", {})
            held = strategy.get("type") == "OnDelete" or (strategy.get("rollingUpdate") or {}).get("partition") == 2
            ready = "orders-2" in pods and is_ready(pods["orders-2"]) and image(pods["orders-2"]) == "redis:7.4"
            alone = alone or (order == ["orders-2"] and ready and held)
        if not alone or len(order) != 3 or order[-1] != "orders-0" or fewest_ready(cluster, "orders", 3) < 2:
            return False
        template = cluster.one("statefulsets", "orders")["spec"]["template"]["spec"]
        if template["containers"][0]["image"] != "redis:7.4" or not cluster.are_ready("statefulsets", "orders", 3):
            return False
        cluster.wait(5)
        followers = _redis(cluster, "orders-0", "info", "replication").count("state=online")
        now = cluster.pods("statefulsets", "orders")
        return followers == 2 and all(
            image(pod) == "redis:7.4" and _redis(cluster, name_of(pod), "get", "order-1001") == "paid" for pod in now
        )

    return holds(after("final.update", text, pace_s)) and holds(after("final.update", text, pace_s, namespace="blue"))


def lost_node(text: str, pace_s: float) -> bool:
    def holds(cluster: Cluster) -> bool:
        cluster.wait(10)
        if cluster.hung or not cluster.are_ready("statefulsets", "orders", 2):
            return False
        for plural, name in (
            ("statefulsets", "orders"),
            ("pods", "orders-0"),
            ("persistentvolumeclaims", "data-orders-0"),
        ):
            seen = {each.object["metadata"]["uid"] for each in cluster.cp.store.history
                    if (each.plural, each.key) == (plural, cluster.key(name))}  # fmt: skip
            now = cluster.one(plural, name)
            if now is None or going(now) or len(seen) != 1:
                return False
        was = False
        for pods in moments(cluster, "orders"):
            ready = "orders-0" in pods and is_ready(pods["orders-0"])
            if was and not ready:
                return False
            was = ready
        lived = {each.object["metadata"]["uid"] for each in cluster.cp.store.history
                 if each.plural == "pods" and each.key == cluster.key("orders-1")}  # fmt: skip
        said = [_redis(cluster, f"orders-{ordinal}", "get", "order-1001") for ordinal in range(2)]
        online = _redis(cluster, "orders-0", "info", "replication").count("state=online")
        return len(lived) > 1 and said == ["paid", "paid"] and online == 1

    return holds(after("final.lost-node", text, pace_s)) and holds(
        after("final.lost-node", text, pace_s, namespace="blue")
    )


def at_each_pace(holds: Callable[[str, float], bool]) -> Callable[[str], bool]:
    """Who waits for Pods is right at once, a second later, and when they type slowly; who does not is right by luck."""
    return lambda text: all(holds(text, pace_s) for pace_s in (1.0, 0.2, 25.0))


ORACLES = {
    "ps1.scale": at_each_pace(scale),
    "ps1.rollout": at_each_pace(rollout),
    "ps5.canary": at_each_pace(canary),
    "ps5.stuck": at_each_pace(stuck),
    "ps5.by-hand": at_each_pace(by_hand),
    "final.update": at_each_pace(update),
    "final.lost-node": at_each_pace(lost_node),
}
