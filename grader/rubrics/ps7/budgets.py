"""A budget over members that vote: how many may be evicted, and what becomes of a member that is broken."""

from __future__ import annotations

from dataclasses import replace

from grader.behaviour import evict
from grader.diagnosis import pods_not_ready
from grader.rubrics.final.care import guarded
from grader.rubrics.ps7 import texts
from grader.trial import Trial
from grader.verdict import Verdict, no, partly
from statelab.manifest.relations import at

NAME, SET = "vote", "statefulset/vote"


def with_members(trial: Trial, members: int, *, can_break: bool = True) -> Trial:
    """The same answer beside so many members."""
    given = texts.voters(members, can_break=can_break)
    return trial.beside(replace(trial.task, given=given), trial.answer, seed=7).settle()


def _line(trial: Trial, *fields: str) -> int | None:
    """Where the budget says the first of these that it says; else where its spec is."""
    item = trial.item("PodDisruptionBudget")
    spec = at(item.object, "spec") if item is not None else None
    said = next((each for each in fields if isinstance(spec, dict) and each in spec), None)
    return trial.line("PodDisruptionBudget", "spec", said) if said else trial.line("PodDisruptionBudget", "spec")


_NUMBERS = ("minAvailable", "maxUnavailable")


def drained(trial: Trial, members: int) -> int | Verdict:
    """Every member is asked to go, one right after the other: how many go before the first is back."""
    problem = guarded(trial, NAME) or pods_not_ready(trial, SET, members)
    if problem is not None:
        return problem
    gone = [each for each in reversed(range(members)) if not evict(trial, f"{NAME}-{each}")]
    trial.settle()
    return len(gone)


def one_goes(trial: Trial, members: int) -> Verdict | None:
    """Why no member may be evicted while all are Ready; None when one may."""
    problem = guarded(trial, NAME) or pods_not_ready(trial, SET, members)
    if problem is not None:
        return problem
    last = f"{NAME}-{members - 1}"
    said = evict(trial, last)
    trial.settle()
    if said:
        return no(
            f"All {members} members were Ready, and {last} could not be evicted: {said}", line=_line(trial, *_NUMBERS)
        )
    return None


def leaves_a_quorum(trial: Trial, members: int) -> Verdict | None:
    """Why a drain of everything leaves no majority, or does not even begin; None when neither."""
    gone = drained(trial, members)
    if isinstance(gone, Verdict):
        return gone
    if gone == 0:
        return no(f"All {members} members were Ready, and none could be evicted.", line=_line(trial, *_NUMBERS))
    left, quorum = members - gone, members // 2 + 1
    if left < quorum:
        said = f"{gone} of {members} were evicted at once: {left} {'was' if left == 1 else 'were'} left,"
        return no(f"{said} and a quorum of {members} is {quorum}.", line=_line(trial, *_NUMBERS))
    return None


def broken_ones_go(trial: Trial, members: int) -> Verdict | None:
    """Most of the members are broken, and run on: why one of them cannot be evicted, or a healthy one can; or None."""
    problem = guarded(trial, NAME) or pods_not_ready(trial, SET, members)
    if problem is not None:
        return problem
    broken = [f"{NAME}-{each}" for each in range(members // 2 + 1)]
    well = [f"{NAME}-{each}" for each in range(members // 2 + 1, members)]
    for name in broken:
        trial.exec(name, "killall", "httpd")
    trial.when(lambda: not any(each.ready for each in trial.pods_of(SET) if each.name in broken), timeout_s=30)
    trial.settle()
    told = f"{len(broken)} of {members} were broken, and ran on, not Ready."
    for name in well:
        if not evict(trial, name):
            _mend(trial, members)
            return no(f"{told} {name}, which was well, could be evicted.", line=_line(trial, *_NUMBERS))
    for name in broken:
        said = evict(trial, name)
        if said:
            _mend(trial, members)
            seen = f"{told} {name}, one of the broken, could not be evicted: a drain of its machine never ends."
            return no(seen, said, line=_line(trial, "unhealthyPodEvictionPolicy"))
    trial.settle()
    return pods_not_ready(trial, SET, members)


def _mend(trial: Trial, members: int) -> None:
    trial.settle()
    for each in range(members):
        trial.exec(f"{NAME}-{each}", "httpd", "-p", "80", "-h", "/tmp")
    trial.settle()


def a_drain_ends(trial: Trial, members: int) -> Verdict | None:
    """Why not each member can go when the ones before it are back, and the Pods of front at any time; None if so."""
    problem = guarded(trial, NAME)
    for ordinal in reversed(range(members)):
        problem = problem or pods_not_ready(trial, SET, members)
        if problem is not None:
            return problem
        said = evict(trial, f"{NAME}-{ordinal}")
        if said:
            return no(
                f"All were Ready, and {NAME}-{ordinal} could not be evicted: {said}", line=_line(trial, *_NUMBERS)
            )
        trial.settle()
    for pod in trial.pods_of("deployment/front"):
        said = evict(trial, pod.name)
        if said:
            return no(f"A Pod of front could not be evicted: {said}", line=_line(trial, "selector"))
    trial.settle()
    return None


def for_numbers(trial: Trial, numbers: tuple[int, ...]) -> Verdict | None:
    """Why it does not hold for each of these, or for five of which three are broken; None when it does.

    With a share for those for which it does.
    """
    other = with_members(trial, max(numbers), can_break=False)
    wrong: list[Verdict] = []
    for members in sorted(numbers, reverse=True):
        other.scale(SET, members).settle()
        problem = leaves_a_quorum(other, members)
        if problem is not None:
            wrong.append(no(f"With {members} members: {problem.message}", problem.evidence, line=problem.line))
    five = with_members(trial, 5)
    broken = broken_ones_go(five, 5)
    if broken is not None:
        wrong.append(no(f"With 5 members: {broken.message}", broken.evidence, line=broken.line))
    if not wrong:
        return None
    share = 0.0 if guarded(five, NAME) else 0.75 * (len(numbers) + 1 - len(wrong)) / (len(numbers) + 1)
    return partly(share, wrong[0].message, *(each.message for each in wrong[1:]), line=wrong[0].line)
