"""What happens to the members of a catalog while a loop keeps it, chapter by chapter, and how each one ended."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from grader.program import NoSandbox, Runner, runner
from grader.rubrics.ps9.story import Story
from grader.seen import Seen
from grader.trial import Trial
from grader.verdict import Verdict, no, partly, yes

NOT_RUN = "This answer has to be run to be graded, and was not: {why}."
NOBODY = "After {seconds:.0f} seconds no member takes writes."
SEVERAL = "{names} take writes at the same time: what one of them is told, the other never hears."
LOST = "Of {all} writes that clients were told are done, {count} are gone: {primary} does not know {first}."
ALONE = "{primary} takes writes, and {name} does not follow it."
STILL = "After {seconds:.0f} seconds {name} is the primary still, and has not answered the loop all the while."
REPLACED = "{name} was the primary and did its work, was silent for {seconds:.0f} seconds, and now {primary} is."
KILLED = "{name} did its work, was silent for {seconds:.0f} seconds, and the loop had it killed."
GONE = "Of {all} members {count} are left: the others have lost their label app: catalog, or do not come back."
FIRST = "First see to it that an empty catalog gets a primary."
SHORT_S, LONG_S = 6.0, 90.0
DEATHS = 4
_NOBODY_SHARE, _LOST_SHARE, _ALONE_SHARE = 0.0, 0.25, 0.5


@dataclass(frozen=True, slots=True)
class Ending:
    """How a chapter ended: `share` of it that is as it should be, and what is not, with the lines of its story."""

    share: float
    said: str = ""
    log: tuple[str, ...] = ()
    line: int | None = None
    is_fatal: bool = False  # the loop cannot be asked any more

    def verdict(self) -> Verdict:
        return yes("") if self.share >= 1 else partly(self.share, self.said, *self.log, line=self.line)


class MembersGone(Exception):
    """Nothing more can be tried: the loop has left too few members. `str()` says how many."""


Chapter = Callable[[Trial, Runner], Ending]
_told: WeakKeyDictionary[Trial, dict[str, Ending]] = WeakKeyDictionary()


def ending(trial: Trial, name: str, chapters: Mapping[str, Chapter]) -> Verdict:
    """How a chapter ended. All are run once, one after the other, in the trial's cluster and with one process."""
    known = _told.setdefault(trial, {})
    if name not in known:
        try:
            known.update(_run(trial, chapters))
        except NoSandbox as error:
            return no(NOT_RUN.format(why=error))
    return known[name].verdict()


def _run(trial: Trial, chapters: Mapping[str, Chapter]) -> Iterator[tuple[str, Ending]]:
    with runner(trial.limits.execute) as loop:
        dead: Ending | None = None
        for name, chapter in chapters.items():
            try:
                found = dead or chapter(trial, loop)
            except MembersGone as gone:
                found = Ending(0.0, str(gone))
            dead = dead or (found if found.is_fatal else None)
            yield name, found


# ---- the chapters


def empty(trial: Trial, loop: Runner) -> Ending:
    """All members have just started: nobody takes writes yet."""
    story = _story(trial, loop)
    seconds = 20.0
    return judged(story.run(seconds, calm_after_s=0.0), seconds)


def quiet(trial: Trial, loop: Runner) -> Ending:
    """Nothing happens, but that the primary, and then a replica, does not answer the loop for a moment."""
    story = _story(trial, loop, goes_on=True)
    before = {each.name: each.uid for each in story.members()}
    primary = put_right(story)
    story.after(SHORT_S, lambda: _falls_silent(story, primary))
    story.after(2 * SHORT_S, lambda: _answers_again(story, primary))
    replica = next(each.name for each in story.members() if each.name != primary)
    story.after(2.5 * SHORT_S, lambda: _falls_silent(story, replica))
    story.after(3.5 * SHORT_S, lambda: _answers_again(story, replica))
    seconds = 4.5 * SHORT_S
    found = judged(story.run(seconds), seconds)
    if found.share < 1:
        return found
    after = {each.name: each.uid for each in story.members() if each.at("metadata", "deletionTimestamp") is None}
    killed = next((name for name, uid in before.items() if after.get(name) != uid), None)
    if killed is not None:
        return Ending(0.0, KILLED.format(name=killed, seconds=SHORT_S), tuple(story.told))
    now = story.clients_write()
    if now != [primary]:
        said = REPLACED.format(name=primary, seconds=SHORT_S, primary=", ".join(now))
        return Ending(0.0, said, tuple(story.told))
    return found


def lagging(trial: Trial, loop: Runner) -> Ending:
    """The primary dies and comes back with nothing; one replica has not copied the last writes, the other has.

    Later a replica is started anew, and has to be told whom to follow.
    """
    story = _story(trial, loop, goes_on=True)
    primary = put_right(story)
    story.after(SHORT_S, lambda: behind_and_dead(story, primary, 0))
    story.after(SHORT_S + 15.0, lambda: _a_replica_restarts(story, primary))
    seconds = 40.0
    return judged(story.run(SHORT_S + seconds, calm_after_s=SHORT_S), seconds)


def silent(trial: Trial, loop: Runner) -> Ending:
    """The primary does not answer the loop any more, and goes on taking writes from those who reach it."""
    story = _story(trial, loop)
    return _given_up(story, put_right(story), LONG_S)


def dying(trial: Trial, loop: Runner) -> Ending:
    """The same, and the loop's own process ends right after each of the first things it changes."""
    story = _story(trial, loop)
    primary = put_right(story)

    def from_now() -> None:
        story.die_after = frozenset(range(story.library.acts + 1, story.library.acts + 1 + DEATHS))

    story.after(SHORT_S, from_now)
    return _given_up(story, primary, 1.5 * LONG_S)


def _given_up(story: Story, primary: str, seconds: float) -> Ending:
    story.after(SHORT_S, lambda: _falls_silent(story, primary))
    found = judged(story.run(SHORT_S + seconds, calm_after_s=SHORT_S), seconds)
    if found.share < 1:
        return found
    still = [
        each for each in story.members() if each.uid in story.library.silent and each.name in story.clients_write()
    ]
    if still:
        return Ending(0.0, STILL.format(seconds=seconds, name=still[0].name), tuple(story.told))
    return found


# ---- what happens


def behind_and_dead(story: Story, primary: str, behind: int) -> None:
    """All replicas but one miss some writes (`behind` 0: the first one does); then the primary dies."""
    replicas = [each.name for each in story.members() if each.name != primary]
    late = [each for index, each in enumerate(replicas) if (index == 0 if behind == 0 else index != behind)]
    for each in late:
        story.inside(each, "redis-cli", "REPLICAOF", "127.0.0.1", "1")
    for _ in range(3):
        story.clients_write()
    story.inside(primary, "redis-cli", "SHUTDOWN", "NOSAVE")
    story.tell(f"{primary} dies, and comes back empty; {', '.join(late)} had not copied the last writes")


def _a_replica_restarts(story: Story, dead: str) -> None:
    """Not the one that has died already: it would have to wait for its next start."""
    busy = {dead, *story.clients_write()}
    replica = next((each.name for each in story.members() if each.name not in busy), None)
    if replica is not None:
        story.inside(replica, "redis-cli", "SHUTDOWN", "NOSAVE")
        story.tell(f"{replica} is started anew, and is empty")


def _falls_silent(story: Story, name: str) -> None:
    pod = story.trial.get(f"pod/{name}")
    if pod is not None:
        story.library.silent.add(pod.uid)
        story.tell(f"{name} does not answer the loop any more")


def _answers_again(story: Story, name: str) -> None:
    story.library.silent.clear()
    story.tell(f"{name} answers again")


def _wanted(trial: Trial) -> int:
    owner = trial.get("statefulset/catalog")
    return int(owner.at("spec", "replicas") or 0) if owner is not None else 0


def put_right(story: Story) -> str:
    """One primary that all others follow, as somebody would do it by hand where it is not so; its name."""
    trial = story.trial
    trial.when(lambda: all(each.ready for each in story.members()), timeout_s=90)
    members, wanted = story.members(), _wanted(trial)
    if len(members) < wanted:
        raise MembersGone(GONE.format(count=len(members), all=wanted))
    roles = {each.name: story.replication(each) for each in members}
    primaries = [name for name, said in roles.items() if said.get("role") == "master"]
    primary = primaries[0] if len(primaries) == 1 else members[0].name
    if any(said.get("master_link_status") != "up" for name, said in roles.items() if name != primary) or not primaries:
        story.inside(primary, "redis-cli", "REPLICAOF", "NO", "ONE")
        for each in members:
            if each.name != primary:
                story.inside(each.name, "redis-cli", "REPLICAOF", f"{primary}.catalog", "6379")
        trial.wait(3)
    return primary


def _story(trial: Trial, loop: Runner, *, goes_on: bool = False) -> Story:
    return Story(trial, loop, trial.answer.text, goes_on=goes_on)


def judged(story: Story, seconds: float) -> Ending:
    """One member takes writes, all others follow it, and nothing is gone that a client was told is done."""

    def so(share: float, text: str, **more: object) -> Ending:
        words = [text.format(seconds=seconds, **more), story.error.error if story.error else ""]
        line = story.error.line if story.error else None
        return Ending(share, " ".join(filter(None, words)), tuple(story.told), line)

    if story.fatal is not None:
        return Ending(0.0, story.fatal.error, tuple(story.told), story.fatal.line, is_fatal=True)
    if story.two:
        return so(0.0, SEVERAL, names=" and ".join(story.two))
    took = story.clients_write()
    if len(took) != 1:
        return so(0.0, SEVERAL, names=" and ".join(took)) if took else so(_NOBODY_SHARE, NOBODY)
    primary = took[0]
    lost = story.lost(primary)
    if lost:
        return so(_LOST_SHARE, LOST, count=len(lost), all=len(story.kept), first=lost[0], primary=primary)
    alone = next((each for each in story.members() if each.name != primary and not _follows(story, each)), None)
    if alone is not None:
        return so(_ALONE_SHARE, ALONE, primary=primary, name=alone.name)
    return Ending(1.0)


def _follows(story: Story, pod: Seen) -> bool:
    said = story.replication(pod)
    return said.get("role") == "slave" and said.get("master_link_status") == "up"


CHAPTERS: Mapping[str, Chapter] = {
    "empty": empty, "quiet": quiet, "lagging": lagging, "silent": silent, "dying": dying,
}  # fmt: skip
