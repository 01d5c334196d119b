# who leads is written down in a ConfigMap, with the uid of the Pod
import json

silent_since = {}


def members(cluster):
    return {pod["metadata"]["name"]: pod for pod in cluster.list("pods", app="catalog")}


def role(cluster, name):
    text = cluster.exec(name, "redis-cli", "INFO", "replication")
    if not text:
        return None
    lines = [line.split(":") for line in text.split() if line.count(":") == 1]
    values = {key: value for key, value in lines}
    return values["role"], int(values["master_repl_offset"]), values.get("master_host", "")


def notes(cluster):
    found = cluster.get("configmaps", "catalog-loop")
    if found is None:
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "catalog-loop"}, "data": {"leader": "{}"}}
        cluster.create(body)
        return {}
    return json.loads(found["data"]["leader"])


def reconcile(cluster):
    pods = members(cluster)
    seen = {name: role(cluster, name) for name in pods}
    now = cluster.now()
    for name, pod in pods.items():
        uid = pod["metadata"]["uid"]
        if seen[name]:
            silent_since.pop(uid, None)
        else:
            silent_since.setdefault(uid, now)
    leader = notes(cluster)
    name = leader.get("name")
    pod = pods.get(name)
    if pod and pod["metadata"]["uid"] == leader["uid"]:
        if seen[name] is None:
            if now - silent_since[leader["uid"]] >= 15 and "deletionTimestamp" not in pod["metadata"]:
                cluster.delete("pods", name)
            return
        if seen[name][0] == "master":
            lead(cluster, name, seen)
            return
    elif any(each and each[0] == "master" for each in seen.values()):
        name = next(key for key, each in seen.items() if each and each[0] == "master")
        write(cluster, name, pods[name])
        lead(cluster, name, seen)
        return
    if None in seen.values():
        for key, each in seen.items():
            uid = pods[key]["metadata"]["uid"]
            if each is None and now - silent_since[uid] >= 15 and "deletionTimestamp" not in pods[key]["metadata"]:
                cluster.delete("pods", key)
        return
    best = max(seen, key=lambda key: seen[key][1])
    write(cluster, best, pods[best])
    cluster.exec(best, "redis-cli", "REPLICAOF", "NO", "ONE")


def write(cluster, name, pod):
    text = json.dumps({"name": name, "uid": pod["metadata"]["uid"]})
    cluster.patch("configmaps", "catalog-loop", {"data": {"leader": text}})


def lead(cluster, leader, seen):
    for name, each in seen.items():
        if each and name != leader and each[2] != f"{leader}.catalog":
            cluster.exec(name, "redis-cli", "REPLICAOF", f"{leader}.catalog", "6379")
