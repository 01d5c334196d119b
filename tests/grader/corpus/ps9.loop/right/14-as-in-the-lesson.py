# labels, and objects by kind/name, as in the lesson
since = {}

def ask(cluster, pod):
    out = cluster.exec(pod, "redis-cli", "INFO", "replication")
    if not out: return None
    return dict(l.split(":",1) for l in out.split("\r\n") if ":" in l)

def reconcile(cluster):
    pods = cluster.list("pods", "app=catalog")
    said = {p["metadata"]["name"]: ask(cluster, p["metadata"]["name"]) for p in pods}
    uid = {p["metadata"]["name"]: p["metadata"]["uid"] for p in pods}
    going = {p["metadata"]["name"] for p in pods if p["metadata"].get("deletionTimestamp")}
    for n in said:
        if said[n]: since.pop(uid[n], None)
        else: since.setdefault(uid[n], cluster.now())
    master = [n for n in said if said[n] and said[n]["role"] == "master"]
    if len(master) == 0:
        silent = [n for n in said if not said[n]]
        if silent:
            for n in silent:
                if n not in going and cluster.now() - since[uid[n]] > 15:
                    cluster.delete("pod/" + n)
            return
        best = max(said, key=lambda n: int(said[n]["slave_repl_offset"]))
        cluster.exec(best, "redis-cli REPLICAOF NO ONE")
        cluster.patch("pod/" + best, {"metadata": {"labels": {"role": "primary"}}})
        return
    p = master[0]
    for n in said:
        if n != p and said[n] and (said[n]["role"] == "master" or said[n]["master_host"].split(".")[0] != p):
            cluster.exec(n, f"redis-cli REPLICAOF {p}.catalog 6379")
            cluster.patch("pod/" + n, {"metadata": {"labels": {"role": "replica"}}})
