"""The course's folder has to be closed to who learns from it: nothing is made or graded in one that others can read."""

from __future__ import annotations

from pathlib import Path

from statelab import others


def problem(root: Path, go_on: str) -> str | None:
    """What is wrong with the folder, and what to do; None where it is closed or nobody else is here. `go_on`: how."""
    found = others.readable(root) if others.are_here() else []
    if not found:
        return None
    return (
        f"other users of this machine can read {', '.join(found)} in {root}.\n"
        f"Close the folder:  chmod go-rwx '{root}'\n"
        f"Or go on as it is:  {go_on}"
    )
