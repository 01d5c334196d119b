"""Any other image: a plain sandbox that runs, answers on the ports the Pod declares, and says that it is simulated."""

from __future__ import annotations

from dataclasses import replace

from statelab.controlplane.image_names import parse_reference
from statelab.controlplane.runtime.http import Handler, HttpRequest, HttpResponse, Respond, serve
from statelab.controlplane.runtime.images.file_server import is_python_server
from statelab.controlplane.runtime.images.image import Image, plausible
from statelab.controlplane.runtime.images.stand_ins import CLIENTS, IMAGES, SERVERS
from statelab.controlplane.runtime.programs import Task


def simulated(task: Task) -> None:
    """Stand in for a server that is not built in: say so, accept connections, run until told to stop."""
    container = task.container
    what = container.spec.image if task.name == "statelab-simulated" else task.name
    said = (
        f"statelab: {what} is not built in; a stand-in runs in its place and does nothing. "
        "A kind cluster is the place to try the real one.\n"
    )
    task.write(said)
    handler = _says(said)
    opened = []
    for port in _ports(task):
        try:
            task.network.listen(task.ip, port, lambda connection: serve(connection, handler))
        except OSError:
            task.error(f"statelab: port {port} is in use by another program of the Pod\n")
        else:
            opened.append(port)

    def close() -> None:
        for port in opened:
            task.network.unlisten(task.ip, port)

    def stop(signal: str) -> None:
        if signal in ("TERM", "INT", "QUIT"):
            task.after(0.05, lambda: task.finish(0))

    task.on_end, task.on_signal = close, stop


def _ports(task: Task) -> list[int]:
    """Those the Pod declares; where it declares none, the usual one."""
    if task.container.spec.ports:
        return list(dict.fromkeys(task.container.spec.ports))
    name = parse_reference(task.container.spec.image).path.rpartition("/")[2]
    usual = SERVERS.get(task.name) or IMAGES.get(name)
    return [] if usual is None else [usual]


def taken_as_done(task: Task) -> None:
    """Stand in for a command that is not built in, such as a probe's `pg_isready`."""
    task.error(f"statelab: {task.name} is not built in; it is taken to have succeeded\n")
    task.finish(0)


def _python(task: Task) -> None:
    if not is_python_server(task):
        taken_as_done(task)


def _says(text: str) -> Handler:
    def answer(request: HttpRequest, respond: Respond) -> None:
        respond(HttpResponse(200, text.encode(), {"Content-Type": "text/plain"}))

    return answer


IMAGE = Image(
    programs={
        "statelab-simulated": simulated,
        **dict.fromkeys(SERVERS, simulated),
        **dict.fromkeys(CLIENTS, taken_as_done),
        "python": _python,
        "python3": _python,
    },
    command=("statelab-simulated",),
    tag_exists=plausible,
    simulated=True,
    size_bytes=50_000_000,
)
PYTHON = replace(IMAGE, runs_arguments=True)
