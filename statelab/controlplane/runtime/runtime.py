"""The container runtime: pulls images, makes containers, and lets their shells run when time allows it.

In virtual time one shell runs at a time and the clock stands still until it pauses, so that the same cluster does the
same things again. In paced time shells run side by side, and what they do is taken in when the server's loop is woken.
"""

from __future__ import annotations

import random
import re
import weakref
from collections import deque
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from statelab.controlplane.clock import Loop
from statelab.controlplane.image_names import Reference, parse_reference
from statelab.controlplane.runtime import shells
from statelab.controlplane.runtime.computing import Computing
from statelab.controlplane.runtime.containers import Container
from statelab.controlplane.runtime.entry import does_several
from statelab.controlplane.runtime.images import image_for
from statelab.controlplane.runtime.images.catalog import Missing, missing
from statelab.controlplane.runtime.images.image import image_id
from statelab.controlplane.runtime.network import Network
from statelab.controlplane.runtime.process import Process
from statelab.controlplane.runtime.shell.alike import can_run, gives_up, runs_alike
from statelab.controlplane.runtime.shell.turns import Turns
from statelab.controlplane.runtime.shells import load, new_worker
from statelab.controlplane.runtime.spec import ContainerSpec, Exit, LogLine, Mount, Pull
from statelab.controlplane.runtime.times import Times
from statelab.controlplane.runtime.volumes import Volume
from statelab.controlplane.runtime.worker import Call, Called, Ended, Message

if TYPE_CHECKING:
    from statelab.controlplane.runtime.entry import Entry
    from statelab.controlplane.runtime.shells import Shell, Worker

load()

# A script of bashkit's that does several things at once has paused when it was quiet so long. Few are left to it, see
# worker_for: those that only it can run, and what is typed into a shell line by line.
_QUIET_S = 0.1
# [ a -nt b ], and what else a shell or awk asks the clock for without a command of ours.
_OF_TIME = re.compile(r"\s-[no]t\s|\b(SECONDS|EPOCHSECONDS|EPOCHREALTIME|systime|strftime)\b")
_HUNG_S = 30.0
_MESSAGES_AT_ONCE = 200
_NODE_RESOLVER = "10.255.255.53:53"


class Runtime:
    """One per cluster.

    `on_message`: set by whoever drives a loop in paced time; it is called from another thread when a shell has done
    something, and must see to it that `pump()` is called soon, in the loop's own thread.
    """

    def __init__(self, loop: Loop, network: Network, random: random.Random) -> None:
        self.loop = loop
        self.network = network
        self.random = random
        self.worker = new_worker(polite=loop.pace is not None)
        # For what is to run in this thread, see worker_for.
        self._turns = None if shells.in_python else Turns(polite=loop.pace is not None)
        self.times = Times(loop)
        self._volumes: dict[str, Volume] = {}
        self._processes: dict[Shell, Process] = {}
        self._waiting: deque[tuple[Shell, Callable[[], None]]] = deque()
        self._current: Shell | None = None
        self.computing = Computing()
        self._shells: weakref.WeakSet[Shell] = weakref.WeakSet()
        # The shells' thread holds those that run: without this they would wait for ever for a cluster that is gone.
        weakref.finalize(self, _drop, self._shells, self.worker, self._turns).atexit = False
        if loop.pace is None:
            loop.outside_work = self._outside_work

    @property
    def on_message(self) -> Callable[[], None] | None:
        return self.worker.wake

    @on_message.setter
    def on_message(self, wake: Callable[[], None] | None) -> None:
        self.worker.wake = wake
        if self._turns is not None:
            self._turns.wake = wake

    # ---- images

    def pull(self, image: str) -> Pull:
        """What pulling an image comes to; see Pull. It is for the kubelet to wait for `delay_s`."""
        try:
            reference = parse_reference(image)
        except ValueError as error:
            return Pull(False, 0.0, str(error), invalid=True)
        known = image_for(reference)
        lacks = missing(reference, known.tag_exists)
        if lacks is not None:
            return Pull(False, 0.4 + self.random.random() * 0.4, _not_found(reference, lacks))
        size = known.size_bytes
        return Pull(
            not known.simulated, 0.6 + self.random.random() * 1.4, None, image_id=image_id(reference), size_bytes=size
        )

    # ---- containers and volumes

    def create(self, spec: ContainerSpec) -> Container:
        """Make a container, not started. Raises ValueError for an image name that is none."""
        return Container(self, spec)

    def empty_volume(
        self, *, read_only: bool = False, fill: Callable[[Volume], None] | None = None, medium: str = ""
    ) -> Volume:
        """A Pod's own, which everybody may write to unless it is read only."""
        return Volume(read_only=read_only, fill=fill, medium=medium, mode=0o777, times=self.times)

    def named_volume(self, name: str) -> Volume:
        """The volume of that name, made when there is none: PersistentVolumes, nodes' own files."""
        if name not in self._volumes:
            self._volumes[name] = Volume(name, times=self.times)
        return self._volumes[name]

    @property
    def volumes(self) -> dict[str, Volume]:
        """Those that outlive Pods, by name."""
        return dict(self._volumes)

    def remove_volume(self, name: str) -> None:
        volume = self._volumes.pop(name, None)
        if volume is not None:
            volume.clear()

    # ---- shells

    def worker_for(self, entry: Entry, script: str, commands: Collection[str], *, is_main: bool) -> Worker:
        """On what the shell of an entry's script is to run; `commands` are the runtime's own that it may call.

        In virtual time, what both shells do alike runs in this thread: making the other takes longer than the script;
        jobs and pipes, which have turns here; and what bashkit gives up without a word. In any time what asks for the
        time or compares files by it: only the shell in Python knows the cluster's.
        """
        if self._turns is None or not script:
            return self.worker
        if _OF_TIME.search(script):
            return self._turns
        if self.loop.pace is not None:
            return self.worker
        is_alike = runs_alike(script, commands, in_order=is_main)
        if not is_alike:
            texts = (script, *entry.texts)
            is_alike = (entry.does_several or any(map(gives_up, texts))) and can_run(texts, commands)
        return self._turns if is_alike else self.worker

    def is_native(self, worker: Worker) -> bool:
        """Whether the shells on it are bashkit's."""
        return not isinstance(worker, Turns)

    def run(self, shell: Shell, process: Process, script: str) -> None:
        """Run a script in a shell when its turn comes."""
        shell.concurrent = shell.concurrent or process.entry.does_several or does_several(script)
        self._processes[shell] = process
        self._shells.add(shell)
        self._submit(shell, lambda: shell.run(script))

    def resume(self, call: Call, code: int) -> None:
        """Let the shell that made this call go on when its turn comes; in virtual time later, if it calls too often."""
        process = self._processes.get(call.shell)
        delay_s = 0.0
        if process is not None and self.loop.pace is None:
            delay_s = process.throttle.delay_s(self.loop.now_s - call.at_s)
        if process is None or not delay_s:
            self._submit(call.shell, lambda: call.finish(code))
            return
        settles = process.container.may_sleep(delay_s)
        self.loop.call_later(delay_s, lambda: self._submit(call.shell, lambda: call.finish(code)), housekeeping=settles)

    def kill(self, shell: Shell) -> None:
        """End what a shell does. In virtual time the clock stands until it has ended."""

        def end() -> None:
            if not shell.ended:
                shell.running = True
                shell.kill()

        self._submit(shell, end)

    def _submit(self, shell: Shell, start: Callable[[], None]) -> None:
        if self.loop.pace is not None:
            self.times.mark()
            start()
        else:
            self._waiting.append((shell, start))

    def pump(self) -> bool:
        """Take in what shells have done; whether there was something. In paced time, to be called when `on_message`
        said so.

        A part of it at a time, so that a container that chatters does not keep the server from its clients.
        """
        for taken in range(_MESSAGES_AT_ONCE):
            message = self._turns.next_message() if self._turns is not None else None
            message = message or self.worker.next_message()
            if message is None:
                return taken > 0
            self._take(message)
        if self.worker.wake is not None:
            self.worker.wake()
        return True

    def busy_s(self, container: Container) -> float:
        """How long a process may compute without a pause: less each time that the same one has gone over it."""
        return self.computing.busy_s(_fingerprint(container), container.spec.limits.busy_s)

    def _outside_work(self) -> bool:
        """One step of what must be done before virtual time may pass; False when there is nothing."""
        is_silent = self.worker.is_silent and (self._turns is None or self._turns.is_silent)
        if is_silent and self._current is None and not self._waiting:
            return False
        if self.pump():
            return True  # what was waited for may have come with it
        if self._current is not None and not self._current.running:
            self._current = None
        mine = next((each for each in self._waiting if each[0] is self._current), None)
        if mine is not None:  # an answer to the shell that runs
            self._waiting.remove(mine)
            self.times.mark()
            mine[1]()
            return True
        if self._current is None:
            if not self._waiting:
                return False
            self._current, start = self._waiting.popleft()
            self.times.mark()
            start()
            if not self._current.running:  # it has ended meanwhile
                self._current = None
                return True
        shell = self._current
        waits = shell.concurrent and bool(shell.calls)
        message = shell.worker.wait(_QUIET_S if waits else _HUNG_S)
        if message is None:
            self._current = None
            if not waits:
                shell.abandon()
            return True
        self._take(message)
        if not shell.running:
            self._current = None
        return True

    def _take(self, message: Message) -> None:
        if isinstance(message, Called):
            shell = message.call.shell
            shell.parked(message.call)
            shell.heal()
            message.call.at_s = self.loop.now_s
            process = self._processes.get(shell)
            if process is not None:
                process.container.printed_by_file()
                process.called(message.call, message.stdin)
            return
        shell = message.shell
        if isinstance(message, Ended):
            shell.running = False
        process = self._processes.get(shell)
        if process is None:
            return
        for stream, data in shell.take_output():
            process.output(stream, data)
        process.job_ended()
        if isinstance(message, Ended):
            shell.heal()
            process.container.printed_by_file()
            if message.limit:
                self.computing.went_over(_fingerprint(process.container))
            process.shell_ended(message.code, message.limit, message.problem)
            if process.ended:
                self._processes.pop(shell, None)


def _drop(shells: weakref.WeakSet[Shell], *workers: Worker | None) -> None:
    """What a cluster leaves behind when nobody holds it any more."""
    for shell in list(shells):
        shell.drop()
    for worker in workers:
        while worker is not None and (message := worker.next_message()) is not None:
            if isinstance(message, Called):
                message.call.finish(137)


def _fingerprint(container: Container) -> tuple[str, ...]:
    spec = container.spec
    return (spec.image, *(spec.command or ()), *(spec.args or ()))


def _not_found(reference: Reference, lacks: Missing) -> str:
    """containerd's words. A tag that is like no other reads as it did on the recorded node, which reached no registry
    (tests/conformance/golden/statefulset-broken-update-gets-stuck.json); a slip reads as it does where one is reached.
    """
    image = reference.full
    failed = f'failed to pull and unpack image "{image}": failed to resolve image: '
    if lacks.part == "registry" or (lacks.part == "tag" and not lacks.meant):
        host = "registry-1.docker.io" if reference.registry == "docker.io" else reference.registry
        request = f'failed to do request: Head "https://{host}/v2/{reference.path}/manifests/{reference.tag}"'
        return f"{failed}{request}: dial tcp: lookup {host.partition(':')[0]} on {_NODE_RESOLVER}: no such host"
    if lacks.part == "repository" and reference.registry == "docker.io":
        denied = "pull access denied, repository does not exist or may require authorization"
        return f"{failed}{denied}: server message: insufficient_scope: authorization failed"
    return f"rpc error: code = NotFound desc = {failed}{image}: not found"


__all__ = ["Container", "ContainerSpec", "Exit", "LogLine", "Mount", "Network", "Process", "Pull", "Runtime", "Volume"]
