"""What a member must not forget: its term, its vote, its entries, its snapshot, in files of its data directory.

`member/wal/….wal` holds one JSON line for each thing written, in order; `member/snap/….snap` the state as it was when
older lines were dropped. The names are etcd's, the contents are ours. Source: server/storage/wal, raft/log.go.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal, Protocol

Kind = Literal["normal", "conf"]


class Files(Protocol):
    """Where it writes: a container's files."""

    def read(self, path: str) -> bytes: ...

    def write(self, path: str, content: bytes) -> None: ...

    def append(self, path: str, content: bytes) -> None: ...

    def exists(self, path: str) -> bool: ...


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the log. `data` is JSON; None is the empty entry with which a leader begins its term."""

    term: int
    index: int
    kind: Kind
    data: Any

    def packed(self) -> list[Any]:
        return [self.term, self.index, self.kind, self.data]

    @staticmethod
    def unpacked(packed: list[Any]) -> Entry:
        return Entry(*packed)


class Damaged(Exception):
    """A file of the data directory cannot be read."""


class Corrupted(Exception):
    """The leader has our word for entries that we do not have: our log was lost. A real etcd panics here, too."""

    def __init__(self, commit: int, last_index: int) -> None:
        super().__init__(
            f"tocommit({commit}) is out of range [lastIndex({last_index})]. "
            "Was the raft log corrupted, truncated, or lost?"
        )


class Log:
    """A member's log, in memory and on its volume. Every change is in the file when the method returns."""

    def __init__(self, files: Files, directory: str) -> None:
        """`directory`: the data directory. Raises Damaged."""
        self._files = files
        self._wal = f"{directory}/member/wal/0000000000000000-0000000000000000.wal"
        self._snap = f"{directory}/member/snap/db"
        self.term = self.vote = self.commit = 0
        self.meta: dict[str, Any] = {}  # who it is: the ids of member and cluster
        self.snapshot_index = self.snapshot_term = 0
        self.snapshot: dict[str, Any] | None = None
        self._entries: list[Entry] = []
        self.existed = files.exists(self._wal)
        if self.existed:
            self._load()

    def _load(self) -> None:
        try:
            if self._files.exists(self._snap):
                found = json.loads(self._files.read(self._snap))
                self.snapshot, self.snapshot_index = found["state"], found["index"]
                self.snapshot_term, self.commit = found["term"], found["index"]
            lines = self._files.read(self._wal).split(b"\n")
            for number, line in enumerate(lines):
                if not line:
                    continue
                try:
                    value = json.loads(line)
                except ValueError:
                    if number == len(lines) - 1:  # the write in whose middle it was killed: nobody was told of it
                        continue
                    raise
                self._take(value)
        except (ValueError, LookupError, TypeError) as error:
            raise Damaged("walpb: crc mismatch") from error

    def _take(self, value: dict[str, Any]) -> None:
        if "meta" in value:
            self.meta = value["meta"]
        if "state" in value:
            self.term, self.vote, commit = value["state"]
            self.commit = max(self.commit, commit)
        for packed in value.get("entries", ()):
            self._put(Entry.unpacked(packed))

    def _write(self, value: dict[str, Any]) -> None:
        self._files.append(self._wal, json.dumps(value, separators=(",", ":")).encode() + b"\n")

    # ---- reading

    @property
    def last_index(self) -> int:
        return self._entries[-1].index if self._entries else self.snapshot_index

    @property
    def last_term(self) -> int:
        return self._entries[-1].term if self._entries else self.snapshot_term

    def __len__(self) -> int:
        return len(self._entries)

    def term_at(self, index: int) -> int:
        """The term of the entry at `index`; 0 where it is not known."""
        if index == self.snapshot_index:
            return self.snapshot_term
        at = index - self.snapshot_index - 1
        return self._entries[at].term if 0 <= at < len(self._entries) else 0

    def entry(self, index: int) -> Entry:
        return self._entries[index - self.snapshot_index - 1]

    def since(self, index: int, most: int) -> list[Entry]:
        at = max(0, index - self.snapshot_index - 1)
        return self._entries[at : at + most]

    # ---- writing

    def set_meta(self, meta: dict[str, Any]) -> None:
        self.meta = meta
        self._write({"meta": meta})

    def set_state(self, *, term: int | None = None, vote: int | None = None, commit: int | None = None) -> None:
        self.term = self.term if term is None else term
        self.vote = self.vote if vote is None else vote
        self.commit = self.commit if commit is None else commit
        self._write({"state": [self.term, self.vote, self.commit]})

    def append(self, entries: list[Entry]) -> None:
        for each in entries:
            self._put(each)
        if entries:
            self._write({"entries": [each.packed() for each in entries]})

    def merge(self, entries: list[Entry]) -> None:
        """Take a leader's entries: those that contradict ours replace them and all that follow."""
        new = [each for each in entries if each.index > self.snapshot_index]
        while new and self.term_at(new[0].index) == new[0].term and new[0].index <= self.last_index:
            new.pop(0)
        self.append(new)

    def _put(self, entry: Entry) -> None:
        at = entry.index - self.snapshot_index - 1
        if at < 0:
            return
        del self._entries[at:]
        self._entries.append(entry)

    def compact(self, index: int, state: dict[str, Any]) -> None:
        """Everything up to `index` is in `state` now: its entries may go."""
        term = self.term_at(index)
        kept = self.since(index + 1, len(self._entries))
        self._keep(index, term, state, kept)

    def start_from(self, index: int, term: int, state: dict[str, Any]) -> None:
        """A leader's snapshot in place of everything."""
        self.commit = index
        self._keep(index, term, state, [])

    def _keep(self, index: int, term: int, state: dict[str, Any], entries: list[Entry]) -> None:
        self.snapshot, self.snapshot_index, self.snapshot_term, self._entries = state, index, term, entries
        found = {"index": index, "term": term, "state": state}
        self._files.write(self._snap, json.dumps(found, separators=(",", ":")).encode())
        lines = [{"meta": self.meta}, {"state": [self.term, self.vote, self.commit]}]
        lines.append({"entries": [each.packed() for each in entries]})
        self._files.write(
            self._wal, b"".join(json.dumps(each, separators=(",", ":")).encode() + b"\n" for each in lines)
        )
