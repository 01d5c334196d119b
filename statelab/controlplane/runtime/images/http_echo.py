"""hashicorp/http-echo: answers every request with one text."""

from __future__ import annotations

from statelab.controlplane.runtime.http import HttpRequest, HttpResponse, Respond, serve
from statelab.controlplane.runtime.images.image import Image, numbered
from statelab.controlplane.runtime.programs import Task


def http_echo(task: Task) -> None:
    """`-text=hello`, `-listen=:5678`, `-status-code=200`."""
    options = {"text": task.env.get("ECHO_TEXT", ""), "listen": ":5678", "status-code": "200"}
    waiting = list(task.argv)
    while waiting:
        name, equals, value = waiting.pop(0).lstrip("-").partition("=")
        options[name] = value if equals or not waiting else waiting.pop(0)
    if not options["text"]:
        task.fail("Missing -text option or ECHO_TEXT env var!\n", 127)
        return
    port = int(options["listen"].rpartition(":")[2])

    def answer(request: HttpRequest, respond: Respond) -> None:
        respond(HttpResponse(int(options["status-code"]), f"{options['text']}\n".encode(), {"X-App-Name": "http-echo"}))

    def signal(name: str) -> None:
        if name in ("TERM", "INT"):
            task.error("[INFO] received interrupt, shutting down...\n")
            task.finish(0)

    task.network.listen(task.ip, port, lambda connection: serve(connection, answer))
    task.on_end = lambda: task.network.unlisten(task.ip, port)
    task.on_signal = signal
    task.error(f"[INFO] server is listening on :{port}\n")


IMAGE = Image(
    entrypoint=("/http-echo",),
    programs={"/http-echo": http_echo},
    user=65532,
    commands=frozenset(),
    tag_exists=numbered("0", "1", words="alpine"),
    size_bytes=4_000_000,
)
