"""A shell that is given its commands line by line: `kubectl exec -i web-0 -- sh`, with a prompt if there is a
terminal.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from statelab.controlplane.runtime.spec import Stream

# Commands of ours that no image has: they tell how far a script has come.
NEXT = "statelab-next"
EXIT = "statelab-exit"
DEADLINE = "statelab-deadline"
_UNFINISHED = ("unexpected end of file", "unexpected EOF", "unterminated")
_GOES_ON = re.compile(r"(?:\\|&&|\|\||\|)\s*$")
_HERE_DOCUMENT = re.compile(r"<<-?\s*['\"]?(\w+)['\"]?")


class Session:
    """`run(script)` runs some lines in the shell; `end(code)` is called when the shell is left."""

    def __init__(
        self,
        settings: str,
        run: Callable[[str], None],
        end: Callable[[int], None],
        output: Callable[[Stream, bytes], None],
        *,
        problem_of: Callable[[str], str],
        prompts: bool,
    ) -> None:
        self._settings = settings
        self._run = run
        self._end = end
        self._output = output
        self._problem_of = problem_of
        self._prompts = prompts
        self._input = b""
        self._pending = ""  # lines that are not a whole command yet
        self._more = False
        self._busy = False
        self._goes_on = True
        self._interrupted = False
        self._code = 0
        self._cwd = ""

    def start(self, data: bytes, more: bool) -> None:
        self._input, self._more = data, more
        if more:
            self._prompt()
        self._next()

    def received(self, data: bytes) -> None:
        self._input += data
        self._next()

    def closed(self) -> None:
        self._more = False
        self._next()

    def line_ended(self, arguments: list[str], cwd: str) -> None:
        """The lines that were run have come to their end: the shell was not left."""
        self._goes_on = True
        self._code = int(arguments[0]) if arguments and arguments[0].isdigit() else 0
        self._cwd = cwd

    def interrupted(self) -> None:
        self._interrupted = True

    def dropped(self) -> None:
        """Control-C at the prompt: what was typed is forgotten."""
        self._pending, self._input = "", b""
        self._prompt()

    def script_ended(self, code: int, problem: str) -> None:
        self._busy = False
        if self._interrupted:
            self._interrupted, self._goes_on, self._code = False, True, 130
        self._pending = ""
        if problem:
            self._output("stderr", f"sh: {problem}\n".encode())
            self._goes_on, self._code = True, 2
        if not self._goes_on:
            self._end(code)
            return
        self._prompt()
        self._next()

    def _next(self) -> None:
        if self._busy:
            return
        if not self._more:
            self._finish()
            return
        while b"\n" in self._input:
            line, _, self._input = self._input.partition(b"\n")
            self._pending += line.decode(errors="replace") + "\n"
            if self._is_whole(self._pending):
                self._start(self._pending)
                return
            self._prompt("> ")

    def _finish(self) -> None:
        """No more input: run what is left as it is, and end with its code."""
        script, self._input = self._pending + self._input.decode(errors="replace"), b""
        self._pending = ""
        if script.strip():
            self._start(script)
        else:
            self._end(self._code)

    def _is_whole(self, script: str) -> bool:
        if _GOES_ON.search(script.rstrip("\n")):
            return False
        if any(words in self._problem_of(script) for words in _UNFINISHED):
            return False
        lines = [line.strip() for line in script.splitlines()]
        return all(word in lines for word in _HERE_DOCUMENT.findall(script))

    def _start(self, script: str) -> None:
        if not script.strip():
            self._pending = ""
            self._prompt()
            self._next()
            return
        problem = self._problem_of(script)
        if problem:
            self._goes_on = True
            self.script_ended(2, problem)
            return
        self._busy, self._goes_on = True, False
        before = f"( exit {self._code} )\n" if self._code else ""
        self._run(f"{self._settings}{before}{script.rstrip()}\n{NEXT} $?")

    def _prompt(self, text: str | None = None) -> None:
        if self._prompts and self._more:
            self._output("stdout", (text or f"{self._cwd or '/'} # ").encode())
