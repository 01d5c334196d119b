"""What earlier versions, or a time before the course was here, left somewhere else comes into the learner's one home.

A `.statelab` in the folder of an assignment was a cluster and a record of its own. It is stopped, what it holds is kept
in the home, and what was done there counts.
"""

from __future__ import annotations

import json
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

from statelab.cluster.my_courses import data_folder
from statelab.cluster.paths import STATE, Home, is_in_an_assignment, make_private

_RECORD = "progress.json"


def bring_home(home: Home, start: Path | None = None) -> list[Path]:
    """Bring what lies in `start` (the current folder), and in the home without a course, to `home`; what was brought.

    What cannot be moved stays where it is: a lesson goes on.
    """
    brought: list[Path] = []
    with suppress(OSError):
        here = (start or Path.cwd()).resolve()
        strays = [here / STATE] if is_in_an_assignment(here) else []
        if home.has_course:
            strays.append(data_folder() / "home" / STATE)
        brought = [each for each in strays if each.is_dir() and each != home.folder]
        for each in brought:
            _bring(each, home)
    return brought


def _bring(stray: Path, home: Home) -> None:
    from statelab.cluster import local

    old = Home(stray.parent)
    if old.folder == stray:
        local.stop(old)
    make_private(home.folder)
    _merge(stray / _RECORD, home.folder / _RECORD)
    if not home.state.exists() and (stray / "state").is_dir():
        for each in ("state", "server.json", "kubeconfig"):  # as it was: the kubeconfig stays good
            with suppress(FileNotFoundError):
                shutil.move(stray / each, home.folder / each)
    # The rest, or a second cluster, is set aside: nothing is lost.
    number, aside = 1, home.folder / f"from-{stray.parent.name}"
    while aside.exists():
        number += 1
        aside = home.folder / f"from-{stray.parent.name}-{number}"
    shutil.move(stray, aside)
    make_private(aside)


def _merge(old: Path, mine: Path) -> None:
    """Add what another record has to the learner's: of two scores the better one, else what stands there already."""
    theirs, ours = _read(old), _read(mine)
    if not theirs:
        return
    for section, entries in theirs.items():
        if not isinstance(entries, dict):
            continue
        kept = ours.setdefault(section, {})
        for key, value in entries.items():
            if key not in kept or _score(value) > _score(kept[key]):
                kept[key] = value
    fresh = mine.with_suffix(".brought.new")
    fresh.touch(0o600)
    fresh.write_text(json.dumps(ours, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    fresh.replace(mine)


def _score(value: Any) -> float:
    score = value.get("score") if isinstance(value, dict) else None
    return float(score) if isinstance(score, int | float) else 0.0


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) and all(isinstance(each, dict) for each in found.values()) else {}
