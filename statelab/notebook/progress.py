"""What a learner has done: predictions made, tasks passed, lessons run. One readable JSON file beside the course.

The file is `.statelab/progress.json`. It can be read, carried to another machine, and deleted.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from statelab.cluster import find_home


def path() -> Path:
    return find_home().folder / "progress.json"


def read() -> dict[str, Any]:
    """The whole record; empty where there is none or it cannot be read (a broken file is set aside, never lost)."""
    try:
        found = json.loads(path().read_text())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError):
        path().replace(path().with_suffix(".broken.json"))
        return {}
    return found if isinstance(found, dict) else {}


def record(section: str, key: str, value: Any) -> None:
    """Write one thing down: `record("predictions", "04-kill", [...])`. The file is replaced whole or not at all."""
    everything = read()
    everything.setdefault(section, {})[key] = value
    path().parent.mkdir(parents=True, exist_ok=True)
    fresh = path().with_suffix(f".{os.getpid()}.new")
    fresh.write_text(json.dumps(everything, indent=1, ensure_ascii=False) + "\n")
    fresh.replace(path())


def get(section: str, key: str) -> Any:
    return read().get(section, {}).get(key)
