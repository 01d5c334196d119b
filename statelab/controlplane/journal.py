"""What survives: an append-only file in which every revision stands before it is acknowledged.

A line is a checksum, a space and a JSON record. The first record that does not check ends the file: it was being
written when the machine stopped. What follows it is set aside in a backup and cut, with a warning. Compaction writes
the state as a snapshot beside the journal and renames it into place.

A record reaches the operating system before the write is acknowledged, so killing the server loses nothing; it
reaches the disk itself at the latest `sync()` later, which the server calls about once a second and when it stops.
"""

from __future__ import annotations

import os
import shutil
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import orjson

from statelab.controlplane.errors import ApiError
from statelab.controlplane.kinds import KINDS, Object, key_of
from statelab.controlplane.store import Cause, Revision, Store

_APPEND = os.O_RDWR | os.O_APPEND | getattr(os, "O_BINARY", 0)  # Windows would change line ends
_sync = getattr(os, "fdatasync", os.fsync)  # macOS and Windows have no fdatasync
_COMPACT_ABOVE_BYTES = 64 * 1024 * 1024


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
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.path = folder / "journal"
        self._lock = open(folder / "lock", "a")  # noqa: SIM115 - held as long as the journal is open
        try:
            _lock(self._lock)
        except OSError:
            self._lock.close()
            raise JournalLocked(f"{folder} is in use by another server") from None
        self._file = os.open(self.path, _APPEND | os.O_CREAT, 0o600)
        self._size = os.fstat(self._file).st_size
        self._unsynced = False

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
        """Make what was written outlive the machine, not only the process."""
        if self._unsynced:
            _sync(self._file)
            self._unsynced = False

    def close(self) -> None:
        self.sync()
        os.close(self._file)
        self._lock.close()

    # ---- reading

    def load(self, store: Store) -> Recovered:
        """Fill an empty store from the journal; repair a torn end; compact a journal that has grown long."""
        recovered = Recovered()
        self._cut_torn_end(recovered)
        previous: dict[tuple[str, str], Object] = {}
        for record in self._records():
            if "snapshot" in record:
                store.revision = store.compacted = record["snapshot"]
            elif "volume" in record:
                self._take_volume(record, recovered)
            elif "object" in record and "revision" not in record:
                _restore_snapshot_object(store, record)
                previous[record["plural"], key_of(record["object"])] = record["object"]
            else:
                where = (record["plural"], record["key"])
                revision = Revision(
                    record["revision"], record["type"], *where, record["object"], previous.get(where),
                    Cause(record["actor"], record["why"]), record["at"],
                )  # fmt: skip
                store.restore(revision)
                if revision.type == "DELETED":
                    previous.pop(where, None)
                else:
                    previous[where] = revision.object
                recovered.revisions += 1
                recovered.last_at_s = max(recovered.last_at_s, revision.at_s)
        if self._size > _COMPACT_ABOVE_BYTES:
            self.compact(store, recovered.volumes)
        return recovered

    def compact(self, store: Store, volumes: dict[str, list[Object]]) -> None:
        """Replace the journal by the present state. `volumes`: every volume's whole content as change records."""
        fresh = self.path.with_suffix(".new")
        with open(fresh, "wb") as file:
            for plural in KINDS:
                for obj in store.list(plural):
                    file.write(_line({"plural": plural, "object": obj}))
            file.write(_line({"snapshot": store.revision}))
            for name, changes in volumes.items():
                file.write(_line({"volume": name, "changes": changes}))
            file.flush()
            os.fsync(file.fileno())
        os.replace(fresh, self.path)
        os.close(self._file)
        self._file = os.open(self.path, _APPEND)
        self._size = os.fstat(self._file).st_size

    @staticmethod
    def _take_volume(record: Object, recovered: Recovered) -> None:
        if record.get("dropped"):
            recovered.volumes.pop(record["volume"], None)
        else:
            recovered.volumes.setdefault(record["volume"], []).extend(record["changes"])

    def _records(self) -> Iterator[Any]:
        with open(self.path, "rb") as file:
            for line in file:
                yield orjson.loads(line[9:])

    def _cut_torn_end(self, recovered: Recovered) -> None:
        good = 0
        with open(self.path, "rb") as file:
            for line in file:
                if not _is_whole(line):
                    break
                good += len(line)
        if good == self._size:
            return
        backup = self.path.with_suffix(f".torn-{good}")
        shutil.copyfile(self.path, backup)
        os.ftruncate(self._file, good)
        recovered.warnings.append(
            f"the journal's last {self._size - good} bytes were not whole and were cut; a copy is {backup.name}"
        )
        self._size = good


def _lock(file: IO[str]) -> None:
    """Lock a file until it is closed or the process ends. Raises OSError when another process has the lock."""
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _line(record: Object) -> bytes:
    body = orjson.dumps(record)
    return b"%08x %b\n" % (zlib.crc32(body), body)


def _is_whole(line: bytes) -> bool:
    if len(line) < 11 or not line.endswith(b"\n") or line[8:9] != b" ":
        return False
    try:
        return int(line[:8], 16) == zlib.crc32(line[9:-1])
    except ValueError:
        return False


def _restore_snapshot_object(store: Store, record: Object) -> None:
    """An object of a snapshot enters the store without a history of its own."""
    obj = record["object"]
    number = int(obj["metadata"]["resourceVersion"])
    store.restore(Revision(number, "ADDED", record["plural"], key_of(obj), obj, None, Cause("snapshot", ""), 0.0))
    store.history.clear()
