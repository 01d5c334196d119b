"""A reconcile loop: a learner's function, called for each object of a kind whenever something has changed, and bounded.

client-go's informers and work queue do this for an operator in Go, kopf for one in Python. Here it is small enough to
read, and made for a notebook: it ends by itself, it stops with ■, and a mistake in the function is told in a sentence.
"""

from __future__ import annotations

import inspect
import linecache
import signal
import sys
import sysconfig
import textwrap
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from statelab.cluster.beside import is_put_aside
from statelab.cluster.connection import RequestRefused
from statelab.cluster.names import NoKind
from statelab.cluster.plainly import plain_methods
from statelab.cluster.problem import Interrupted, Problem
from statelab.controlplane.kinds import Object

if TYPE_CHECKING:
    from statelab.cluster.cluster import Cluster

Reconcile = Callable[[Object], Any]

_LEAST_BETWEEN_S = 0.1  # a loop that wakes itself does not spin
_LEAST_OF_OURS_S = 0.5  # of one's own time, where the cluster's passes faster: what a pass asks takes as long as ever
_MOST_PASSES = 50_000
LONGEST_PASS_S = 60.0  # of the machine's time
_ALARM_AFTER = 1.25  # of the longest pass: what a line of theirs can end has ended by then
_MOST_RINGS = 20  # who catches everything has to be told more than once
_MOST_FAILURES = 10
_LONGEST_AFTER_FAILURE_S = 30.0
_MOST_SAID = 200
_LONGEST_SAID = 200
_WIDEST = 72  # letters of a line in a cell with the stage beside it
_RUNS_S, _STAYS_S = 60.0, 3600.0
_CONFLICT = 409

_SAYS = {
    "running": "It runs ({passes} passes).",
    "stopped": "It has stopped after {passes} passes.",
    "ended": "It has ended after {passes} passes: {why}",
    "why_time": "its {seconds:.0f} seconds are over.",
    "why_passes": "so many are enough for a lesson. Does it change something in every pass?",
    "why_namespace": "the namespace {namespace} is being deleted, by the loop itself or by somebody.",
    "why_kind": 'there is no kind "{plural}" any more.',
    "why_failures": "it has failed {count} times, one after the other.",
    "why_replaced": "another loop for {plural} has been started in its place.",
    "failed": "The pass failed{line}: {error}",
    "line": " in line {number}: {text}",
    "too_long": "A pass was given up after {seconds:.0f} s. Does it wait for something, or go round in a circle?",
    "interrupted": "The loop was stopped after {passes} passes.",
    "not_plain": "A loop calls a plain function: write def, without async and yield, and return what it did.",
    "not_callable": "A loop needs a function of one object, as in cluster.loop(\"{plural}\", reconcile).",
}  # fmt: skip

_LIBRARIES = (sysconfig.get_path("stdlib"), str(Path(__file__).parents[1]))
_running: dict[tuple[str, str, str], Loop] = {}


class _TooLong(BaseException):
    """A pass that does not end. No `except Exception` of the learner's catches it."""


def _print(sentence: str) -> None:
    print(textwrap.fill(sentence, _WIDEST))


@plain_methods("loop")
class Loop:
    """Calls `reconcile(obj)` for each object of a kind: at first, when one of them or of what it watches has changed,
    and every few seconds all the same, for what tells of no change.

    Made by `cluster.loop(…)`. What `reconcile` returns is what it says it did: a sentence, kept when it is another than
    the last. An error does not end the loop: it tries again later, as an operator does; a 409, a write that somebody
    else was quicker with, is no error at all.
    """

    def __init__(
        self,
        cluster: Cluster,
        plural: str,
        reconcile: Reconcile,
        also: Iterable[str] = (),
        every_s: float = 2.0,
        longest_pass_s: float = LONGEST_PASS_S,
    ) -> None:
        if not callable(reconcile):
            raise Problem(_SAYS["not_callable"].format(plural=plural))
        if inspect.iscoroutinefunction(reconcile) or inspect.isgeneratorfunction(reconcile):
            raise Problem(_SAYS["not_plain"])
        self._cluster = cluster
        self._plural = plural
        self._reconcile = reconcile
        self._watched = (plural, *also)
        self._every_s = max(every_s, _LEAST_BETWEEN_S)
        if cluster.pace > 1:
            self._every_s = max(self._every_s, _LEAST_OF_OURS_S * cluster.pace)
        self._longest_pass_s = longest_pass_s
        self._said: deque[str] = deque(maxlen=_MOST_SAID)
        self._on_said: Callable[[str], None] | None = None
        self._changed = threading.Event()
        self._pass = threading.RLock()  # held while one runs; the function itself may stop its loop
        self._failures = 0
        self._not_before_s = 0.0
        self._ends_at_s = 0.0
        self._stop: Callable[[], None] | None = None
        self.passes = 0
        self.is_running = False
        self.why_ended = ""
        self._clock = cluster.clock
        for each in self._watched:
            cluster.list(each)  # what is no kind is said at once

    # ---- what a learner asks

    @property
    def said(self) -> list[str]:
        """What it said it did, the newest last."""
        return list(self._said)

    def __repr__(self) -> str:
        key = "running" if self.is_running else "ended" if self.why_ended else "stopped"
        return _SAYS[key].format(passes=self.passes, why=self.why_ended)

    def run(self, for_s: float = _RUNS_S, until: Callable[[], bool] | None = None) -> Loop:
        """Run it in this cell, for so many seconds of the cluster's time or until `until()` holds; ■ stops it. Each
        sentence is printed as it is said. Raises Interrupted.
        """
        self._on_said = _print
        self._begin(for_s)
        stop_listening = _listen(self._cluster, self._watched, self._changed.set)
        try:
            while self.is_running:
                self._turn()
                if until is not None and self.is_running and until():
                    break
                self._rest()
        except KeyboardInterrupt:
            raise Interrupted(_SAYS["interrupted"].format(passes=self.passes)) from None
        finally:
            self._on_said = None
            stop_listening()
            self._end("")
        return self

    def start(self, for_s: float = _STAYS_S) -> Loop:
        """Run it beside the cells that follow, until `stop()`, and no longer than so many seconds."""
        self._begin(for_s)
        stop_listening = _listen(self._cluster, self._watched, self._changed.set)
        stop_working = self._clock.beside(self._work, f"loop of {self._plural}")

        def stop() -> None:
            stop_listening()
            stop_working()

        self._stop = stop
        return self

    def stop(self) -> Loop:
        """Stop it; a pass that runs now comes to its end first."""
        self._end("")
        return self

    # ---- how it runs

    def _begin(self, for_s: float) -> None:
        key = (self._cluster.connection.url, self._cluster.namespace, self._plural)
        before = _running.get(key)
        if before is not None and before is not self:
            before._end(_SAYS["why_replaced"].format(plural=self._plural))
        self._end("")
        _running[key] = self
        self.passes, self.why_ended, self._failures, self._not_before_s = 0, "", 0, 0.0
        self._said.clear()
        self.is_running = True
        self._changed.set()
        self._for_s, self._ends_at_s = for_s, self._clock.now_s() + for_s

    def _end(self, why: str) -> None:
        if self.is_running:
            self.is_running, self.why_ended = False, why
        stop, self._stop = self._stop, None
        self._changed.set()
        if stop is not None:
            stop()
        if self._pass.acquire(timeout=self._longest_pass_s):  # two that decide at once is what nobody wants
            self._pass.release()

    def _work(self) -> float | None:
        """One turn beside other cells, if it is time for one: how long to rest; None: it has ended."""
        is_awake = self._changed.is_set() and self._failures == 0
        if self.is_running and (is_awake or self._clock.now_s() >= self._not_before_s):
            self._turn()
        return _LEAST_BETWEEN_S if self.is_running else None

    def _rest(self) -> None:
        """Wait for a change, or for the time of the next look. After a failure no change wakes it."""
        self._clock.rest(_LEAST_BETWEEN_S, lambda: False)
        left_s = self._not_before_s - self._clock.now_s()
        self._clock.rest(left_s, lambda: self._changed.is_set() and self._failures == 0)

    def _turn(self) -> None:
        with self._pass:
            if self.is_running:
                self._one_pass()

    def _one_pass(self) -> None:
        """All objects of the kind, once."""
        self._changed.clear()
        self.passes += 1
        why = self._why_to_end()
        if why:
            self._end(why)
            return
        try:
            for obj in self._cluster.list(self._plural):
                said = _within(self._longest_pass_s, partial(self._reconcile, obj))
                if isinstance(said, str) and said:
                    self._say(said)
            self._failures = 0
        except NoKind:
            self._end(_SAYS["why_kind"].format(plural=self._plural))
        except RequestRefused as refusal:
            if refusal.code != _CONFLICT:
                self._failed(refusal)
        except _TooLong:
            self._failures += 1
            self._say(_SAYS["too_long"].format(seconds=self._longest_pass_s))
        except Exception as error:  # the learner's function, whatever it does
            self._failed(error)
        pause_s = min(2.0**self._failures, _LONGEST_AFTER_FAILURE_S) if self._failures else self._every_s
        self._not_before_s = self._clock.now_s() + pause_s

    def _why_to_end(self) -> str:
        namespace = self._cluster.namespace
        if self._clock.now_s() >= self._ends_at_s:
            return _SAYS["why_time"].format(seconds=self._for_s)
        if self.passes > _MOST_PASSES:
            return _SAYS["why_passes"]
        if self._failures >= _MOST_FAILURES:
            return _SAYS["why_failures"].format(count=self._failures)
        try:
            found = self._cluster.get(f"namespace/{namespace}")
            if found is None or "deletionTimestamp" in found["metadata"]:
                return _SAYS["why_namespace"].format(namespace=namespace)
        except (RequestRefused, Problem):
            pass  # the pass says it
        return ""

    def _failed(self, error: Exception) -> None:
        self._failures += 1
        number = _line_of(error)
        text = linecache.getline(*number).strip() if number else ""
        line = _SAYS["line"].format(number=number[1], text=text) if number else ""
        said = str(error).splitlines()[0] if str(error) else ""
        name = "" if isinstance(error, Problem | RequestRefused) else f"{type(error).__name__}: "
        self._say(_SAYS["failed"].format(line=line, error=f"{name}{said}".rstrip(": ")))

    def _say(self, sentence: str) -> None:
        sentence = " ".join(sentence.split())[:_LONGEST_SAID]
        if self._said and self._said[-1] == sentence:
            return
        self._said.append(sentence)
        if self._on_said is not None:
            self._on_said(sentence)


def _listen(cluster: Cluster, plurals: Iterable[str], on_change: Callable[[], None]) -> Callable[[], None]:
    """Hear of every change of these kinds, in a thread or, in a tab, without one."""
    stop = cluster.follow(plurals, lambda *_: on_change())
    return stop if stop is not None else cluster.watch(plurals, lambda *_: on_change()).close


def _line_of(error: Exception) -> tuple[str, int] | None:
    """File and line in the learner's own function: the last that is not of a library."""
    found, step = None, error.__traceback__
    while step is not None:
        file = step.tb_frame.f_code.co_filename
        if _is_learners(file):
            found = (file, step.tb_lineno)
        step = step.tb_next
    return found


def _is_learners(file: str) -> bool:
    """A cell's code, or a file of theirs; no library's and not ours."""
    return not (file.startswith((*_LIBRARIES, "<frozen")) or "site-packages" in file)


def _within(seconds: float, work: Callable[[], Any]) -> Any:
    """What `work` returns. Raises _TooLong in a line of the learner's own code when it takes longer.

    There is no other way to end a function that goes round in a circle beside the notebook: no signal reaches a thread.
    In a cell one does, and ends also what sleeps, or catches everything.
    """
    ends_at_s = time.monotonic() + seconds

    def each_line(_frame: FrameType, _event: str, _argument: Any) -> Any:
        if time.monotonic() > ends_at_s:
            raise _TooLong
        return each_line

    def each_call(frame: FrameType, _event: str, _argument: Any) -> Any:
        return each_line if _is_learners(frame.f_code.co_filename) else None

    if sys.gettrace() is not None or is_put_aside():  # a debugger's, or a measurement of which lines ran; in a tab
        return work()
    sys.settrace(each_call)
    try:
        with _alarm(seconds * _ALARM_AFTER):
            return work()
    finally:
        sys.settrace(None)


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    """Raise _TooLong in this thread when it lasts longer, again and again; nothing where no signal of ours comes to."""
    is_main = threading.current_thread() is threading.main_thread()
    if sys.platform in ("win32", "emscripten") or not is_main or signal.getsignal(signal.SIGALRM) is not signal.SIG_DFL:
        yield
        return

    left = _MOST_RINGS

    def ring(_number: int, _frame: FrameType | None) -> None:
        nonlocal left
        left -= 1
        if left < 1:
            signal.setitimer(signal.ITIMER_REAL, 0)
        if left >= 0:
            raise _TooLong

    signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds, seconds)
    try:
        yield
    finally:
        left = 0
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
