# short and dense, with match and a regular expression
import re, time
heard = {}
def offset(text): return int(re.search(r"slave_repl_offset:(\d+)", text).group(1))
def reconcile(c):
    pods = sorted(c.list("pods", app="catalog"), key=lambda p: p["metadata"]["name"])
    texts = {}
    for p in pods:
        n, u = p["metadata"]["name"], p["metadata"]["uid"]
        t = c.exec(n, "redis-cli", "INFO", "replication")
        if t or u not in heard: heard[u] = time.monotonic()
        texts[n] = t
    leaders = [n for n, t in texts.items() if t and "role:master" in t]
    match leaders, [n for n, t in texts.items() if not t]:
        case [], []:
            leader = max(texts, key=lambda n: offset(texts[n]))
            c.exec(leader, "redis-cli", "SLAVEOF", "NO", "ONE")
        case [], quiet:
            for p in pods:
                m = p["metadata"]
                if m["name"] in quiet and time.monotonic() - heard[m["uid"]] >= 15 and not m.get("deletionTimestamp"):
                    c.delete("pods", m["name"])
            return
        case [leader, *_], _:
            pass
    for n, t in texts.items():
        if n != leader and t and f"master_host:{leader}.catalog" not in t:
            c.exec(n, "redis-cli", "SLAVEOF", f"{leader}.catalog", "6379")
