# since when a Pod is silent is noted at the Pod, so that the next process knows
NOTE = "library.example/silent-since"


def reconcile(cluster):
    pods = {pod["metadata"]["name"]: pod["metadata"] for pod in cluster.list("pods", app="catalog")}
    info = {}
    for name in pods:
        text = cluster.exec(name, "redis-cli", "INFO", "replication")
        if text:
            info[name] = dict(line.strip().split(":", 1) for line in text.splitlines() if ":" in line)
        note(cluster, name, pods[name], name in info)
    leader = next((name for name in info if info[name]["role"] == "master"), None)
    if leader is None:
        missing = [name for name in pods if name not in info]
        for name in missing:
            since = float(pods[name].get("annotations", {}).get(NOTE, cluster.now()))
            if cluster.now() - since > 12 and "deletionTimestamp" not in pods[name]:
                cluster.delete("pods", name)
        if missing:
            return
        leader = max(info, key=lambda name: (int(info[name]["slave_repl_offset"]), name))
        cluster.exec(leader, "redis-cli", "REPLICAOF", "NO", "ONE")
    for name in info:
        if name != leader and info[name].get("master_host") != f"{leader}.catalog":
            cluster.exec(name, "redis-cli", "REPLICAOF", f"{leader}.catalog", "6379")


def note(cluster, name, metadata, answers):
    has = NOTE in metadata.get("annotations", {})
    if answers == has:
        value = None if answers else str(cluster.now())
        try:
            cluster.patch("pods", name, {"metadata": {"annotations": {NOTE: value}}})
        except Refused:
            pass  # it has gone meanwhile
