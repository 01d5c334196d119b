"""A kubectl line run as a shell runs it, with pipes and redirections, telling of what it writes as it comes."""

from __future__ import annotations

import codecs
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from statelab.cluster.kubectl import Keep, in_namespace, needed_kubectl
from statelab.cluster.problem import Problem

OnText = Callable[[str, str], None]  # "stdout" or "stderr", and what was written there
_LOOK_EVERY_S = 0.2  # a blocked thread on Windows hears no Ctrl-C: it looks up now and then
_END_WITHIN_S = 3.0


def run_live(
    line: str | Sequence[str],
    *,
    kubeconfig: Path,
    context: str,
    namespace: str,
    on_text: OnText,
    stdin: str | None = None,
    timeout_s: float | None = None,
    keep: Keep = lambda namespace: None,
) -> int:
    """Run kubectl with these arguments, or a whole line in the shell, and give back its exit code.

    A line begins after the word kubectl; every kubectl in it means this cluster and namespace. `on_text` is called in
    this thread, in the order in which it was written. `keep`: as in run_kubectl. Without `timeout_s` it runs as long as
    it does; when this raises, KeyboardInterrupt included, nothing of it runs on. Raises Problem when there is no
    kubectl, or after `timeout_s`.
    """
    found = needed_kubectl()
    with in_namespace(kubeconfig, context, namespace, keep) as paths:
        path = os.pathsep.join([str(Path(found).parent), os.environ.get("PATH", "")])
        in_shell = isinstance(line, str)
        process = subprocess.Popen(
            f"kubectl {line}" if in_shell else [found, *line],
            shell=in_shell,
            env={**os.environ, "KUBECONFIG": paths, "PATH": path},
            stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=sys.platform != "win32",  # ■ reaches us alone, and we end all of it
        )
        try:
            _tell(process, stdin, on_text, timeout_s)
        except BaseException:  # ■ too
            _end(process)
            raise
    return process.returncode


def _tell(process: subprocess.Popen[bytes], stdin: str | None, on_text: OnText, timeout_s: float | None) -> None:
    said: queue.Queue[tuple[str, bytes]] = queue.Queue()
    open_ends = set()
    for name in ("stdout", "stderr"):
        open_ends.add(name)
        threading.Thread(target=_read, args=(name, getattr(process, name), said), daemon=True).start()
    if process.stdin is not None:
        threading.Thread(target=_write, args=(process.stdin, (stdin or "").encode()), daemon=True).start()
    decoders = {name: codecs.getincrementaldecoder("utf-8")(errors="replace") for name in open_ends}
    ends_s = None if timeout_s is None else time.monotonic() + timeout_s
    while open_ends:
        if ends_s is not None and time.monotonic() > ends_s:
            raise Problem(
                f"kubectl did not finish within {timeout_s:.0f} s.",
                "Add a --timeout, or run it in a terminal (File → New → Terminal).",
            )
        try:
            name, raw = said.get(timeout=_LOOK_EVERY_S)
        except queue.Empty:
            continue
        text = decoders[name].decode(raw, final=not raw)
        if text:
            on_text(name, text)
        if not raw:
            open_ends.discard(name)
    process.wait()


def _read(name: str, end: IO[bytes], said: queue.Queue[tuple[str, bytes]]) -> None:
    with end:
        while raw := os.read(end.fileno(), 65536):
            said.put((name, raw))
    said.put((name, b""))


def _write(end: IO[bytes], content: bytes) -> None:
    with suppress(OSError), end:  # who does not read its input to the end is no failure
        end.write(content)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End it with all that its pipe has started."""
    for name in ("SIGTERM", "SIGKILL"):
        with suppress(OSError):
            if sys.platform == "win32":
                process.terminate()
            else:
                os.killpg(process.pid, signal.Signals[name])
        with suppress(subprocess.TimeoutExpired):
            process.wait(_END_WITHIN_S)
            break
