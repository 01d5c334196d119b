"""What a Redis server writes to its directory: the append-only file and the snapshot, so that it finds its data again.

Both hold commands (RESP), as a real append-only file does; the snapshot is not in RDB format.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from statelab.controlplane.runtime.images.redis_data import Session
from statelab.controlplane.runtime.images.resp import Parser, command

if TYPE_CHECKING:
    from statelab.controlplane.runtime.images.redis_server import Server

_MAGIC = b"REDIS0012-statelab\r\n"
_REWRITE_BYTES = 4 * 1024 * 1024


class Files:
    def __init__(self, server: Server) -> None:
        self._server = server
        self.saved_s: float = server.loop.now_s
        self.error = ""

    @property
    def appends(self) -> bool:
        return self._server.config["appendonly"] == "yes"

    @property
    def _log_path(self) -> str:
        config = self._server.config
        return f"{config['dir'].rstrip('/')}/{config['appenddirname']}/{config['appendfilename']}.1.incr.aof"

    @property
    def _snapshot_path(self) -> str:
        config = self._server.config
        return f"{config['dir'].rstrip('/')}/{config['dbfilename']}"

    # ---- reading

    def load(self) -> None:
        """What was written before. The append-only file is believed rather than the snapshot, if it is on."""
        files = self._server.task.files
        if self.appends:
            if files.exists(self._log_path):
                self._replay(files.read(self._log_path))
                self._server.log("*", "DB loaded from append only file: 0.000 seconds")
            else:
                self._write(self._log_path, b"")
                name = self._server.config["appendfilename"]
                manifest = f"file {name}.1.incr.aof seq 1 type i\n".encode()
                self._write(f"{self._log_path.rpartition('/')[0]}/{name}.manifest", manifest)
        elif files.exists(self._snapshot_path):
            content = files.read(self._snapshot_path)
            if not content.startswith(_MAGIC):
                raise OSError(5, "Wrong signature trying to load DB from file")
            self._replay(content[len(_MAGIC) :])
            self._server.log("*", "DB loaded from disk: 0.000 seconds")
        self._server.data.dirty = 0

    def _replay(self, content: bytes) -> None:
        replay(self._server.data.session(_ignore), content)

    # ---- writing

    def append(self, encoded: bytes) -> None:
        if not self.appends:
            return
        try:
            files = self._server.task.files
            if files.exists(self._log_path) and files.stat(self._log_path).size > _REWRITE_BYTES:
                self.rewrite()
            else:
                files.append(self._log_path, encoded)
        except OSError as error:
            self._failed(error)

    def rewrite(self) -> None:
        """Make the append-only file as short as it can be."""
        self._write(self._log_path, b"".join(command(each) for each in self._server.data.dump()))
        self._server.last_database = -1

    def save(self) -> None:
        self._write(self._snapshot_path, _MAGIC + b"".join(command(each) for each in self._server.data.dump()))
        self.saved_s = self._server.loop.now_s
        self._server.data.dirty = 0
        if not self.error:
            self._server.log("*", "DB saved on disk")

    def _write(self, path: str, content: bytes) -> None:
        try:
            self._server.task.files.write(path, content)
            self.error = ""
        except OSError as error:
            self._failed(error)

    def _failed(self, error: OSError) -> None:
        if not self.error:
            self._server.log("#", f"Can't write to disk: {error.strerror}")
        self.error = str(error.strerror)


def replay(session: Session, content: bytes) -> None:
    for each in Parser().feed(content):
        if isinstance(each, list) and each:
            session.run(each)


def _ignore(reply: Any) -> None:
    pass
