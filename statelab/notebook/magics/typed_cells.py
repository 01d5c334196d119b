"""Cells as they are typed in a terminal or copied from a page: kubectl lines without %, behind a prompt, with a
here-document. Where a cell is no Python, and with %kubectl in those lines it is, it means that."""

from __future__ import annotations

import ast
import re
import sys
from typing import Any

from IPython.core.inputtransformer2 import TransformerManager

from statelab.reader.spelling import nearest

_TYPED = re.compile(r"(\s*)(?:[$#>❯]\s+)?(?:sudo\s+)?(?:kubectl|k)(\s+(?![=+*/.,:(\[|&<>-]\s)\S.*|\s*)\Z", re.DOTALL)
_HERE = re.compile(r"\s*(?:[%$!]\s*)?kubectl\s+(?P<line>[^|<>]*?)\s*<<-?\s*(?P<quote>['\"]?)(?P<end>\w+)(?P=quote)\s*")
_CAT = re.compile(
    r"\s*[$!]?\s*cat\s+<<-?\s*(?P<quote>['\"]?)(?P<end>\w+)(?P=quote)\s*\|\s*kubectl\s+(?P<line>[^|<>]*?)\s*"
)
_NO_MAGIC = re.compile(r"magic (?:function )?`(%%?)(\w*)` not found")
_OURS = ("kubectl", "manifest", "why")
_MEANT = "Did you mean {magic}?"


def keep_reading(shell: Any) -> None:
    """Let this shell read such cells from now on, and name the magic of ours that a misspelt one is near to."""
    shell.input_transformers_cleanup.append(as_meant)
    show = shell.show_usage_error

    def show_and_hint(error: Exception) -> None:
        show(error)
        meant = near_magic(str(error))
        if meant:
            print(_MEANT.format(magic=meant), file=sys.stderr)

    shell.show_usage_error = show_and_hint


def as_meant(lines: list[str]) -> list[str]:
    """The lines of a cell with %kubectl where that is meant; the same lines where it is not, or cannot be told."""
    document = _here_document(lines)
    if document:
        return document
    if not any(_TYPED.match(line) for line in lines) or _is_python(lines):
        return lines
    meant: list[str] = []
    goes_on = False
    for line in lines:
        found = None if goes_on or "<<" in line else _TYPED.match(line)
        meant.append(f"{found[1]}%kubectl{found[2]}" if found else line)
        goes_on = line.rstrip("\r\n").endswith("\\")
    return meant if _is_python(meant) else lines


def near_magic(complaint: str) -> str:
    """`%kubectl`, where IPython knows no magic `%kubctl`; "" where none of ours is near."""
    found = _NO_MAGIC.search(complaint)
    if not found:
        return ""
    name = found[2].lower()
    meant = "kubectl" if name in ("", "k", "kubectl") else nearest(name, _OURS)
    return f"{found[1]}{meant}" if meant else ""


def _here_document(lines: list[str]) -> list[str]:
    """`kubectl apply -f - <<EOF` and `cat <<EOF | kubectl apply -f -`, if they are a whole cell, as its magic."""
    begins = next((at for at, line in enumerate(lines) if line.strip()), 0)
    found = (_HERE.fullmatch(lines[begins]) or _CAT.fullmatch(lines[begins])) if lines else None
    if not found:
        return []
    ends = next((at for at, line in enumerate(lines) if at > begins and line.strip() == found["end"]), None)
    if ends is None or any(line.strip() for line in lines[ends + 1 :]):
        return []
    return [f"%%kubectl {found['line']}\n", *lines[begins + 1 : ends]]


def _is_python(lines: list[str]) -> bool:
    try:
        ast.parse(TransformerManager().transform_cell("".join(lines)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True
