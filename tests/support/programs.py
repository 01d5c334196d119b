"""nbgrader's and the grader's commands, and kernels, each in a process of its own that has imported them beforehand.

nbgrader takes over a second of the processor to be imported, and a round of a class is a dozen of its commands. `run`
is `subprocess.run` for `python -m MODULE WORDS…` (or `-c CODE`, or a FILE.py): its folder, environment, umask, output,
exit code and time limit are the command's own. What it does not share with one is its start: whoever tests that starts
a Python. A process stands by, imports what the commands import, and forks for each; where there is no fork, `run` is
`subprocess.run`. `kernels` is the same for notebooks that a test runs.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import random
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from functools import lru_cache
from pathlib import Path
from typing import Any

_COMMANDS = (
    "IPython.core.interactiveshell",
    "jinja2.ext",
    "nbconvert.exporters.html",
    "nbgrader.apps",
    "nbgrader.preprocessors",
    "rich.progress",
    "sqlalchemy.dialects.sqlite.pysqlite",
    "typer",
    "grader.batch.page",
    "grader.batch.report",
    "grader.batch.run",
    "grader.nbgrader.exchange",
    "grader.nbgrader.exporter",
    "grader.nbgrader.preprocessors",
    "grader.nbgrader.zips",
    "kubernetes.client",
)
_KERNELS = (
    "anywidget",
    "dns.message",
    "dns.query",
    "ipykernel.debugger",
    "ipykernel.kernelapp",
    "IPython.core.completerlib",
    "IPython.core.oinspect",
    "IPython.extensions.storemagic",
    "statelab.cluster.dns",
    "statelab.cluster.embedded",
    "statelab.manifest.advice",
    "statelab.notebook.magics.magics",
    "statelab.notebook.pictures.cluster_view",
    "statelab.notebook.pictures.predicting",
    "statelab.notebook.pictures.stage_view",
    "statelab.notebook.pictures.timeline_view",
    "statelab.notebook.telling.explain",
    "statelab.notebook.trying.card",
)
_READ_AT_ITS_START = ("PYTHONPATH", "PYTHONWARNINGS", "PYTHONHASHSEED")


def run(
    module: str,
    *words: str,
    cwd: Path,
    env: dict[str, str] | None = None,
    umask: int = -1,
    timeout: float = 240,
) -> subprocess.CompletedProcess[str]:
    """What `python -m MODULE WORDS…` printed and its exit code. `module`: or "-c", and a file's path.

    Raises subprocess.TimeoutExpired.
    """
    environment = dict(os.environ) if env is None else env
    command = [sys.executable, *(() if _is_file(module) else ("-m",)), module, *words]
    if sys.platform == "win32" or any(environment.get(each) != os.environ.get(each) for each in _READ_AT_ITS_START):
        return subprocess.run(
            command, cwd=cwd, env=environment, umask=umask, timeout=timeout, capture_output=True, text=True
        )
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        wanted = {"module": module, "words": words, "cwd": str(cwd), "env": environment, "umask": umask}
        code = _ask(_standing_by(_COMMANDS), wanted, out.fileno(), err.fileno(), timeout)
        said, told = _read(out), _read(err)
    if code is None:
        raise subprocess.TimeoutExpired(command, timeout, said, told)
    return subprocess.CompletedProcess(command, code, said.decode(), told.decode())


def on_path(folder: Path) -> Path:
    """`folder`, with the commands `nbgrader` and `grader` in it, for a test that types whole lines in a shell."""
    for name, module in (("nbgrader", "nbgrader"), ("grader", "grader.cli")):
        _write_command(folder / name, module, _standing_by(_COMMANDS))
    return folder


def kernels(folder: Path) -> Path:
    """`folder`, with the kernel `forked` in it, for KernelSpecManager's `kernel_dirs`. It ends with who started it."""
    command = folder / "kernel"
    _write_command(command, "ipykernel_launcher", _standing_by(_KERNELS))
    argv = [str(command), "-f", "{connection_file}", f"--IPKernelApp.parent_handle={os.getpid()}"]
    spec = {"argv": argv, "display_name": "forked", "language": "python"}
    (folder / "forked").mkdir()
    (folder / "forked" / "kernel.json").write_text(json.dumps({**spec, "interrupt_mode": "message"}))
    return folder


def _write_command(file: Path, module: str, socket_path: str) -> None:
    file.write_text(
        f"#!{sys.executable} -SE\n"
        f"import sys\nsys.path.insert(0, {str(Path(__file__).parent)!r})\nimport programs\n"
        f"sys.exit(programs.typed({socket_path!r}, {module!r}))\n"
    )
    file.chmod(0o755)


def typed(path: str, module: str) -> int:
    """What such a command does: the exit code of the one that it stands for, which has its output, too."""
    umask = os.umask(0)
    wanted = {"module": module, "words": sys.argv[1:], "cwd": os.getcwd(), "env": dict(os.environ), "umask": umask}
    code = _ask(path, wanted, 1, 2, None)
    assert code is not None
    return code if code >= 0 else 128 - code


def _ask(path: str, wanted: dict[str, Any], out: int, err: int, timeout: float | None) -> int | None:
    """The exit code; None when the time was over: it has been killed."""
    with socket.socket(socket.AF_UNIX) as asking:
        asking.connect(path)
        socket.send_fds(asking, [b"!"], [out, err])
        answers = asking.makefile("rw", encoding="utf-8")
        answers.write(json.dumps(wanted) + "\n")
        answers.flush()
        process = int(answers.readline())
        asking.settimeout(timeout)
        try:
            return int(answers.readline())
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
            return None


def _is_file(module: str) -> bool:
    return module == "-c" or module.endswith(".py")


def _read(file: Any) -> bytes:
    file.seek(0)
    found: bytes = file.read()
    return found


@lru_cache
def _standing_by(imported: tuple[str, ...]) -> str:
    """The socket of the process that stands by, with these modules; it ends with this one."""
    folder = tempfile.mkdtemp(prefix="programs-")
    path = f"{folder}/socket"
    process = subprocess.Popen(
        [sys.executable, __file__, path, *imported], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None and process.stdin is not None
    assert process.stdout.readline() == b"ready\n"

    def end() -> None:
        process.communicate()  # the end of its input is its end
        os.unlink(path)
        os.rmdir(folder)

    atexit.register(end)
    return path


# ---- the process that stands by


def _serve(path: str, imported: list[str]) -> dict[str, Any]:
    """What a process that was forked from this one is to be. In the one that stands by, it does not return."""
    import selectors

    for each in imported:
        __import__(each)
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(path)
    listening.listen()
    print("ready", flush=True)
    looking = selectors.DefaultSelector()
    for each in (listening, sys.stdin):
        looking.register(each, selectors.EVENT_READ)
    while not any(key.fileobj is sys.stdin for key, _ in looking.select()):
        asked, _ = listening.accept()
        if os.fork() == 0:
            looking.close()
            listening.close()
            return _take(asked)
        asked.close()
        with contextlib.suppress(ChildProcessError):  # those that have told how their command ended
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
    os._exit(0)


def _take(asked: socket.socket) -> dict[str, Any]:
    """Fork once more: this process tells who asked how the other one ends, and the other one is the command."""
    _, descriptors, _, _ = socket.recv_fds(asked, 1, 2)
    answers = asked.makefile("rw", encoding="utf-8")
    wanted: dict[str, Any] = json.loads(answers.readline())
    process = os.fork()
    if process:
        answers.write(f"{process}\n")
        answers.flush()
        threading.Thread(target=_end_with, args=(asked, process), daemon=True).start()
        _, status = os.waitpid(process, 0)
        answers.write(f"{os.waitstatus_to_exitcode(status)}\n")
        answers.flush()
        os._exit(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for here, there in ((nothing, 0), (descriptors[0], 1), (descriptors[1], 2)):
        os.dup2(here, there)
        os.close(here)
    answers.close()
    asked.close()
    return wanted


def _end_with(asked: socket.socket, process: int) -> None:
    """Who asked is no more, killed perhaps: so ends what was started for it."""
    with contextlib.suppress(OSError):
        asked.recv(1)
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)


def _become(wanted: dict[str, Any]) -> None:
    """As `python -m` does it, in the folder and with the environment of who asked."""
    os.chdir(wanted["cwd"])
    os.environ.clear()
    os.environ.update(wanted["env"])
    random.seed()  # or all that are forked here would draw the same
    if wanted["umask"] >= 0:
        os.umask(wanted["umask"])
    module, words = wanted["module"], wanted["words"]
    sys.path[0] = wanted["cwd"]
    if module == "-c":
        code, *words = words
        sys.argv = [module, *words]
        exec(compile(code, "<string>", "exec"), {"__name__": "__main__"})
    elif _is_file(module):
        sys.argv = [module, *words]
        runpy.run_path(module, run_name="__main__")
    else:
        sys.argv = [module, *words]
        runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _become(_serve(sys.argv[1], sys.argv[2:]))
