"""A program run in the foreground that ends when we do: Ctrl-C, a closed terminal and SIGTERM all stop it."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType

_STOP_WITHIN_S = 15.0


class _Stopped(BaseException):
    """One of the signals that mean: enough."""


def run(command: Sequence[str], environment: Mapping[str, str], folder: Path | None = None) -> int:
    """Run the program until it ends or we are told to stop; its exit code, 0 when we were told.

    `folder`: where it is to run; where we are if not given.
    The program has a session of its own, so that Ctrl-C reaches only us: JupyterLab would ask back on the terminal,
    and a second Ctrl-C would leave its kernels behind. SIGTERM makes it shut its kernels down first.
    """
    told: list[int] = []

    def stop(number: int, frame: FrameType | None) -> None:
        if not told:  # a second Ctrl-C does not interrupt the tidying up
            told.append(number)
            raise _Stopped

    process: subprocess.Popen[bytes] | None = None
    before = {each: signal.signal(each, stop) for each in _signals()}
    try:
        sys.stdout.flush()  # what we said comes before what the program says
        apart = sys.platform != "win32"
        process = subprocess.Popen(command, env=dict(environment), cwd=folder, start_new_session=apart)
        return process.wait()
    except _Stopped:
        return 0
    finally:
        if process is not None:
            _end(process)
        for each, handler in before.items():
            signal.signal(each, handler)


def _signals() -> list[signal.Signals]:
    names = ("SIGINT", "SIGTERM", "SIGHUP")
    return [signal.Signals[name] for name in names if name in signal.Signals.__members__]


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
