"""What this folder remembers of the kind cluster it made: enough to know it again, and to touch no other."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from statelab.cluster.engine import Node
from statelab.cluster.paths import Home

DEFAULT_NAME = "statelab"
_CREATED_WITHIN = timedelta(minutes=35)  # as long as kind is given, and a little
_CLOCKS_DIFFER = timedelta(seconds=5)  # Docker Desktop's machine has a clock of its own


@dataclass(frozen=True)
class Record:
    """A kind cluster of this folder. `nodes`: container ids, {} while it is being created; `began_at`: RFC 3339."""

    name: str
    engine: str
    node_image: str
    began_at: str
    nodes: dict[str, str] = field(default_factory=dict)
    images: list[str] = field(default_factory=list)  # those its nodes were given
    users_kubeconfigs: list[str] = field(default_factory=list)  # the user's own files that may name it

    @property
    def is_whole(self) -> bool:
        return bool(self.nodes)

    @property
    def context(self) -> str:
        return f"kind-{self.name}"

    def owns(self, nodes: Sequence[Node]) -> bool:
        """Whether these are the containers we made. A name proves nothing: anybody may call theirs statelab.

        One that was broken off has no ids yet: what was created under its name while it was being made is ours.
        """
        if self.is_whole:
            return {node.id for node in nodes} <= set(self.nodes.values())
        began = datetime.fromisoformat(self.began_at)
        return all(began - _CLOCKS_DIFFER <= _time(node.created) <= began + _CREATED_WITHIN for node in nodes)

    def with_nodes(self, nodes: Sequence[Node]) -> Record:
        return replace(self, nodes={node.name: node.id for node in nodes})


def kubeconfig_of(home: Home) -> Path:
    """The kubeconfig of this folder's kind cluster: a file of its own, not the user's."""
    return home.folder / "kind-kubeconfig"


def read(home: Home) -> Record | None:
    """The record of this folder's kind cluster, if it made one."""
    try:
        found = json.loads(_path(home).read_text(encoding="utf-8"))
        return Record(**{name: found[name] for name in Record.__dataclass_fields__ if name in found})
    except (OSError, ValueError, TypeError):
        return None


def write(home: Home, record: Record) -> None:
    """Keep the record, whole or not at all."""
    home.folder.mkdir(parents=True, exist_ok=True)
    fresh = _path(home).with_suffix(".new")
    fresh.write_text(json.dumps(asdict(record), indent=1) + "\n", encoding="utf-8")
    os.replace(fresh, _path(home))


def forget(home: Home) -> None:
    """There is no such cluster any more."""
    for path in (_path(home), kubeconfig_of(home)):
        with suppress(FileNotFoundError):
            path.unlink()


def _path(home: Home) -> Path:
    return home.folder / "kind.json"


def _time(text: str) -> datetime:
    """A time as Docker (nanoseconds, Z) or Podman (nanoseconds, +02:00) writes it."""
    head, dot, tail = text.partition(".")
    if dot:
        digits = len(tail) - len(tail.lstrip("0123456789"))
        text = f"{head}.{tail[:digits][:6].ljust(6, '0')}{tail[digits:]}"
    return datetime.fromisoformat(text.replace("Z", "+00:00"))
