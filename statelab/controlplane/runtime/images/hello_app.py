"""The small web servers of tutorials, that say hello or who they are: hello-app, bootcamp, whoami, podinfo."""

from __future__ import annotations

from collections.abc import Callable

from statelab.controlplane.image_names import parse_reference
from statelab.controlplane.runtime.http import HttpRequest, HttpResponse, Respond, serve
from statelab.controlplane.runtime.images.image import Image
from statelab.controlplane.runtime.programs import Task

Page = Callable[[Task, HttpRequest], str]


def _server(port: int, page: Page) -> Callable[[Task], None]:
    def run(task: Task) -> None:
        asked = _asked_port(task)
        if asked and not asked.isdigit():
            task.fail(f"listen tcp: lookup tcp/{asked}: unknown port\n")
            return
        listens_on = int(asked or port)

        def answer(request: HttpRequest, respond: Respond) -> None:
            respond(HttpResponse(200, page(task, request).encode(), {"Content-Type": "text/plain; charset=utf-8"}))

        task.network.listen(task.ip, listens_on, lambda connection: serve(connection, answer))
        task.on_end = lambda: task.network.unlisten(task.ip, listens_on)
        task.on_signal = lambda name: task.finish(0 if name == "TERM" else 130) if name in ("TERM", "INT") else None
        task.write(f"Server listening on port {listens_on}\n")

    return run


def _asked_port(task: Task) -> str:
    """`--port 8080`, `-port=8080`, PORT or WHOAMI_PORT_NUMBER; "" where nobody asks for another one."""
    for number, word in enumerate(task.argv):
        name, equals, value = word.partition("=")
        if name in ("--port", "-port"):
            return value if equals else "".join(task.argv[number + 1 : number + 2])
    return task.env.get("PORT") or task.env.get("WHOAMI_PORT_NUMBER") or ""


def _tag(task: Task) -> str:
    return parse_reference(task.container.spec.image).tag


def _hello(task: Task, request: HttpRequest) -> str:
    version = _tag(task)
    full = f"{version}.0" if version.count(".") == 1 else version
    return f"Hello, world!\nVersion: {full}\nHostname: {task.container.spec.hostname}\n"


def _bootcamp(task: Task, request: HttpRequest) -> str:
    return f"Hello Kubernetes bootcamp! | Running on: {task.container.spec.hostname} | v={_tag(task).lstrip('v')}\n"


def _whoami(task: Task, request: HttpRequest) -> str:
    headers = "".join(f"{name.title()}: {value}\n" for name, value in request.headers.items())
    return (
        f"Hostname: {task.container.spec.hostname}\nIP: 127.0.0.1\nIP: {task.ip}\n"
        f"RemoteAddr: {request.source[0]}:{request.source[1]}\n{request.method} {request.target} HTTP/1.1\n{headers}"
    )


def _named(task: Task, request: HttpRequest) -> str:
    return f"Hello from {task.container.spec.image} in {task.container.spec.hostname}\n"


def _podinfo(task: Task, request: HttpRequest) -> str:
    return f'{{"hostname": "{task.container.spec.hostname}", "version": "{_tag(task)}", "message": "greetings"}}\n'


HELLO_APP = Image(
    command=("hello-app",),
    programs={"hello-app": _server(8080, _hello)},
)
BOOTCAMP = Image(
    command=("kubernetes-bootcamp",),
    programs={"kubernetes-bootcamp": _server(8080, _bootcamp)},
)
WHOAMI = Image(
    entrypoint=("/whoami",),
    programs={"/whoami": _server(80, _whoami)},
)
# Several images that do the same: say hello at the port that each has.
AT_80 = Image(command=("hello",), programs={"hello": _server(80, _named)})
AT_8080 = Image(command=("hello",), programs={"hello": _server(8080, _named)})
PODINFO = Image(command=("./podinfo",), programs={"./podinfo": _server(9898, _podinfo)})
