"""A task and a text in, a Result out: whatever the text is, within the limits, with explicit points."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from concurrent.futures import Executor, Future
from dataclasses import replace
from functools import partial
from math import floor

from grader.answer import Answer, meaning, prose
from grader.limits import Limits, TrialOver
from grader.lines import CommandError
from grader.place import CannotGrade, Need
from grader.prediction import read_all
from grader.result import AS_ABOVE, REFUSED, CheckResult, Result
from grader.slips import Slip, mended, slips
from grader.tasks import AT_ONCE_S, SLOW_TYPIST_S, Check, Task
from grader.trial import Trial
from grader.verdict import Verdict
from statelab.controlplane.errors import ApiError
from statelab.manifest import ManifestError, advise
from statelab.manifest.relations import at
from statelab.reader.errors import Finding

_log = logging.getLogger(__name__)
_MOST_ADVICE = 3
_MOST_FAILED = 4
NO_ANSWER = "There is no answer yet."
NOT_HERE = "Not graded here: it needs the embedded cluster ({needs})."
BROKE = "This check broke down. That is our mistake, not yours: tell your instructor."

_NO_BREAK = (
    "{source}, line {line}: here is a non-breaking space, as web pages have them. It is taken for a blank here; "
    "kubectl would not take it: type the blank anew."
)
_SLIP = "{source}, line {line}: with {meant} in place of {written} more of it would hold, and that counts half."

_NAMESPACE = (
    "{source}, line {line}: here a namespace is named, {said}. It is tried in another one, too, where kubectl would "
    "refuse it: leave this line away."
)

# Who types must not matter where the point is to wait, nor how soon the Pods are Ready this time.
_SEED_OF_PACES = 11
_AT_ANOTHER_PACE = {
    AT_ONCE_S: "When the lines come one upon the other: {message}",
    SLOW_TYPIST_S: "When somebody types slowly: {message}",
}

# A rubric's functions get a trial; tests and other clusters may bring their own.
MakeTrial = Callable[[Task, Answer, Limits], Trial]
Told = Callable[[int, int, str], None]


def _make_trial(task: Task, answer: Answer, limits: Limits) -> Trial:
    return (
        Trial(task, answer, limits=limits).settle() if task.answer == "manifest" else Trial(task, answer, limits=limits)
    )


def judge(
    task: Task,
    answer: Answer,
    *,
    visible_only: bool = False,
    limits: Limits | None = None,
    make_trial: MakeTrial = _make_trial,
    lacks: Collection[Need] = (),
    beside: Executor | None = None,
    told: Told = lambda done, total, title: None,
) -> Result:
    """Grade one answer. `visible_only`: without the hidden checks, as the learner's own `check()` does.

    `lacks`: what the place of `make_trial` has not; checks that need it are not graded. Raises CannotGrade when the
    place fails, which the embedded cluster never does.
    `beside`: where time is waited for, what runs checks with trials of their own while the others go on; who gives it
    ends it. `told(done, total, title)`: of each check that has begun.
    """
    limits = replace(limits or Limits(), computing=Limits().computing)
    checks = [each for each in task.checks if not (visible_only and each.hidden)]
    source = answer.sources[0]
    if answer.is_empty and not any(len(each) > 1_000_000 for each in answer.texts):
        return _ungraded(task, checks, NO_ANSWER, source)
    unread: list[tuple[int, str]] = []
    try:
        advice = _advice(task, answer)
        if task.answer == "prediction":
            unread = read_all(answer, task.questions, task.start)
    except ManifestError as error:
        return _ungraded(task, checks, _unreadable(error, task, answer), source)
    bench = _Bench(task, answer, limits, make_trial, lacks, beside, told)
    results = _but_for_what_is_refused(bench, bench.run(checks))
    slip: Slip | None = None
    score, most = sum(each.points for each in results), sum(each.max for each in results)
    if task.answer == "manifest" and (not score or (advice and score < most)):
        again = partial(_Bench, limits=limits, make_trial=make_trial, lacks=lacks, beside=beside, told=_nobody_is_told)
        results, slip = _but_for_a_slip(task, answer, advice, checks, results, again)
    if task.start and meaning(answer.text) == meaning(task.start):
        results = [_as_given(each) for each in results]
    if all(each.passed for each in results):
        advice = []
    shown = (
        [] if slip is None else [_SLIP.format(source=source, line=slip.line, written=slip.written, meant=slip.meant)]
    )
    if answer.no_break is not None and task.answer != "prediction":
        shown.append(_NO_BREAK.format(source=answer.no_break[0], line=answer.no_break[1]))
    shown += _says_namespace(task, answer, source)
    shown += [finding.shown(source, answer.texts[0]) for finding in advice[:_MOST_ADVICE]]
    shown += [f"{source}, line {each.line}: {each.message}" for each in bench.told_lines[:_MOST_FAILED]]
    shown += [f"{source}, line {number}: {said}" for number, said in unread[:_MOST_FAILED]]
    line = next((each.place.line for each in advice if each.place), None) or bench.line
    reasons = {each.message for each in results if not each.passed and not each.is_hidden}
    is_begun = task.answer == "prediction" or any(each.passed for each in results if not each.is_hidden)
    as_told = tuple(_told(each, line, reasons, is_begun) for each in results)
    return Result(task.id, as_told, None, tuple(shown), source)


def _but_for_what_is_refused(bench: _Bench, results: list[CheckResult]) -> list[CheckResult]:
    """Full points are not for an answer of which the API server refuses an object, whatever that was for."""
    if bench.shared is None:
        return results
    own = [at(each.object, "spec", "names", "kind") for each in bench.shared.items]  # served only after a moment
    refused = [each for each in bench.shared.refused if not each.is_given and each.item.kind not in own]
    if not refused or not all(each.passed for each in results):
        return results
    first, line = results[0], refused[0].item.place().line
    message = f"{REFUSED} {refused[0].message}"
    return [replace(first, points=max(0.0, first.points - 1), message=message, line=line), *results[1:]]


def _says_namespace(task: Task, answer: Answer, source: str) -> list[str]:
    """Of a manifest that names the task's namespace, where it may not: it holds nowhere else."""
    if task.answer != "manifest" or task.may_say_namespace:
        return []
    named = [each for each in answer.items if at(each.object, "metadata", "namespace") == task.namespace]
    return [
        _NAMESPACE.format(source=source, line=each.place(("metadata", "namespace")).line, said=task.namespace)
        for each in named[:1]
    ]


def _nobody_is_told(done: int, total: int, title: str) -> None:
    pass


def _but_for_a_slip(
    task: Task,
    answer: Answer,
    advice: list[Finding],
    checks: list[Check],
    results: list[CheckResult],
    bench: Callable[[Task, Answer], _Bench],
) -> tuple[list[CheckResult], Slip | None]:
    """What an answer gets but for one slip of the pen, and the slip: a check that holds only without it counts half.

    Where something holds as it is, only a slip counts for which the API server refuses what is written.
    """
    best, found = results, None
    for slip in slips(task, answer, advice, only_refused=any(each.points for each in results)):
        others = bench(task, mended(answer, slip)).run(checks)
        halved = [
            replace(each, points=max(each.points, floor(other.points) / 2), line=each.line or slip.line)
            for each, other in zip(results, others, strict=True)
        ]
        if sum(each.points for each in halved) > sum(each.points for each in best):
            best, found = halved, slip
        if all(each.passed for each in others):
            break  # no other can be worth more
    return best, found


def _unreadable(error: ManifestError, task: Task, answer: Answer) -> str:
    found = prose(answer.texts[0])
    if found is None:
        return str(error)
    said = (
        f"Line {found[0]} is no part of {'an answer' if task.answer == 'prediction' else 'a manifest'}: {found[1][:60]}"
    )
    return f"{error}\n\n{said}\nLeave such lines away, or put a # before each."


def _advice(task: Task, answer: Answer) -> list[Finding]:
    """Also the proof that the text can be read. Raises ManifestError."""
    if task.answer == "manifest":
        for manifest in answer.manifests:
            _ = manifest.items
        if len(answer.manifests) > 1:
            return []
        try:
            return advise(answer.manifests[0])
        except ManifestError:
            raise
        except Exception:  # advice is a courtesy: without it the verdict is the same
            _log.exception("no advice on an answer to %s", task.id)
    return []


def _as_given(result: CheckResult) -> CheckResult:
    """What the release holds already is nobody's merit."""
    message = "This is so from the beginning: change something first." if result.passed else result.message
    return replace(result, points=0.0, message=message)


def _told(result: CheckResult, line: int | None, reasons: Collection[str], is_begun: bool) -> CheckResult:
    """With the line of the advice, where a check knows none; a hidden one with no riddle, where the reason is known."""
    if result.passed or not result.graded:
        return result
    if result.is_hidden:
        why = result.detail.partition("\n")[0]
        is_told = not is_begun or why.startswith(REFUSED) or why in reasons
        return replace(result, message=AS_ABOVE) if is_told else result
    return result if result.line is not None else replace(result, line=line)


def _ungraded(task: Task, checks: list[Check], why: str, source: str) -> Result:
    said = why.split("\n")[0]
    results = tuple(
        CheckResult(each.id, each.title, 0.0, each.points, said, (), None, task.hints_for(each.id), bool(each.hidden))
        for each in checks
    )
    return Result(task.id, results, why, (), source)


class _Bench:
    """Runs the checks of one task in order, on one trial as far as they share it."""

    def __init__(
        self,
        task: Task,
        answer: Answer,
        limits: Limits,
        make_trial: MakeTrial,
        lacks: Collection[Need],
        beside: Executor | None,
        told: Told,
    ) -> None:
        self.lacks = lacks
        self.beside = beside
        self.told = told
        self._begun: dict[str, Future[Verdict]] = {}  # by check: those that run beside the others
        self.task = task
        self.answer = answer
        self.limits = limits
        self.make_trial = make_trial
        self.shared: Trial | None = None
        self.over: str | None = None
        self._gone: Verdict | None = None  # why the patient is not there any more
        self._looked = False
        self.paced: dict[float, Trial] = {}
        self.all_passed = True

    @property
    def failed_lines(self) -> list[CommandError]:
        """The kubectl lines of the answer that did nothing, and why."""
        return self.shared.failed if self.shared else []

    @property
    def told_lines(self) -> list[CommandError]:
        """Those, and the ones that kubectl warned of, in their order."""
        warned = self.shared.warned if self.shared else []
        return sorted([*self.failed_lines, *warned], key=lambda each: each.line)

    @property
    def line(self) -> int | None:
        """The first of them; a wait that came to its end is no mistake."""
        return next((each.line for each in self.failed_lines if "timed out" not in each.message), None)

    def run(self, checks: list[Check]) -> list[CheckResult]:
        results = []
        for number, each in enumerate(checks):
            self.told(number, len(checks), each.title)
            results.append(self._result(each))
            if not number and self.beside is not None and self._gone is None and self.over is None:
                self._begin(checks[1:], self.beside)
        self.told(len(checks), len(checks), "")
        return results

    def _begin(self, checks: list[Check], beside: Executor) -> None:
        """Those that need no other begin now; the first of all has been asked, and the patient is there."""
        for each in checks:
            if (each.fresh or (each.apart and self.shared is not None)) and each.needs not in (*self.lacks,):
                self._begun[each.id] = beside.submit(self._asked, each)

    def _asked(self, check: Check) -> Verdict:
        return check.function(self._trial(check))

    def _result(self, check: Check) -> CheckResult:
        if check.needs and check.needs in self.lacks:
            said, hints = NOT_HERE.format(needs=check.needs), self.task.hints_for(check.id)
            return CheckResult(
                check.id, check.title, 0.0, check.points, said, hints=hints, is_hidden=bool(check.hidden), graded=False
            )
        verdict, broke = self._verdict(check)
        points = round(check.points * verdict.share * 2) / 2 if verdict.share < 1 else check.points
        if points >= check.points and verdict.share < 1:
            points = check.points - 0.5
        message, evidence, line, detail = verdict.message, verdict.evidence, verdict.line, ""
        if check.hidden:
            detail = "\n".join([message, *evidence])
            line, evidence = (line if verdict.of_text else None), ()
            said = "" if verdict.is_right else check.hidden
            message = "It holds." if verdict.passed else " ".join(filter(None, (verdict.of_text, said)))
        return CheckResult(
            check.id,
            check.title,
            points,
            check.points,
            message,
            evidence,
            line,
            self.task.hints_for(check.id),
            bool(check.hidden),
            detail,
            broke,
            earned="" if check.hidden or not points else verdict.earned,
        )

    def _verdict(self, check: Check) -> tuple[Verdict, bool]:
        if self.over is not None:
            return Verdict(0.0, self.over), False
        try:
            trial = self._trial(check) if check.id not in self._begun else None
            try:
                if trial is not None and self.task.patient is not None and not self._looked:
                    self._looked, self._gone = True, self.task.patient(trial)
                verdict = self._gone or (check.function(trial) if trial is not None else self._begun[check.id].result())
                return self._at_other_paces(check, verdict), False
            except ApiError as error:
                return Verdict(0.0, f"The API server refused what this check does: {error.message}"), False
        except TrialOver as over:
            self.over = f"The trial was stopped: {over}."
            return Verdict(0.0, self.over), False
        except ManifestError as error:
            return Verdict(0.0, str(error).split("\n")[0], line=error.place.line if error.place else None), False
        except CannotGrade:
            raise
        except Exception:
            _log.exception("%s.%s broke down", self.task.id, check.id)
            return Verdict(0.0, BROKE), True

    def _at_other_paces(self, check: Check, verdict: Verdict) -> Verdict:
        """The same check where lines come faster and slower; a hidden one has trials of its own."""
        self.all_passed = self.all_passed and verdict.passed
        if not (self.all_passed and not check.hidden and self.make_trial is _make_trial):
            return verdict
        for seed, pace_s in enumerate(self.task.paces, _SEED_OF_PACES):
            if pace_s not in self.paced:
                self.paced[pace_s] = Trial(self.task, self.answer, seed=seed, limits=self.limits, pace_s=pace_s)
            other = check.function(self.paced[pace_s])
            if not other.passed:
                self.all_passed = False
                return replace(other, message=_AT_ANOTHER_PACE[pace_s].format(message=other.message))
        return verdict

    def _trial(self, check: Check) -> Trial:
        if check.fresh:
            return self.make_trial(self.task, self.answer, self.limits)
        if self.shared is None:
            self.shared = self.make_trial(self.task, self.answer, self.limits)
        return self.shared
