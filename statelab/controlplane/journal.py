"""What survives: an append-only file in which every revision stands before it is acknowledged.

A line is a checksum, a space and a JSON record. The first record that does not check ends the file: it was being
written when the machine stopped. What follows it is set aside in a backup and cut, with a warning. Compaction writes
the state as a snapshot beside the journal and renames it into place.

A record reaches the operating system before the write is acknowledged, so killing the server loses nothing; it
reaches the disk itself at the latest `sync()` later, which the server calls about once a second and when it stops.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import zlib
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, NamedTuple

from statelab.controlplane.errors import ApiError
from statelab.controlplane.kinds import KINDS, Object, key_of
from statelab.controlplane.store import Cause, Revision, RevisionType, Store
from statelab.reader import jsonbytes

_APPEND = os.O_RDWR | os.O_APPEND | getattr(os, "O_BINARY", 0)  # Windows would change line ends
_sync = getattr(os, "fdatasync", os.fsync)  # macOS and Windows have no fdatasync
_COMPACT_ABOVE_BYTES = 64 * 1024 * 1024
# How `append_revision` begins a line. What is written otherwise (a name with a quote) is parsed as a whole: slower.
_HEAD = re.compile(
    rb'[0-9a-f]{8} \{"revision":(?P<number>\d+),"type":"(?P<type>[A-Z]+)","plural":"(?P<plural>[a-z0-9.-]+)",'
    rb'"key":"(?P<key>[^"\\]+)",'
)
_TYPES: dict[bytes, RevisionType] = {b"ADDED": "ADDED", b"MODIFIED": "MODIFIED", b"DELETED": "DELETED"}


class _Head(NamedTuple):
    """What stands before a revision's object."""

    number: int
    type: RevisionType
    plural: str
    key: str


class JournalLocked(Exception):
    """Another server uses this state folder."""


@dataclass
class Recovered:
    """What was found on disk: for the server to say, and for the volumes to take back."""

    revisions: int = 0
    warnings: list[str] = field(default_factory=list)
    volumes: dict[str, list[Object]] = field(default_factory=dict)  # volume name → change records, oldest first
    last_at_s: float = 0.0


class Journal:
    """The journal of one state folder. Holds the folder's lock until `close()`."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder = folder
        self.path = folder / "journal"
        # For its owner alone: another user who could open it could hold it.
        self._lock = os.open(folder / "lock", _APPEND | os.O_CREAT, 0o600)
        if sys.platform != "win32":
            os.fchmod(self._lock, 0o600)
        try:
            lock_file(self._lock)
        except OSError:
            os.close(self._lock)
            raise JournalLocked(f"{folder} is in use by another server") from None
        self._file = os.open(self.path, _APPEND | os.O_CREAT, 0o600)
        self._size = os.fstat(self._file).st_size
        self._unsynced = False
        self._reader: IO[bytes] | None = None  # the file as it was loaded, for the past that stands in it

    # ---- writing

    def append_revision(self, revision: Revision) -> None:
        self._append(
            {
                "revision": revision.number,
                "type": revision.type,
                "plural": revision.plural,
                "key": revision.key,
                "object": revision.object,
                "actor": revision.cause.actor,
                "why": revision.cause.why,
                "at": revision.at_s,
            }
        )

    def append_volume(self, volume: str, changes: list[Object]) -> None:
        """Changes to a volume's files (runtime.Volume.changes())."""
        self._append({"volume": volume, "changes": changes})

    def drop_volume(self, volume: str) -> None:
        self._append({"volume": volume, "dropped": True})

    def _append(self, record: Object) -> None:
        line = _line(record)
        try:
            written = os.write(self._file, line)
            if written != len(line):
                raise OSError("the disk took only a part")
        except OSError as error:
            # What was half written must go, or the next record would stand behind a torn one.
            os.ftruncate(self._file, self._size)
            message = f"the change was not stored: writing {self.path.name} failed: {error.strerror or error}"
            raise ApiError(507, "InsufficientStorage", message) from error
        self._size += len(line)
        self._unsynced = True

    def sync(self) -> None:
        """Make what was written outlive the machine, not only the process; what comes meanwhile is the next one's."""
        if self._unsynced:
            self._unsynced = False  # first: another thread may write while this one waits for the disk
            try:
                _sync(self._file)
            except OSError:
                self._unsynced = True
                raise

    def close(self) -> None:
        self.sync()
        os.close(self._file)
        os.close(self._lock)
        if self._reader is not None:
            self._reader.close()

    # ---- reading

    def load(self, store: Store) -> Recovered:
        """Fill an empty store from the journal; repair a torn end; compact a journal that has grown long.

        Only what is there now becomes objects. Of the past, the place in the file is kept: reading all of it again
        would take a second, and two hundred megabytes.
        """
        recovered = Recovered()
        objects: dict[tuple[str, str], Kept | Object] = {}  # what is there now, and where it stands
        history: deque[Kept] = deque()
        compacted = place = 0
        with open(self.path, "rb") as file:
            for line in file:
                if not _is_whole(line):
                    break
                head = _head(line)
                if not isinstance(head, _Head):
                    compacted = self._take(head, objects, recovered) or compacted
                else:
                    where = head.plural, head.key
                    last = objects.get(where)
                    before = (last.place, last.size) if isinstance(last, Kept) else last
                    kept = Kept(self, place, len(line), head.number, head.type, *where, before)
                    if kept.type == "DELETED":
                        objects.pop(where, None)
                    else:
                        objects[where] = kept
                    history.append(kept)
                    recovered.revisions += 1
                    if len(history) > store.history_limit:
                        compacted = history.popleft().number
                place += len(line)
        self._cut_torn_end(place, recovered)
        self._reader = open(self.path, "rb")  # noqa: SIM115 - open as long as the journal
        present = ((*where, each.object if isinstance(each, Kept) else each) for where, each in objects.items())
        store.take_over(present, history, compacted)
        if history:
            recovered.last_at_s = history[-1].at_s
        if self._size > _COMPACT_ABOVE_BYTES:
            self.compact(store, recovered.volumes)
        return recovered

    @staticmethod
    def _take(record: Object, objects: dict[tuple[str, str], Kept | Object], recovered: Recovered) -> int:
        """A record that is no revision: a volume's changes, or a part of a snapshot. The snapshot's revision, or 0."""
        if "snapshot" in record:
            return int(record["snapshot"])
        if "object" in record:
            objects[record["plural"], key_of(record["object"])] = record["object"]
        elif record.get("dropped"):
            recovered.volumes.pop(record["volume"], None)
        else:
            recovered.volumes.setdefault(record["volume"], []).extend(record["changes"])
        return 0

    def read(self, place: int, size: int) -> Any:
        """The record that stands at a place of the file as it was loaded."""
        assert self._reader is not None
        self._reader.seek(place)
        return jsonbytes.loads(self._reader.read(size)[9:])

    def compact(self, store: Store, volumes: dict[str, list[Object]]) -> None:
        """Replace the journal by the present state. `volumes`: every volume's whole content as change records."""
        fresh = self.path.with_suffix(".new")
        with open(fresh, "wb") as file:
            for plural in dict.fromkeys((*KINDS, *store.plurals)):
                for obj in store.list(plural):
                    file.write(_line({"plural": plural, "object": obj}))
            file.write(_line({"snapshot": store.revision}))
            for name, changes in volumes.items():
                file.write(_line({"volume": name, "changes": changes}))
            file.flush()
            os.fsync(file.fileno())
        os.close(self._file)
        if sys.platform == "win32" and self._reader is not None:
            # An open file cannot be replaced there, and what can be read in it only is forgotten.
            self._reader.close()
            store.history.clear()
            store.compacted = store.revision
        os.replace(fresh, self.path)
        self._file = os.open(self.path, _APPEND)
        self._size = os.fstat(self._file).st_size

    def _cut_torn_end(self, good: int, recovered: Recovered) -> None:
        """`good`: how many bytes are whole records."""
        if good == self._size:
            return
        backup = self.path.with_suffix(f".torn-{good}")
        shutil.copyfile(self.path, backup)
        os.ftruncate(self._file, good)
        recovered.warnings.append(
            f"the journal's last {self._size - good} bytes were not whole and were cut; a copy is {backup.name}"
        )
        self._size = good


@dataclass(frozen=True, slots=True)
class Kept:
    """A revision that stands in the journal (store.Past). What it holds is read when it is asked for."""

    journal: Journal
    place: int
    size: int
    number: int
    type: RevisionType
    plural: str
    key: str
    before: tuple[int, int] | Object | None  # where the previous one stands, or what the snapshot had

    @property
    def object(self) -> Object:
        found: Object = self.journal.read(self.place, self.size)["object"]
        return found

    @property
    def previous(self) -> Object | None:
        if not isinstance(self.before, tuple):
            return self.before
        found: Object = self.journal.read(*self.before)["object"]
        return found

    @property
    def cause(self) -> Cause:
        record = self.journal.read(self.place, self.size)
        return Cause(record["actor"], record["why"])

    @property
    def at_s(self) -> float:
        return float(self.journal.read(self.place, self.size)["at"])


def lock_file(file: int) -> None:
    """Lock a file until it is closed or the process ends. Raises OSError when another process has the lock."""
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _head(line: bytes) -> _Head | Object:
    """The head of a revision, or a record that is none."""
    found = _HEAD.match(line)
    if found is not None:
        return _Head(int(found["number"]), _TYPES[found["type"]], found["plural"].decode(), found["key"].decode())
    record: Object = jsonbytes.loads(line[9:])
    if "revision" not in record:
        return record
    return _Head(int(record["revision"]), record["type"], record["plural"], record["key"])


def _line(record: Object) -> bytes:
    body = jsonbytes.dumps(record)
    return b"%08x %b\n" % (zlib.crc32(body), body)


def _is_whole(line: bytes) -> bool:
    if len(line) < 11 or not line.endswith(b"\n") or line[8:9] != b" ":
        return False
    try:
        return int(line[:8], 16) == zlib.crc32(line[9:-1])
    except ValueError:
        return False
