# silence is counted only while nobody leads
quiet = {}

def info(cluster, name):
    out = cluster.exec(name, "redis-cli", "INFO", "replication")
    return None if out is None else dict(x.split(":", 1) for x in out.split() if ":" in x)

def reconcile(cluster):
    pods = {p["metadata"]["name"]: p for p in cluster.list("pods", app="catalog")}
    seen = {n: info(cluster, n) for n in pods}
    alive = {n: i for n, i in seen.items() if i}
    lead = [n for n, i in alive.items() if i["role"] == "master"]
    if lead:
        quiet.clear()
        for n, i in alive.items():
            if n != lead[0] and i.get("master_host") != lead[0] + ".catalog":
                cluster.exec(n, "redis-cli", "REPLICAOF", lead[0] + ".catalog", "6379")
        return
    missing = set(seen) - set(alive)
    if not missing:
        best = max(alive, key=lambda n: int(alive[n]["slave_repl_offset"]))
        cluster.exec(best, "redis-cli", "REPLICAOF", "NO", "ONE")
        return
    for n in missing:
        uid = pods[n]["metadata"]["uid"]
        first = quiet.setdefault(uid, cluster.now())
        if cluster.now() - first >= 15 and "deletionTimestamp" not in pods[n]["metadata"]:
            cluster.delete("pods", n)
