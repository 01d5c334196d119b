"""Who is in the class: a hand-in of somebody who is not is graded like any other, and marked in every report."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from statelab.reader import jsonbytes


def strangers(known: Mapping[str, bool], folder: Path, students: Collection[str]) -> frozenset[str]:
    """Those of `students` who are not in the class list; nobody, where there is none.

    `known`: the gradebook's students before this run, and whether it has a name or an address for them. Grading adds
    who hands in to the gradebook, so who was added is kept in `folder`.
    """
    path = folder / "added.json"
    added = _read(path) | (set(students) - set(known))
    if any(each not in _read(path) for each in added):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_bytes(jsonbytes.dumps(sorted(added)))
    named = {student for student, has_name in known.items() if has_name}
    listed = named or set(known) - added
    return frozenset(set(students) - listed) if listed else frozenset()


def _read(path: Path) -> set[str]:
    try:
        return {str(each) for each in jsonbytes.loads(path.read_bytes())}
    except (OSError, ValueError, TypeError):
        return set()
