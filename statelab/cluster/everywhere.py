"""All embedded clusters of this user on this machine, whatever folder they are for, also those whose folder is gone."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from statelab.cluster import process

_STOP_WITHIN_S = 10.0


@dataclass(frozen=True)
class Running:
    """A server's process. `folder`: where it keeps the cluster; `url` is "" where that folder does not tell it."""

    pid: int
    folder: Path
    url: str

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "folder": str(self.folder)}

    def __str__(self) -> str:
        gone = "" if self.folder.is_dir() else " (which is gone)"
        return f"process {self.pid}{f' at {self.url}' if self.url else ''}, for {self.folder}{gone}"


def mine() -> list[Running]:
    """Those that were started in the background, by process number."""
    import psutil

    found = []
    for each in psutil.process_iter(["pid", "cmdline", "username"]):
        folder = _folder_of(each.info["cmdline"] or [])
        if folder is not None and each.info["username"] == _me(psutil):
            found.append(Running(each.info["pid"], folder, _url(folder, each.info["pid"])))
    return sorted(found, key=lambda running: running.pid)


def stop(running: Running) -> bool:
    """End one; whether it is gone. What it holds is kept."""
    if not process.was_started_with(running.pid, "serve", str(running.folder / "state")):
        return True  # it has ended meanwhile, and its number may be another's
    return process.end(running.pid, _STOP_WITHIN_S)


def _folder_of(words: list[str]) -> Path | None:
    """The home's folder of a command line that local.py made; None for any other."""
    if "serve" not in words or "--server-file" not in words[:-1]:
        return None
    program = words[words.index("serve") - 1]
    if os.path.basename(program) not in ("statelab", "statelab.exe"):
        return None
    return Path(words[words.index("--server-file") + 1]).parent


def _me(psutil: Any) -> str:
    return str(psutil.Process().username())


def _url(folder: Path, pid: int) -> str:
    try:
        about = json.loads((folder / "server.json").read_text(encoding="utf-8"))
        return str(about["url"]) if about["pid"] == pid else ""
    except (OSError, ValueError, KeyError, TypeError):
        return ""
