"""sleep, hostname, date, kill, ps and the like: the container itself, and the cluster's clock."""

from __future__ import annotations

import re
from collections.abc import Mapping

from statelab.controlplane.runtime.programs import Program, Task
from statelab.controlplane.runtime.spec import SIGNALS

_UNITS_S = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"^(\d+\.?\d*|\.\d+)([smhd]?)$")
_FOR_EVER_S = 10 * 365 * 86400.0


def duration_s(text: str) -> float | None:
    """`1.5`, `2m`, `infinity` in seconds; None for what is no duration."""
    if text.lower() in ("inf", "infinity"):
        return _FOR_EVER_S
    match = _DURATION.match(text)
    return None if match is None else min(float(match[1]) * _UNITS_S[match[2]], _FOR_EVER_S)


def sleep(task: Task) -> None:
    """Wait on the cluster's clock. A signal the shell has a trap for is told by the exit code when the sleep is over."""
    if not task.argv:
        task.fail("sleep: missing operand\n")
        return
    total_s = 0.0
    for each in task.argv:
        seconds = duration_s(each)
        if seconds is None:
            task.fail(f"sleep: invalid time interval '{each}'\n")
            return
        total_s += seconds
    container = task.container
    task.after(total_s, lambda: task.finish(container.take_signal()), housekeeping=container.may_sleep(total_s))


APPLETS: Mapping[str, Program] = {"sleep": sleep}
_ = SIGNALS
