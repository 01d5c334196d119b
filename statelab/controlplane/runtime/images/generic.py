"""Any other image: a plain sandbox that runs, answers on the ports the Pod declares, and says that it is simulated."""

from __future__ import annotations

from statelab.controlplane.runtime.http import Handler, HttpRequest, HttpResponse, Respond, serve
from statelab.controlplane.runtime.images.image import Image, plausible
from statelab.controlplane.runtime.programs import Task


def simulated(task: Task) -> None:
    """Stand in for a program that is not built in: say so, accept connections, run until told to stop."""
    container = task.container
    said = (
        f"statelab: {container.spec.image} is not built in; this container is a stand-in that runs and does nothing. "
        "A kind cluster is the place to try the real one.\n"
    )
    task.write(said)
    handler = _says(said)
    opened = []
    for port in container.spec.ports:
        try:
            task.network.listen(task.ip, port, lambda connection: serve(connection, handler))
        except OSError:
            task.error(f"statelab: port {port} is in use by another container of the Pod\n")
        else:
            opened.append(port)

    def close() -> None:
        for port in opened:
            task.network.unlisten(task.ip, port)

    def stop(signal: str) -> None:
        if signal in ("TERM", "INT", "QUIT"):
            task.after(0.05, lambda: task.finish(0))

    task.on_end, task.on_signal = close, stop


def _says(text: str) -> Handler:
    def answer(request: HttpRequest, respond: Respond) -> None:
        respond(HttpResponse(200, text.encode(), {"Content-Type": "text/plain"}))

    return answer


IMAGE = Image(
    repositories=(),
    programs={"statelab-simulated": simulated},
    command=("statelab-simulated",),
    tag_exists=plausible,
    simulated=True,
    size_bytes=50_000_000,
)
