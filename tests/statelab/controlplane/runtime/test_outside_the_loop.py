"""The thread that shells run in: in paced time, beside a running asyncio loop (as in Jupyter), and after a fork."""

from __future__ import annotations

import asyncio
import os
import random
import threading

from statelab.controlplane.clock import Loop
from statelab.controlplane.runtime import ContainerSpec, Network, Runtime

SPEC = ContainerSpec(
    "default", "p", "uid", "main", "busybox", ["sh", "-c", "echo one; sleep 20; hostname; exit 3"], hostname="p"
)


def test_paced_time_hears_of_each_message_through_its_wake_up_call():
    loop = Loop(pace=1000.0)
    runtime = Runtime(loop, Network(loop), random.Random(0))
    woken = threading.Event()
    runtime.on_message = woken.set
    exits = []
    container = runtime.create(SPEC)
    container.start(exits.append)
    for _ in range(1000):
        loop.run_due()
        if exits:
            break
        woken.wait(min(loop.seconds_to_next() or 0.05, 0.05))
        woken.clear()
        runtime.pump()
    assert exits[0].code == 3
    assert [line.text for line in container.logs] == ["one", "p"]
    assert container.logs[1].at_s - container.logs[0].at_s >= 20


def run_virtually():
    loop = Loop()
    runtime = Runtime(loop, Network(loop), random.Random(0))
    exits = []
    container = runtime.create(SPEC)
    container.start(exits.append)
    loop.run_for(30)
    return exits[0].code, [line.text for line in container.logs]


def test_virtual_time_works_inside_a_running_asyncio_loop_as_in_jupyter():
    async def cell():
        return run_virtually()

    assert asyncio.run(cell()) == (3, ["one", "p"])


def test_a_process_that_was_forked_before_runs_shells_of_its_own():
    assert run_virtually() == (3, ["one", "p"])
    code = (
        "import os, sys, random\n"
        "from statelab.controlplane.runtime import *\n"
        "from statelab.controlplane.clock import Loop\n"
        "def run():\n"
        "    loop = Loop(); runtime = Runtime(loop, Network(loop), random.Random(0)); exits = []\n"
        "    spec = ContainerSpec('d', 'p', 'u', 'c', 'busybox', ['sh', '-c', 'sleep 5; exit 3'], hostname='p')\n"
        "    runtime.create(spec).start(exits.append); loop.run_for(30); return exits[0].code\n"
        "pid = os.fork()\n"
        "if pid == 0: os._exit(run())\n"
        "assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 3\n"
        "assert run() == 3\n"
    )
    import subprocess
    import sys

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_importing_the_runtime_starts_no_thread():
    import subprocess
    import sys

    code = "import threading, statelab.controlplane.runtime; assert threading.active_count() == 1"
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 0
    assert os.environ["RUST_MIN_STACK"]
