"""`kubectl logs`: which container's log, which part of it, and following it.

Source: pkg/registry/core/pod/strategy.go LogLocation, pkg/kubelet/kubelet_pods.go validateContainerLogStatus,
pkg/apis/core/validation ValidatePodLogOptions.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from statelab.controlplane import clock, errors
from statelab.controlplane.apiserver.encoding.request import Answer, LogAnswer, Request, Response
from statelab.controlplane.apiserver.serving import options
from statelab.controlplane.apiserver.serving.remote import container_name
from statelab.controlplane.errors import FieldError
from statelab.controlplane.kinds import Kind, Object

if TYPE_CHECKING:
    from statelab.controlplane.controlplane import ControlPlane
    from statelab.controlplane.runtime.spec import LogLine

_POD_LOG_OPTIONS = Kind("", "v1", "PodLogOptions", "podlogoptions")
_STREAMS = ("All", "Stderr", "Stdout")
_TEXT = "text/plain"


@dataclass(frozen=True, slots=True)
class LogOptions:
    """Which part of a log. `since_s`: cluster time."""

    since_s: float | None
    tail_lines: int | None
    limit_bytes: int | None
    timestamps: bool
    stream: str


def answer(cluster: ControlPlane, request: Request, namespace: str, name: str) -> Answer:
    """GET pods/NAME/log. Raises ApiError 400, 404, 422, 500."""
    asked = _options(request, name, cluster.loop.now_s)
    follow, previous = options.boolean(request, "follow"), options.boolean(request, "previous")
    pod = cluster.api.read("pods", namespace, name)
    container = container_name(pod, request.first("container"))
    node = pod["spec"].get("nodeName")
    if not node:
        return Response(200, b"", _TEXT)
    kubelet = cluster.kubelets.get(node)
    if kubelet is None or not kubelet.is_running:
        message = f'Get "https://{node}:10250/containerLogs/{namespace}/{name}/{container}": the node does not answer'
        raise errors.ApiError(500, "InternalError", message)
    key = f"{namespace}/{name}"
    is_previous = _check_status(pod, container, previous)
    found = kubelet.previous(key, container) if is_previous else kubelet.container(key, container)
    if found is None:
        if previous:
            raise errors.bad_request(f'previous terminated container "{container}" in pod "{name}" not found')
        return Response(200, b"", _TEXT)
    text = shown(found.logs, asked)
    if not follow or found.exit is not None or is_previous:
        return Response(200, text, _TEXT)
    return LogAnswer(_follow(cluster, found, text, asked, len(text)))


def _follow(
    cluster: ControlPlane, container: Any, text: bytes, asked: LogOptions, already: int
) -> Callable[[Callable[[bytes], None], Callable[[], None]], Callable[[], None]]:
    def subscribe(write: Callable[[bytes], None], end: Callable[[], None]) -> Callable[[], None]:
        left = [None if asked.limit_bytes is None else asked.limit_bytes - already]
        stops: list[Callable[[], None]] = []

        def stop() -> None:
            while stops:
                stops.pop()()

        def on_line(line: LogLine) -> None:
            if not _is_wanted(line, asked.stream):
                return
            data = _line(line, asked.timestamps)
            if left[0] is not None:
                data = data[: left[0]]
                left[0] -= len(data)
            if data:
                write(data)
            if left[0] == 0:
                stop()
                end()

        def on_revision(_revision: object) -> None:
            # The container's end is known to the API at the same moment as to anyone else.
            if container.exit is not None:
                stop()
                end()

        if text:
            write(text)
        stops.append(container.subscribe_logs(on_line))
        stops.append(cluster.store.subscribe(on_revision))
        return stop

    return subscribe


def shown(lines: Sequence[LogLine], asked: LogOptions) -> bytes:
    """The part of a log that was asked for, as bytes."""
    chosen = [
        line
        for line in lines
        if _is_wanted(line, asked.stream) and (asked.since_s is None or line.at_s >= asked.since_s)
    ]
    if asked.tail_lines is not None:
        chosen = chosen[len(chosen) - asked.tail_lines :] if asked.tail_lines < len(chosen) else chosen
    text = b"".join(_line(line, asked.timestamps) for line in chosen)
    return text if asked.limit_bytes is None else text[: asked.limit_bytes]


def _is_wanted(line: LogLine, stream: str) -> bool:
    return stream == "All" or line.stream == stream.lower()


def _line(line: LogLine, timestamps: bool) -> bytes:
    end = "" if line.partial else "\n"
    return f"{nanoseconds(line.at_s) + ' ' if timestamps else ''}{line.text}{end}".encode("utf-8", "replace")


def nanoseconds(at_s: float) -> str:
    """A moment as logs tell it."""
    whole = int(at_s)
    return f"{datetime.fromtimestamp(whole, UTC).strftime('%Y-%m-%dT%H:%M:%S')}.{int((at_s - whole) * 1e9):09d}Z"


def _options(request: Request, name: str, now_s: float) -> LogOptions:
    tail, limit = options.integer(request, "tailLines"), options.integer(request, "limitBytes")
    seconds, since = options.integer(request, "sinceSeconds"), request.first("sinceTime")
    stream = request.first("stream") or "All"
    findings = []
    if tail is not None and tail < 0:
        findings.append(_invalid("tailLines", tail, "must be greater than or equal to 0"))
    if limit is not None and limit < 1:
        findings.append(_invalid("limitBytes", limit, "must be greater than 0"))
    since_s = None
    if seconds is not None and since:
        message = "Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified"
        findings.append(FieldError("", "FieldValueForbidden", message))
    elif seconds is not None:
        if seconds < 1:
            findings.append(_invalid("sinceSeconds", seconds, "must be greater than 0"))
        since_s = now_s - seconds
    elif since:
        since_s = _time(since)
    if stream not in _STREAMS:
        known = ", ".join(f'"{each}"' for each in _STREAMS)
        message = f'Unsupported value: "{stream}": supported values: {known}'
        findings.append(FieldError("stream", "FieldValueNotSupported", message))
    elif stream != "All" and tail is not None:
        message = "Forbidden: `tailLines` and specific `stream` are mutually exclusive for now"
        findings.append(FieldError("", "FieldValueForbidden", message))
    if findings:
        raise errors.invalid(_POD_LOG_OPTIONS, name, findings)
    return LogOptions(since_s, tail, limit, options.boolean(request, "timestamps"), stream)


def _time(text: str) -> float:
    try:
        return clock.seconds(text)
    except (ValueError, OverflowError):
        message = f'parsing time "{text}" as "2006-01-02T15:04:05Z07:00": cannot parse "{text}" as "2006"'
        raise errors.bad_request(message) from None


def _invalid(field: str, value: int, message: str) -> FieldError:
    return FieldError(field, "FieldValueInvalid", f"Invalid value: {value}: {message}")


def _check_status(pod: Object, container: str, previous: bool) -> bool:
    """Whether the log is that of the container before this one. Raises ApiError 400, as the kubelet words it."""
    name = pod["metadata"]["name"]
    about = f'container "{container}" in pod "{name}"'
    status = pod.get("status") or {}
    keys = ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses")
    statuses = [each for key in keys for each in status.get(key) or ()]
    found = next((each for each in statuses if each["name"] == container), None)
    if found is None:
        raise errors.bad_request(f"{about} is not available")
    state, last = found.get("state") or {}, (found.get("lastState") or {}).get("terminated")
    has_last = bool(last and last.get("containerID"))
    if previous:
        if not has_last:
            raise errors.bad_request(f"previous terminated {about} not found")
        return True
    if "running" in state:
        return False
    if "terminated" in state:
        if state["terminated"].get("containerID"):
            return False
        if has_last:
            return True
        raise errors.bad_request(f"{about} is terminated")
    if last:
        if not has_last:
            raise errors.bad_request(f"{about} is terminated")
        return False  # it waits to be started again, so the last one started is the one that ended
    reason = (state.get("waiting") or {}).get("reason", "")
    why = {
        "ErrImagePull": "image can't be pulled",
        "ImagePullBackOff": "trying and failing to pull image",
    }.get(reason, reason)
    raise errors.bad_request(
        f"{about} is waiting to start: {why}" if why else f"{about} is waiting to start - no logs yet"
    )
