"""pods(): the Pods of a namespace as they are now, to be held against how they were before."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from statelab.cluster import Problem
from statelab.cluster.plainly import plain_methods
from statelab.controlplane.kinds import Object
from statelab.notebook.pictures.scene import natural
from statelab.notebook.strings import say


@dataclass(frozen=True)
class Pod:
    """What a lesson asks about a Pod. Written into a line, as in `%kubectl delete pod {pod}`, it is its name."""

    name: str
    image: str
    address: str
    node: str
    revision: str
    claims: tuple[str, ...]
    uid: str

    def __str__(self) -> str:
        return self.name


class NoPod(Problem, LookupError):
    """None of that name or at that place."""


@plain_methods("pods()")
class Pods:
    """Pods in the order of their names; `pods()[0]`, `pods()["web-1"]`, `len(pods())`, `"web-1" in pods()`."""

    def __init__(self, found: Iterable[Pod]) -> None:
        self._found = tuple(sorted(found, key=lambda pod: natural(pod.name)))
        self._by_name = {pod.name: pod for pod in self._found}

    def __len__(self) -> int:
        return len(self._found)

    def __iter__(self) -> Iterator[Pod]:
        return iter(self._found)

    def __getitem__(self, which: int | str) -> Pod:
        try:
            return self._by_name[which] if isinstance(which, str) else self._found[which]
        except LookupError:
            there = ", ".join(self._by_name)
            raise NoPod(
                say("no_such_pod", which=str(which)), say("pods_there", names=there) if there else say("no_pods")
            ) from None

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    def __repr__(self) -> str:
        head = tuple(say(each) for each in ("name", "image", "revision", "ip", "node"))
        rows = [(p.name, p.image.rpartition("/")[2], p.revision, p.address, p.node) for p in self._found]
        return _table([head, *rows]) if rows else say("no_pods")

    def since(self, before: Pods) -> Since:
        """What has become of those that were there before, and who is new."""
        return Since(before, self)


@dataclass(frozen=True)
class Since:
    """Pods before and after: `gone`, `new`, `same`, and `again` (the same name, and yet another Pod)."""

    before: Pods
    after: Pods

    @property
    def gone(self) -> list[str]:
        return [pod.name for pod in self.before if pod.name not in self.after]

    @property
    def new(self) -> list[str]:
        return [pod.name for pod in self.after if pod.name not in self.before]

    @property
    def same(self) -> list[str]:
        return [p.name for p in self.after if p.name in self.before and p.uid == self.before[p.name].uid]

    @property
    def again(self) -> list[str]:
        return [p.name for p in self.after if p.name in self.before and p.uid != self.before[p.name].uid]

    def stayed(self, name: str) -> list[str]:
        """What the Pod of that name has that the one before it had: of its name, IP address, uid, claim and node."""
        if name not in self.before or name not in self.after:
            return []
        return [say(what) for what, old, new in _facts(self.before[name], self.after[name]) if old == new]

    def __repr__(self) -> str:
        rows: list[tuple[str, ...]] = []
        for name in self.gone:
            rows.append((name, say("pod_gone"), self.before[name].address))
        for name in self.new:
            rows.append((name, say("pod_new"), self.after[name].address))
        for name in self.again:
            rows.append((name, say("pod_again"), ""))
            for what, old, new in _facts(self.before[name], self.after[name]):
                told = say("fact_same", value=new) if old == new else say("fact_new", before=old, after=new)
                rows.append(("", f"  {say(what)}", told))
        rows += [(name, say("pod_same"), "") for name in self.same]
        return _table(rows) if rows else say("no_pods")


def _facts(old: Pod, new: Pod) -> list[tuple[str, str, str]]:
    facts = [("name", old.name, new.name), ("ip", old.address, new.address), ("uid", old.uid[:8], new.uid[:8])]
    if old.claims or new.claims:
        facts.append(("claim", ", ".join(old.claims), ", ".join(new.claims)))
    return [*facts, ("node", old.node, new.node)]


def _table(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    return "\n".join("   ".join(cell.ljust(widths[at]) for at, cell in enumerate(row)).rstrip() for row in rows)


def pods(labels: str = "") -> Pods:
    """The Pods of this namespace now, without those on their way out. `labels`: "app=web" chooses some.

    Raises Problem or RequestRefused as the cluster does.
    """
    from statelab.notebook import current

    found = current().list("pods", labels=labels)
    return Pods([_seen(pod) for pod in found if "deletionTimestamp" not in pod["metadata"]])


def _seen(pod: Object) -> Pod:
    spec, metadata = pod["spec"], pod["metadata"]
    labels = metadata.get("labels") or {}
    volumes = spec.get("volumes") or ()
    return Pod(
        name=metadata["name"],
        image=spec["containers"][0]["image"],
        address=(pod.get("status") or {}).get("podIP", ""),
        node=spec.get("nodeName", ""),
        revision=(labels.get("controller-revision-hash") or labels.get("pod-template-hash") or "").rpartition("-")[2],
        claims=tuple(v["persistentVolumeClaim"]["claimName"] for v in volumes if v.get("persistentVolumeClaim")),
        uid=metadata["uid"],
    )
