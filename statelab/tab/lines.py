"""`%kubectl` lines where there is no program and no process: kubectl in Python, and for pipes the shell in Python."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from statelab.cluster import typed
from statelab.cluster.kubectl_live import OnText
from statelab.cluster.problem import Problem
from statelab.controlplane import ControlPlane
from statelab.controlplane.runtime.filetree import FileTree
from statelab.controlplane.runtime.shell.shell import Shell
from statelab.controlplane.runtime.shell.turns import Turns
from statelab.controlplane.runtime.worker import Call, Called, Ended
from statelab.kubectl import FolderFiles, Kubectl, Session
from statelab.kubectl.in_process import InProcess

_FOLLOWS_S = 10.0  # a tab's kernel hears no ■: what follows ends by itself
_FOLLOWING = frozenset(("-w", "--watch", "--watch-only", "-f", "--follow"))
_BUSY_S = 20.0
_OUTPUT_BYTES = 2_000_000


class _TooLong(Exception):
    """Time ran out."""


class Lines:
    """Runs lines against one cluster."""

    def __init__(self, plane: ControlPlane) -> None:
        self._plane = plane
        self._api = InProcess(plane)

    def run(
        self,
        line: str | Sequence[str],
        namespace: str,
        on_text: OnText,
        *,
        stdin: str | None,
        timeout_s: float | None,
    ) -> int:
        """A line's exit code; a `str` may have pipes and redirections. Raises Problem when it takes too long."""
        if isinstance(line, str):
            if typed.has_operators(line):
                return self._in_shell(line, namespace, on_text, stdin, timeout_s)
            words = typed.words(line)
        else:
            words = list(line)
        return self._kubectl(words, namespace, on_text, stdin, timeout_s)

    def _kubectl(
        self, words: list[str], namespace: str, on_text: OnText, stdin: str | None, timeout_s: float | None
    ) -> int:
        words = words[1:] if words[:1] == ["kubectl"] else words
        before = words[: words.index("--")] if "--" in words else words
        follows = words[:1] in (["get"], ["logs"], ["events"]) and bool(_FOLLOWING & set(before))
        if follows:
            timeout_s = min(timeout_s or _FOLLOWS_S, _FOLLOWS_S)
        ends_s = None if timeout_s is None else self._plane.loop.now_s + timeout_s * (self._plane.loop.pace or 1.0)

        def wait(until: Callable[[], bool], seconds: float) -> bool:
            left_s = seconds if ends_s is None else min(seconds, ends_s - self._plane.loop.now_s)
            if left_s <= 0 and not until():
                raise _TooLong
            has_come = self._api.wait(until, left_s)
            if not has_come and left_s < seconds:
                raise _TooLong
            return has_come

        kubectl = Kubectl(self._api, wait, Session(namespace=namespace), FolderFiles(Path.cwd()))
        from statelab.kubectl.api import drive

        try:
            return drive(kubectl.steps(words, write=on_text, stdin=stdin), wait)
        except _TooLong:
            if follows:
                on_text(
                    "stdout", f"(In a browser tab this is shown for {_FOLLOWS_S:.0f} s; run the line again to go on.)\n"
                )
                return 0
            raise Problem(f"kubectl did not finish within {timeout_s:.0f} s.", "Add a --timeout.") from None

    def _in_shell(self, line: str, namespace: str, on_text: OnText, stdin: str | None, timeout_s: float | None) -> int:
        """A line with pipes: the shell's tools work on text in memory, and see no files of the learner's."""
        turns = Turns()
        tree = FileTree()
        for path in ("/tmp", "/dev"):
            tree.mkdir(path)
        shell = Shell(
            turns, mounts=[("/", tree, False)], commands={"kubectl": lambda argv: "-" in argv}, env={"HOME": "/"},
            hostname="tab", username="you", cwd="/", busy_s=_BUSY_S, output_bytes=_OUTPUT_BYTES,
        )  # fmt: skip
        text = line if line.lstrip().startswith("kubectl ") else f"kubectl {line}"
        shell.run(text if stdin is None else f"{{ {text}\n}} <<'{_END}'\n{stdin}\n{_END}\n")
        while True:
            message = turns.next_message()
            for name, data in shell.take_output():
                on_text(name, data.decode(errors="replace"))
            if isinstance(message, Called):
                shell.parked(message.call)
                self._answer(message.call, message.stdin, namespace, timeout_s)
            elif isinstance(message, Ended):
                if message.problem or message.limit:
                    on_text("stderr", f"sh: {message.problem or message.limit}\n")
                return message.code
            elif message is None:
                shell.abandon()

    def _answer(self, call: Call, stdin: bytes, namespace: str, timeout_s: float | None) -> None:
        text = stdin.decode(errors="replace") if stdin else None

        def say(name: str, said: str) -> None:
            call.write(said, "stdout" if name == "stdout" else "stderr")

        call.finish(self._kubectl(call.argv, namespace, say, text, timeout_s))


_END = "statelab-end-of-input"
