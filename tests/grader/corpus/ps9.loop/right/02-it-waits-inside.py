# it deletes, and sleeps inside of the call until the Pod is gone
import time

last = {}


def info(cluster, name):
    text = cluster.exec(name, "redis-cli", "info", "replication")
    if text is None:
        return None
    found = {}
    for line in text.splitlines():
        key, colon, value = line.strip().partition(":")
        if colon:
            found[key] = value
    return found


def reconcile(cluster):
    while True:
        pods = cluster.list("pods", app="catalog")
        state = {}
        for pod in pods:
            name, uid = pod["metadata"]["name"], pod["metadata"]["uid"]
            state[name] = info(cluster, name)
            if state[name] is not None:
                last[uid] = time.time()
            last.setdefault(uid, time.time())
        masters = [name for name in state if state[name] and state[name]["role"] == "master"]
        if masters:
            leader = masters[0]
            break
        quiet = [pod for pod in pods if state[pod["metadata"]["name"]] is None]
        if not quiet:
            leader = sorted(state, key=lambda name: int(state[name]["slave_repl_offset"]))[-1]
            cluster.exec(leader, "redis-cli", "replicaof", "no", "one")
            break
        for pod in quiet:
            if time.time() - last[pod["metadata"]["uid"]] > 14:
                cluster.delete("pods", pod["metadata"]["name"])
                while any(p["metadata"]["uid"] == pod["metadata"]["uid"] for p in cluster.list("pods", app="catalog")):
                    time.sleep(1)
        time.sleep(1)
    for name in state:
        if name != leader and state[name] and state[name].get("master_host") != leader + ".catalog":
            cluster.exec(name, "redis-cli", "replicaof", leader + ".catalog", "6379")
