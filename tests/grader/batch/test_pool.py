"""Workers that hang, crash or raise cost their own item and nothing else."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

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
    pool: Pool[str, str] = Pool(work, jobs=2, limit_s=4.0)
    found = dict(pool.run(items))
    assert {item: found[item] for item in "abcdefghij"} == {item: item.upper() for item in "abcdefghij"}
    assert found["hang"] == Lost("its grading took longer than 4 s")
    assert found["crash"] == Lost("its grading ended the process (signal SIGKILL)")
    assert found["leave"] == Lost("its grading ended the process (exit code 3)")
    assert found["raise"] == Lost("KeyError: 'no'")


def test_what_is_learned_meanwhile_new_workers_have() -> None:
    known: list[str] = []

    def learn() -> bool:
        if known:
            return False
        known.append("it")
        pool.renew()
        return True

    pool: Pool[int, tuple[int, list[str]]] = Pool(lambda: lambda item: (item, list(known)), jobs=1, limit_s=60.0)
    if not pool.forks:
        pytest.skip("processes are not forked here")
    found = [outcome for _, outcome in pool.run(range(3), learn)]
    assert found == [(0, []), (1, ["it"]), (2, ["it"])]


def test_nothing_to_do_starts_nothing() -> None:
    pool: Pool[str, str] = Pool(work, jobs=4, limit_s=1.0)
    assert list(pool.run([])) == []


KILLED = """
import os, signal
from grader.batch.pool import Pool
def work():
    return str.upper
if __name__ == "__main__":
    pool = Pool(work, jobs=3, limit_s=60.0)
    for count, (item, outcome) in enumerate(pool.run("abcdefgh")):
        print(outcome, flush=True)
        if count == 4:
            os.kill(os.getpid(), signal.SIGKILL)
"""


def test_workers_of_a_killed_parent_end_too(tmp_path: Path) -> None:
    script = tmp_path / "killed.py"
    script.write_text(KILLED)
    # The output ends when the last process that holds it has ended: with a worker left over this would time out.
    done = subprocess.run([sys.executable, script], stdout=subprocess.PIPE, timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL
    assert len(done.stdout.split()) == 5
