# it listens for fifteen seconds inside of the call, and so comes back late from each silence
import time


def info(cluster, name):
    answer = cluster.exec(name, "redis-cli", "INFO", "replication")
    if not answer:
        return {}
    return {k: v.strip() for k, _, v in (l.partition(":") for l in answer.split("\n")) if v}


def silent_for_15(cluster, name):
    start = cluster.now()
    while cluster.now() - start < 15:
        if info(cluster, name):
            return False
        time.sleep(1)
    return True


def follow(cluster, name, leader):
    cluster.exec(name, "redis-cli", "REPLICAOF", f"{leader}.catalog", "6379")


def reconcile(cluster):
    names = []
    for pod in cluster.list("pods", app="catalog"):
        if pod["metadata"].get("deletionTimestamp"):
            return  # wait until it is gone
        names.append(pod["metadata"]["name"])
    state = {n: info(cluster, n) for n in names}
    quiet = [n for n in names if not state[n]]
    for n in quiet:
        if silent_for_15(cluster, n):
            cluster.delete("pods", n)
        return
    leaders = [n for n in names if state[n]["role"] == "master"]
    if len(leaders) == 0:
        names.sort(key=lambda n: int(state[n]["slave_repl_offset"]), reverse=True)
        leader = names[0]
        cluster.exec(leader, "redis-cli", "REPLICAOF", "NO", "ONE")
    elif len(leaders) == 1:
        leader = leaders[0]
    else:
        for each in leaders[1:]:
            cluster.delete("pods", each)
        return
    for n in names:
        if n != leader and state[n].get("master_host") != f"{leader}.catalog":
            follow(cluster, n, leader)
