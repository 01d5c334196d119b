"""A loop at work: it is called again and again while time passes, clients write, and things happen to its members."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from grader.place import Ran
from grader.program import Done, Runner
from grader.rubrics.ps9.library import Library, Over
from grader.rubrics.ps9.texts import READER, READERS
from grader.seen import Seen
from grader.trial import Trial
from statelab.controlplane.controlplane import ControlPlane
from statelab.controlplane.kinds import Object

EVERY_S = 2.0  # a call, and then a pause
_WRITE_S = 3.0  # clients try every member so often, and right after whatever the loop changes in one
CALM_S = 9.0  # so long nothing has changed, and the story need not go on
PORT = 6379
MOST_TOLD = 12
_AGAIN = ", and again"
DOES_NOT_END = "It goes on asking when its process has been ended: what catches everything catches the end as well."


class _TimeIsUp(Exception):
    """The story is over, in the middle of a call."""


@dataclass
class Story:
    """One stretch of time with one loop. `die_after`: the loop's process ends after its n-th change, for these n."""

    trial: Trial
    runner: Runner
    code: str
    die_after: frozenset[int] = frozenset()
    goes_on: bool = False  # with the process, and what it remembers, of the story before
    log: list[str] = field(default_factory=list)
    fatal: Done | None = None
    error: Done | None = None  # the last one that a call raised
    two: tuple[str, ...] = ()  # who took writes at the same moment
    kept: dict[str, str] = field(default_factory=dict)  # what clients were told is done
    _agenda: list[tuple[float, Callable[[], None]]] = field(default_factory=list)
    _seen: dict[str, str] = field(default_factory=dict)  # address → name, of all that ever were
    takers: list[str] = field(default_factory=list)  # who took the last write
    _written: int = 0
    _wrote_s: float = 0.0
    _changed_s: float = 0.0
    _until_s: float = 0.0
    _is_ended: bool = False
    _asked_after_end: int = 0

    def __post_init__(self) -> None:
        self.library = Library(self.trial, self.wait, self._acted)
        self.began_s = self.now_s
        self._until_s = self.now_s + 60.0
        if not self.goes_on:
            self._begin()

    @property
    def now_s(self) -> float:
        return self.trial.cluster.loop.now_s

    @property
    def cluster(self) -> ControlPlane:
        assert isinstance(self.trial.cluster, ControlPlane)
        return self.trial.cluster

    # ---- the loop

    def run(self, seconds: float, *, calm_after_s: float | None = None) -> Story:
        """Let the loop work for so long; or, `calm_after_s` having passed, until one member takes writes in peace."""
        self._until_s, calm_s = self.now_s + seconds, self.now_s + (seconds if calm_after_s is None else calm_after_s)
        try:
            while self.fatal is None and not (self.now_s > calm_s and self._is_calm()):
                self._took(self.runner.call(self._handle))
                if self._is_ended:
                    self._begin()
                self.wait(EVERY_S)
        except _TimeIsUp:
            pass
        return self

    def _begin(self) -> None:
        self._is_ended, self._asked_after_end = False, 0
        done = self.runner.begin(self.code, self._handle)
        self._took(done)
        if done.error:
            self.fatal = self.fatal or done

    def _took(self, done: Done) -> None:
        if done.error:
            self.error = done
            self.fatal = self.fatal or (done if done.is_fatal else None)

    def _handle(self, question: Mapping[str, Any]) -> dict[str, Any]:
        if self._is_ended:
            self._asked_after_end += 1
            if self._asked_after_end > 20:
                self.fatal = Done(DOES_NOT_END, None, is_fatal=True)
                raise _TimeIsUp
            return {"ended": True}
        try:
            answer = self.library.handle(question)
        except Over as over:
            self.fatal = Done(str(over), None, is_fatal=True)
            self._is_ended = True
        except _TimeIsUp:
            self._is_ended = True
        return {"ended": True} if self._is_ended else answer

    def _acted(self, said: str) -> None:
        self.tell(said)
        if said.startswith("in "):
            self.clients_write()
        if self.library.acts in self.die_after:
            self.tell("the loop's process ends here, and is started anew")
            self._is_ended = True

    def tell(self, said: str) -> None:
        self._changed_s = self.now_s
        self.log.append(f"{self.now_s - self.began_s:4.0f} s  {said}")

    @property
    def told(self) -> list[str]:
        """What happened, the last of it. What the loop does over and over until something happens is told once."""
        lines: list[str] = []
        done: dict[str, int] = {}  # what was run, and the line that tells it
        for line in self.log:
            said = line.partition(" s  ")[2]
            if not said.startswith("in "):
                done.clear()
            elif said in done:
                lines[done[said]] = lines[done[said]].removesuffix(_AGAIN) + _AGAIN
                continue
            done[said] = len(lines)
            lines.append(line)
        left = len(lines) - MOST_TOLD
        return ([f"… {left} lines before"] if left > 0 else []) + lines[-MOST_TOLD:]

    def _is_calm(self) -> bool:
        """All members are there, one takes writes and hears the loop, and nobody has changed anything for a while."""
        members = self.members()
        if self._agenda or len(self.takers) != 1 or self.now_s - self._changed_s < CALM_S:
            return False
        if not all(each.ready and each.uid not in self.library.silent for each in members):
            return False
        took = self.clients_write()  # now: who took the last write may have gone, and another of its name have come
        return len(took) == 1 and took[0] in [each.name for each in members]

    # ---- time, and what happens in it

    def after(self, seconds: float, happens: Callable[[], None]) -> None:
        """Let something happen so many seconds from now, whatever the loop is doing then."""
        self._agenda.append((self.now_s + seconds, happens))

    def wait(self, seconds: float) -> None:
        until_s = self.now_s + seconds
        while self.now_s < until_s:
            if self.now_s >= self._until_s:
                raise _TimeIsUp
            self.trial.wait(min(1.0, until_s - self.now_s))
            for each in [each for each in self._agenda if each[0] <= self.now_s]:
                self._agenda.remove(each)
                each[1]()
            if self.now_s - self._wrote_s >= _WRITE_S:
                self.clients_write()

    # ---- clients

    def clients_write(self) -> list[str]:
        """They try every member there is or was; who takes it, by name. What has a copy is kept in mind."""
        self._wrote_s = self.now_s
        self._written += 1
        key, value = f"book-{self._written}", f"shelf-{self._written}"
        took = [ip for ip in self._addresses() if self.ask(ip, "SET", key, value) == "OK"]
        for ip in took:
            if self.ask(ip, "WAIT", "1", "1") not in ("0", ""):
                self.kept[key] = value
        self.takers = names = [self._seen[ip] for ip in took]
        if len(took) > 1 and not self.two:
            self.two = tuple(names)
            self.tell(f"two take writes: {' and '.join(names)}")
        return names

    def _addresses(self) -> list[str]:
        for pod in self.trial.all("pod", app="catalog"):
            if pod.ip:
                self._seen[pod.ip] = pod.name
        network = self.cluster.network
        return [ip for ip in self._seen if PORT in network.listening(ip)]

    def ask(self, ip: str, *words: str) -> str:
        """What the Redis at an address says to a client."""
        reader: Object | None = self.cluster.store.get("pods", f"{READERS}/reader")
        if reader is None:
            return ""
        ran: Ran = self.trial.place.exec(self.trial, Seen("pods", reader), "reader", ["redis-cli", "-h", ip, *words])
        return ran.out.strip()

    # ---- how it stands

    def members(self) -> list[Seen]:
        return self.trial.all("pod", app="catalog")

    def replication(self, pod: Seen) -> dict[str, str]:
        """INFO replication of a member, whoever cannot hear it; empty where nobody is there."""
        if not pod.ip or PORT not in self.cluster.network.listening(pod.ip):
            return {}
        lines = self.ask(pod.ip, "INFO", "replication").splitlines()
        return dict(each.strip().split(":", 1) for each in lines if ":" in each)

    def lost(self, name: str) -> list[str]:
        """What clients were told is done, and this member does not know."""
        pod = self.trial.get(f"pod/{name}")
        if pod is None or not pod.ip:
            return list(self.kept)
        found = self.ask(pod.ip, "MGET", *self.kept).splitlines() if self.kept else []
        found += [""] * (len(self.kept) - len(found))
        return [key for (key, value), has in zip(self.kept.items(), found, strict=False) if has != value]

    def inside(self, name: str, *command: str) -> None:
        """Something happens inside of a member."""
        self.trial.exec(name, *command)


def a_reader_comes(trial: Trial) -> None:
    """The client, when its namespace is there."""
    trial.apply(READER).settle()
