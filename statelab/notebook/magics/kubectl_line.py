"""What a learner types after `%kubectl`: read, refused where a cell is not the place for it, run, and shown."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Callable
from typing import Any

from IPython.display import display
from IPython.utils.text import DollarFormatter

from statelab.cluster import Cluster, Problem
from statelab.cluster.problem import Interrupted
from statelab.cluster.typed import has_operators, words
from statelab.notebook.telling.tables import shown

_LONGEST_WAIT_S = 300.0
_COMPLAINT = 4_000  # characters
_WIDEST = 74  # characters in a line of a cell's output, in a window 1280 wide with the stage beside it
_TERMINAL = "in a terminal (File → New → Terminal)"
# What would never end in a cell, and what to type instead.
_ELSEWHERE = {
    "port-forward": f"use cluster.exec(pod, 'curl', …), or run it {_TERMINAL}",
    "proxy": "cluster.request('GET', path) asks the API server directly",
    "edit": "write the manifest with %%manifest and apply it",
    "attach": "%kubectl logs shows what a container prints",
}
_OF_ONES_OWN_TERMINAL = ("exec", "run", "debug")
_FOLLOWING = {"get": ("-w", "--watch", "--watch-only"), "logs": ("-f", "--follow"), "events": ("-w", "--watch")}
_TELL_AT_ONCE = ("wait", "rollout", "drain", "delete")  # they take a while, and print no tables
_IN_BRACES = re.compile(r"(\{\{.*?\}\})", re.DOTALL)  # a go-template's


_heard: list[Callable[[str], None]] = []  # who wants to know which line runs


def hear(listener: Callable[[str], None]) -> None:
    """Tell `listener` of every line that runs from now on, its variables replaced, just before it does."""
    _heard.append(listener)


def expanded(line: str, variables: dict[str, Any]) -> str:
    """The line with {name} and $name replaced, as in every magic; {{…}} is a go-template's and stays as it is."""
    try:
        parts = _IN_BRACES.split(line)
        return "".join(
            part if number % 2 else DollarFormatter().vformat(part, [], dict(variables))
            for number, part in enumerate(parts)
        )
    except Exception:  # braces that are no expression of ours, such as those of a jsonpath or of JSON
        return line


def run(line: str, cell: str | None, cluster: Cluster) -> bool:
    """Run the line and show what it writes; whether it succeeded. Raises Problem for what a cell is not the place for.

    What follows (`get -w`, `logs -f`) is shown as it comes until it ends or is stopped.
    """
    line = line.strip().removeprefix("kubectl ")
    arguments = words(line)
    first = _first_command(arguments)
    verb = next((word for word in first if not word.startswith("-")), "")
    _check_place(verb, first, cluster)
    for listener in _heard:
        listener(f"kubectl {line}")
    follows = bool(set(_FOLLOWING.get(verb, ())) & set(first))
    said = _Said(at_once=follows or verb in _TELL_AT_ONCE)
    if follows:
        print("This goes on until you stop it: press ■, or I twice.", flush=True)
    timeout_s = None if follows else _LONGEST_WAIT_S
    try:
        code = cluster.kubectl_live(
            line if has_operators(line) else arguments, said.hear, stdin=cell, timeout_s=timeout_s
        )
    except KeyboardInterrupt:
        said.end()
        if not follows:
            raise Interrupted(f"Interrupted: kubectl {line}") from None
        print(f"Stopped: kubectl {line}", flush=True)
        return True
    said.end()
    if said.complaint:
        _hint(arguments, code, said.complaint, cluster)
    return code == 0


def _hint(arguments: list[str], code: int, complaint: str, cluster: Cluster) -> None:
    from statelab.notebook.magics.hints import hint, is_wanted  # who makes no slip does without them

    found = hint(_first_command(arguments), complaint, cluster) if is_wanted(code, complaint) else ""
    if found:
        tell("stderr", f"{found}\n")


def tell(name: str, text: str) -> None:
    """Write to "stdout" or "stderr", after all that was written before: a notebook gets the two on two ways, and shows
    what comes first."""
    (sys.stderr if name == "stdout" else sys.stdout).flush()
    end = getattr(sys, name)
    end.write(text)
    end.flush()


def _first_command(words: list[str]) -> list[str]:
    """Up to the first pipe or redirection, and without what a container is to run."""
    ends = [at for at, word in enumerate(words) if word == "--" or word[:1] in ("|", ">", "<", "&", ";")]
    return words[: ends[0]] if ends else words


def _check_place(verb: str, words: list[str], cluster: Cluster) -> None:
    if verb in _ELSEWHERE:
        raise Problem(f"kubectl {verb} would never end in a cell.", f"Instead: {_ELSEWHERE[verb]}.")
    if verb in _OF_ONES_OWN_TERMINAL and any(_asks_for_a_terminal(word) for word in words):
        once = "" if verb != "exec" else " For one command in a cell leave -it out: %kubectl exec web-0 -- ls /"
        raise Problem(
            f"kubectl {verb} -it needs a terminal, and a cell is none.",
            f"Run it {_TERMINAL}: kubectl -n {cluster.namespace} {shlex.join(words)} …{once}",
        )


def _asks_for_a_terminal(word: str) -> bool:
    if word.startswith("--"):
        return word in ("--tty", "--tty=true")
    return bool(re.fullmatch(r"-i?ti?", word))


class _Said:
    """What a line has written, in order: shown at once, or when it is whole; a wide table as one that fits its cell."""

    def __init__(self, *, at_once: bool) -> None:
        self._at_once = at_once
        self._parts: list[tuple[str, str]] = []
        self._last = "\n"
        self.complaint = ""  # the end of it

    def hear(self, name: str, text: str) -> None:
        if name == "stderr":
            self.complaint = (self.complaint + text)[-_COMPLAINT:]
        if self._at_once:
            self._show(name, text)
        elif self._parts and self._parts[-1][0] == name:
            self._parts[-1] = (name, self._parts[-1][1] + text)
        else:
            self._parts.append((name, text))

    def end(self) -> None:
        for name, text in self._parts:
            if name == "stdout" and max((len(each) for each in text.splitlines()), default=0) > _WIDEST:
                display({"text/plain": text.rstrip("\n"), "text/html": shown(text)}, raw=True)
                self._last = "\n"
            else:
                self._show(name, text)
        if not self._last.endswith("\n"):
            self._show("stdout", "\n")  # -o jsonpath ends no line: the next would stick to it

    def _show(self, name: str, text: str) -> None:
        tell(name, text)
        self._last = text or self._last
