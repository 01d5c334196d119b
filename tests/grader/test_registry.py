"""Where tasks are found."""

from __future__ import annotations

import subprocess
import sys


def test_tasks_are_loaded_once_by_threads_that_ask_at_the_same_time():
    lines = [
        "import sys, threading; sys.setswitchinterval(1e-6)",
        "from grader.registry import tasks_of",
        "gate, found = threading.Barrier(8), []",
        "def ask():",
        "    gate.wait()",
        "    found.append(sum(len(each.checks) for each in tasks_of('ps1').values()))",
        "threads = [threading.Thread(target=ask) for _ in range(8)]",
        "[each.start() for each in threads]; [each.join() for each in threads]",
        "assert len(found) == 8 and len(set(found)) == 1, found",
    ]
    done = subprocess.run([sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
