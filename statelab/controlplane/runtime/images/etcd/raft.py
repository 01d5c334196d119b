"""Raft as etcd runs it: elections with a pre-vote, a leader that steps down without a quorum, reads it confirms first.

One `Raft` is one member. It has no sockets and no clock of its own: it is told of messages and of time, and it sends
through a function. What must outlive a crash it writes to its Log before it answers.

Source: go.etcd.io/raft (raft.go, log.go, tracker/), the Raft paper §5–6, and §9.6 of Ongaro's thesis for the pre-vote.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from statelab.controlplane.runtime.images.etcd.log import Corrupted, Entry, Log
from statelab.controlplane.runtime.images.etcd.reads import Reads

Message = dict[str, Any]
Role = Literal["follower", "pre-candidate", "candidate", "leader"]

_MOST_ENTRIES_AT_ONCE = 256
_LOCAL = frozenset(("prop", "read"))  # carry no term: they are the sender's wish, not its state


@dataclass(slots=True)
class Progress:
    """What a leader knows of another member's log."""

    match: int = 0
    next: int = 1
    is_probed: bool = True  # where its log parts from ours is not known yet: what is sent may have to be sent again
    active: bool = False  # heard of since the quorum was checked last


class Raft:
    """`send(to, message)` may lose the message. `apply(entry)` is called once for each entry, in order, once committed.

    `hears_leader()`: one was heard of within the election timeout.
    `on_read(context, index)`: a read may be answered once `index` is applied.
    `on_role()`: term, role or leader changed.
    """

    def __init__(
        self,
        member: int,
        log: Log,
        *,
        send: Callable[[int, Message], None],
        apply: Callable[[Entry], None],
        on_read: Callable[[int, int], None],
        on_role: Callable[[], None],
        take_snapshot: Callable[[], dict[str, Any]],
        use_snapshot: Callable[[dict[str, Any]], None],
        hears_leader: Callable[[], bool],
        log_line: Callable[[str], None],
    ) -> None:
        self.id = member
        self.log = log
        self.role: Role = "follower"
        self.leader = 0
        self.voters: set[int] = set()
        self.learners: set[int] = set()
        self.applied = log.snapshot_index
        self.progress: dict[int, Progress] = {}
        self.transferee = 0
        self._send = send
        self._apply = apply
        self._on_read = on_read
        self._on_role = on_role
        self._take_snapshot = take_snapshot
        self._use_snapshot = use_snapshot
        self._hears_leader = hears_leader
        self._say = log_line
        self._votes: dict[int, bool] = {}
        self._reads = Reads()
        self._is_applying = False

    @property
    def term(self) -> int:
        return self.log.term

    @property
    def commit(self) -> int:
        return self.log.commit

    def name(self, member: int) -> str:
        return f"{member:x}"

    def set_members(self, voters: set[int], learners: set[int]) -> None:
        """The configuration by now. A leader that is not in it any more leads on until others notice."""
        self.voters, self.learners = set(voters), set(learners)
        if self.role != "leader":
            return
        for member in (self.voters | self.learners) - {self.id}:
            self.progress.setdefault(member, Progress(next=self.log.last_index + 1, active=True))
        for member in set(self.progress) - self.voters - self.learners:
            del self.progress[member]
        if self.id not in self.voters:
            self._follow(self.term, 0)
        elif self._maybe_commit():
            self._broadcast_append()

    def _quorum(self) -> int:
        return len(self.voters) // 2 + 1

    # ---- time

    def beat(self) -> None:
        """A leader's heartbeat interval has passed."""
        if self.role == "leader":
            self._broadcast_beat()

    def election_timeout(self) -> None:
        """Nothing was heard of a leader for that long; a leader sees whether it still has a quorum."""
        if self.role == "leader":
            self.transferee = 0
            active = {self.id} | {member for member, each in self.progress.items() if each.active}
            for each in self.progress.values():
                each.active = False
            if len(active & self.voters) < self._quorum():
                self._say(f"{self.name(self.id)} stepped down to follower since quorum is not active")
                self._follow(self.term, 0)
        elif self.id in self.voters:
            self._say(f"{self.name(self.id)} is starting a new election at term {self.term}")
            self._campaign(pre=True)

    # ---- elections

    def _campaign(self, *, pre: bool, forced: bool = False) -> None:
        term = self.term + 1
        if pre:
            self.role, self.leader = "pre-candidate", 0
            self._say(f"{self.name(self.id)} became pre-candidate at term {self.term}")
        else:
            self.log.set_state(term=term, vote=self.id)
            self.role, self.leader = "candidate", 0
            self._say(f"{self.name(self.id)} became candidate at term {term}")
        self._votes = {self.id: True}
        self._on_role()
        if self._won():
            self._elected(pre)
            return
        last = {"last": self.log.last_index, "last_term": self.log.last_term, "forced": forced}
        for member in sorted(self.voters - {self.id}):
            self._send(member, {"t": "pre_vote" if pre else "vote", "term": term, **last})

    def _won(self) -> bool:
        return sum(vote for member, vote in self._votes.items() if member in self.voters) >= self._quorum()

    def _lost(self) -> bool:
        against = sum(not vote for member, vote in self._votes.items() if member in self.voters)
        return len(self.voters) - against < self._quorum()

    def _elected(self, pre: bool) -> None:
        if pre:
            self._campaign(pre=False)
        else:
            self._lead()

    def _follow(self, term: int, leader: int) -> None:
        before = (self.term, self.role, self.leader)
        if before == (term, "follower", leader):
            return
        if term != self.term:
            self.log.set_state(term=term, vote=0)
        self.role, self.leader = "follower", leader
        self.transferee = 0
        self._votes, self.progress, self._reads = {}, {}, self._reads.none_waits()
        if leader and leader != before[2]:
            self._say(f"raft.node: {self.name(self.id)} elected leader {self.name(leader)} at term {term}")
        self._on_role()

    def _lead(self) -> None:
        self.role, self.leader = "leader", self.id
        self._votes = {}
        next_index = self.log.last_index + 1
        others = (self.voters | self.learners) - {self.id}
        self.progress = {member: Progress(next=next_index, active=True) for member in sorted(others)}
        self._say(f"{self.name(self.id)} became leader at term {self.term}")
        self._say(f"raft.node: {self.name(self.id)} elected leader {self.name(self.id)} at term {self.term}")
        self._on_role()
        self.propose(None)  # an entry of its own term: with it, those before it are committed, too

    def transfer_to(self, member: int) -> None:
        """Hand over: the other one campaigns at once, as soon as it has everything."""
        if self.role != "leader" or member not in self.progress or member not in self.voters:
            return
        self.transferee = member
        if self.progress[member].match == self.log.last_index:
            self._send(member, {"t": "timeout_now", "term": self.term})
        else:
            self._send_append(member)

    # ---- what clients want

    def propose(self, data: Any, kind: Literal["normal", "conf"] = "normal") -> bool:
        """Append an entry, or pass it to the leader. False: it was dropped, since there is none."""
        if self.role != "leader":
            if not self.leader:
                return False
            self._send(self.leader, {"t": "prop", "data": data, "kind": kind})
            return True
        if self.transferee:
            return False
        self.log.append([Entry(self.term, self.log.last_index + 1, kind, data)])
        if not self._maybe_commit():
            self._broadcast_append()
        return True

    def read(self, context: int) -> bool:
        """Ask until which index one must have applied to read what is newest. False: there is no leader to ask."""
        if self.role == "leader":
            self._lead_read(self.id, context)
            return True
        if self.leader:
            self._send(self.leader, {"t": "read", "context": context})
        return bool(self.leader)

    def _lead_read(self, origin: int, context: int) -> None:
        if self.log.term_at(self.commit) != self.term:  # it does not know yet what the terms before have committed
            self._reads.too_early.append((origin, context))
            return
        self._reads.add(self.commit, origin, context)
        self._reads.confirm(self._reads.number, self.id)
        self._answer_reads()
        if self._reads.newest:
            self._broadcast_beat()

    def _answer_reads(self) -> None:
        for each in self._reads.take_confirmed(self.voters, self._quorum()):
            if each.origin == self.id:
                self._on_read(each.context, each.index)
            else:
                answer = {"t": "read_resp", "term": self.term, "context": each.context, "index": each.index}
                self._send(each.origin, answer)

    # ---- replication

    def _broadcast_append(self) -> None:
        for member in list(self.progress):
            self._send_append(member)

    def _broadcast_beat(self) -> None:
        number = self._reads.newest
        for member, each in self.progress.items():
            commit = min(each.match, self.commit)
            self._send(member, {"t": "beat", "term": self.term, "commit": commit, "read": number})

    def _send_append(self, member: int) -> None:
        each = self.progress[member]
        before = each.next - 1
        if before < self.log.snapshot_index:
            self._say(f"{self.name(self.id)} sent snapshot[index: {self.applied}] to {self.name(member)}")
            snapshot = self._take_snapshot()
            index, term = self.applied, self.log.term_at(self.applied)
            self._send(member, {"t": "snap", "term": self.term, "index": index, "at_term": term, "state": snapshot})
            each.next = index + 1
            return
        entries = self.log.since(each.next, _MOST_ENTRIES_AT_ONCE)
        message = {"t": "app", "term": self.term, "prev": before, "prev_term": self.log.term_at(before)}
        self._send(member, {**message, "commit": self.commit, "entries": [entry.packed() for entry in entries]})
        if not each.is_probed:
            each.next += len(entries)

    def unreachable(self, member: int) -> None:
        """What was sent to it since its last answer may be lost."""
        each = self.progress.get(member)
        if self.role == "leader" and each is not None and not each.is_probed:
            each.is_probed, each.next = True, each.match + 1

    def _maybe_commit(self) -> bool:
        matches = sorted((self._match(member) for member in self.voters), reverse=True)
        index = matches[self._quorum() - 1] if matches else 0
        if index <= self.commit or self.log.term_at(index) != self.term:
            return False
        self._commit_to(index)
        if self.role == "leader":
            self._broadcast_append()
            for origin, context in self._reads.take_early():
                self._lead_read(origin, context)
        return True

    def _match(self, member: int) -> int:
        if member == self.id:
            return self.log.last_index
        return self.progress[member].match if member in self.progress else 0

    def _commit_to(self, index: int) -> None:
        if index <= self.commit:
            return
        self.log.set_state(commit=index)
        self.apply_committed()

    def apply_committed(self) -> None:
        """Apply what is committed and was not yet, also after a start."""
        if self._is_applying:  # an entry that changes the members commits others: the loop below goes on with them
            return
        self._is_applying = True
        try:
            while self.applied < self.commit:
                self.applied += 1
                self._apply(self.log.entry(self.applied))
        finally:
            self._is_applying = False

    # ---- messages

    def step(self, sender: int, message: Message) -> bool:
        """Take a message. True where it is a sign of life of the leader, or of a candidate that got our vote."""
        kind = message["t"]
        if kind in _LOCAL:
            if kind == "prop" and self.role == "leader":
                self.propose(message["data"], message["kind"])
            elif kind == "read" and self.role == "leader":
                self._lead_read(sender, message["context"])
            return False
        term = message["term"]
        if term > self.term:
            if kind in ("vote", "pre_vote") and not message["forced"] and self.leader and self._hears_leader():
                return False  # no need for another
            if kind == "pre_vote" or (kind == "pre_vote_resp" and not message["reject"]):
                pass  # nobody's term changes for a question
            else:
                self._say(
                    f"{self.name(self.id)} [term: {self.term}] received a {_NAMES[kind]} message with higher term "
                    f"from {self.name(sender)} [term: {term}]"
                )
                self._follow(term, sender if kind in ("app", "beat", "snap") else 0)
        elif term < self.term:
            if kind in ("app", "beat"):
                self._send(sender, {"t": "app_resp", "term": self.term, "index": 0, "reject": False})
            elif kind == "pre_vote":
                self._send(sender, {"t": "pre_vote_resp", "term": self.term, "reject": True})
            return False
        handle: Callable[[int, Message], bool] = getattr(self, f"_on_{kind}")
        return handle(sender, message)

    def _on_pre_vote(self, sender: int, message: Message) -> bool:
        return self._on_vote(sender, message)

    def _on_vote(self, sender: int, message: Message) -> bool:
        pre = message["t"] == "pre_vote"
        may = self.log.vote in (0, sender) and (self.log.vote == sender or not self.leader)
        may = may or (pre and message["term"] > self.term)
        newer = (message["last_term"], message["last"]) >= (self.log.last_term, self.log.last_index)
        reject = not (may and newer)
        answer = f"{'rejected' if reject else 'cast'} {_NAMES[message['t']]} for {self.name(sender)}"
        self._say(
            f"{self.name(self.id)} [logterm: {self.log.last_term}, index: {self.log.last_index}, "
            f"vote: {self.log.vote:x}] {answer} [logterm: {message['last_term']}, index: {message['last']}] "
            f"at term {self.term}"
        )
        if not reject and not pre:
            self.log.set_state(vote=sender)
        term = message["term"] if not reject else self.term
        self._send(sender, {"t": "pre_vote_resp" if pre else "vote_resp", "term": term, "reject": reject})
        return not reject and not pre

    def _on_pre_vote_resp(self, sender: int, message: Message) -> bool:
        if self.role == "pre-candidate":
            self._count(sender, message, pre=True)
        return False

    def _on_vote_resp(self, sender: int, message: Message) -> bool:
        if self.role == "candidate":
            self._count(sender, message, pre=False)
        return False

    def _count(self, sender: int, message: Message, *, pre: bool) -> None:
        self._votes.setdefault(sender, not message["reject"])
        if self._won():
            self._elected(pre)
        elif self._lost():
            self._follow(self.term, 0)

    def _on_timeout_now(self, sender: int, message: Message) -> bool:
        if self.id in self.voters and self.role != "leader":
            self._say(f"{self.name(self.id)} [term {self.term}] received MsgTimeoutNow from {self.name(sender)}")
            self._campaign(pre=False, forced=True)
        return False

    def _on_app(self, sender: int, message: Message) -> bool:
        self._follow(message["term"], sender)
        before = message["prev"]
        if before < self.commit:
            answer = {"index": self.commit, "reject": False}
        elif self.log.last_index < before or self.log.term_at(before) != message["prev_term"]:
            answer = {"index": before, "reject": True, "hint": min(before - 1, self.log.last_index)}
        else:
            self.log.merge([Entry.unpacked(each) for each in message["entries"]])
            last = before + len(message["entries"])
            self._commit_to(min(message["commit"], last))
            answer = {"index": last, "reject": False}
        self._send(sender, {"t": "app_resp", "term": self.term, **answer})
        return True

    def _on_beat(self, sender: int, message: Message) -> bool:
        self._follow(message["term"], sender)
        if message["commit"] > self.log.last_index:
            raise Corrupted(message["commit"], self.log.last_index)
        self._commit_to(message["commit"])
        self._send(sender, {"t": "beat_resp", "term": self.term, "read": message["read"]})
        return True

    def _on_snap(self, sender: int, message: Message) -> bool:
        self._follow(message["term"], sender)
        if message["index"] > self.commit:
            self._use_snapshot(message["state"])
            self.log.start_from(message["index"], message["at_term"], message["state"])
            self.applied = message["index"]
        self._send(sender, {"t": "app_resp", "term": self.term, "index": self.commit, "reject": False})
        return True

    def _on_app_resp(self, sender: int, message: Message) -> bool:
        each = self.progress.get(sender)
        if self.role != "leader" or each is None:
            return False
        each.active = True
        if message["reject"]:
            each.is_probed = True
            each.next = max(1, min(message["index"], message["hint"] + 1))
            self._send_append(sender)
            return False
        if message["index"] > each.match:
            each.is_probed, each.match = False, message["index"]
            each.next = max(each.next, each.match + 1)
            if not self._maybe_commit() and self.role == "leader" and each.next <= self.log.last_index:
                self._send_append(sender)
        if self.transferee == sender and each.match == self.log.last_index:
            self._send(sender, {"t": "timeout_now", "term": self.term})
        return False

    def _on_beat_resp(self, sender: int, message: Message) -> bool:
        each = self.progress.get(sender)
        if self.role != "leader" or each is None:
            return False
        each.active = True
        if each.match < self.log.last_index:
            if each.next > self.log.last_index and not each.is_probed:
                each.next = each.match + 1
            self._send_append(sender)
        self._reads.confirm(message["read"], sender)
        self._answer_reads()
        return False

    def _on_read_resp(self, sender: int, message: Message) -> bool:
        self._on_read(message["context"], message["index"])
        return False


_NAMES = {
    "vote": "MsgVote", "pre_vote": "MsgPreVote", "vote_resp": "MsgVoteResp", "pre_vote_resp": "MsgPreVoteResp",
    "app": "MsgApp", "app_resp": "MsgAppResp", "beat": "MsgHeartbeat", "beat_resp": "MsgHeartbeatResp",
    "snap": "MsgSnap", "timeout_now": "MsgTimeoutNow", "read_resp": "MsgReadIndexResp",
}  # fmt: skip
