"""Workers that hang, crash or raise cost their own item and nothing else."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

from grader.batch.pool import Lost, Pool


def work() -> Callable[[str], str]:
    def do(item: str) -> str:
        if item == "hang":
            time.sleep(60)
        if item == "crash":
            os.kill(os.getpid(), signal.SIGKILL)
        if item == "raise":
            raise KeyError("no")
        if item == "leave":
            os._exit(3)
        return item.upper()

    return do


def test_what_goes_wrong_is_told_and_everything_else_is_done() -> None:
    items = ["a", "hang", "b", "crash", "c", "raise", "leave", *"defghij"]
    pool: Pool[str, str] = Pool(work, jobs=2, limit_s=1.0)
    found = dict(pool.run(items))
    assert {item: found[item] for item in "abcdefghij"} == {item: item.upper() for item in "abcdefghij"}
    assert found["hang"] == Lost("its grading took longer than 1 s")
    assert found["crash"] == Lost("its grading ended the process (signal SIGKILL)")
    assert found["leave"] == Lost("its grading ended the process (exit code 3)")
    assert found["raise"] == Lost("KeyError: 'no'")


def test_nothing_to_do_starts_nothing() -> None:
    pool: Pool[str, str] = Pool(work, jobs=4, limit_s=1.0)
    assert list(pool.run([])) == []
