"""A task and its checks, side by side: a rubric reads like the task's text.

identity = Task("ps3.identity", points=25, about="A StatefulSet `web` of three, each with its own 1 GiB.")

@identity.check(points=6, title="A Pod that is killed comes back as itself", hints=[…, …, …])
def comes_back_as_itself(trial: Trial) -> Verdict: …
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from grader.verdict import Verdict
from grader.vocabulary import Kind

if TYPE_CHECKING:
    from grader.place import Need
    from grader.trial import Trial

Answer = Literal["manifest", "prediction", "commands", "program"]
CheckFunction = Callable[["Trial"], Verdict]
_ID = re.compile(r"[a-z][a-z0-9]*\.[a-z][a-z0-9-]*\Z")
HINTS = 3

# Between one line and the next: kubectl itself takes so long, and so long somebody who looks for each key.
AT_ONCE_S, SLOW_TYPIST_S = 0.2, 25.0


@dataclass(frozen=True, slots=True)
class Check:
    """One thing a trial is asked. `hidden`: what the learner reads when it fails; the check itself is not shown.

    `needs`: what not every place has; where it is missing the check is not graded, and its points do not count.
    `apart`: it acts on trials that it makes itself, and only looks at the shared one for what is there.
    """

    id: str
    title: str
    points: float
    hints: tuple[str, ...]
    function: CheckFunction = field(repr=False, compare=False)
    fresh: bool = False
    hidden: str = ""
    needs: Need = ""
    apart: bool = False


@dataclass(eq=False)
class Task:
    """A graded cell. `points` are those of all its checks, hidden ones included.

    `answer`: what the learner writes: a *manifest*; a *prediction* (a mapping of question to answer, held against a
    run); *commands* (kubectl lines, parsed and carried out by the trial, never by a shell); or a *program*, run in
    the sandbox and nowhere else (grader/program).
    `start`: what the answer's cell holds in the release; handed in unchanged, it gets no points.
    `given`: a manifest that is in the cluster before the learner's, who may not change it (or may).
    `before`: what happens to the cluster when what is given has settled, and before the answer: a node is lost.
    `namespace`: where the trial takes place.
    `most_pods`: how many Pods an answer may ask for before its trial is refused.
    `needs`: what all its checks need, "virtual time" or "a cluster of its own": a real cluster has neither.
    `pause_s`: so much time passes after each object of a manifest that is applied: their order matters.
    `paces`: where the point is to wait: seconds between the lines at which an answer has to be right as well. The Pods
    that are given take some seconds to get ready then, in each trial others.
    `files`: texts that kubectl lines may name with -f, by name; where it is a mapping, if an empty one, lines may also
    have here-documents and $(kubectl …): see grader/shell.py. Only for tasks that need a cluster of their own, since
    what a document says may lie outside of the namespace.
    `may_say_namespace`: whether a line may name the task's namespace, and is then tried there alone; False where the
    task's text forbids it.
    `between`: what somebody else does in the cluster before each kubectl line, and after the last.
    `questions`: of a prediction, each with how it may be answered.
    `patient`: why what was to be cured is not there any more; then no check counts. None while it is there, ill or not.
    """

    id: str
    points: float
    about: str
    answer: Answer = "manifest"
    start: str = ""
    given: str = ""
    may_change_given: bool = False
    before: Callable[[Trial], None] | None = None
    namespace: str = "default"
    most_pods: int = 24
    needs: Need = ""
    pause_s: float = 0.0
    paces: tuple[float, ...] = ()
    patient: Callable[[Trial], Verdict | None] | None = None
    files: Mapping[str, str] | None = None
    between: Callable[[Trial], None] | None = None
    may_say_namespace: bool = True
    questions: Mapping[str, Kind] = field(default_factory=dict)
    hints: tuple[str, ...] = ()
    checks: list[Check] = field(default_factory=list)

    def __post_init__(self) -> None:
        if not _ID.match(self.id):
            raise ValueError(f"a task is called like ps3.identity, not {self.id!r}")
        self.hints = tuple(self.hints)
        if (self.answer == "prediction") != bool(self.questions):
            raise ValueError(f"{self.id}: a prediction has questions, and nothing else has")
        if self.files is not None and not self.needs:
            raise ValueError(f"{self.id}: with files it needs a cluster of its own")

    @property
    def assignment(self) -> str:
        return self.id.partition(".")[0]

    @property
    def name(self) -> str:
        return self.id.partition(".")[2]

    def check(
        self,
        *,
        points: float,
        title: str,
        hints: Sequence[str] = (),
        fresh: bool = False,
        hidden: str = "",
        needs: Need = "",
        apart: bool = False,
    ) -> Callable[[CheckFunction], CheckFunction]:
        """Add a check. Checks share one trial, in their order, and leave its cluster settled; `fresh` gives a new one.

        `hints`: up to three, from a nudge to nearly the answer. `hidden`: this check tries a variation that the
        learner must not see; its verdict's words stay with the instructor and the learner reads `hidden` instead.
        `needs`: "virtual time" for what takes minutes of waiting, "a cluster of its own" for what changes nodes or
        objects outside of namespaces: such a check is not graded on a real cluster.
        `apart`: it acts on trials of its own alone (`again`, `beside`), so a real cluster runs it beside the others.
        Raises ValueError for points that do not fit, equal names, and more than three hints.
        """

        def add(function: CheckFunction) -> CheckFunction:
            name = function.__name__.replace("_", "-")
            if any(each.id == name for each in self.checks):
                raise ValueError(f"{self.id} has two checks called {name}")
            if points <= 0 or len(hints) > HINTS:
                raise ValueError(f"{self.id}.{name}: a check has points, and at most {HINTS} hints")
            if sum(each.points for each in self.checks) + points > self.points:
                raise ValueError(f"{self.id}: its checks have more points than its {self.points:g}")
            wanted = needs or self.needs
            self.checks.append(Check(name, title, points, tuple(hints), function, fresh, hidden, wanted, apart))
            return function

        return add

    def hints_for(self, check_id: str) -> tuple[str, ...]:
        """The hints of a check, or the task's own where it has none."""
        return next((each.hints for each in self.checks if each.id == check_id and each.hints), self.hints)
