"""agnhost's guestbook, which the Kubernetes tutorials write into: a primary that tells its replicas, and a front.

Source: kubernetes test/images/agnhost/guestbook.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote

from statelab.controlplane.runtime.applets.resolver import address_of
from statelab.controlplane.runtime.http import HttpRequest, HttpResponse, Respond, request
from statelab.controlplane.runtime.network import NetworkError
from statelab.controlplane.runtime.programs import Task
from statelab.reader import jsonbytes

_GIVES_UP_S, _AGAIN_S, _CALL_S = 15.0, 1.0, 5.0


class Guestbook:
    """The server of one container. `backend`: the port at which the others listen."""

    def __init__(self, task: Task, backend: int) -> None:
        self._task = task
        self._backend = backend
        self._store: dict[str, str] = {}
        self._replicas: list[str] = []

    def register(self, primary: str) -> None:
        """Ask the primary for all it holds, and to be told from now on: for so long, again and again."""
        ends_s = self._task.loop.now_s + _GIVES_UP_S

        def attempt() -> None:
            self._call(primary, f"/register?host={self._task.ip}", taken)

        def taken(said: str | None) -> None:
            found = jsonbytes.loads(said.encode()) if said is not None else None
            if found is not None:
                self._store = dict(found["data"])
                self._task.error(f"Registered to node: {primary}\n")
            elif self._task.loop.now_s < ends_s:
                self._task.after(_AGAIN_S, attempt)
            else:
                self._task.fail("Timed out while registering to primary.\n")

        attempt()

    def answer(self, asked: HttpRequest, respond: Respond) -> None:
        def value(name: str) -> str:
            return asked.query.get(name, [""])[0]

        key = value("key")
        self._task.error(f"GET {asked.target}\n")
        if asked.path == "/register":
            respond(_json({"data": self._store}))
            self._replicas.append(value("host"))
        elif asked.path == "/get":
            respond(_json({"data": self._store.get(key, "") if key else self._store}))
        elif asked.path == "/set":
            if not key:
                respond(_wrong(400, "cannot set with empty key."))
            else:
                self._store[key] = value("value")
                self._tell(f"/set?key={quote(key)}&value={quote(value('value'))}", list(self._replicas), respond)
        elif asked.path == "/guestbook":
            self._front(value("cmd").lower(), key, value("value"), respond)
        else:
            respond(_wrong(404, "404 page not found"))

    def _tell(self, target: str, replicas: list[str], respond: Respond) -> None:
        if not replicas:
            respond(_json({"message": "Updated"}))
            return
        replica = replicas.pop(0)

        def told(said: str | None) -> None:
            if said is None:
                respond(_wrong(417, f"encountered error while propagating to replica '{replica}'"))
            else:
                self._tell(target, replicas, respond)

        self._call(replica, target, told)

    def _front(self, command: str, key: str, value: str, respond: Respond) -> None:
        if command not in ("get", "set"):
            respond(_wrong(400, f"unsupported cmd: '{command}'"))
            return
        if command == "set" and not key:
            respond(_wrong(400, "cannot set with empty key."))
            return
        host = "agnhost-replica" if command == "get" else "agnhost-primary"
        target = f"/{command}?key={quote(key)}&value={quote(value)}"

        def said(text: str | None) -> None:
            respond(_wrong(417, f"encountered error: {host} does not answer") if text is None else _text(text))

        self._call(host, target, said)

    def _call(self, host: str, target: str, done: Callable[[str | None], None]) -> None:
        address = address_of(self._task, host)
        if address is None:
            done(None)
            return

        def answered(outcome: HttpResponse | NetworkError) -> None:
            done(outcome.body.decode(errors="replace") if isinstance(outcome, HttpResponse) else None)

        request(self._task.network, self._task.ip, address, self._backend, target, answered, timeout_s=_CALL_S)


def _text(text: str, status: int = 200) -> HttpResponse:
    return HttpResponse(status, text.encode(), {"Content-Type": "text/plain; charset=utf-8"})


def _json(found: object) -> HttpResponse:
    return _text(jsonbytes.dumps(found).decode())


def _wrong(status: int, words: str) -> HttpResponse:
    return _text(f"{words}\n", status)
