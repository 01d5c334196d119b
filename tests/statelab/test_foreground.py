"""A program run in the foreground is told to end when we are, and has the time to tidy up."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

CHILD = """
import pathlib, signal, sys
def tidy(*_):
    pathlib.Path(sys.argv[1]).write_text("tidied up")
    sys.exit(0)
signal.signal(signal.SIGTERM, tidy)
print("ready", flush=True)
while True:
    signal.pause()
"""
PARENT = """
import os, sys
from statelab import foreground
sys.exit(foreground.run([sys.executable, "-c", sys.argv[1], sys.argv[2]], os.environ))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_whatever_ends_us_lets_the_program_tidy_up_first(tmp_path: Path, name: str) -> None:
    left = tmp_path / "left"
    command = [sys.executable, "-c", PARENT, CHILD, str(left)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(signal.Signals[name])
        assert process.wait(30) == 0
        assert process.stdout.read() == b""  # nobody holds it any more
    assert left.read_text() == "tidied up"


def test_the_exit_code_is_the_programs() -> None:
    command = [sys.executable, "-c", PARENT, "raise SystemExit(3)", "unused"]
    assert subprocess.run(command, check=False, timeout=30).returncode == 3
