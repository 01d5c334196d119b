"""Probes: is it started, is it alive, may it be sent traffic.

A Prober asks one question of one container, again and again, and tells when the answer counts: after as many equal
answers in a row as its threshold says. Source: pkg/kubelet/prober/{worker,prober}.go, pkg/probe/{exec,http,tcp,grpc}.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from statelab.controlplane.clock import Loop, Timer
from statelab.controlplane.kinds import Object
from statelab.controlplane.runtime import grpc_health
from statelab.controlplane.runtime.http import HttpResponse, request
from statelab.controlplane.runtime.network import Network, NetworkError

if TYPE_CHECKING:
    from statelab.controlplane.runtime.containers import Container

Kind = Literal["startup", "liveness", "readiness"]
# A container that has failed its readiness probe for so long will hardly pass soon: the cluster counts as idle.
_PATIENCE_S = 60.0
_A_MOMENT_S = 0.01
_MOST_OUTPUT = 10 * 1024
_NOT_EXECUTED = "OCI runtime exec failed"


@dataclass(frozen=True, slots=True)
class Answer:
    """What one probe found. `passed` None: it could not be carried out."""

    passed: bool | None
    output: str = ""


@dataclass(frozen=True, slots=True)
class Target:
    """What is probed."""

    pod_ip: str
    host_ip: str
    container: Object
    runtime: Container
    network: Network


class Prober:
    """One probe of one running container. `on_result` is told what counts, `on_failed` each failure."""

    __slots__ = (
        "_answers",
        "_ask",
        "_first_s",
        "_loop",
        "_on_failed",
        "_on_result",
        "_running",
        "_spec",
        "_stopped",
        "_timer",
        "kind",
        "result",
    )

    def __init__(
        self,
        kind: Kind,
        spec: Object,
        loop: Loop,
        ask: Callable[[Object, bool, Callable[[Answer], None]], None],
        on_result: Callable[[Kind, bool], None],
        on_failed: Callable[[Kind, Answer], None],
    ) -> None:
        self.kind: Kind = kind
        self.result: bool | None = True if kind == "liveness" else False if kind == "readiness" else None
        self._spec = spec
        self._loop = loop
        self._ask = ask
        self._on_result = on_result
        self._on_failed = on_failed
        self._answers = 0  # how many equal ones in a row: positive passed, negative failed
        self._first_s: float | None = None
        self._timer: Timer | None = None
        self._running = False
        self._stopped = False

    def start(self, at_s: float) -> None:
        """Ask for the first time then: when the initial delay has passed."""
        self._timer = self._loop.call_at(at_s, self._probe)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
        self._running = False
        self._stopped = True

    def hurry(self) -> None:
        """Something in the container may have changed: the next probe is worth waiting for."""
        if self._timer is not None:
            at_s = self._timer.at_s
            self._timer.cancel()
            self._timer = self._loop.call_at(at_s, self._probe)

    @property
    def _is_settled(self) -> bool:
        if self._first_s is None or self.result is None:
            return False
        if self._answers >= 0 or self.kind != "readiness":
            return self.result is True and self._answers >= 0
        return self.result is False and self._loop.now_s - self._first_s > _PATIENCE_S

    def _probe(self) -> None:
        self._timer = None
        self._running = True
        settled = self._is_settled
        if self._first_s is None:
            self._first_s = self._loop.now_s
        asked_s = self._loop.now_s
        self._ask(self._spec, settled, lambda answer: self._answered(answer, asked_s))

    def _answered(self, answer: Answer, asked_s: float) -> None:
        if not self._running:
            return
        self._running = False
        if answer.passed is not True:
            self._on_failed(self.kind, answer)
        if answer.passed is not None:
            self._count(answer.passed)
            if self._stopped:  # by what its result led to: a startup probe is not asked again when it has passed
                return
        due_s = asked_s + self._spec.get("periodSeconds", 10)
        self._timer = self._loop.call_at(due_s, self._probe, housekeeping=self._is_settled)

    def _count(self, passed: bool) -> None:
        if passed:
            self._answers = max(self._answers, 0) + 1
        else:
            self._answers = min(self._answers, 0) - 1
        threshold = self._spec.get("successThreshold" if passed else "failureThreshold", 1 if passed else 3)
        if abs(self._answers) < threshold:
            return
        changed = self.result is not passed
        self.result = passed
        if changed:
            self._first_s = self._loop.now_s
            self._on_result(self.kind, passed)


def words(kind: Kind, answer: Answer) -> str:
    """The message of the Unhealthy event."""
    name = kind.capitalize()
    if answer.passed is None:
        return f"{name} probe errored and resulted in unknown state: {answer.output}"
    return f"{name} probe failed: {answer.output[:_MOST_OUTPUT]}"


def ask(spec: Object, target: Target, loop: Loop, housekeeping: bool, done: Callable[[Answer], None]) -> None:
    """Carry out one probe; `done` is called once with what it found, at the latest when its time-out has passed."""
    timeout_s = spec.get("timeoutSeconds", 1)
    if "exec" in spec:
        _ask_exec(spec["exec"].get("command") or [], target, loop, timeout_s, housekeeping, done)
    elif "httpGet" in spec:
        _ask_http(spec["httpGet"], target, timeout_s, housekeeping, done)
    elif "tcpSocket" in spec:
        _ask_tcp(spec["tcpSocket"], target, loop, timeout_s, housekeeping, done)
    else:
        _ask_grpc(spec.get("grpc") or {}, target, loop, timeout_s, housekeeping, done)


def _ask_exec(
    command: list[str], target: Target, loop: Loop, timeout_s: float, housekeeping: bool, done: Callable[[Answer], None]
) -> None:
    output = bytearray()
    answered = False
    began_s = loop.now_s
    timer = loop.call_later(timeout_s, lambda: too_late(), housekeeping=housekeeping)

    def finish(answer: Answer) -> None:
        nonlocal answered
        if not answered:
            answered = True
            timer.cancel()
            done(answer)

    def on_exit(code: int) -> None:
        text = output.decode(errors="replace")
        if code in (126, 127) and text.startswith(_NOT_EXECUTED):
            # The runtime could not run it at all: that is no answer (ExecSync fails, and the probe is "unknown").
            finish(Answer(None, f"rpc error: code = Unknown desc = failed to exec in container: {text.strip()}"))
        else:
            finish(Answer(code == 0, text))

    def too_late() -> None:
        nonlocal timer
        if process.is_computing and loop.wall_s_since(began_s) < timeout_s - _A_MOMENT_S:
            # The cluster's time passes faster than the wall's, and it is this machine that is slow.
            timer = loop.call_later(timeout_s, too_late, housekeeping=housekeeping)
            return
        finish(Answer(False, f'command timed out: "{" ".join(command)}" timed out after {timeout_s}s'))
        process.signal("KILL")

    process = target.runtime.exec(command, on_output=lambda stream, data: output.extend(data), on_exit=on_exit)


def port_of(port: int | str, container: Object) -> int | None:
    """A probe's port: a number, or the name of one of the container's ports."""
    if isinstance(port, str):
        named = next((each for each in container.get("ports") or () if each.get("name") == port), None)
        if named is not None:
            return int(named["containerPort"])
        if not port.isdigit():
            return None
    return int(port) if 0 < int(port) < 65536 else None


def _ask_tcp(
    spec: Object, target: Target, loop: Loop, timeout_s: float, housekeeping: bool, done: Callable[[Answer], None]
) -> None:
    port = port_of(spec["port"], target.container)
    if port is None:
        done(Answer(None, f'strconv.Atoi: parsing "{spec["port"]}": invalid syntax'))
        return
    host = spec.get("host") or target.pod_ip
    try:
        target.network.connect(target.host_ip, host, port).close()
    except NetworkError as caught:
        reason = "timed out" if caught.after_s > timeout_s else caught.reason
        answer = Answer(False, dial_error(host, port, reason))
        if caught.after_s:
            loop.call_later(min(caught.after_s, timeout_s), lambda: done(answer), housekeeping=housekeeping)
        else:
            done(answer)
    else:
        done(Answer(True))


def _ask_grpc(
    spec: Object, target: Target, loop: Loop, timeout_s: float, housekeeping: bool, done: Callable[[Answer], None]
) -> None:
    """Source of the words: pkg/probe/grpc. Whatever goes wrong is a failure, as with grpc_health_probe."""
    port, service = int(spec.get("port", 0)), str(spec.get("service") or "")

    def answered(found: grpc_health.Health | str) -> None:
        if found == "connect":
            where = f'"{target.pod_ip}:{port}"'
            said = f"timeout: failed to connect service {where} within {timeout_s:g}s: context deadline exceeded"
        elif isinstance(found, str):
            said = f"timeout: health rpc did not complete within {timeout_s:g}s"
        elif found.code == grpc_health.UNIMPLEMENTED:
            protocol = "the grpc health protocol (grpc.health.v1.Health)"
            said = f"error: this server does not implement {protocol}: {found.message}"
        elif found.code:
            code = grpc_health.CODE_NAMES.get(found.code, "Unknown")
            said = f"error: health rpc probe failed: rpc error: code = {code} desc = {found.message}"
        elif found.status != grpc_health.SERVING:
            name = grpc_health.STATUS_NAMES[min(found.status, len(grpc_health.STATUS_NAMES) - 1)]
            said = f'service unhealthy (responded with "{name}")'
        else:
            done(Answer(True, "service healthy"))
            return
        done(Answer(False, said))

    grpc_health.call(
        target.network, loop, target.host_ip, target.pod_ip, port, service, timeout_s, answered,
        housekeeping=housekeeping,
    )  # fmt: skip


def dial_error(host: str, port: int, reason: str) -> str:
    """A failed connection in Go's words."""
    if reason == "timed out":
        return f"dial tcp {host}:{port}: i/o timeout"
    if reason == "no such host":
        return f"dial tcp: lookup {host}: no such host"
    return f"dial tcp {host}:{port}: connect: {reason}"


def _ask_http(
    spec: Object, target: Target, timeout_s: float, housekeeping: bool, done: Callable[[Answer], None]
) -> None:
    port = port_of(spec["port"], target.container)
    if port is None:
        done(Answer(None, f'strconv.Atoi: parsing "{spec["port"]}": invalid syntax'))
        return
    host = spec.get("host") or target.pod_ip
    by_tls = spec.get("scheme") == "HTTPS"
    speaks_tls = by_tls and target.network.certificate(host, port) is not None  # whatever it shows

    def answered(outcome: HttpResponse | NetworkError) -> None:
        if isinstance(outcome, HttpResponse) and by_tls and not speaks_tls:
            url = f"https://{host}:{port}{path_of(spec)}"
            done(Answer(False, f'Get "{url}": http: server gave HTTP response to HTTPS client'))
        elif isinstance(outcome, HttpResponse):
            passed = 200 <= outcome.status < 400
            done(Answer(passed, "" if passed else f"HTTP probe failed with statuscode: {outcome.status}"))
        else:
            done(Answer(False, get_error(spec, host, port, outcome.reason)))

    headers = {"User-Agent": "kube-probe/1.36", "Accept": "*/*", **headers_of(spec)}
    request(
        target.network,
        target.host_ip,
        host,
        port,
        path_of(spec),
        answered,
        headers={name: value for name, value in headers.items() if value},
        timeout_s=timeout_s,
        housekeeping=housekeeping,
        tls=by_tls,
    )


def get_error(spec: Object, host: str, port: int, reason: str) -> str:
    """A failed GET in the words of Go's http.Client."""
    url = f"{(spec.get('scheme') or 'HTTP').lower()}://{host}:{port}{path_of(spec)}"
    if reason == "timed out":
        return f'Get "{url}": context deadline exceeded (Client.Timeout exceeded while awaiting headers)'
    if reason == "connection reset by peer":
        return f'Get "{url}": EOF'
    if reason.startswith("malformed"):
        return f'Get "{url}": net/http: HTTP/1.x transport connection broken: {reason}'
    return f'Get "{url}": {dial_error(host, port, reason)}'


def path_of(spec: Object) -> str:
    path = spec.get("path") or "/"
    return path if path.startswith("/") else f"/{path}"


def headers_of(spec: Object) -> Mapping[str, str]:
    return {each["name"]: each.get("value", "") for each in spec.get("httpHeaders") or ()}
