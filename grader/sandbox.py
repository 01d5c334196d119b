"""Where learners' code runs when a cell has to be executed: in bubblewrap, or not at all.

Only for Python tasks that an instructor adds; tasks of ours are judged from text. Inside there is no network but a
loopback of its own (an embedded cluster that the code starts answers there), the system is read-only, /tmp is its own
and goes with it, nobody has any capability, and CPU, memory, processes, files and time are limited. The gradebook,
other submissions, solutions and hidden checks are not there. Where root grades, processes are not counted
(getrlimit(2)): grade as somebody else, or trust the time limit, which ends them all. Source: bwrap(1).
"""

from __future__ import annotations

import functools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal

from grader.registry import solutions_folder

WORK = "/tmp/work"  # the home and working folder inside
Mode = Literal["sandbox", "never", "unprotected"]
_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc/alternatives", "/etc/ld.so.cache")


class NoSandbox(Exception):
    """Nothing was run. `str()` says why, and which flag accepts the risk."""


@dataclass(frozen=True, slots=True)
class Confinement:
    """What a program may use. Wall time in seconds, the rest in bytes, seconds of CPU, and numbers."""

    wall_s: float = 60.0
    cpu_s: int = 30
    memory_bytes: int = 2 * 1024**3
    file_bytes: int = 50_000_000
    processes: int = 200
    output_bytes: int = 5_000_000
    tmp_bytes: int = 200_000_000  # all files together


def check(mode: Mode) -> None:
    """Raises NoSandbox when nothing may be run in this mode on this machine."""
    if mode == "never":
        raise NoSandbox("executing is switched off (execute = 'never')")
    if mode == "sandbox":
        found = shutil.which("bwrap")
        why = _refusal(found) if found else "bubblewrap (bwrap) is not on this machine. Install it"
        if why:
            raise NoSandbox(
                f"there is no sandbox: {why}, or accept that learners' code runs with your rights: "
                "c.GradeText.execute = 'unprotected', or grader run --unprotected"
            )


@functools.lru_cache(maxsize=1)
def _refusal(bwrap: str) -> str:
    """Why a bwrap that is there cannot be used; "" when it can: user namespaces are switched off on some machines."""
    command = [bwrap, *bubblewrap([sys.executable, "-c", "import grader"])[1:]]
    try:
        tried = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"bubblewrap does not start here ({error}). Mend that"
    said = tried.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2][:200]
    return f"bubblewrap does not work here ({said}). It needs bwrap 0.7 and user namespaces" if tried.returncode else ""


def run(
    argv: Sequence[str], stdin: bytes, *, mode: Mode = "sandbox", confinement: Confinement | None = None
) -> tuple[int, bytes]:
    """Run a program and give (exit code, stdout). A negative code: it was ended. Raises NoSandbox."""
    limits = confinement or Confinement()
    with tempfile.TemporaryDirectory(prefix="statelab-run-") as folder, tempfile.TemporaryFile() as output:
        process = _started(argv, folder, output, mode, limits)
        try:
            with suppress(subprocess.TimeoutExpired):
                process.communicate(stdin, timeout=limits.wall_s)
        finally:
            _end(process)
        output.seek(0)
        return process.returncode, output.read(limits.output_bytes)


@contextmanager
def talking(
    argv: Sequence[str], *, mode: Mode = "sandbox", confinement: Confinement | None = None
) -> Iterator[tuple[int, int]]:
    """Run a program and speak with it: the file descriptors of its stdin and its stdout. Afterwards it is ended.

    Raises NoSandbox.
    """
    limits = confinement or Confinement()
    with tempfile.TemporaryDirectory(prefix="statelab-run-") as folder:
        process = _started(argv, folder, subprocess.PIPE, mode, limits)
        assert process.stdin is not None and process.stdout is not None
        try:
            yield process.stdin.fileno(), process.stdout.fileno()
        finally:
            _end(process)
            for each in (process.stdin, process.stdout):
                with suppress(OSError):
                    each.close()


def _started(
    argv: Sequence[str], folder: str, output: IO[bytes] | int, mode: Mode, limits: Confinement
) -> subprocess.Popen[bytes]:
    check(mode)
    return subprocess.Popen(
        bubblewrap(argv, limits) if mode == "sandbox" else list(argv),
        cwd=folder,
        env=None if mode == "sandbox" else _environment(folder),
        stdin=subprocess.PIPE,
        stdout=output,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        preexec_fn=lambda: _limit(limits),
    )


def bubblewrap(argv: Sequence[str], limits: Confinement | None = None) -> list[str]:
    """The command line of bwrap: nothing of this machine is there but what a Python needs, and that read-only."""
    packages = Path(__file__).resolve().parent.parent
    readable = [*_SYSTEM, sys.prefix, sys.base_prefix, str(packages / "grader"), str(packages / "statelab")]
    command = ["bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--clearenv", "--hostname", "sandbox"]
    command += ["--uid", "1000", "--gid", "1000", "--cap-drop", "ALL"]
    size = str((limits or Confinement()).tmp_bytes)
    command += ["--proc", "/proc", "--dev", "/dev", "--size", size, "--tmpfs", "/dev/shm"]
    command += ["--size", size, "--tmpfs", "/tmp"]  # before the rest: our Python may lie in /tmp
    for path in dict.fromkeys(readable):
        command += ["--ro-bind-try", path, path]
    solutions = solutions_folder()
    if solutions is not None and any(solutions.is_relative_to(path) for path in readable):  # installed beside us
        command += ["--tmpfs", str(solutions)]
    command += ["--dir", WORK, "--remount-ro", "/dev", "--remount-ro", "/"]
    for name, value in _environment(WORK).items():
        command += ["--setenv", name, value]
    return [*command, "--chdir", WORK, "--", *argv]


def _environment(home: str) -> dict[str, str]:
    packages = str(Path(__file__).resolve().parent.parent)
    path = os.pathsep.join([str(Path(sys.executable).parent), "/usr/local/bin", "/usr/bin", "/bin"])
    return {
        "PATH": path,
        "HOME": home,
        "LANG": "C.UTF-8",
        "PYTHONPATH": packages,
        "STATELAB_SOLUTIONS": "",  # no hidden checks in there
        "IPYTHONDIR": f"{home}/.ipython",
        "JUPYTER_RUNTIME_DIR": f"{home}/.runtime",
    }


def _limit(limits: Confinement) -> None:
    import resource  # here: Windows has none, and this module says there what it cannot do

    for what, value in (
        (resource.RLIMIT_CPU, limits.cpu_s),
        (resource.RLIMIT_AS, limits.memory_bytes),
        (resource.RLIMIT_FSIZE, limits.file_bytes),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 512),
    ):
        resource.setrlimit(what, (value, value))
    if os.getuid() != 0:  # root is never counted, and another user's processes would be
        resource.setrlimit(resource.RLIMIT_NPROC, (limits.processes, limits.processes))


def _end(process: subprocess.Popen[bytes]) -> None:
    """The program and whatever it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
