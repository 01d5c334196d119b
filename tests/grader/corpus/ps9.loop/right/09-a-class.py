# a class with a method for each rule, and the time of datetime
import datetime


class Keeper:
    def __init__(self):
        self.heard = {}

    def look(self, cluster):
        self.pods = {p["metadata"]["name"]: p for p in cluster.list("pods", labels={"app": "catalog"})}
        self.info = {}
        for name, pod in self.pods.items():
            text = cluster.exec(name, ["redis-cli", "INFO", "replication"])
            if text is not None:
                self.info[name] = dict(x.split(":", 1) for x in text.replace("\r", "").split("\n") if ":" in x)
                self.heard[pod["metadata"]["uid"]] = datetime.datetime.now()
            else:
                self.heard.setdefault(pod["metadata"]["uid"], datetime.datetime.now())

    def silent(self):
        return [name for name in self.pods if name not in self.info]

    def is_lost(self, name):
        quiet = datetime.datetime.now() - self.heard[self.pods[name]["metadata"]["uid"]]
        return quiet >= datetime.timedelta(seconds=15)

    def primary(self):
        return next((name for name, info in self.info.items() if info["role"] == "master"), None)

    def work(self, cluster):
        self.look(cluster)
        primary = self.primary()
        if not primary:
            if self.silent():
                for name in filter(self.is_lost, self.silent()):
                    cluster.delete("pods", name)
                return
            primary = max(self.info, key=lambda name: int(self.info[name]["slave_repl_offset"]))
            cluster.exec(primary, "redis-cli", "REPLICAOF", "NO", "ONE")
        for name in self.info:
            if name != primary:
                cluster.exec(name, "redis-cli", "REPLICAOF", primary + ".catalog", "6379")


keeper = Keeper()


def reconcile(cluster):
    keeper.work(cluster)
