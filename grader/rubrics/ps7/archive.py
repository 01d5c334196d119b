"""A database that replays its log when it starts: what its probes make of that, of a pause, and of a hang."""

from __future__ import annotations

from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

from grader.diagnosis import not_there, pods_not_ready
from grader.rubrics.ps7 import texts
from grader.seen import Seen
from grader.trial import Trial
from grader.verdict import Verdict, no, partly
from statelab.controlplane.kinds import Object
from statelab.manifest.relations import at

SET, POD = "statefulset/archive", "archive-0"
_SLACK_S = 40.0  # until the Pod is scheduled and its container runs
READY_WITHIN_S, UNREADY_WITHIN_S, PAUSE_S, NOTICED_S, NEVER_S = 10.0, 10.0, 8.0, 60.0, 600.0
OVER_S, TOO_LONG_S = 300.0, 900.0
_TOLERANCE_S = 3.0  # of what is written in round numbers
_MOMENTS = 3  # at which it makes a pause, and may hang
_REMOVED = "That mends the symptom and removes the patient."


@dataclass
class Course:
    """What happened, from the start: seconds after the container's start, or after the hang. None: it never did."""

    ready_after_s: float | None = None
    killed: int = 0  # while it replayed for the first time
    killed_by_pause: int = 0
    unready_after_s: float | None = None  # None: it was Ready until it was started again, or beyond
    noticed_after_s: float | None = None
    restarts_after: int = 0  # by the hang, and until a while after it
    is_ready_again: bool = False


_COURSES: WeakKeyDictionary[Trial, Course] = WeakKeyDictionary()


def course_of(trial: Trial) -> Course:
    """Run once for a trial: it starts, makes a pause, hangs, and is looked at until it is Ready again."""
    if trial not in _COURSES:
        _COURSES[trial] = _run(trial)
    return _COURSES[trial]


def _run(trial: Trial) -> Course:
    found = Course()
    _start(trial, found, texts.TODAY_S)
    if found.ready_after_s is None or _restarts(trial):
        return found
    for turn in range(_MOMENTS):  # between two questions of the kubelet, and right before one
        trial.wait(turn * _period_s(trial, "livenessProbe") / _MOMENTS)
        _serve(trial, False)
        trial.wait(PAUSE_S)
        _serve(trial, True)
        trial.wait(20)
        found.killed_by_pause = _restarts(trial)
        if found.killed_by_pause:
            break
    if found.killed_by_pause:
        trial.when(lambda: _is_ready(trial), timeout_s=texts.TODAY_S + _SLACK_S)
    _hang(trial, found)
    for turn in range(1, _MOMENTS if _is_by_luck(trial, found) else 0):
        other = Course()
        trial.wait(turn * max(_period_s(trial, each) for each in ("livenessProbe", "readinessProbe")) / _MOMENTS)
        _hang(trial, other)
        found = _worse(found, other)
    return found


def _period_s(trial: Trial, probe: str) -> float:
    pod = trial.get(f"pod/{POD}")
    return float((pod and pod.at("spec", "containers", 0, probe, "periodSeconds")) or 10)


def _is_by_luck(trial: Trial, found: Course) -> bool:
    """Whether a hang is noticed in time, and would not be had it come right after the kubelet asked."""
    if found.noticed_after_s is None or not found.is_ready_again:
        return False
    unready_s = found.noticed_after_s if found.unready_after_s is None else found.unready_after_s
    return (
        found.noticed_after_s + _period_s(trial, "livenessProbe") > NOTICED_S + _TOLERANCE_S
        or unready_s + _period_s(trial, "readinessProbe") > UNREADY_WITHIN_S + _TOLERANCE_S
    )


def _worse(one: Course, other: Course) -> Course:
    """The first course, with what was later, or never, in the other."""

    def later(name: str) -> float | None:
        both = [getattr(each, name) for each in (one, other)]
        return None if None in both else max(both)

    return replace(
        one, unready_after_s=later("unready_after_s"), noticed_after_s=later("noticed_after_s"),
        restarts_after=max(one.restarts_after, other.restarts_after),
        is_ready_again=one.is_ready_again and other.is_ready_again,
    )  # fmt: skip


def _start(trial: Trial, found: Course, replay_s: float) -> None:
    trial.when(lambda: _is_ready(trial) or _restarts(trial) > 0, timeout_s=replay_s + 2 * _SLACK_S)
    found.killed = _restarts(trial)
    began_s: float | None = None
    for revision in trial.cluster.store.history:
        if revision.plural != "pods" or revision.key != f"{trial.namespace}/{POD}":
            continue
        if began_s is None and at(revision.object, "status", "containerStatuses", 0, "state", "running"):
            began_s = revision.at_s
        if began_s is not None and Seen("pods", revision.object).ready:
            found.ready_after_s = revision.at_s - began_s
            return


def _hang(trial: Trial, found: Course) -> None:
    before = _restarts(trial)
    hung_s = trial.cluster.loop.now_s
    _serve(trial, False)
    trial.when(lambda: not _is_ready(trial) or _restarts(trial) > before, timeout_s=NEVER_S)
    if _restarts(trial) == before and not _is_ready(trial):
        found.unready_after_s = trial.cluster.loop.now_s - hung_s
    if trial.when(lambda: _restarts(trial) > before, timeout_s=NEVER_S):
        found.noticed_after_s = trial.cluster.loop.now_s - hung_s
    trial.wait(5)  # until it is not Ready any more
    trial.when(lambda: _is_ready(trial), timeout_s=texts.TODAY_S + 2 * _SLACK_S)
    trial.wait(20)
    found.restarts_after = _restarts(trial) - before
    found.is_ready_again = _is_ready(trial)


def _serve(trial: Trial, answers: bool) -> None:
    """Nobody answers at port 80 any more, or somebody does again; the container runs on."""
    if answers:
        trial.exec(POD, "httpd", "-p", "80", "-h", "/www")
    else:
        trial.exec(POD, "killall", "httpd")


def _restarts(trial: Trial) -> int:
    pod = trial.get(f"pod/{POD}")
    return sum(each.get("restartCount", 0) for each in (pod.at("status", "containerStatuses") if pod else None) or ())


def _is_ready(trial: Trial) -> bool:
    pod = trial.get(f"pod/{POD}")
    return pod is not None and pod.ready


def _line(trial: Trial, *probes: str) -> int | None:
    container = ("spec", "template", "spec", "containers", 0)
    found = (trial.line("StatefulSet", *container, each, name="archive") for each in probes)
    item = trial.item("StatefulSet", "archive")
    written = [line for each, line in zip(probes, found, strict=True) if item and at(item.object, *container, each)]
    return written[0] if written else trial.line("StatefulSet", *container, name="archive")


# ---- what is said of it


def is_still_asked(trial: Trial) -> Verdict | None:
    """Why nobody would ever notice that it hangs, or that it does not serve yet; None where somebody does, or it never
    came so far.
    """
    pod = trial.get(f"pod/{POD}")
    if pod is None or not pods_of_one(trial):
        return None
    found = course_of(trial)
    early = found.ready_after_s is not None and found.ready_after_s < texts.TODAY_S - 1
    if early:
        after = f"{found.ready_after_s:.0f} s after its start"
        said = f"{POD} is called Ready {after}, while it replays for {texts.TODAY_S} s."
        return no(f"{said} Nobody asks it any more whether it serves.", line=_line(trial, "readinessProbe"))
    if found.ready_after_s is None or found.killed:
        return None
    if found.noticed_after_s is None:
        said = f"{POD} hung, and ten minutes later it had not been started again. Nobody asks it any more."
        return no(f"{said} {_REMOVED}", trial.evidence(f"pod/{POD}", most=4), line=_line(trial, "livenessProbe"))
    if found.unready_after_s is None and not _is_ever_unready(trial):
        said = f"{POD} hung, and was called Ready until it was started again."
        return no(f"{said} Nobody asks it any more whether it serves. {_REMOVED}", line=_line(trial, "readinessProbe"))
    return None


def _is_ever_unready(trial: Trial) -> bool:
    """Whether one that hangs is found not Ready where nobody starts it again before."""
    other = trial.again(change=_without_liveness)
    other.when(lambda: _is_ready(other), timeout_s=texts.TODAY_S + 2 * _SLACK_S)
    _serve(other, False)
    return other.when(lambda: not _is_ready(other), timeout_s=NEVER_S)


def _without_liveness(obj: Object) -> None:
    if obj["kind"] == "StatefulSet":
        for container in obj["spec"]["template"]["spec"]["containers"]:
            container.pop("livenessProbe", None)


def _is_unready_in_time(found: Course) -> bool:
    first = found.unready_after_s if found.unready_after_s is not None else found.noticed_after_s
    return first is not None and first <= UNREADY_WITHIN_S + _TOLERANCE_S


def pods_of_one(trial: Trial) -> bool:
    return [each.name for each in trial.pods_of(SET)] == [POD]


def _not_started(trial: Trial) -> Verdict | None:
    if trial.get(SET) is None:
        return not_there(trial, SET)
    if not pods_of_one(trial):
        return pods_not_ready(trial, SET, 1) or no(f"There is no {POD}.", line=trial.line("StatefulSet", "spec"))
    found = course_of(trial)
    if found.killed:
        return _killed(trial, texts.TODAY_S)
    if found.ready_after_s is None:
        line = _line(trial, "readinessProbe", "startupProbe")
        return pods_not_ready(trial, SET, 1) or no(f"{POD} never gets Ready.", line=line)
    return None


def _killed(trial: Trial, replay_s: int) -> Verdict:
    said = f"{POD} was killed while it replayed its log, which takes {replay_s} s."
    line = _line(trial, "startupProbe", "livenessProbe")
    return no(said, trial.evidence(f"pod/{POD}", most=6), line=line)


def starts(trial: Trial) -> Verdict | None:
    """Why it does not come up with today's log; None when it does."""
    return _not_started(trial)


def ready_in_time(trial: Trial) -> Verdict | None:
    """Why it is not Ready soon after it serves, or still is when it does not any more; None when all is well."""
    problem = _not_started(trial)
    if problem is not None:
        return problem
    late_s = (course_of(trial).ready_after_s or 0.0) - texts.TODAY_S
    if late_s > READY_WITHIN_S + _TOLERANCE_S:
        said = f"{POD} served, and was Ready only {late_s:.0f} s after that."
        return no(said, line=_line(trial, "startupProbe", "readinessProbe"))
    if not _is_unready_in_time(course_of(trial)):
        said = f"Nobody answered in {POD} for more than {UNREADY_WITHIN_S:.0f} s, and it was still Ready."
        return partly(0.5, said, line=_line(trial, "readinessProbe"))
    return None


def bears_a_pause(trial: Trial) -> Verdict | None:
    """Why a pause of eight seconds costs it a restart; None when it does not."""
    problem = _not_started(trial)
    if problem is not None:
        return problem
    if course_of(trial).killed_by_pause:
        said = f"Nobody answered in {POD} for {PAUSE_S:.0f} s, and it was started again for that."
        return no(said, line=_line(trial, "livenessProbe"))
    return None


def hang_is_noticed(trial: Trial) -> Verdict | None:
    """Why a hang is not ended by one restart within a minute; None when it is."""
    problem = _not_started(trial)
    if problem is not None:
        return problem
    found = course_of(trial)
    line = _line(trial, "livenessProbe")
    if found.noticed_after_s is None:
        return no(f"{POD} hung, and ten minutes later it had not been started again.", line=line)
    if found.noticed_after_s > NOTICED_S + _TOLERANCE_S:
        said = f"{POD} hung, and was started again only {found.noticed_after_s:.0f} s later."
        return partly(0.25, said, line=line)
    if found.restarts_after != 1 or not found.is_ready_again:
        times = f"{found.restarts_after} times" if found.restarts_after != 1 else "once"
        is_ = "is" if found.is_ready_again else "is not"
        said = f"{POD} hung, was started again {times}, and {is_} Ready again."
        return partly(0.5, said, trial.evidence(f"pod/{POD}", most=6), line=_line(trial, "startupProbe"))
    return None


def with_a_long_log(trial: Trial) -> Verdict | None:
    """Why a start of nearly five minutes is cut short; `trial`: one whose log is so long. None when it is not."""
    trial.when(lambda: pods_of_one(trial), timeout_s=_SLACK_S)
    if not pods_of_one(trial):
        return pods_not_ready(trial, SET, 1) or no(f"There is no {POD}.")
    found = Course()
    _start(trial, found, texts.LONG_S)
    if found.killed:
        return _killed(trial, texts.LONG_S)
    if found.ready_after_s is None:
        return no(f"With a log of {texts.LONG_S} s {POD} did not get Ready.", trial.evidence(f"pod/{POD}", most=4))
    if found.ready_after_s < texts.LONG_S - 1:
        return no(f"With a log of {texts.LONG_S} s {POD} was called Ready after {found.ready_after_s:.0f} s.")
    if found.ready_after_s > texts.LONG_S + READY_WITHIN_S + _TOLERANCE_S:
        late_s = found.ready_after_s - texts.LONG_S
        return no(f"With a log of {texts.LONG_S} s {POD} served, and was Ready only {late_s:.0f} s after that.")
    return None


def gives_an_endless_start_up(trial: Trial) -> Verdict | None:
    """Why a start that never ends is not ended between five minutes and a quarter of an hour; None when it is."""
    began_s = trial.cluster.loop.now_s
    if not trial.when(lambda: _restarts(trial) > 0, timeout_s=TOO_LONG_S + _SLACK_S):
        return no("A replay that never came to its end had not been given up after a quarter of an hour.")
    took_s = trial.cluster.loop.now_s - began_s
    return no(f"A start was given up after {took_s:.0f} s.") if took_s < OVER_S - _SLACK_S else None
