# the whole operator is in one call that never returns
import time


def ask(cluster, name):
    said = cluster.exec(name, "redis-cli", "INFO", "replication") or ""
    return dict(part.split(":", 1) for part in said.split() if ":" in part)


def reconcile(cluster):
    heard = {}
    while True:
        one_round(cluster, heard)
        time.sleep(2)


def one_round(cluster, heard):
    now = cluster.now()
    pods = cluster.list("pods", app="catalog")
    said = {}
    for pod in pods:
        name = pod["metadata"]["name"]
        said[name] = ask(cluster, name)
        if said[name] or pod["metadata"]["uid"] not in heard:
            heard[pod["metadata"]["uid"]] = now
    leaders = [name for name in said if said[name].get("role") == "master"]
    if not leaders:
        waiting = False
        for pod in pods:
            if not said[pod["metadata"]["name"]]:
                waiting = True
                if now - heard[pod["metadata"]["uid"]] > 13 and not pod["metadata"].get("deletionTimestamp"):
                    cluster.delete("pods", pod["metadata"]["name"])
        if waiting or not said:
            return
        leaders = [max(said, key=lambda name: int(said[name]["master_repl_offset"]))]
        cluster.exec(leaders[0], "redis-cli", "REPLICAOF", "NO", "ONE")
    for name, found in said.items():
        if found and name not in leaders and found.get("master_host") != f"{leaders[0]}.catalog":
            cluster.exec(name, "redis-cli", "REPLICAOF", f"{leaders[0]}.catalog", "6379")
