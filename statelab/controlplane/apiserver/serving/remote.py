"""exec, attach and port-forward without sockets: who is meant, and how to speak with it. streaming.py has the wire.

Source: pkg/registry/core/pod/strategy.go (streamLocation), kubelet/pkg/cri/streaming (remotecommand, portforward).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from statelab.controlplane import errors
from statelab.controlplane.apiserver.encoding.request import Request, Target, UpgradeAnswer
from statelab.controlplane.apiserver.serving import options
from statelab.controlplane.errors import ApiError
from statelab.controlplane.kinds import KINDS, Object
from statelab.controlplane.runtime.network import NetworkError
from statelab.reader import jsonbytes

if TYPE_CHECKING:
    from statelab.controlplane.controlplane import ControlPlane

Send = Callable[[str, bytes], None]  # ("stdout" | "stderr" | "error", bytes)

_SUCCESS = {"metadata": {}, "status": "Success"}


def upgrade(cluster: ControlPlane, request: Request, target: Target) -> UpgradeAnswer:
    """What a request for exec, attach or portforward asks for, checked. Raises ApiError."""
    pod = cluster.api.read("pods", target.namespace, target.name)
    if target.subresource == "portforward":
        return UpgradeAnswer("portforward", target.namespace, target.name, ports=_ports(request))
    if not pod["spec"].get("nodeName"):
        raise errors.bad_request(f"pod {target.name} does not have a host assigned")
    container = container_name(pod, request.first("container"))
    command = tuple(request.query.get("command") or ())
    answer = UpgradeAnswer(
        target.subresource,
        target.namespace,
        target.name,
        container,
        command,
        stdin=options.boolean(request, "stdin"),
        stdout=options.boolean(request, "stdout"),
        stderr=options.boolean(request, "stderr"),
        tty=options.boolean(request, "tty"),
    )
    if answer.action == "exec" and not command:
        raise errors.bad_request("you must specify at least 1 command for the container")
    if not (answer.stdin or answer.stdout or answer.stderr):
        raise errors.bad_request("you must specify at least 1 of stdin, stdout, stderr")
    if answer.tty and answer.stderr:
        # A terminal has one output; kubectl asks so, others may not.
        answer.stderr = False
    return answer


def container_name(pod: Object, wanted: str) -> str:
    """The container that is meant. Raises ApiError 400."""
    name, spec = pod["metadata"]["name"], pod["spec"]
    usual = [each["name"] for each in spec.get("containers") or ()]
    init = [each["name"] for each in spec.get("initContainers") or ()]
    if wanted:
        ephemeral = [each["name"] for each in spec.get("ephemeralContainers") or ()]
        if wanted not in usual + init + ephemeral:
            raise errors.bad_request(f"container {wanted} is not valid for pod {name}")
        return wanted
    if len(usual) == 1:
        return str(usual[0])
    message = f"a container name must be specified for pod {name}, choose one of: [{' '.join(usual)}]"
    if init:
        message += f" or one of the init containers: [{' '.join(init)}]"
    raise errors.bad_request(message)


def _ports(request: Request) -> tuple[int, ...]:
    """The ports in the query, which only plain WebSocket clients send: kubectl names them stream by stream."""
    ports = []
    for text in ",".join(request.query.get("ports") or ()).split(","):
        if not text:
            continue
        if not (text.isascii() and text.isdigit() and 0 < int(text[:6]) < 65536):
            raise errors.bad_request(f"ports: {text!r} is not a valid port number")
        ports.append(int(text))
    return tuple(ports)


def runtime_container(cluster: ControlPlane, namespace: str, pod_name: str, container: str) -> Any:
    """The running container. Raises ApiError 404, or 500 as the kubelet says it."""
    pod = cluster.store.get("pods", f"{namespace}/{pod_name}")
    if pod is None:
        raise errors.not_found(KINDS["pods"], pod_name)
    kubelet = cluster.kubelets.get(pod["spec"].get("nodeName", ""))
    if kubelet is None or not kubelet.is_running:
        node = pod["spec"].get("nodeName", "")
        raise internal(f"error dialing backend: dial tcp: lookup {node}: the node does not answer")
    found = kubelet.container(f"{namespace}/{pod_name}", container)
    if found is None:
        full = f"{pod_name}_{namespace}"
        raise internal(f'unable to upgrade connection: container not found ("{container}")', full)
    return found


def internal(message: str, _about: str = "") -> ApiError:
    return ApiError(500, "InternalError", f"Internal error occurred: {message}", {"causes": [{"message": message}]})


class Forwarding:
    """One connection through port-forward: bytes go in by `write`, come out through `on_data`."""

    def __init__(
        self,
        cluster: ControlPlane,
        asked: UpgradeAnswer,
        port: int,
        on_data: Callable[[bytes], None],
        on_close: Callable[[], None],
    ) -> None:
        """Raises ConnectionError, in the kubelet's words, where nobody listens."""
        pod = cluster.store.get("pods", f"{asked.namespace}/{asked.pod}")
        ip = ((pod or {}).get("status") or {}).get("podIP")
        if pod is None or not ip or pod["status"].get("phase") != "Running":
            raise ConnectionError(f"error forwarding port {port} to pod {asked.pod}: the pod is not running")
        uid = pod["metadata"]["uid"]
        try:
            # From inside the Pod's own network, so that what listens on its localhost only is reached too.
            self._connection = cluster.network.connect(ip, "localhost", port)
        except NetworkError as error:
            raise ConnectionError(
                f"error forwarding port {port} to pod {uid}, uid : failed to execute portforward in network namespace: "
                f"failed to connect to localhost:{port} inside namespace, IPv4: dial tcp4 127.0.0.1:{port}: connect: "
                f"{error.reason} "
            ) from None
        self._connection.receive(on_data, on_close)

    def write(self, data: bytes) -> None:
        self._connection.send(data)

    def close(self) -> None:
        self._connection.close()


class Execution:
    """One exec or attach: what the client writes goes in, what the process says comes out through `send`.

    `end` is called once, after the error stream has said how it went.
    """

    def __init__(self, cluster: ControlPlane, asked: UpgradeAnswer, send: Send, end: Callable[[], None]) -> None:
        """Raises ApiError where there is nothing to speak with."""
        self._cluster = cluster
        self._asked = asked
        self._send = send
        self._end = end
        self._ended = False
        self._detach: Callable[[], object] | None = None
        self._process: Any = None
        container = runtime_container(cluster, asked.namespace, asked.pod, asked.container)
        if asked.action == "attach":
            self._attach(cluster, container)
            return
        self._process = container.exec(
            list(asked.command),
            tty=asked.tty,
            on_output=self._output,
            on_exit=self._exited,
            interactive=asked.stdin,
        )

    def _attach(self, cluster: ControlPlane, container: Any) -> None:
        """Hear what the main process says from now on, until it ends; and speak to it, if it listens."""
        if container.main is None or container.exit is not None:
            raise internal(f'unable to upgrade connection: container not found ("{self._asked.container}")')
        stops = [
            container.attach(self._output),
            cluster.store.subscribe(lambda _: self._attached_end(container)),
        ]
        self._detach = lambda: [stop() for stop in stops]
        self._process = container.main

    def _attached_end(self, container: Any) -> None:
        if container.exit is not None:
            self._finish(_SUCCESS)

    # ---- from the client

    def write(self, data: bytes) -> None:
        if self._process is not None and self._asked.stdin and not self._ended:
            self._process.write(data)

    def close_stdin(self) -> None:
        if self._process is not None and self._asked.stdin and not self._ended:
            self._process.close_stdin()

    def resize(self, message: bytes) -> None:
        """`{"Width": 80, "Height": 24}`, as kubectl tells a terminal's size."""
        try:
            size = jsonbytes.loads(message)
            width, height = int(size["Width"]), int(size["Height"])
        except (ValueError, TypeError, KeyError):
            return
        resize = getattr(self._process, "resize", None)
        if resize is not None and not self._ended and 0 < width < 65536 and 0 < height < 65536:
            resize(width, height)

    def close(self) -> None:
        """The client has gone. A process in a terminal is told (SIGHUP); others go on until they write or read."""
        if self._ended:
            return
        self._ended = True
        if self._detach is not None:
            self._detach()
        elif self._process is not None:
            self._process.signal("HUP" if self._asked.tty else "KILL")

    # ---- from the container

    def _output(self, stream: str, data: bytes) -> None:
        if self._ended:
            return
        wanted = self._asked.stderr if stream == "stderr" and not self._asked.tty else self._asked.stdout
        if wanted and data:
            self._send("stdout" if self._asked.tty else stream, data)

    def _exited(self, code: int) -> None:
        status = exit_status(code, self._asked.command)
        try:
            self._cluster.save_volumes()  # what it wrote is kept before it is told that it has ended
        except ApiError as error:
            status = error.status()
        self._finish(status)

    def _finish(self, status: Object) -> None:
        if self._ended:
            return
        self._ended = True
        if self._detach is not None:
            self._detach()
        self._send("error", jsonbytes.dumps(status))
        self._end()


def exit_status(code: int, command: tuple[str, ...] | Any) -> Object:
    """The Status on the error stream. Source: remotecommand/exec.go ServeExec."""
    if code == 0:
        return _SUCCESS
    shown = " ".join(command)
    message = f"command terminated with non-zero exit code: error executing command [{shown}], exit code {code}"
    return {
        "metadata": {},
        "status": "Failure",
        "message": message,
        "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
    }
