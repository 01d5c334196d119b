"""Which tests a system cannot run, and why: said at the top of every run there."""

from __future__ import annotations

import sys

# They kill with signals, limit what a process may use, or type on a terminal, in ways that only POSIX has.
_POSIX = [
    "clients/test_kubectl.py",
    "grader/batch/test_grader_run.py",
    "grader/batch/test_pool.py",
    "grader/live/test_run_on_a_cluster.py",
    "grader/test_sandbox.py",
    "notebooks/test_bad_days.py",
    "packaging/test_security_page.py",
    "reliability/test_killed_server.py",
    "reliability/test_restarted_server.py",
    "statelab/test_server.py",
]
collect_ignore = _POSIX if sys.platform == "win32" else []


def pytest_report_header() -> str:
    return f"not on Windows (POSIX signals, limits, terminals): {', '.join(collect_ignore)}" if collect_ignore else ""
