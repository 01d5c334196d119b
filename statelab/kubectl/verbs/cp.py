"""kubectl cp, for files. Source: pkg/cmd/cp/cp.go; it sends an archive, this sends each file by itself."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from statelab.kubectl.api import Execution, Object, Pause, Steps
from statelab.kubectl.call import MAX_OUTPUT, Call
from statelab.kubectl.problems import Ended, Fail
from statelab.kubectl.verbs.common import LONGEST_WAIT_S
from statelab.kubectl.verbs.pods import container_of

_MOST_FILES = 200


@dataclass(frozen=True, slots=True)
class _Place:
    """One end: a file here ("" as pod), or one in a Pod."""

    namespace: str
    pod: str
    path: str


def cp(call: Call) -> Steps[None]:
    if len(call.args) != 2:
        raise Fail("source and destination are required")
    source, target = (_place(call, each) for each in call.args)
    if bool(source.pod) == bool(target.pod):
        raise Fail(
            "one of src or dest must be a local file specification"
            if source.pod
            else "one of src or dest must be a remote file specification"
        )
    if not source.path or not target.path:
        raise Fail("filepath can not be empty")
    if source.pod:
        yield from _down(call, source, target.path)
    else:
        yield from _up(call, source.path, target)


def _place(call: Call, said: str) -> _Place:
    """`path`, `pod:path`, `namespace/pod:path`. Raises Fail."""
    where, colon, path = said.partition(":")
    if not colon:
        return _Place("", "", said)
    if not where:
        raise Fail("filespec must match the canonical format: [[namespace/]pod:]file/path")
    namespace, slash, pod = where.partition("/")
    if not slash:
        return _Place(call.namespace, where, path)
    if "/" in pod or not pod:
        raise Fail("filespec must match the canonical format: [[namespace/]pod:]file/path")
    return _Place(namespace, pod, path)


def _pod(call: Call, place: _Place) -> tuple[Object, str]:
    pod = call.get(call.mapper.find("pods"), place.namespace, place.pod)
    if (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed"):
        raise Fail(f"cannot exec into a container in a completed pod; current phase is {pod['status']['phase']}")
    return pod, container_of(call, pod, call.flags.text("container"))


def _run(call: Call, place: _Place, container: str, command: list[str], stdin: bytes | None = None) -> Steps[bytes]:
    """What a command writes. Raises Ended where it fails."""
    execution: Execution = call.api.exec(place.namespace, place.pod, container, command, stdin, False)
    out, err = bytearray(), bytearray()
    ends_s = call.api.now_s + LONGEST_WAIT_S
    try:
        while True:
            for stream, data in execution.taken():
                (out if stream == "stdout" else err).extend(data)
                if len(out) > MAX_OUTPUT:
                    raise Fail(f"the file is larger than {MAX_OUTPUT:,} bytes")
            if execution.ended is not None:
                break
            if call.api.now_s >= ends_s:
                raise Fail(f"no end within {LONGEST_WAIT_S:.0f} s")
            yield Pause(lambda: bool(execution.output) or execution.ended is not None, ends_s - call.api.now_s)
    finally:
        execution.close()
    if execution.ended.code:
        call.err(err.decode("utf-8", "replace"))
        raise Ended(f"command terminated with exit code {execution.ended.code}\n", execution.ended.code)
    return bytes(out)


def _up(call: Call, path: str, target: _Place) -> Steps[None]:
    _, container = _pod(call, target)
    try:
        names = call.files.names(path)
    except FileNotFoundError:
        raise Fail(f"{path} doesn't exist in local filesystem") from None
    if names is not None:
        if len(names) > _MOST_FILES:
            raise Fail(f"{path} holds more than {_MOST_FILES} files")
        for name in names:
            yield from _up(
                call, f"{path.rstrip('/')}/{name}", _Place(target.namespace, target.pod, f"{target.path}/{name}")
            )
        return
    base = shlex.quote(path.rpartition("/")[2])
    to = shlex.quote(target.path)
    # A folder takes the file under its own name, as tar would.
    script = f't={to}; if [ -d "$t" ]; then t="${{t%/}}"/{base}; fi; mkdir -p "$(dirname "$t")"; cat > "$t"'
    yield from _run(call, target, container, ["sh", "-c", script], call.files.read(path))


def _down(call: Call, source: _Place, path: str) -> Steps[None]:
    _, container = _pod(call, source)
    data = yield from _run(call, source, container, ["cat", source.path])
    try:
        if call.files.names(path) is not None:
            path = f"{path.rstrip('/')}/{source.path.rpartition('/')[2]}"
    except FileNotFoundError:
        pass
    call.files.write(path, data)
