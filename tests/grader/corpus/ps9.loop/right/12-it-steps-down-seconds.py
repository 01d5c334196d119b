# where two lead it would tell one to follow; and it raises what it cannot do
since = {}


def parse(text):
    return {k: v for k, _, v in (line.strip().partition(":") for line in text.splitlines()) if v}


def reconcile(cluster):
    pods = cluster.list("pods", app="catalog")
    answers, lost, waiting = {}, [], False
    for pod in pods:
        meta = pod["metadata"]
        text = cluster.exec(meta["name"], "redis-cli", "INFO", "replication")
        if text:
            answers[meta["name"]] = parse(text)
            since[meta["uid"]] = None
            continue
        waiting = True
        since[meta["uid"]] = since.get(meta["uid"]) or cluster.now()
        if cluster.now() - since[meta["uid"]] > 13:
            lost.append(meta)
    leaders = sorted(name for name, info in answers.items() if info["role"] == "master")
    if not leaders and lost:
        for meta in lost:
            if "deletionTimestamp" in meta:
                raise RuntimeError(f"{meta['name']} does not end: somebody has to look")
            cluster.delete("pods", meta["name"])
        return
    if not leaders and waiting:
        return
    leader = leaders[0] if leaders else max(answers, key=lambda n: int(answers[n]["slave_repl_offset"]))
    if not leaders:
        cluster.exec(leader, "redis-cli", "REPLICAOF", "NO", "ONE")
    for name, info in answers.items():
        if name != leader and (info["role"] == "master" or info.get("master_host") != leader + ".catalog"):
            cluster.exec(name, "redis-cli", "REPLICAOF", leader + ".catalog", "6379")
