"""agnhost's nettest: Pods of one Service that find each other by its Endpoints, and say when all have heard of all.

Source: kubernetes test/images/agnhost/nettest/nettest.go.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from statelab.controlplane.runtime.http import HttpRequest, HttpResponse, Respond, request
from statelab.controlplane.runtime.images import in_cluster
from statelab.controlplane.runtime.network import NetworkError
from statelab.controlplane.runtime.programs import Task
from statelab.reader import jsonbytes

_ROUNDS = 15
_MOST_SAID = 500
_WAITS_S = 5.0
_GIVES_UP_S = 300.0


class NetTest:
    """One run of the program, by its flags."""

    def __init__(self, task: Task, options: Mapping[str, str]) -> None:
        self._task = task
        self.port = int(options.get("port") or 8080)
        self._peers = int(options.get("peers") or 8)
        self._service, self._namespace = options.get("service", "nettest"), options.get("namespace", "default")
        self._delay_s = int(options.get("delay-shutdown") or 0)
        self._sent: dict[str, int] = {}
        self._received: dict[str, int] = {}
        self._errors: list[str] = []
        self._said: deque[str] = deque(maxlen=_MOST_SAID)
        self._contacting = True
        self._hostname = task.container.spec.hostname
        host, port = (task.env.get(f"KUBERNETES_SERVICE_{each}", "") for each in ("HOST", "PORT"))
        self._server = f"https://{host}:{port}" if host and port else ""
        self._every_s = max(_WAITS_S, float(self._peers // 10))
        self._gives_up_s = max(_GIVES_UP_S, float(self._peers))

    def start(self) -> None:
        """Look for the others; it listens already."""
        if self._delay_s > 0:
            self._task.on_signal = self._signal
        if not self._server:
            self._fatal(
                "Unable to create config; error: unable to load in-cluster configuration, "
                "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT must be defined"
            )
            return
        self._ask_version(self._task.loop.now_s)

    def _signal(self, name: str) -> None:
        if name == "TERM":
            self._log(f"Sleeping {self._delay_s} seconds before exit ...")
            self._task.after(self._delay_s, lambda: self._task.finish(0))

    # ---- what the others and the test ask

    def answer(self, asked: HttpRequest, respond: Respond) -> None:
        if asked.path == "/quit":
            self._task.finish(0)
        elif asked.path == "/status":
            respond(_text(self._status()))
        elif asked.path == "/read":
            state = {
                "Hostname": self._hostname, "Sent": _ordered(self._sent), "Received": _ordered(self._received),
                "Errors": self._errors or None, "Log": list(self._said) or None,
                "StillContactingPeers": self._contacting,
            }  # fmt: skip
            respond(_text(json.dumps(state, indent="\t", ensure_ascii=False)))
        elif asked.path == "/write":
            respond(_text(jsonbytes.dumps({"Hostname": self._heard(asked.body)}).decode() + "\n"))
        else:
            respond(_text("404 page not found\n", 404))

    def _status(self) -> str:
        if len(self._sent) >= self._peers and len(self._received) >= self._peers:
            return "pass"
        if self._contacting:
            return "running"
        self._say(
            f"Declaring failure for {self._namespace}/{self._service} with {len(self._sent)} sent and "
            f"{len(self._received)} received and {self._peers} peers"
        )
        return "fail"

    def _heard(self, body: bytes) -> str:
        """Note who has written; who hears it."""
        try:
            told = jsonbytes.loads(body)
        except ValueError as error:
            self._errors.append(str(error) if body.strip() else "EOF")
            told = {}
        source = told.get("Source") if isinstance(told, dict) else None
        if isinstance(source, str) and source:
            self._received[source] = self._received.get(source, 0) + 1
        else:
            self._errors.append(f"{self._hostname}: Got request with no source")
        return self._hostname

    # ---- looking for the others

    def _ask_version(self, begun_s: float) -> None:
        def answered(outcome: HttpResponse | str) -> None:
            if isinstance(outcome, HttpResponse) and outcome.status == 200:
                self._log(f"Server version: {jsonbytes.loads(outcome.body).get('gitVersion')}")
                self._wait_for_peers(self._task.loop.now_s)
                return
            why = outcome if isinstance(outcome, str) else outcome.reason
            self._log(f"Unable to get server version: {why}; retrying.\n")
            if self._task.loop.now_s - begun_s >= self._gives_up_s:
                self._fatal(f"Unable to contact Kubernetes: {why}\n")
            else:
                self._task.after(1 + self._every_s, lambda: self._ask_version(begun_s))

        in_cluster.get(self._task, f"{self._server}/version", answered)

    def _wait_for_peers(self, begun_s: float) -> None:
        def found(peers: list[str]) -> None:
            if len(peers) >= self._peers or self._task.loop.now_s - begun_s >= self._gives_up_s:
                self._contact_all(0)
                return
            self._say(
                f"{self._namespace}/{self._service} has {len(peers)} endpoints ([{' '.join(peers)}]), which is less "
                f"than {self._peers} as expected. Waiting for all endpoints to come up."
            )
            self._task.after(self._every_s, lambda: self._wait_for_peers(begun_s))

        self._find(found)

    def _find(self, then: Callable[[list[str]], None]) -> None:
        """Where the others are, by the Endpoints of their Service."""

        def answered(outcome: HttpResponse | str) -> None:
            peers: set[str] = set()
            if isinstance(outcome, HttpResponse) and outcome.status == 200:
                for subset in jsonbytes.loads(outcome.body).get("subsets") or ():
                    for address in subset.get("addresses") or ():
                        peers |= {f"http://{address['ip']}:{port['port']}" for port in subset.get("ports") or ()}
            then(sorted(peers))

        path = f"/api/v1/namespaces/{self._namespace}/endpoints/{self._service}"
        in_cluster.get(self._task, self._server + path, answered)

    def _contact_all(self, rounds: int) -> None:
        if rounds == _ROUNDS:
            self._contacting = False
            return
        self._find(lambda peers: self._contact(list(peers), rounds))

    def _contact(self, peers: list[str], rounds: int) -> None:
        """One after the other."""
        if not peers:
            self._task.after(self._every_s, lambda: self._contact_all(rounds + 1))
            return
        peer = peers.pop(0)
        host, _, port = peer.removeprefix("http://").rpartition(":")
        self._say(f"Attempting to contact {peer}")

        def answered(outcome: HttpResponse | NetworkError) -> None:
            if isinstance(outcome, NetworkError):
                why = f'Post "{peer}/write": dial tcp {host}:{port}: connect: {outcome.reason}'
                self._say(f'Warning: unable to contact the endpoint "{peer}": {why}')
            else:
                self._answered(peer, outcome.body)
            self._contact(peers, rounds)

        request(
            self._task.network, self._task.ip, host, int(port), "/write", answered, method="POST",
            headers={"Content-Type": "application/json", "Host": f"{host}:{port}"},
            body=jsonbytes.dumps({"Source": self._hostname, "Dest": peer}),
        )  # fmt: skip

    def _answered(self, peer: str, body: bytes) -> None:
        try:
            name = jsonbytes.loads(body)["Hostname"]
        except (ValueError, KeyError, TypeError) as error:
            said = body.decode(errors="replace")
            self._say(f"Warning: unable to unmarshal response ({said}) from '{peer}': '{error}'")
        else:
            self._sent[str(name)] = self._sent.get(str(name), 0) + 1

    # ---- what it says

    def _say(self, text: str) -> None:
        self._said.append(text)

    def _log(self, text: str) -> None:
        moment = datetime.fromtimestamp(self._task.loop.now_s, UTC).strftime("%Y/%m/%d %H:%M:%S")
        self._task.error(f"{moment} {text.rstrip()}\n")

    def _fatal(self, text: str) -> None:
        self._log(text)
        self._task.finish(1)


def _ordered(counts: dict[str, int]) -> dict[str, int] | None:
    """As Go writes a map: by name, and null as long as nothing is in it."""
    return dict(sorted(counts.items())) or None


def _text(text: str, status: int = 200) -> HttpResponse:
    return HttpResponse(status, text.encode(), {"Content-Type": "text/plain; charset=utf-8"})
