"""A learner's loop, called again and again: it speaks to its cluster by questions, and is never where the cluster is.

As a program this runs inside the sandbox, without our packages: a line of JSON comes on stdin for each thing to do, a
line goes out on stdout for each question, and one when it is done. Nothing it says is trusted outside. Where there is
no other process (a browser's tab), `Program` is used as it is.
"""

from __future__ import annotations

import builtins
import datetime as real_datetime
import json
import os
import shlex
import sys
import time as real_time
import types
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

Question = dict[str, Any]
Ask = Callable[[Question], dict[str, Any]]
SOURCE = "your answer"
MODULE = "your_answer"
CALL_CPU_S = 1
MOST_PRINTED = 200_000
STEPS = 3_000_000  # lines of Python in one call, where nothing else can stop it
NO_RECONCILE = "There is no function reconcile(cluster)."
IS_ASYNC = "reconcile is async: a plain function is called here."
TOO_LONG = "It worked on and on without asking or sleeping, and was stopped: does a loop in it never end?"
PRINTED_TOO_MUCH = f"It printed more than {MOST_PRINTED:,} characters, and was stopped."
NO_PROCESSES = "a loop may not start processes or threads, nor open sockets, here: it asks its cluster"
ONLY_OUR_OWN = "{error}: a loop here has Python's own library, and its cluster"
UNTELLABLE = "It raises an error whose own text cannot be read."
_STARTS = ("os.fork", "os.exec", "os.posix_spawn", "os.system", "subprocess.Popen", "_thread.start", "socket.", "pty.")


class Refused(Exception):
    """The API server refused what the loop asked for; `str()` has its words."""


class Ended(BaseException):
    """The loop is ended here, as a process is: not an Exception, so that nothing but the end is left to it."""


class TooMuch(BaseException):
    """It goes beyond what a loop may use."""


class Cluster:
    """What a loop may do: the cluster, by questions."""

    def __init__(self, ask: Ask) -> None:
        def put(do: str, **more: Any) -> Any:
            answer = ask({"do": do, **more})
            if answer.get("ended"):
                raise Ended
            if "refused" in answer:
                raise Refused(answer["refused"])
            return answer.get("value")

        self._put = put

    def now(self) -> float:
        """The time of the cluster, in seconds."""
        return float(self._put("now"))

    def sleep(self, seconds: float) -> None:
        """Let so much of the cluster's time pass."""
        self._put("sleep", seconds=float(seconds))

    def get(self, kind: str, name: str = "") -> Any:
        """An object, `cluster.get("pods", name)` or `cluster.get("pod/name")`; None where there is none."""
        return self._put("get", **_named(kind, name))

    def list(self, kind: str, labels: Mapping[str, str] | str | None = None, **more: str) -> Any:
        """The objects of a kind, those with these labels: `cluster.list("pods", app="catalog")`, or "app=catalog"."""
        if isinstance(labels, str):
            labels = dict(each.strip().split("=", 1) for each in labels.split(",") if each.strip())
        return self._put("list", kind=kind, labels={**(labels or {}), **more})

    def create(self, body: Any) -> Any:
        return self._put("create", body=body)

    def patch(self, kind: str, name: Any, patch: Any = None, subresource: str = "") -> Any:
        """A merge patch."""
        if patch is None and isinstance(name, dict):  # patch("pod/name", {…})
            name, patch = "", name
        return self._put("patch", **_named(kind, name), patch=patch, subresource=subresource)

    def delete(self, kind: str, name: str = "", force: bool = False) -> None:
        """Ask for its end. `force`: take the object away at once, whether or not what it stands for has ended."""
        self._put("delete", **_named(kind, name), force=bool(force))

    def exec(self, pod: str, *command: str) -> Any:
        """What a command in a Pod's container printed; None where the Pod does not answer, or the command fails."""
        words: Any = command
        if len(command) == 1:  # a list of words, or a line of them
            words = command[0]
            if isinstance(words, str):
                words = shlex.split(words) if len(words) < 4_000 else [words]
        return self._put("exec", pod=pod, command=[str(each) for each in words])


def _named(kind: str, name: str) -> dict[str, str]:
    if not name:
        kind, _, name = kind.partition("/")
    return {"kind": kind, "name": name}


class Program:
    """The text of a loop, run as a module; `call` is one call of its reconcile."""

    def __init__(self, code: str, ask: Ask, *, counts_steps: bool = False) -> None:
        """Raises what the text raises."""
        self.cluster = Cluster(ask)
        self._counts_steps = counts_steps
        self._module = types.ModuleType(MODULE)
        self._names = vars(self._module)
        self._names.update(__builtins__=_builtins(self.cluster), Refused=Refused, cluster=self.cluster)
        self._bounded(lambda: exec(compile(code, SOURCE, "exec"), self._names))

    def call(self) -> None:
        """Raises what the loop raises; Ended, TooMuch."""
        loop = self._names.get("reconcile")
        if not callable(loop):
            raise TypeError(NO_RECONCILE)
        result = self._bounded(lambda: loop(self.cluster))
        if isinstance(result, types.CoroutineType):
            result.close()
            raise TypeError(IS_ASYNC)

    def _bounded(self, work: Callable[[], Any]) -> Any:
        sys.modules[MODULE] = self._module  # dataclasses and typing look there for the module of a class
        try:
            return self._stepped(work) if self._counts_steps else work()
        finally:
            if sys.modules.get(MODULE) is self._module:
                del sys.modules[MODULE]

    def _stepped(self, work: Callable[[], Any]) -> Any:
        left = STEPS

        def step(frame: Any, event: str, argument: Any) -> Any:
            nonlocal left
            left -= 1
            if left < 0:
                raise TooMuch(TOO_LONG)
            return step

        before = sys.gettrace()
        sys.settrace(step)
        try:
            return work()
        finally:
            sys.settrace(before)


def _builtins(cluster: Cluster) -> dict[str, Any]:
    """Python's own, but that clocks show the cluster's time, sleeping lets it pass, and print is for nobody."""
    time = types.ModuleType("time")
    time.__dict__.update(vars(real_time))
    time.__dict__.update(
        sleep=cluster.sleep, time=cluster.now, monotonic=cluster.now, perf_counter=cluster.now,
        time_ns=lambda: int(cluster.now() * 1e9), monotonic_ns=lambda: int(cluster.now() * 1e9),
    )  # fmt: skip

    class Datetime(real_datetime.datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return cls.fromtimestamp(cluster.now(), tz)

        @classmethod
        def today(cls) -> Any:
            return cls.now()

        @classmethod
        def utcnow(cls) -> Any:
            return cls.fromtimestamp(cluster.now(), real_datetime.UTC).replace(tzinfo=None)

    datetime = types.ModuleType("datetime")
    datetime.__dict__.update(vars(real_datetime))
    datetime.__dict__["datetime"] = Datetime
    ours = {"time": time, "datetime": datetime}
    printed = 0

    def bring(name: str, *more: Any, **others: Any) -> Any:
        return ours[name] if name in ours else builtins.__import__(name, *more, **others)

    def tell(*words: Any, **how: Any) -> None:
        nonlocal printed
        printed += sum(len(str(each)) + 1 for each in words)
        if printed > MOST_PRINTED:
            raise TooMuch(PRINTED_TOO_MUCH)

    return {**vars(builtins), "__import__": bring, "print": tell, "input": _no_input}


def _no_input(*prompt: Any) -> NoReturn:
    raise EOFError("nobody sits here to answer")


def told(error: BaseException) -> dict[str, Any]:
    """An error as the learner reads it: what, and in which line of theirs."""
    line = getattr(error, "lineno", None) if isinstance(error, SyntaxError) else None
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == SOURCE:
            line = trace.tb_lineno
        trace = trace.tb_next
    if isinstance(error, TooMuch) or str(error) in (NO_RECONCILE, IS_ASYNC):
        text = str(error)
    elif isinstance(error, SyntaxError):
        text = f"Python cannot read it: {error.msg}."
    elif isinstance(error, ModuleNotFoundError):
        text = f"It raises {ONLY_OUR_OWN.format(error=error)}."
    else:
        text = f"It raises {type(error).__name__}: {str(error)[:200]}".rstrip(":. ") + "."
    return {"error": text, "line": line, "fatal": isinstance(error, (TooMuch, MemoryError, RecursionError))}


# ---- as a program


def main() -> None:
    lines, out = os.fdopen(os.dup(0), "r", encoding="utf-8"), os.fdopen(os.dup(1), "w", encoding="utf-8")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for each in (0, 1, 2):
        os.dup2(nowhere, each)  # what the loop reads and writes itself is no part of what we say
    sys.addaudithook(_watch)

    def say(value: Any) -> None:
        out.write(json.dumps(value) + "\n")
        out.flush()

    def ask(question: Question) -> dict[str, Any]:
        say({"ask": question})
        found: dict[str, Any] = json.loads(lines.readline() or '{"ended": true}')
        return found

    program: Program | None = None
    for line in lines:
        order = json.loads(line)
        _one_more_second()
        try:
            if "begin" in order:
                program = Program(order["begin"], ask)
            elif program is not None:
                program.call()
            done: dict[str, Any] = {}
        except Ended:
            done = {}
        except BaseException as error:  # whatever a learner's loop raises is told, and is no reason to stop
            try:
                done = told(error)
            except BaseException:  # an error that has no words
                done = {"error": UNTELLABLE, "line": None, "fatal": False}
        say({"done": done})


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if event.startswith(_STARTS):
        raise PermissionError(NO_PROCESSES)


def _one_more_second() -> None:
    """Of CPU; then the signal comes at the line where it is."""
    import resource
    import signal

    def stop(number: int, frame: Any) -> NoReturn:
        raise TooMuch(TOO_LONG)

    signal.signal(signal.SIGXCPU, stop)
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    soft = int(used.ru_utime + used.ru_stime) + 1 + CALL_CPU_S
    resource.setrlimit(resource.RLIMIT_CPU, (soft if hard < 0 else min(soft, hard), hard))


if __name__ == "__main__":
    main()
