"""What a learner has done: predictions made, tasks passed, lessons run. One readable JSON file beside the course.

The file is `.statelab/progress.json` in the learner's one home, wherever the notebook lies. It can be read, carried to
another machine, and deleted.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from statelab.cluster import find_home
from statelab.cluster.takeover import bring_home


def path() -> Path:
    return find_home().folder / "progress.json"


def read() -> dict[str, Any]:
    """The whole record; empty where there is none or it cannot be read (a broken file is set aside, never lost)."""
    bring_home(find_home())
    try:
        found = json.loads(path().read_text(encoding="utf-8"))
    except OSError:
        return {}
    except ValueError:
        found = None
    if not isinstance(found, dict):
        with suppress(OSError):
            path().replace(path().with_suffix(".broken.json"))
        return {}
    return found


def record(section: str, key: str, value: Any) -> None:
    """Write one thing down: `record("predictions", "04-kill", [...])`. The file is replaced whole or not at all.

    In a folder that cannot be written, the record is lost and nothing else: a lesson goes on.
    """
    everything = read()
    if not isinstance(everything.get(section), dict):
        everything[section] = {}
    everything[section][key] = value
    fresh = path().with_suffix(f".{os.getpid()}.new")
    with suppress(OSError):
        path().parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh.touch(0o600)
        fresh.write_text(json.dumps(everything, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        fresh.replace(path())


def record_best(section: str, key: str, score: float, most: float) -> None:
    """Write a score down, unless a better one is there already."""
    kept = get(section, key)
    before = kept.get("score") if isinstance(kept, dict) else None
    if not isinstance(before, int | float) or score >= before:
        record(section, key, {"score": score, "of": most})


def lesson_ended(number: str) -> None:
    """The last cell of lesson `number` ("04") ran just now."""
    record("lessons", number, datetime.now(UTC).isoformat(timespec="seconds"))


def reset() -> bool:
    """Begin the record again; whether there was one. The old one is kept as `progress.before-reset.json`."""
    if not path().exists():
        return False
    path().replace(path().with_suffix(".before-reset.json"))
    return True


def get(section: str, key: str) -> Any:
    found = read().get(section)
    return found.get(key) if isinstance(found, dict) else None
