"""Builtins about what runs beside the shell, and about signals: trap, wait, kill, jobs.

A job is a Proc of the same shell; what else runs in the container, the runtime's own `kill` knows.
"""

from __future__ import annotations

import shlex

from statelab.controlplane.runtime.shell.proc import Proc
from statelab.controlplane.runtime.shell.running import tool
from statelab.controlplane.runtime.shell.streams import WAITING, Steps

_SIGNALS = {"1": "HUP", "2": "INT", "3": "QUIT", "9": "KILL", "10": "USR1", "12": "USR2", "15": "TERM", "0": "EXIT"}
_NUMBERS = {name: int(number) for number, name in _SIGNALS.items()}


def trap(proc: Proc, arguments: list[str]) -> Steps[int]:
    state = proc.state
    words = [each for each in arguments if each != "--"]
    if not words or words == ["-p"]:
        for name, action in sorted(state.traps.items()):
            yield from proc.out(f"trap -- {shlex.quote(action)} {name}\n")
        return 0
    if words == ["-l"]:
        return 0
    action = words[0]
    if len(words) == 1 or action.isdigit():
        action, names = "-", words
    else:
        names = words[1:]
    for each in names:
        name = _SIGNALS.get(each, each.upper().removeprefix("SIG"))
        if action == "-":
            state.traps.pop(name, None)
        else:
            state.traps[name] = action
    return 0


def wait(proc: Proc, arguments: list[str]) -> Steps[int]:
    code = 0
    names = [each for each in arguments if each != "-n"]
    targets: list[Proc | None] = [_job(proc, each) for each in names] if names else list(proc.jobs)
    if "-n" in arguments:
        return (yield _wait_for_one(proc, [each for each in targets if each is not None]))
    for job in targets:
        if job is None:
            code = 127
            continue
        while job.code is None:
            job.when_ended(proc)
            yield WAITING
        code = job.code if arguments else 0
    if not arguments:
        proc.jobs = []
    return code


def _wait_for_one(proc: Proc, jobs: list[Proc]) -> Steps[int]:
    """`wait -n`: the first that ends."""
    while jobs and all(job.code is None for job in jobs):
        for job in jobs:
            job.when_ended(proc)
        yield WAITING
    found = next((job for job in jobs if job.code is not None), None)
    if found is None:
        return 127
    proc.jobs = [each for each in proc.jobs if each is not found]
    return found.code or 0


def _job(proc: Proc, name: str) -> Proc | None:
    if name.startswith("%"):
        number = name[1:]
        alive = proc.jobs
        if number in ("", "%", "+"):
            return alive[-1] if alive else None
        return alive[int(number) - 1] if number.isdigit() and 0 < int(number) <= len(alive) else None
    return next((each for each in proc.jobs if str(each.pid) == name), None)


def kill(proc: Proc, arguments: list[str]) -> Steps[int]:
    """Its own jobs and itself; what else there is, the runtime knows."""
    words, name = list(arguments), "TERM"
    if words[:1] == ["-l"]:
        yield from proc.out(" ".join(_NUMBERS) + "\n")
        return 0
    if words[:1] in (["-s"], ["-n"]) and len(words) > 1:
        words[:2] = [f"-{words[1]}"]
    targets = [each for each in words if not each.startswith("-")]
    if words and words[0].startswith("-") and words[0] != "--":
        name = words[0][1:].upper().removeprefix("SIG")
        name = "0" if name == "0" else _SIGNALS.get(name, name)
    own = {str(proc.shell.pid), str(proc.pid)}
    jobs = {each: _job(proc, each) for each in targets}
    if "kill" in proc.shell.commands and not all(jobs[each] for each in targets):
        return (yield tool(proc, ["kill", *arguments], proc.state.environment()))
    code = 0 if targets else 2
    for each in targets:
        job = jobs[each]
        if each in own:
            if name != "0":
                proc.shell.signal(proc, name)
        elif job is None or job.code is not None:
            yield from proc.error(f"{proc.state.zero}: kill: ({each}) - No such process\n")
            code = 1
        elif name != "0":
            job.kill(128 + _NUMBERS.get(name, 15))
    while proc.pending:
        from statelab.controlplane.runtime.shell.interpreter import signal

        yield signal(proc, proc.pending.pop(0))
    return code


def jobs(proc: Proc, arguments: list[str]) -> Steps[int]:
    for number, job in enumerate(proc.jobs, 1):
        state = "Running" if job.code is None else "Done"
        yield from proc.out(f"{job.pid}\n" if "-p" in arguments else f"[{number}]  {state}\n")
    return 0
