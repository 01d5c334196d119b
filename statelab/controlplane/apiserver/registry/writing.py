"""How a write is asked for: by whom and why, whether it is only tried, and what the client is told beside it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from statelab.controlplane.store import Cause
from statelab.controlplane.users import User

Operation = Literal["Apply", "Update"]  # how managedFields tells a write


@dataclass(frozen=True)
class WriteOptions:
    """How a write is asked for. `warnings` gathers what the client should be told beside the answer."""

    cause: Cause
    dry_run: bool = False
    field_manager: str = ""
    force: bool = False
    field_validation: Literal["Strict", "Warn", "Ignore"] = "Warn"
    internal: bool = False  # by a component of the control plane: the object was built here, not decoded
    warnings: list[str] = field(default_factory=list)
    user: User | None = None  # who asks for it; None is the control plane itself
    admitted: bool = False  # policies have had their say on what this is a part of (an eviction)
