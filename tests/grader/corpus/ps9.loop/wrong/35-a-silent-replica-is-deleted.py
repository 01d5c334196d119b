# a replica that does not answer once is deleted
SILENT_S = 15
heard = {}  # when each Pod, by its uid, last answered


def ask(cluster, name):
    said = cluster.exec(name, "redis-cli", "INFO", "replication")
    return dict(line.split(":", 1) for line in said.split() if ":" in line) if said else None


def reconcile(cluster):
    pods = {pod["metadata"]["name"]: pod["metadata"] for pod in cluster.list("pods", app="catalog")}
    info = {name: ask(cluster, name) for name in pods}
    for name, pod in pods.items():
        if info[name] or pod["uid"] not in heard:
            heard[pod["uid"]] = cluster.now()
    answering = [name for name in info if info[name]]
    primaries = [name for name in answering if info[name]["role"] == "master"]
    if primaries:
        for name in pods:
            if not info[name]:
                cluster.delete("pods", name)
        follow(cluster, primaries[0], info)
        return
    silent = [name for name in pods if not info[name]]
    for name in silent:  # each of them may be a primary that only we cannot hear
        if cluster.now() - heard[pods[name]["uid"]] >= SILENT_S and "deletionTimestamp" not in pods[name]:
            cluster.delete("pods", name)
    if not silent and answering:
        best = max(answering, key=lambda name: int(info[name]["slave_repl_offset"]))
        cluster.exec(best, "redis-cli", "REPLICAOF", "NO", "ONE")
        follow(cluster, best, info)


def follow(cluster, primary, info):
    for name, said in info.items():
        if said and name != primary and said.get("master_host") != f"{primary}.catalog":
            cluster.exec(name, "redis-cli", "REPLICAOF", f"{primary}.catalog", "6379")
