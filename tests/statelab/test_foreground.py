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


IMPATIENT = """
import signal, sys, threading, time
from pathlib import Path
from statelab import foreground
def stop():
    while not Path(sys.argv[3]).exists():
        time.sleep(0.01)
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGINT):
        signal.pthread_kill(threading.main_thread().ident, each)
sys.setswitchinterval(1)  # all of them are there before the first is noticed
threading.Thread(target=stop, daemon=True).start()
sys.exit(foreground.run([sys.executable, "-c", *sys.argv[1:]], {}))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
def test_who_stops_us_twice_at_once_leaves_nothing_behind_either(tmp_path: Path) -> None:
    left, ready = tmp_path / "left", tmp_path / "ready"
    child = CHILD.replace('print("ready", flush=True)', "pathlib.Path(sys.argv[2]).touch()")
    done = subprocess.run(
        [sys.executable, "-c", IMPATIENT, child, str(left), str(ready)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert left.read_text() == "tidied up"


def test_the_exit_code_is_the_programs() -> None:
    command = [sys.executable, "-c", PARENT, "raise SystemExit(3)", "unused"]
    assert subprocess.run(command, check=False, timeout=30).returncode == 3
