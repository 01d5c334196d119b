"""What watches told, in the order in which it happened: the history of a cluster that keeps none.

One clock, ours. A watch tells of its own kind in order and may be later than another's, so what came is put where its
resourceVersion belongs, and it happened no later than anything with a higher one was heard of. Creation times are the
server's and in whole seconds: they are used for what was there before anybody looked, and for nothing else.
Source: resourceVersions of all kinds can be compared (KEP-5504).
"""

from __future__ import annotations

from datetime import datetime

from statelab.controlplane.kinds import Object, key_of
from statelab.notebook.pictures.history import Moment

_MOST = 20_000


class Recording:
    """The moments of one namespace. `moments` are in order; `Moment.number` counts them as they came."""

    def __init__(self) -> None:
        self.moments: list[Moment] = []
        self._newest = 0
        self._found = 0  # up to this number it was there before

    def found(self, plural: str, obj: Object, now_s: float) -> None:
        """What is there when recording begins: of each object its last state, from its creation on."""
        self._append("ADDED", plural, obj, number_of(obj), min(_created_s(obj, now_s), now_s))

    def begin(self) -> None:
        """All has been found: what is told from now on happens now."""
        self.moments.sort(key=lambda moment: moment.at_s)  # they were listed kind by kind
        self._found = self._newest

    def told(self, type: str, plural: str, obj: Object, now_s: float, version: int = 0) -> None:
        """A change, heard of at `now_s`. `version` where it is not the object's own: a deletion seen in a list."""
        self._put(type, plural, obj, version or number_of(obj), now_s, now_s)

    def met(self, plural: str, obj: Object, now_s: float) -> None:
        """A new object that a later list has, after a time in which nothing was heard: it came within that time."""
        self._put("ADDED", plural, obj, number_of(obj), _created_s(obj, now_s), now_s)

    def _put(self, type: str, plural: str, obj: Object, version: int, guess_s: float, now_s: float) -> None:
        place = len(self.moments)
        while place and version and self._is_later(self.moments[place - 1], version):
            place -= 1
        latest_s = self.moments[place].at_s if place < len(self.moments) else now_s
        earliest_s = self.moments[place - 1].at_s if place else 0.0
        self._append(type, plural, obj, version, max(earliest_s, min(guess_s, latest_s)), place)

    def _is_later(self, moment: Moment, version: int) -> bool:
        return moment.number > self._found and moment.version > version

    def _append(self, type: str, plural: str, obj: Object, version: int, at_s: float, place: int | None = None) -> None:
        self._newest += 1
        moment = Moment(self._newest, type, plural, key_of(obj), obj, "", "", at_s, version)
        self.moments.insert(len(self.moments) if place is None else place, moment)
        if len(self.moments) > _MOST:
            del self.moments[: _MOST // 10]


def number_of(obj: Object) -> int:
    """Its resourceVersion, as it can be compared where etcd gave it; 0 for one that is no number."""
    version = str(obj["metadata"].get("resourceVersion") or "")
    return int(version) if version.isdigit() else 0


def _created_s(obj: Object, otherwise: float) -> float:
    created = obj["metadata"].get("creationTimestamp")
    return datetime.fromisoformat(created.replace("Z", "+00:00")).timestamp() if created else otherwise
