"""Where a script's shell is replaced by another script: `exec sh /ledger/ledger.sh`. That one is PID 1 then, and its
traps are what a signal sets off; the same for `. file`, whose traps are the shell's own.

A shell of the sandbox is not replaced: it reads the other script itself and ends with it, which cannot be told apart.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

_SHELL = r"(?:(?:busybox|/bin/busybox)[ \t]+)?(?:(?:/usr)?/bin/)?(?:sh|bash|ash|dash)"
_OPTIONS = r"(?P<options>(?:-[eux]+[ \t]+)*)"
_FILE = r"(?P<quote>['\"]?)(?P<file>[\w./-]+)(?P=quote)(?P<arguments>(?:[ \t]+[\w./:=@,+-]+)*)"
_BEGINS = r"(?:^|(?<=[;{])|(?<=&&)|(?<=\|\|)|(?<=\bthen\b)|(?<=\belse\b)|(?<=\bdo\b))[ \t]*"
_REDIRECTED = r"(?P<redirected>(?:[ \t]*[12]?>>?(?:&[12]|[ \t]*[\w./-]+))*)"
_ENDS = r"(?=[ \t]*(?:$|[;})]|&&|\|\|))"
_EXECUTES = re.compile(
    rf"{_BEGINS}exec[ \t]+(?P<shell>{_SHELL}[ \t]+)?{_OPTIONS}{_FILE}{_REDIRECTED}{_ENDS}", re.MULTILINE
)
_READS = re.compile(rf"{_BEGINS}(?:\.|source)[ \t]+{_FILE}{_REDIRECTED}{_ENDS}", re.MULTILINE)
# The last command of `sh -c` is executed in the shell's place as well, without that word: ash.c, EV_EXIT. A shell that
# has traps of its own waits for it.
_LAST = re.compile(rf"{_BEGINS}(?P<shell>{_SHELL}[ \t]+)?{_OPTIONS}{_FILE}{_REDIRECTED}\s*\Z", re.MULTILINE)
_GOES_TO = re.compile(rf"{_BEGINS}cd[ \t]+['\"]?([\w./-]+)", re.MULTILINE)
_RUNS = re.compile(rf"(?:^|[;{{(&|]|\b(?:then|else|do)\b)[ \t]*{_SHELL}[ \t]+{_OPTIONS}{_FILE}", re.MULTILINE)
_TRAPS = re.compile(r"\btrap\b")


@dataclass(frozen=True, slots=True)
class HandedOver:
    """`script`: what does the same in one shell. `texts`: of the scripts that it becomes, or reads; `children`: of
    those that it runs in shells of their own.
    """

    script: str
    texts: tuple[str, ...] = ()
    children: tuple[str, ...] = ()


def handed_over(script: str, read: Callable[[str, bool], str | None], *, is_line: bool) -> HandedOver:
    """`read(path, by_name)`: the text of a shell script, run by its name or by a shell; None where it is none.

    `is_line`: of `sh -c`, whose last command replaces the shell.
    """
    texts: list[str] = []

    def text_of(found: re.Match[str], by_name: bool) -> str | None:
        text = read(_path(found), by_name)
        texts.extend([] if text is None else [text])
        return text

    def becomes(found: re.Match[str]) -> str:
        if text_of(found, found["shell"] is None) is None:
            return found[0]
        settings = "".join(f"set {each}; " for each in found["options"].split())
        block = f"{{ {settings}set -- {found['arguments'].strip()}; . {_here(found['file'])}; exit $?; }}"
        return f" {block}{found['redirected']}"

    changed = _EXECUTES.sub(becomes, script)
    if is_line and not _TRAPS.search(script):
        changed = _LAST.sub(becomes, changed)
    for found in _READS.finditer(script):
        text_of(found, False)
    children = [read(_path(found), False) for found in _RUNS.finditer(script)]
    return HandedOver(changed, tuple(texts), tuple(each for each in children if each is not None))


def _path(found: re.Match[str]) -> str:
    """The file, from where the script has gone before."""
    folder = ""
    for each in _GOES_TO.finditer(found.string[: found.start()]):
        folder = each[1] if each[1].startswith("/") else f"{folder}/{each[1]}".lstrip("/")
    file: str = found["file"]
    if file.startswith("/") or not folder:
        return file
    return f"{folder.rstrip('/')}/{file.removeprefix('./')}"


def _here(file: str) -> str:
    """As `.` wants it: a name without a slash would be looked for in $PATH."""
    return file if "/" in file else f"./{file}"
