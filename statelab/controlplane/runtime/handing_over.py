"""Where a script's shell is replaced by another script: `exec sh /ledger/ledger.sh`. That one is PID 1 then, and its
traps are what a signal sets off; the same for `. file`, whose traps are the shell's own.

A shell of the sandbox is not replaced: it reads the other script itself and ends with it, which cannot be told apart.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

_SHELL = r"(?:(?:/usr)?/bin/)?(?:sh|bash|ash|dash)"
_FILE = r"(?P<file>[\w./-]+)(?P<arguments>(?:[ \t]+[\w./:=@,+-]+)*)"
_BEGINS = r"(?:^|(?<=[;{])|(?<=&&)|(?<=\|\|)|(?<=\bthen\b)|(?<=\belse\b)|(?<=\bdo\b))[ \t]*"
_ENDS = r"(?=[ \t]*(?:$|[;})]|&&|\|\|))"
_EXECUTES = re.compile(rf"{_BEGINS}exec[ \t]+(?P<shell>{_SHELL}[ \t]+)?{_FILE}{_ENDS}", re.MULTILINE)
_READS = re.compile(rf"{_BEGINS}(?:\.|source)[ \t]+{_FILE}{_ENDS}", re.MULTILINE)
# The last command of `sh -c` is executed in the shell's place as well, without that word: ash.c, EV_EXIT. A shell that
# has traps of its own waits for it.
_LAST = re.compile(rf"{_BEGINS}(?P<shell>{_SHELL}[ \t]+)?{_FILE}\s*\Z", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class HandedOver:
    """`script`: what does the same in one shell. `texts`: of the scripts that it becomes, or reads."""

    script: str
    texts: tuple[str, ...]


def handed_over(script: str, read: Callable[[str, bool], str | None], *, is_line: bool) -> HandedOver:
    """`read(path, by_name)`: the text of a shell script, run by its name or by a shell; None where it is none.

    `is_line`: of `sh -c`, whose last command replaces the shell.
    """
    texts: list[str] = []

    def becomes(found: re.Match[str]) -> str:
        text = read(found["file"], found["shell"] is None)
        if text is None:
            return found[0]
        texts.append(text)
        parameters = found["arguments"].strip()
        return f" {{ set -- {parameters}; . {found['file']}; exit $?; }}"

    changed = _EXECUTES.sub(becomes, script)
    if is_line and not re.search(r"\btrap\b", script):
        changed = _LAST.sub(becomes, changed)
    for found in _READS.finditer(script):
        text = read(found["file"], False)
        if text is not None:
            texts.append(text)
    return HandedOver(changed, tuple(texts))
