"""agnhost, the Kubernetes tests' own image: many small programs behind one command.

Source: kubernetes test/images/agnhost. What is not here says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from random import Random

from statelab.controlplane.runtime import grpc_health
from statelab.controlplane.runtime.applets.resolver import address_of, resolver_config, text_of
from statelab.controlplane.runtime.http import Handler, HttpRequest, HttpResponse, Respond, request, serve
from statelab.controlplane.runtime.images.guestbook import Guestbook
from statelab.controlplane.runtime.images.image import Image, numbered
from statelab.controlplane.runtime.images.issuer_check import IssuerCheck
from statelab.controlplane.runtime.images.mounttest import mounttest
from statelab.controlplane.runtime.images.nettest import NetTest
from statelab.controlplane.runtime.images.pause import pause
from statelab.controlplane.runtime.images.web import content_type, find
from statelab.controlplane.runtime.images.webhook import conversion_webhook, webhook
from statelab.controlplane.runtime.network import Connection, NetworkError
from statelab.controlplane.runtime.programs import Task
from statelab.reader import jsonbytes

_ALIVE_FOR_S = 10.0
_CERTIFICATE = (
    "-----BEGIN CERTIFICATE-----\nMIIB…not a certificate, but the file the tests look for…\n-----END CERTIFICATE-----\n"
)


def agnhost(task: Task) -> None:
    what, task.argv = (task.argv[0] if task.argv else "pause"), task.argv[1:]
    program = _PROGRAMS.get(what)
    if program is None:
        task.fail(f"agnhost {what} is not simulated by the embedded cluster; a kind cluster is the place to try it\n")
    else:
        program(task)


def _mounttest(task: Task) -> None:
    mounttest(task, _options(task))


def _pause(task: Task) -> None:
    task.write("Paused\n")
    pause(task)


def _options(task: Task) -> dict[str, str]:
    """`--name=value`, `--name value` (which may be a number below zero), `--flag`."""
    found = {}
    waiting = list(task.argv)
    while waiting:
        name, equals, value = waiting.pop(0).lstrip("-").partition("=")
        if not equals and waiting and (not waiting[0].startswith("-") or waiting[0][1:].isdigit()):
            value = waiting.pop(0)
        found[name] = value
    return found


def _listen(task: Task, port: int, handler: Handler) -> bool:
    return _listen_tcp(task, port, lambda connection: serve(connection, handler))


def _listen_tcp(task: Task, port: int, accept: Callable[[Connection], None]) -> bool:
    try:
        task.network.listen(task.ip, port, accept)
    except OSError:
        task.fail(f"listen tcp :{port}: bind: address already in use\n")
        return False
    before = task.on_end

    def close() -> None:
        task.network.unlisten(task.ip, port)
        if before is not None:
            before()

    task.on_end = close
    # Go programs without a handler of their own end at once; as PID 1 the Go runtime still does so.
    task.on_signal = lambda name: task.finish(2 if name in ("TERM", "INT") else 0) if name in ("TERM", "INT") else None
    return True


def _hear(task: Task, port: int, answer: Callable[[bytes, tuple[str, int]], bytes | None]) -> bool:
    try:
        task.network.hear(task.ip, port, answer)
    except OSError:
        task.fail(f"listen udp :{port}: bind: address already in use\n")
        return False
    before = task.on_end

    def close() -> None:
        task.network.hear_no_more(task.ip, port)
        if before is not None:
            before()

    task.on_end = close
    return True


def _text(text: str, status: int = 200) -> HttpResponse:
    return HttpResponse(status, text.encode(), {"Content-Type": "text/plain; charset=utf-8"})


# ---- netexec


def netexec(task: Task) -> None:
    """An HTTP server that does as it is told: /hostname, /clientip, /echo, /shell, /dial, /healthz, /exit …"""
    options = _options(task)
    port = int(options.get("http-port") or 8080)
    server = _Netexec(task)
    udp_port = int(options.get("udp-port") or 8081)
    if _listen(task, port, server.answer) and (udp_port < 0 or _hear(task, udp_port, server.hear)):
        delay_s = float((options.get("delay-shutdown") or "0").rstrip("s"))

        def stop(name: str) -> None:
            if name in ("TERM", "INT"):
                task.after(delay_s, lambda: task.finish(0))

        task.on_signal = stop
        task.error(f"Started HTTP server on port {port}\n")
        if udp_port >= 0:
            task.error(f"Started UDP server on port {udp_port}\n")


class _Netexec:
    def __init__(self, task: Task) -> None:
        self.task = task
        self.healthy = True

    def answer(self, request: HttpRequest, respond: Respond) -> None:
        task = self.task
        moment = datetime.fromtimestamp(task.loop.now_s, UTC).strftime("%Y/%m/%d %H:%M:%S")
        task.error(f"{moment} {request.method} {request.target}\n")
        name = request.path.strip("/").lower()

        def value(key: str, otherwise: str = "") -> str:
            return request.query.get(key, [otherwise])[0]

        if name == "":
            respond(_text(f"NOW: {datetime.fromtimestamp(task.loop.now_s, UTC)} +0000 UTC"))
        elif name == "hostname":
            respond(_text(task.container.spec.hostname))
        elif name == "clientip":
            respond(_text(f"{request.source[0]}:{request.source[1]}"))
        elif name == "echo":
            respond(_text(value("msg"), int(value("code", "200") or 200)))
        elif name == "header":
            respond(_text(request.headers.get(value("key").lower(), "")))
        elif name in ("healthz", "readyz"):
            respond(_text("OK" if self.healthy else "", 200 if self.healthy else 412))
        elif name in ("shutdown", "exit"):
            code = int(value("code", "0") or 0)
            respond(_text(""))
            task.after(0.0, lambda: task.finish(code))
        elif name == "set-healthy":
            self.healthy = True
            respond(_text("OK"))
        elif name == "redirect":
            respond(HttpResponse(int(value("code", "302")), headers={"Location": value("location", "/")}))
        elif name == "shell":
            self.shell(value("cmd") or value("shellCommand"), respond)
        elif name == "dial":
            self.dial(value, respond)
        else:
            respond(_text("404 page not found\n", 404))

    def hear(self, data: bytes, source: tuple[str, int]) -> bytes | None:
        """One command in a datagram."""
        words = data.decode(errors="replace").strip().split(" ", 1)
        command = words[0].lower()
        self.task.error(f"Received: {' '.join(words)}\n")
        if command == "hostname":
            return self.task.container.spec.hostname.encode()
        if command == "echo":
            return words[1].encode() if len(words) > 1 else b""
        return f"{source[0]}:{source[1]}".encode() if command == "clientip" else None

    def shell(self, command: str, respond: Respond) -> None:
        output = bytearray()

        def done(code: int) -> None:
            answer = {"output": output.decode(errors="replace")}
            if code:
                answer["error"] = f"exit status {code}"
            respond(_text(jsonbytes.dumps(answer).decode()))

        self.task.container.exec(
            ["/bin/sh", "-c", command], on_output=lambda stream, data: output.extend(data), on_exit=done
        )

    def dial(self, value: Callable[..., str], respond: Respond) -> None:
        """Ask another netexec, as often as told, and report."""
        tries = max(1, min(int(value("tries", "1") or 1), 100))
        host, port = value("host"), int(value("port", "8080") or 8080)
        answers: list[str] = []
        failures: list[str] = []

        def one(outcome: HttpResponse | NetworkError) -> None:
            if isinstance(outcome, HttpResponse):
                answers.append(outcome.body.decode(errors="replace"))
            else:
                failures.append(outcome.reason)
            if len(answers) + len(failures) == tries:
                report = {"responses": answers} if not failures else {"responses": answers, "errors": failures}
                respond(_text(jsonbytes.dumps(report).decode()))

        address = address_of(self.task, host)
        for _ in range(tries):
            if address is None:
                one(NetworkError("no such host"))
            elif value("protocol") == "udp":
                said = self.task.network.send(self.task.ip, address, port, value("request", "hostname").encode())
                one(NetworkError("timed out") if said is None else HttpResponse(200, said))
            else:
                target = "/" + value("request", "hostname")
                request(self.task.network, self.task.ip, address, port, target, one, timeout_s=5.0)


# ---- the others


def test_webserver(task: Task) -> None:
    """Serve the root folder, as Go's http.FileServer does."""
    port = int(_options(task).get("port") or 80)

    def answer(request: HttpRequest, respond: Respond) -> None:
        found = find(task.files, "/", request.path, ("index.html",))
        if found is None:
            respond(_text("404 page not found\n", 404))
        elif found == "":
            names = task.files.entries(request.path.rstrip("/") or "/")
            lines = [f"{each.path.rpartition('/')[2]}{'/' if each.kind == 'directory' else ''}" for each in names]
            body = "<pre>\n" + "".join(f'<a href="{line}">{line}</a>\n' for line in lines) + "</pre>\n"
            respond(HttpResponse(200, body.encode(), {"Content-Type": "text/html; charset=utf-8"}))
        else:
            respond(HttpResponse(200, task.files.read(found), {"Content-Type": content_type(found)}))

    _listen(task, port, answer)


def serve_hostname(task: Task) -> None:
    options = _options(task)
    port = int(options.get("port") or 9376)

    def answer(request: HttpRequest, respond: Respond) -> None:
        respond(_text(task.container.spec.hostname))

    if options.get("tcp") in ("true", "") and "tcp" in options:

        def accept(connection: Connection) -> None:
            connection.send(task.container.spec.hostname.encode())
            connection.close()

        _listen_tcp(task, port, accept)
    else:
        _listen(task, port, answer)


def porter(task: Task) -> None:
    """At each port that a variable SERVE_PORT_<port> names, serve what is in it. TLS and SCTP there are not."""
    say = _say_as_json if "json-response" in _options(task) else _say
    wanted = {name: text for name, text in task.env.items() if name.startswith("SERVE_")}
    for name, text in sorted(wanted.items()):
        number = name.removeprefix("SERVE_PORT_")
        if not number.isdigit():
            task.error(f"{name}: only SERVE_PORT_<port> is simulated by the embedded cluster\n")
        elif not _listen(task, int(number), partial(say, text)):
            return
        else:
            task.error(f"serving on port {number}\n")


def _say(text: str, request: HttpRequest, respond: Respond) -> None:
    respond(_text(text))


def _say_as_json(text: str, request: HttpRequest, respond: Respond) -> None:
    respond(_text(jsonbytes.dumps({"Method": request.method, "Body": text}).decode()))


def liveness(task: Task) -> None:
    """Healthy for ten seconds, then not: what the tutorial on probes watches being restarted."""
    started_s = task.loop.now_s

    def answer(request: HttpRequest, respond: Respond) -> None:
        if request.path == "/healthz":
            age_s = task.loop.now_s - started_s
            respond(_text("ok") if age_s <= _ALIVE_FOR_S else _text(f"error: {age_s}", 500))
        elif request.path == "/started":
            respond(_text(f"{task.loop.now_s - started_s}"))
        else:
            respond(_text("404 page not found\n", 404))

    _listen(task, 8080, answer)


def guestbook(task: Task) -> None:
    options = _options(task)
    server = Guestbook(task, int(options.get("backend-port") or 6379))
    if _listen(task, int(options.get("http-port") or 80), server.answer) and options.get("replicaof"):
        server.register(options["replicaof"])


def nettest(task: Task) -> None:
    program = NetTest(task, _options(task))
    if _listen(task, program.port, program.answer):
        program.start()


def issuer_discovery(task: Task) -> None:
    options = _options(task)
    IssuerCheck(task, options.get("token-path", ""), options.get("audience", "")).start()


def grpc_health_checking(task: Task) -> None:
    """A gRPC health service that can be told, or waits, to say NOT_SERVING."""
    options = _options(task)
    name, delay_s = options.get("service", ""), float(options.get("delay-unhealthy-sec") or -1)
    started_s, forced = task.loop.now_s, list[bool]()

    def check(service: str) -> grpc_health.Health:
        if service != name:
            return grpc_health.Health(grpc_health.NOT_FOUND, "unknown service")
        is_late = 0 <= delay_s <= task.loop.now_s - started_s
        is_healthy = not is_late and (not forced or forced[-1])
        return grpc_health.Health(0, "", grpc_health.SERVING if is_healthy else grpc_health.NOT_SERVING)

    def answer(request: HttpRequest, respond: Respond) -> None:
        if request.path in ("/make-serving", "/make-not-serving"):
            forced.append(request.path == "/make-serving")
            respond(_text(f"{task.loop.now_s - started_s}s"))
        else:
            respond(_text("404 page not found\n", 404))

    port, http_port = int(options.get("port") or 5000), int(options.get("http-port") or 8080)
    if _listen(task, http_port, answer):
        task.error(f"Http server starting to listen on :{http_port}\n")
        if _listen_tcp(task, port, lambda connection: grpc_health.serve(connection, check)):
            task.error(f"gRPC server starting to listen on :{port}\n")


def connect(task: Task) -> None:
    """Whether a TCP connection can be had: exit 0, or 1 with TIMEOUT, REFUSED, DNS on standard error."""
    words = [each for each in task.argv if not each.startswith("-")]
    host, _, port = (words[0] if words else "").rpartition(":")
    address = address_of(task, host)
    if address is None or not port.isdigit():
        task.fail("DNS\n")
        return
    try:
        task.network.connect(task.ip, address, int(port)).close()
    except NetworkError as error:
        reason = "REFUSED" if error.reason == "connection refused" else "TIMEOUT"
        task.after(min(error.after_s, 1.0), lambda: task.fail(f"{reason}\n"))
    else:
        task.finish(0)


def dns_suffix(task: Task) -> None:
    task.write(",".join(resolver_config(task).search))
    task.finish(0)


def dns_server_list(task: Task) -> None:
    task.write(",".join(resolver_config(task).servers))
    task.finish(0)


def etc_hosts(task: Task) -> None:
    task.write(text_of(task.files, "/etc/hosts"))
    task.finish(0)


def entrypoint_tester(task: Task) -> None:
    called = task.process.entry.called if task.process is not None else "/agnhost"
    task.write(f"[{' '.join([called, 'entrypoint-tester', *task.argv])}]\n")
    task.finish(0)


def _request_line(number: int) -> str:
    """A request as the program makes it up; the same for the same number."""
    chance = Random(number)
    method, namespace = chance.choice(("GET", "PUT", "POST")), chance.choice(("kube-system", "default", "ns"))
    name = "".join(chance.choices("bcdfghjklmnpqrstvwxz2456789", k=chance.randint(3, 4)))
    return f"{method} /api/v1/namespaces/{namespace}/pods/{name} {chance.randint(200, 599)}"


def logs_generator(task: Task) -> None:
    options = _options(task)
    total = int(options.get("log-lines-total") or 0)
    lasts_s = float((options.get("run-duration") or "1s").rstrip("s"))

    def line(number: int) -> None:
        task.error(
            f"I{datetime.fromtimestamp(task.loop.now_s, UTC):%m%d %H:%M:%S.%f}       1 logs_generator.go:76] "
            f"{number} {_request_line(number)}\n"
        )
        if number + 1 >= total:
            task.finish(0)
        else:
            task.after(lasts_s / max(total, 1), lambda: line(number + 1))

    line(0)


_PROGRAMS: Mapping[str, Callable[[Task], None]] = {
    "pause": _pause,
    "mounttest": _mounttest,
    "netexec": netexec,
    "test-webserver": test_webserver,
    "serve-hostname": serve_hostname,
    "liveness": liveness,
    "porter": porter,
    "nettest": nettest,
    "guestbook": guestbook,
    "grpc-health-checking": grpc_health_checking,
    "test-service-account-issuer-discovery": issuer_discovery,
    "connect": connect,
    "dns-suffix": dns_suffix,
    "dns-server-list": dns_server_list,
    "etc-hosts": etc_hosts,
    "entrypoint-tester": entrypoint_tester,
    "logs-generator": logs_generator,
    "webhook": lambda task: webhook(task, _options(task)),
    "crd-conversion-webhook": lambda task: conversion_webhook(task, _options(task)),
}

IMAGE = Image(
    entrypoint=("/agnhost",),
    command=("pause",),
    files=lambda tag: {"/localhost.crt": _CERTIFICATE, "/localhost.key": "not a key\n"},
    programs={"/agnhost": agnhost, "/agnhost-2": agnhost, "agnhost": agnhost},
    tag_exists=numbered("2"),
    size_bytes=50_000_000,
)
