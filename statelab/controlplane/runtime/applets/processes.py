"""pgrep and pidof: the numbers of the container's processes, by name.

Source: busybox procps/pgrep.c, procps/pidof.c.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from statelab.controlplane.runtime.programs import Program, Task

if TYPE_CHECKING:
    from statelab.controlplane.runtime.process import Process

# Of expressions only what can be told without one: text, and where it begins and ends. A learner wrote it.
_PLAIN = re.compile(r"\^?[\w ./:=@-]+\$?\Z")


def pgrep(task: Task) -> None:
    """`pgrep [-flovnx] PATTERN`: 1 where there is none. It does not find itself."""
    options = "".join(each[1:] for each in task.argv if each.startswith("-") and len(each) > 1)
    patterns = [each for each in task.argv if not each.startswith("-")]
    if len(patterns) != 1 or not set(options) <= set("flanovx"):
        task.fail("Usage: pgrep [-flanovx] [-s SID|-P PPID|PATTERN]\n")
        return
    if not _PLAIN.match(patterns[0]):
        task.fail("pgrep: an expression like this is not simulated; a kind cluster is the place to try it\n")
        return
    found = [
        each
        for each in _others(task)
        if _is_like(patterns[0], each.command_line() if "f" in options else _name(each), "x" in options)
        is not ("v" in options)
    ]
    if "o" in options or "n" in options:
        found = found[:1] if "o" in options else found[-1:]
    for each in found:
        said = f" {each.command_line() if 'a' in options else _name(each)}" if set("la") & set(options) else ""
        task.write(f"{each.pid}{said}\n")
    task.finish(0 if found else 1)


def pidof(task: Task) -> None:
    """`pidof [-s] NAME…`: the newest first, on one line; 1 where there is none."""
    names = [each.rpartition("/")[2] for each in task.argv if not each.startswith("-")]
    found = [each for each in reversed(_others(task)) if _name(each) in names]
    if "-s" in task.argv:
        found = found[:1]
    if found:
        task.write(" ".join(str(each.pid) for each in found) + "\n")
    task.finish(0 if found else 1)


def _others(task: Task) -> list[Process]:
    processes = task.container.processes
    return [processes[pid] for pid in sorted(processes) if processes[pid] is not task.process]


def _name(process: Process) -> str:
    return process.entry.name.rpartition("/")[2]


def _is_like(pattern: str, text: str, whole: bool) -> bool:
    plain = pattern.strip("^$")
    begins, ends = pattern.startswith("^") or whole, pattern.endswith("$") or whole
    if begins and ends:
        return text == plain
    if begins or ends:
        return text.startswith(plain) if begins else text.endswith(plain)
    return plain in text


APPLETS: dict[str, Program] = {"pgrep": pgrep, "pidof": pidof}
