"""A container: its files, its main process, the sessions exec'ed into it, its log.

A process is either a program of ours (nginx, `sleep 3600`) or a shell that runs a script (sandbox.py). A container's
main process is PID 1, so a signal it has no handler for is ignored, as Linux does: a shell, or a plain `sleep`, takes
its whole grace period.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from statelab.controlplane.image_names import parse_reference
from statelab.controlplane.runtime.entry import Entry, StartError, entry_of
from statelab.controlplane.runtime.files import FURNISHED, furnish, mount_problem, mounts_of, prepare
from statelab.controlplane.runtime.filetree import FileTree
from statelab.controlplane.runtime.images import image_for
from statelab.controlplane.runtime.logs import Log
from statelab.controlplane.runtime.mounted import MountedFiles
from statelab.controlplane.runtime.process import Process
from statelab.controlplane.runtime.spec import SIGNALS, ContainerSpec, Exit, LogLine, Mount, Stream, signal_name

if TYPE_CHECKING:
    from statelab.controlplane.runtime.runtime import Runtime

# A container's own sleeps keep the cluster busy for so long after its start; then they are how it always is.
_PATIENCE_S = 60.0


class Container:
    """One container. `exit` is None until its main process has ended; then it can be started no more."""

    def __init__(self, runtime: Runtime, spec: ContainerSpec) -> None:
        self.runtime = runtime
        self.spec = spec
        self.image = image_for(parse_reference(spec.image))
        self.started_at_s = 0.0
        self.settled = False  # the kubelet may say so: it is Ready, its sleeps are not worth waiting for
        self.exit: Exit | None = None
        self.main: Process | None = None
        self.processes: dict[int, Process] = {}
        self.env = {"PATH": _PATH, **self.image.env, "HOSTNAME": spec.hostname, "HOME": "/root", **spec.env}
        self.user = spec.user if spec.user is not None else self.image.user
        self.working_dir = spec.working_dir or self.image.working_dir
        self._root: FileTree | None = None
        self._mount_problem = mount_problem(self)
        self._log = Log(runtime.loop)
        self._files: MountedFiles | None = None
        self._parts = 0  # directories of its volumes that were mounted on their own when that was made
        self._is_furnished = False
        self._pending_signal = 0
        self._slept_s = 0.0
        self._attached: list[Callable[[Stream, bytes], None]] = []
        self._on_exit: Callable[[Exit], None] | None = None
        self._last_pid = 0
        if not self._mount_problem and any(mount.sub_path for mount in spec.mounts):
            try:
                self._prepared()  # a file that is mounted on its own is as it was when the container was created
            except OSError as error:
                self._mount_problem = f"{error.filename}: {error.strerror}"

    # ---- its life

    def start(self, on_exit: Callable[[Exit], None]) -> None:
        """Run its command. `on_exit` is called once, from the loop, never before this returns.

        A command that cannot be started ends with reason "StartError", code 128 and the runtime's words.
        """
        self._on_exit = on_exit
        self.started_at_s = self.runtime.loop.now_s
        try:
            if self._mount_problem:
                raise StartError(self._mount_problem, 128)
            entry = entry_of(self, self.arguments)
        except StartError as error:
            failed = Exit(128, "StartError", str(error))
            self.runtime.loop.call_soon(lambda: self._ended(failed))
            return
        for mount in self._mounted():
            if (self.user or mount.group) and not mount.volume.knows_owners:
                mount.volume.ask_for_owners(mount.sub_path, mount.group)
        if self.spec.pod_ip:
            self.runtime.network.attach(self.spec.pod_ip)
        if self.image.simulated and entry.kind != "program":
            self._log.add("stderr", _stand_in(self.spec.image).encode())
        self.main = self._process(entry, self._main_output, self._main_ended, is_main=True, tty=self.spec.tty)
        self.main.start(stdin=None, more=self.spec.stdin)

    def signal(self, name: str) -> None:
        """Send a signal to PID 1. Raises KeyError for a name that is no signal."""
        name = signal_name(name)
        if self.main is None or self.exit is not None:
            return
        if name == "KILL":
            self._kill()
        else:
            self.main.deliver(name)

    def exec(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes | None = None,
        tty: bool = False,
        on_output: Callable[[Stream, bytes], None],
        on_exit: Callable[[int], None],
        interactive: bool = False,
    ) -> Process:
        """Run a command beside the main process. `stdin`: all of it; with `interactive`, more comes by `Process.write`
        until `close_stdin`. `on_exit` gets the exit code; 126 and 127 when it cannot be run, with the runtime's words
        on stderr.
        """
        if self.main is None or self.exit is not None:
            return self._cannot("container not running (" + self.spec.name + ")", 128, on_output, on_exit)
        if len(self.processes) > self.spec.limits.processes:
            words = f"limit exceeded: {self.spec.limits.processes} processes at once in one container"
            return self._cannot(words, 126, on_output, on_exit)
        try:
            entry = entry_of(self, list(argv), tty=tty)
        except StartError as error:
            return self._cannot(
                f"OCI runtime exec failed: exec failed: unable to start container process: {error.cause}",
                error.code,
                on_output,
                on_exit,
            )
        process = self._process(entry, on_output, lambda code, limit, signal: on_exit(code), is_main=False, tty=tty)
        process.start(stdin=stdin if stdin is not None or not interactive else b"", more=interactive)
        return process

    def attach(self, on_output: Callable[[Stream, bytes], None]) -> Callable[[], None]:
        """Hear what the main process prints from now on, as it prints it; the answer stops it. `main.write` speaks to
        it.
        """
        self._attached.append(on_output)
        return lambda: self._attached.remove(on_output) if on_output in self._attached else None

    @property
    def root(self) -> FileTree:
        """Its own files. A tree costs 16 KB, and some programs (pause) never look: it is made when it is needed."""
        return self._root if self._root is not None else self._prepared()

    def _prepared(self) -> FileTree:
        self._root = FileTree(times=self.runtime.times)
        prepare(self)
        return self._root

    @property
    def user_name(self) -> str:
        return "root" if self.user == 0 else str(self.user)

    # ---- its log

    @property
    def logs(self) -> list[LogLine]:
        """What it has written, oldest first; only the end of a long log is kept."""
        return self._log.lines

    def subscribe_logs(self, callback: Callable[[LogLine], None]) -> Callable[[], None]:
        """Call back for each line to come; the answer stops it."""
        return self._log.subscribe(callback)

    # ---- for programs

    @property
    def files(self) -> MountedFiles:
        """Its files as its processes see them, volumes included, and what others have mounted of them since."""
        parts = sum(mount.volume.parts for mount in self.spec.mounts)
        if self._files is None or parts != self._parts:
            self._files, self._parts = MountedFiles(mounts_of(self)), parts
        return self._files

    def shell_mounts(self) -> list[tuple[str, FileTree, bool]]:
        """What to mount into a shell. The first one finds everything in its place."""
        if not self._is_furnished:
            self._is_furnished = True
            self.root.later(partial(furnish, self), FURNISHED)
        return mounts_of(self)

    def control_changed(self) -> None:
        """Its limits are others: whoever has looked around finds them."""
        if self._is_furnished and not self.root.waits:
            for path, text in self.spec.control().items():
                self.root.write(path, text.encode())

    def claim_files(self) -> None:
        """What is new on volumes that know whose their files are belongs to this container's user."""
        for mount in self._mounted():
            if mount.volume.knows_owners and not (mount.read_only or mount.volume.read_only):
                for _, tree in mount.volume.layers(mount.sub_path):
                    tree.claim(self.user, self.spec.group)

    def give_file(self, path: str, user: int | None, group: int | None) -> None:
        """Make a file on a volume somebody's; its own files stay root's."""
        for mount in self._mounted():
            if not mount.volume.knows_owners and f"{path}/".startswith(f"{mount.path.rstrip('/')}/"):
                mount.volume.ask_for_owners(mount.sub_path, mount.group)
        self.files.give(path, user, group)

    def _mounted(self) -> list[Mount]:
        """Its mounts, but for single files."""
        return [each for each in self.spec.mounts if not (each.sub_path and each.volume.is_file(each.sub_path))]

    def take_signal(self) -> int:
        """128 + the signal that waits for the shell's trap, once; else 0."""
        pending, self._pending_signal = self._pending_signal, 0
        return pending

    def leave_signal(self, name: str) -> None:
        self._pending_signal = 128 + SIGNALS[name]

    def may_sleep(self, seconds: float) -> bool:
        """Whether a sleep is housekeeping: nothing waits for it."""
        self._slept_s += seconds
        return self.settled or self._slept_s > _PATIENCE_S

    def printed_by_file(self) -> None:
        """What somebody wrote to /proc/1/fd/1 or 2: the way of a script to the container's log."""
        if not self._is_furnished or self.root.waits:
            return
        streams: tuple[tuple[str, Stream], ...] = (("/proc/1/fd/1", "stdout"), ("/proc/1/fd/2", "stderr"))
        for path, stream in streams:
            if self.root.exists(path) and self.root.stat(path).size:
                data = self.root.read(path)
                self.root.write(path, b"")
                self._main_output(stream, data)

    # ---- inside

    @property
    def arguments(self) -> list[str]:
        """What it runs: the image's entrypoint and command, replaced by the Pod's command and args as Kubernetes
        does.
        """
        if self.spec.command:
            return [*self.spec.command, *(self.spec.args or ())]
        has_run = self.image.runs_arguments and self.spec.args
        if self.image.simulated and not has_run:  # nobody knows its entrypoint: its arguments are nothing to run
            return list(self.image.command)
        if self.spec.args:
            return [*self.image.entrypoint, *self.spec.args]
        return [*self.image.entrypoint, *self.image.command]

    def _process(
        self,
        entry: Entry,
        on_output: Callable[[Stream, bytes], None],
        on_end: Callable[[int, str, int | None], None],
        *,
        is_main: bool,
        tty: bool = False,
    ) -> Process:
        self._last_pid += 1 if is_main else 6
        pid = self._last_pid

        def ended(code: int, limit: str, signal: int | None) -> None:
            self.processes.pop(pid, None)
            on_end(code, limit, signal)

        process = Process(self, pid, entry, on_output, ended, is_main=is_main, tty=tty)
        self.processes[pid] = process
        return process

    def _main_output(self, stream: Stream, data: bytes) -> None:
        self._log.add(stream, data)
        for attached in list(self._attached):
            attached(stream, data)

    def _cannot(
        self, words: str, code: int, on_output: Callable[[Stream, bytes], None], on_exit: Callable[[int], None]
    ) -> Process:
        process = self._process(
            Entry("program", "false", (), ""), on_output, lambda code, limit, signal: on_exit(code), is_main=False
        )
        process.refuse(words, code)
        return process

    def _kill(self) -> None:
        for process in list(self.processes.values()):
            process.kill()

    def _main_ended(self, code: int, limit: str, signal: int | None) -> None:
        if limit and "memory" in limit:
            ended = Exit(137, "OOMKilled", limit, SIGNALS["KILL"])
        elif limit:
            ended = Exit(code or 1, "Error", limit, signal)
        else:
            ended = Exit(code, "Completed" if code == 0 else "Error", "", signal)
        self._ended(ended)

    def _ended(self, ended: Exit) -> None:
        if self.exit is not None:
            return
        self.exit = ended
        if ended.message and ended.reason != "StartError":
            self._log.add("stderr", f"statelab: {ended.message}\n".encode())
        self._log.flush()
        for process in list(self.processes.values()):
            process.kill()
        on_exit, self._on_exit = self._on_exit, None
        if on_exit is not None:
            on_exit(ended)


_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def _stand_in(image: str) -> str:
    return f"statelab: {image} is not built in; its command runs in a plain sandbox instead\n"
