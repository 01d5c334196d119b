"""Which volumes are free, and which a claim has: so that nobody reads a thousand volumes to find one.

Kept up to date volume by volume; the volume controller and the scheduler have one each. It is a memory of what the
store says, never the truth.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from statelab.controlplane.kinds import Object, key_of
from statelab.controlplane.store import Revision


def claim_of(volume: Object) -> str | None:
    """The key of the claim a volume's claimRef names."""
    reference = volume["spec"].get("claimRef")
    return f"{reference.get('namespace')}/{reference.get('name')}" if reference is not None else None


class VolumeIndex:
    """Volumes by the claim that their claimRef names."""

    def __init__(self, volumes: Iterable[Object] = ()) -> None:
        self._free: dict[str, None] = {}
        self._reserved: dict[str, dict[str, None]] = {}  # claim key → names of volumes
        for volume in volumes:
            self.put(volume)

    def note(self, revision: Revision) -> None:
        """A volume was written."""
        if revision.previous is not None:
            self.drop(revision.previous)
        if revision.type != "DELETED":
            self.put(revision.object)

    def put(self, volume: Object) -> None:
        name, claim = volume["metadata"]["name"], claim_of(volume)
        if claim is None:
            self._free[name] = None
        else:
            self._reserved.setdefault(claim, {})[name] = None

    def drop(self, volume: Object) -> None:
        name, claim = volume["metadata"]["name"], claim_of(volume)
        if claim is None:
            self._free.pop(name, None)
        else:
            names = self._reserved.get(claim, {})
            names.pop(name, None)
            if not names:
                self._reserved.pop(claim, None)

    def reserved(self, claim_key: str) -> list[str]:
        """The names of the volumes whose claimRef names that claim."""
        return list(self._reserved.get(claim_key, ()))

    def candidates(self, claims: Iterable[Object], get: Callable[[str, str], Object | None]) -> list[Object]:
        """The volumes that one of the claims might have: those reserved for it, and the free. `get`: a reader's."""
        names = [name for claim in claims for name in self.reserved(key_of(claim))]
        return [volume for name in (*names, *self._free) if (volume := get("persistentvolumes", name)) is not None]
