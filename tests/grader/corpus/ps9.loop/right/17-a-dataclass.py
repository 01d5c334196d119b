# members are dataclasses, which look for the module they are in
from dataclasses import dataclass, field
from typing import Optional


@dataclass
class Member:
    name: str
    uid: str
    stopping: bool
    info: Optional[dict] = None

    @property
    def answers(self):
        return self.info is not None

    @property
    def leads(self):
        return self.answers and self.info["role"] == "master"

    @property
    def offset(self):
        return int(self.info.get("slave_repl_offset") or self.info.get("master_repl_offset") or 0)


class Operator:
    PATIENCE = 15

    def __init__(self):
        self.last_heard: dict[str, float] = {}
        self.cluster = None

    def look(self):
        members = []
        for pod in self.cluster.list("pods", app="catalog"):
            meta = pod["metadata"]
            m = Member(meta["name"], meta["uid"], bool(meta.get("deletionTimestamp")))
            text = self.cluster.exec(m.name, "redis-cli", "INFO", "replication")
            if text and "role:" in text:
                m.info = dict(l.strip().split(":", 1) for l in text.splitlines() if ":" in l)
            now = self.cluster.now()
            if m.answers:
                self.last_heard[m.uid] = now
            else:
                self.last_heard.setdefault(m.uid, now)
            members.append(m)
        return members

    def run(self, cluster):
        self.cluster = cluster
        members = self.look()
        late = [m for m in members if not m.stopping and cluster.now() - self.last_heard[m.uid] >= self.PATIENCE]
        for m in late:
            cluster.delete("pods", m.name)
        if late or any(m.stopping for m in members):
            return
        leaders = [m for m in members if m.leads]
        if not leaders:
            if not all(m.answers for m in members):
                return
            leader = max(members, key=lambda m: m.offset)
            self.do(leader, "NO", "ONE")
        elif len(leaders) == 1:
            leader = leaders[0]
        else:
            return
        for m in members:
            if m is not leader and m.answers and m.info.get("master_host") != f"{leader.name}.catalog":
                self.do(m, f"{leader.name}.catalog", "6379")

    def do(self, member, *to):
        self.cluster.exec(member.name, "redis-cli", "REPLICAOF", *to)


operator = Operator()
reconcile = operator.run
