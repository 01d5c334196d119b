"""How a ledger is stopped while entries are in its memory and writers still come; what it took, and what it kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from grader.behaviour import evict
from grader.diagnosis import pods_not_ready
from grader.place import Ran
from grader.seen import Seen
from grader.trial import Trial
from grader.verdict import Verdict, no, partly

SET, DISK = "statefulset/ledger", "/data/ledger"
KNOWN_FOR_S = 10  # so long a writer keeps an address that it has looked up
SOON_S = 32.0
NEARLY_ALL = 9  # of the ten that may be in its memory
_LATE_S = (3, 6, 9)  # so long after the Pod has been asked do late writers come
_TOO_LATE_S = 14  # one that should know better by now: turned away, or not lost
_AWAY_S = 200.0


@dataclass
class Stop:
    """One Pod was asked to stop. `refused_s`: how long after that a writer was first turned away."""

    pod: str
    grace_s: float
    taken: list[str] = field(default_factory=list)
    late: int = 0  # of those that came after it had been asked
    refused_s: float | None = None
    took_s: float | None = None  # until it was gone
    kept: set[str] = field(default_factory=set)
    hook_failed: bool = False

    @property
    def lost(self) -> list[str]:
        return [each for each in self.taken if each not in self.kept]


def note(trial: Trial, pod: str, entries: Sequence[str]) -> bool:
    """Whether a writer's entries are acknowledged. What note.sh does, word for word: so it is known what it will do,
    and no shell of its own has to be made for it.
    """
    taken = "; ".join(f"echo {each} >> /memory/ledger" for each in entries)
    return _run(trial, pod, "sh", "-c", f"if [ -e /memory/closed ]; then exit 1; fi; {taken}; echo taken").code == 0


def kept_by(trial: Trial, pod: str) -> set[str]:
    return set(_run(trial, pod, "cat", DISK).out.split())


def _run(trial: Trial, pod: str, *argv: str) -> Ran:
    """In the container that has the scripts: there may be others beside it."""
    seen = trial.get(f"pod/{pod}")
    for container in (seen.at("spec", "containers") if seen else None) or ():
        if any(str(each.get("mountPath")).rstrip("/") == "/ledger" for each in container.get("volumeMounts") or ()):
            return trial.exec(pod, *argv, container=container["name"])
    return trial.exec(pod, *argv)


def stop(trial: Trial, pod: str, entries: int, *, late: bool = False, how: str = "delete") -> Stop | Verdict:
    """So many entries are taken, and the Pod is asked to stop; a writer that knows its address comes every three.

    A Verdict where the Pod does not take any, or does not come back.
    """
    before = trial.get(f"pod/{pod}")
    if before is None or not before.ready:
        return no(f"{pod} is not Ready.", trial.evidence(f"pod/{pod}"))
    result = Stop(pod, float(before.at("spec", "terminationGracePeriodSeconds") or 0))
    begun_s = trial.cluster.loop.now_s
    names = [f"{pod}-{begun_s:.0f}-{each}" for each in range(entries)]
    if names and not note(trial, pod, names):
        return no(f"{pod} takes no entry: {_run(trial, pod, 'sh', '/ledger/note.sh', 'one').error.strip()[:160]}")
    result.taken = names
    asked_s = trial.cluster.loop.now_s
    if how == "evict":
        said = evict(trial, pod)
        if said:
            return no(f"{pod} cannot be evicted: {said}")
    else:
        trial.delete(f"pod/{pod}")
    for second in (*_LATE_S, _TOO_LATE_S) if late else ():
        trial.wait(max(0.0, asked_s + second - trial.cluster.loop.now_s))
        name = f"{pod}-late-{asked_s:.0f}-{second}"
        # who knows the old one's address does not find the Pod that has come in its place
        if not _is_another(trial, before) and note(trial, pod, [name]):
            result.taken.append(name)
            result.late += second != _TOO_LATE_S
        elif result.refused_s is None and second != _TOO_LATE_S:
            result.refused_s = trial.cluster.loop.now_s - asked_s
    if trial.when(lambda: _is_another(trial, before), timeout_s=_AWAY_S):
        result.took_s = trial.cluster.loop.now_s - asked_s
    trial.settle()
    after = trial.get(f"pod/{pod}")
    if after is not None and after.uid == before.uid:
        said = f"{pod} was asked to stop, and is still there after {_AWAY_S:.0f} s: its first process has not ended."
        return no(said, trial.evidence(f"pod/{pod}", most=6), line=_line(trial, "containers", 0))
    if after is None or not after.ready:
        return no(f"{pod} was asked to stop, and did not come back.", trial.evidence(f"pod/{pod}", most=6))
    result.kept = kept_by(trial, pod)
    result.hook_failed = any(
        each.at("reason") == "FailedPreStopHook" and each.at("involvedObject", "uid") == before.uid
        for each in trial.all("event")
    )
    return result


def _is_another(trial: Trial, before: Seen) -> bool:
    now = trial.get(before.reference)
    return now is None or now.uid != before.uid


# ---- what is said of it


def _line(trial: Trial, *path: str | int) -> int | None:
    spec = ("spec", "template", "spec")
    return trial.line("StatefulSet", *spec, *path, name="ledger") or trial.line("StatefulSet", *spec, name="ledger")


def losses(trial: Trial, stopped: Stop, what: str) -> Verdict | None:
    """Why not all is kept that was taken, and a share of the points for what is; None when all is."""
    if not stopped.lost:
        return None
    kept, taken = len(stopped.taken) - len(stopped.lost), len(stopped.taken)
    seen = trial.evidence(f"pod/{stopped.pod}", most=6)
    counted = f"{what}: {stopped.pod} had taken {taken} entries, and kept {kept or 'none'} of them."
    at_its_end = stopped.took_s is not None and stopped.took_s >= stopped.grace_s - 1
    if not kept and at_its_end:
        why = f"It stopped only when its grace period of {stopped.grace_s:.0f} s was over, and had not begun to save."
        return no(f"{counted} {why} Who is the container's first process?", seen, line=_line(trial, "containers", 0))
    if at_its_end:
        why = f"It was killed after {stopped.took_s:.0f} s, its grace period, while it saved."
        line = _line(trial, "terminationGracePeriodSeconds")
        return partly(0.5 * kept / taken, f"{counted} {why}", seen, line=line)
    took = f"It was gone after {stopped.took_s:.0f} s." if stopped.took_s is not None else ""
    return partly(0.5 * kept / taken, f"{counted} {took}", seen, line=_line(trial, "containers", 0))


def refusals(trial: Trial, stopped: Stop) -> Verdict | None:
    """Why a writer was turned away that knew the address; a share of the points for those that were not."""
    if stopped.refused_s is None:
        return None
    said = f"{stopped.refused_s:.0f} s after {stopped.pod} had been asked to stop, a writer was turned away."
    spec = trial.get(SET)
    if stopped.hook_failed:
        said += " Its preStop hook failed."
    elif spec is not None and not spec.at("spec", "template", "spec", "containers", 0, "lifecycle", "preStop"):
        said += " It was told to stop at once, and closed: nothing comes before the signal."
    line = _line(trial, "containers", 0, "lifecycle") or _line(trial, "containers", 0)
    seen = trial.evidence(f"pod/{stopped.pod}", most=6)
    return partly(0.5 * stopped.late / len(_LATE_S), said, seen, line=line)


_HEARD: WeakKeyDictionary[Trial, Verdict | None] = WeakKeyDictionary()


def hears(trial: Trial) -> Verdict | None:
    """Why a member that is deleted with three entries in memory does not keep them; None when it does. Tried once."""
    if trial not in _HEARD:
        _HEARD[trial] = _hears(trial)
    return _HEARD[trial]


def _hears(trial: Trial) -> Verdict | None:
    problem = pods_not_ready(trial, SET, 2)
    if problem is not None:
        return problem
    problem = _is_the_vendors(trial, "ledger-1")
    if problem is not None:
        return problem
    stopped = stop(trial, "ledger-1", 3)
    return stopped if isinstance(stopped, Verdict) else losses(trial, stopped, "It was deleted")


def _is_the_vendors(trial: Trial, pod: str) -> Verdict | None:
    """Why what lies in /ledger are not the scripts that were given; None when they are."""
    given = trial.get("configmap/ledger")
    for name, text in ((given.at("data") if given else None) or {}).items():
        found = _run(trial, pod, "cat", f"/ledger/{name}")
        if found.code:
            said = f"There is no /ledger/{name} in {pod}: {found.error.strip()[:100]}"
            return no(said, line=_line(trial, "containers", 0, "volumeMounts"))
        if found.out.strip() != str(text).strip():
            said = f"/ledger/{name} in {pod} is not the vendor's any more, and was to stay as it is."
            return no(said, line=_line(trial, "volumes"))
    return None


def keeps(trial: Trial, pod: str, entries: int, *, late: bool, how: str = "delete") -> Verdict | None:
    """Why something is lost, or somebody turned away, when this Pod is asked to stop; None when all is well."""
    stopped = stop(trial, pod, entries, late=late, how=how)
    if isinstance(stopped, Verdict):
        return stopped
    what = {"delete": "It was deleted", "evict": "It was evicted"}[how]
    problems = [each for each in (refusals(trial, stopped), losses(trial, stopped, what)) if each is not None]
    return min(problems, key=lambda each: each.share) if problems else None


def is_soon_gone(trial: Trial) -> Verdict | None:
    """Why a member that has nothing to save is not gone within half a minute; None when it is."""
    stopped = stop(trial, "ledger-1", 0)
    if isinstance(stopped, Verdict):
        return stopped
    if stopped.took_s is not None and stopped.took_s <= SOON_S:
        return None
    took = f"{stopped.took_s:.0f} s" if stopped.took_s is not None else "more than three minutes"
    line = _line(trial, "containers", 0, "lifecycle") or _line(trial, "containers", 0)
    said = f"{stopped.pod} had nothing to save, and was gone only after {took}."
    return no(said, trial.evidence(f"pod/{stopped.pod}", most=6), line=line)


# ---- whole operations, while writers write


def through(trial: Trial, acts: Sequence[tuple[str, Callable[[], object]]]) -> Verdict | None:
    """What is planned is done to the whole set, one after the other, with writers at work: why an entry that was
    acknowledged is lost; None if none is.
    """
    writers = _Writers(trial)
    for what, act in acts:
        writers.write(what)
        act()
        before = trial.cluster.store.revision
        for turn in range(60):
            writers.write(what)
            trial.wait(4)
            now = trial.cluster.store.revision
            if turn and now == before and all(each.ready for each in trial.pods_of(SET)):
                break
            before = now
        trial.scale(SET, len(_PODS)).settle()
    for name in _PODS:  # what is in memory now is saved when they are stopped once more
        trial.delete(f"pod/{name}")
    trial.settle()
    problem = pods_not_ready(trial, SET, len(_PODS))
    if problem is not None:
        return no(f"After all that: {problem.message}", problem.evidence, line=problem.line)
    return writers.lost()


_PODS, _MOST = ("ledger-0", "ledger-1"), 5


class _Writers:
    """Who knows a Pod's address and writes to it, never more than may be in its memory. They leave one alone that was
    asked to stop some seconds ago.
    """

    def __init__(self, trial: Trial) -> None:
        self.trial = trial
        self.taken: list[tuple[str, str, str]] = []  # when, by which Pod, what
        self._asked_s: dict[str, float] = {}
        self._told: dict[str, int] = {}  # how many entries a Pod was told, by its uid

    def write(self, what: str) -> None:
        for name in _PODS:
            pod = self.trial.get(f"pod/{name}")
            if pod is None or not self._is_known(pod) or self._told.get(pod.uid, 0) >= _MOST:
                continue
            self._told[pod.uid] = self._told.get(pod.uid, 0) + 1
            entry = f"{name}-entry-{len(self.taken)}"
            if note(self.trial, name, [entry]):
                self.taken.append((what, name, entry))

    def lost(self) -> Verdict | None:
        for name in _PODS:
            kept = kept_by(self.trial, name)
            mine = [(what, entry) for what, by, entry in self.taken if by == name]
            lost = [(what, entry) for what, entry in mine if entry not in kept]
            if lost:
                said = f"{lost[0][0]}, and of {len(mine)} entries that {name} had acknowledged, {len(lost)} are gone."
                line = _line(self.trial, "terminationGracePeriodSeconds")
                share = 0.5 * (len(mine) - len(lost)) / len(mine)
                return partly(share, said, self.trial.evidence(f"pod/{name}", most=6), line=line)
        return None

    def _is_known(self, pod: Seen) -> bool:
        if pod.ready or pod.at("metadata", "deletionTimestamp") is None:
            return pod.ready
        now_s = self.trial.cluster.loop.now_s
        return now_s - self._asked_s.setdefault(pod.uid, now_s) < KNOWN_FOR_S - 4
