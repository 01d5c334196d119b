"""One member of an etcd cluster: Raft below, the keys above, and the requests that wait for an entry to be applied.

Source: server/etcdserver/server.go.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from statelab.controlplane.clock import Timer, micro_timestamp
from statelab.controlplane.runtime.images.etcd import applying, bootstrap, peers
from statelab.controlplane.runtime.images.etcd.config import Config
from statelab.controlplane.runtime.images.etcd.log import Corrupted, Damaged, Entry, Log
from statelab.controlplane.runtime.images.etcd.peers import Peer
from statelab.controlplane.runtime.images.etcd.raft import Message, Raft
from statelab.controlplane.runtime.images.etcd.state import Event, Json, Member, Refused, State
from statelab.controlplane.runtime.programs import Task

TIMED_OUT = Refused("etcdserver: request timed out", "Unavailable")
STOPPED = Refused("etcdserver: server stopped", "Unavailable")
_REQUEST_TIMEOUT_S = 7.0  # five seconds and two election timeouts
_LEASES_LOOKED_AT_S = 0.5
_LOG_KEPT = 5_000  # entries kept behind a snapshot, for members that are a little late
_ELECTIONS_WORTH_WAITING_FOR = 20

Done = Callable[[Json | Refused], None]


class EtcdMember:
    """Runs in a Task; its clients are served by `api.py`."""

    def __init__(self, task: Task, config: Config) -> None:
        self.task = task
        self.config = config
        self.id = 0
        self.cluster = 0
        self.state = State()
        self.peers: dict[int, Peer] = {}
        self.watchers: list[Callable[[int, list[Event]], None]] = []
        self.leader_since_s = 0.0
        self.is_running = False
        self._requests: dict[int, Done] = {}
        self._reads: dict[int, Done] = {}
        self._ready_reads: list[tuple[int, Done]] = []
        self._heard_s = task.loop.now_s
        self._elections = 0
        self._timers: dict[str, Timer] = {}
        self._inbox: list[tuple[int, Message]] = []
        self.random = task.container.runtime.random
        self.raft: Raft
        self.raft_log: Log

    # ---- life

    def start(self, when_ready: Callable[[], None]) -> None:
        """Find out who it is, then run. `when_ready`: it has joined, and may serve clients."""
        self.task.on_end, self.task.on_signal = self._close, self._signal
        self._when_ready = when_ready
        try:
            self.raft_log = Log(self.task.files, self.task.path(self.config.data_dir))
        except Damaged as error:
            self.fatal("failed to read WAL, cannot be repaired", str(error))
            return
        bootstrap.begin(self)

    def run(self, members: list[Member], *, conf_entries: bool) -> None:
        """It knows who it is. `members`: of a cluster that begins now, or that it joins."""
        log = self.raft_log
        if not log.existed:
            log.set_meta({"member": self.id, "cluster": self.cluster})
        if log.snapshot is not None:
            self.state = State.unpacked(log.snapshot)
        self.raft = Raft(
            self.id,
            log,
            send=self._send,
            apply=self._apply,
            on_read=self._on_read,
            on_role=self._on_role,
            take_snapshot=lambda: self.state.packed(),
            use_snapshot=self._use_snapshot,
            hears_leader=self._hears_leader,
            log_line=lambda text: self.log("info", text),
        )
        if conf_entries and not log.existed:
            log.set_state(term=1)
            first = [
                Entry(1, number, "conf", {"action": "add", "member": [each.id, each.peer_urls, "", [], False]})
                for number, each in enumerate(sorted(members, key=lambda each: each.id), 1)
            ]
            log.append(first)
            log.set_state(commit=len(first))
        elif not log.existed:  # whom it asks before it has heard anything
            for each in members:
                self.state.members[each.id] = each
        self.raft.set_members(self.state.voting(), self.state.learners())
        self.is_running = True
        self._connect()
        self.raft.apply_committed()
        self._published = False
        self._expect_leader()
        self._publish()

    def _signal(self, name: str) -> None:
        if name not in ("TERM", "INT"):
            return
        self.log("info", "received signal; shutting down", signal="terminated" if name == "TERM" else "interrupt")
        others = [each for each in self.state.voting() if each != self.id] if self.is_running else []
        active = [each for each in others if each in self.peers and self.peers[each].active_since_s is not None]
        if self.is_running and self.raft.role == "leader" and active:
            best = max(
                active, key=lambda each: (self.raft.progress[each].match if each in self.raft.progress else 0, each)
            )
            self.log("info", "leadership transfer starting", **{"transferee-member-id": f"{best:x}"})
            self.raft.transfer_to(best)
        self.task.after(0.1, self._stop)

    def _stop(self) -> None:
        self.log("info", "closed etcd server", name=self.config.name, **{"data-dir": self.config.data_dir})
        self.task.finish(0)

    def _close(self) -> None:
        self.is_running = False
        for timer in self._timers.values():
            timer.cancel()
        for peer in self.peers.values():
            peer.close()
        waiting = [*self._requests.values(), *self._reads.values(), *(done for _, done in self._ready_reads)]
        self._requests, self._reads, self._ready_reads = {}, {}, []
        for done in waiting:
            done(STOPPED)

    def was_removed(self) -> None:
        """The others say that it is no member any more: its data are of no use."""
        self.log("warn", "server error", error="the member has been permanently removed from the cluster")
        self.log("warn", "data-dir used by this member must be removed")
        self.task.finish(0)

    def fatal(self, message: str, error: str) -> None:
        self.log("fatal", message, error=error)
        self.task.finish(1)

    def log(self, level: str, text: str, **fields: Any) -> None:
        import json

        line = {"level": level, "ts": micro_timestamp(self.task.loop.now_s), "msg": text, **fields}
        self.task.error(json.dumps(line, separators=(",", ":")) + "\n")

    # ---- time

    def _after(self, name: str, delay_s: float, callback: Callable[[], None], *, housekeeping: bool) -> None:
        if name in self._timers:
            self._timers[name].cancel()

        def due() -> None:
            if not self.task.done:
                self.task.guarded(callback)

        self._timers[name] = self.task.loop.call_later(delay_s, due, housekeeping=housekeeping)

    def _hears_leader(self) -> bool:
        leads = self.raft.role == "leader"
        return leads or self.task.loop.now_s - self._heard_s < self.config.election_s

    def _expect_leader(self) -> None:
        """Campaign when nothing is heard of a leader for the election timeout and up to as long again."""
        if self._leads_nobody():
            self._timers.pop("election", None)
            return
        self._timeout_s = self.config.election_s * (1 + self.random.random())
        self._after("election", self._timeout_s, self._look_for_leader, housekeeping=self._is_idle())

    def _leads_nobody(self) -> bool:
        """It has nobody to tell and nobody to lose; with the first member that is added it begins (`_connect`)."""
        return self.raft.role == "leader" and not self.peers

    def _is_idle(self) -> bool:
        return bool(self.raft.leader) or self._elections > _ELECTIONS_WORTH_WAITING_FOR

    def _look_for_leader(self) -> None:
        left_s = self._heard_s + self._timeout_s - self.task.loop.now_s
        if self.raft.role != "leader" and left_s > 0:
            self._after("election", left_s, self._look_for_leader, housekeeping=self._is_idle())
            return
        self._heard_s = self.task.loop.now_s
        if self.raft.role != "leader":
            self._elections += 1
        self.raft.election_timeout()
        self._expect_leader()

    def _on_role(self) -> None:
        if self.raft.leader:
            self._elections = 0
        if self.raft.role == "leader":
            self.leader_since_s = self.task.loop.now_s
            for lease in self.state.leases.values():
                lease.expires_s = self.task.loop.now_s + lease.ttl
            self._beat()
            self._watch_leases()
        else:
            for name in ("beat", "leases"):
                if name in self._timers:
                    self._timers.pop(name).cancel()
        if self.is_running:
            self._expect_leader()

    def _beat(self) -> None:
        self.raft.beat()
        self._timers.pop("beat", None)
        if self.raft.role == "leader" and not self._leads_nobody():
            self._after("beat", self.config.heartbeat_s, self._beat, housekeeping=True)

    def _watch_leases(self) -> None:
        now_s = self.task.loop.now_s
        for lease in [each for each in self.state.leases.values() if each.expires_s <= now_s]:
            lease.expires_s = now_s + _REQUEST_TIMEOUT_S
            self.raft.propose({"op": "revoke", "lease": lease.id})
        self._timers.pop("leases", None)
        if self.state.leases:
            self._after("leases", _LEASES_LOOKED_AT_S, self._watch_leases, housekeeping=False)

    # ---- peers

    def _connect(self) -> None:
        wanted = {each.id: each for each in self.state.members.values() if each.id != self.id}
        for member in set(self.peers) - set(wanted):
            self.peers.pop(member).close()
        for member, each in wanted.items():
            if member in self.peers and self.peers[member].urls != each.peer_urls:
                self.peers.pop(member).close()
            if member not in self.peers and self.is_running:
                self.peers[member] = Peer(self, member, list(each.peer_urls))
        if self.raft.role == "leader" and self.peers and "beat" not in self._timers:
            self._beat()
            self._expect_leader()

    def _send(self, member: int, message: Message) -> None:
        if member in self.peers:
            self.peers[member].send(peers.encode(message))

    def received(self, sender: int, message: Message) -> None:
        """A message has come: it is looked at in its turn, not while another one is."""
        if not self._inbox:
            self.task.loop.call_soon(self._read_inbox)
        self._inbox.append((sender, message))

    def _read_inbox(self) -> None:
        inbox, self._inbox = self._inbox, []
        for sender, message in inbox:
            if self.task.done or not self.is_running:
                return
            if sender not in self.state.removed:
                self.task.guarded(lambda sender=sender, message=message: self._step(sender, message))  # type: ignore[misc]

    def _step(self, sender: int, message: Message) -> None:
        try:
            if self.raft.step(sender, message):
                self._heard_s = self.task.loop.now_s
        except Corrupted as error:
            self.log("panic", str(error))
            self.task.error(f"panic: {error}\n\ngoroutine 1 [running]:\n")
            self.task.finish(2)

    def lost(self, member: int) -> None:
        if self.is_running:
            self.raft.unreachable(member)

    def may_come(self, cluster: int, member: int) -> str:
        """Whether a member of that id may talk to this one: "", or the refusal."""
        if cluster != self.cluster:
            self.log("warn", "request cluster ID mismatch", **{"remote-peer-cluster-id": f"{cluster:x}"})
            return peers.OTHER_CLUSTER
        return peers.GONE if member in self.state.removed else ""

    def active_since(self, member: int) -> float | None:
        """Since when it is connected; None: it is not."""
        if member == self.id:
            return 0.0
        return self.peers[member].active_since_s if member in self.peers else None

    # ---- entries

    def _apply(self, entry: Entry) -> None:
        data = entry.data
        if data is not None:
            try:
                outcome: Json | Refused = applying.apply(self, data, entry.kind)
            except Refused as error:
                outcome = error
            if self.state.leases and self.raft.role == "leader" and "leases" not in self._timers:
                self._watch_leases()
            done = self._requests.pop(data.get("id", 0), None)
            if done is not None:
                done(outcome)
        ready = [done for index, done in self._ready_reads if index <= entry.index]
        self._ready_reads = [each for each in self._ready_reads if each[0] > entry.index]
        for done in ready:
            done({})
        if len(self.raft_log) > self.config.snapshot_count + _LOG_KEPT:
            self.raft_log.compact(entry.index - _LOG_KEPT, self.state.packed())

    def members_changed(self) -> None:
        """The members are others by now."""
        self.raft.set_members(self.state.voting(), self.state.learners())
        if self.is_running:
            self._connect()
        if self.id in self.state.removed and self.is_running:
            self.task.after(0.2, self.was_removed)

    def changed(self, revision: int, events: list[Event]) -> None:
        """Keys have changed: the state's revision, and who watches."""
        self.state.revision = revision
        for tell in list(self.watchers):
            tell(revision, events)

    def _use_snapshot(self, packed: Json) -> None:
        self.log("info", "applied snapshot")
        self.state = State.unpacked(packed)
        self.members_changed()

    # ---- requests

    def propose(self, data: Json, done: Done, kind: Any = "normal") -> None:
        """Have an entry committed and applied; `done` gets what came of it, or why nothing did."""
        number = self.random.getrandbits(53)
        self._requests[number] = done
        self._until(self._requests, number)
        self.raft.propose({"id": number, **data}, kind)

    def confirm(self, done: Done) -> None:
        """Call `done` when everything is applied that was committed before: then what is read is the newest."""
        number = self.random.getrandbits(53)
        self._reads[number] = done
        self._until(self._reads, number)
        self.raft.read(number)

    def _until(self, waiting: dict[int, Done], number: int) -> None:
        def over() -> None:
            done = waiting.pop(number, None)
            if done is not None:
                done(TIMED_OUT)

        self.task.after(_REQUEST_TIMEOUT_S, over)

    def _on_read(self, context: int, index: int) -> None:
        done = self._reads.pop(context, None)
        if done is None:
            return
        if index <= self.raft.applied:
            done({})
        else:
            self._ready_reads.append((index, done))

    # ---- joining

    def _publish(self) -> None:
        """Tell the others its name and where clients find it: from then on it serves."""

        def done(outcome: Json | Refused) -> None:
            if isinstance(outcome, Refused):
                if not self.task.done:
                    self.task.after(0.2, self._publish, housekeeping=self._elections > _ELECTIONS_WORTH_WAITING_FOR)
                return
            self.log(
                "info",
                "published local member to cluster through raft",
                **{"local-member-id": f"{self.id:x}", "cluster-id": f"{self.cluster:x}"},
            )
            self._when_ready()

        if self.raft.leader or self.raft.role == "leader":
            urls = list(self.config.advertise_clients)
            self.propose({"op": "publish", "member": self.id, "name": self.config.name, "urls": urls}, done)
        else:
            idle = self._elections > _ELECTIONS_WORTH_WAITING_FOR
            self.task.after(0.1, self._publish, housekeeping=idle)
