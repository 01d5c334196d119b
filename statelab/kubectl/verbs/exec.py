"""kubectl exec. Source: pkg/cmd/exec/exec.go."""

from __future__ import annotations

import codecs

from statelab.kubectl.api import Execution, Object, Pause, Steps
from statelab.kubectl.builder import Info, select
from statelab.kubectl.call import Call
from statelab.kubectl.problems import Ended, Fail, Refused, UsageFail
from statelab.kubectl.verbs.common import LONGEST_WAIT_S
from statelab.kubectl.verbs.pods import container_of, pods_of


def exec(call: Call) -> Steps[None]:
    flags = call.flags
    if not call.args and not flags.all("filename"):
        raise Fail("pod, type/name or --filename must be specified")
    before = len(call.args) if call.dash < 0 else call.dash
    words, command = call.args[:before], call.args[before:]
    if len(words) > 1 or (call.dash < 0 and len(call.args) > 1):
        raise UsageFail("exec [POD] [COMMAND] is not supported anymore. Use exec [POD] -- [COMMAND] instead", "exec")
    if call.dash == 0 and not flags.all("filename"):
        raise Fail("pod, type/name or --filename must be specified")
    if not command:
        raise Fail("you must specify at least one command for the container")
    info = select(call, words, fallback="pods").all()[0]
    pods = pods_of(call, info)
    if not pods:
        raise Fail(no_pods(info))
    pod = pods[0]
    phase = (pod.get("status") or {}).get("phase")
    if phase in ("Succeeded", "Failed"):
        raise Fail(f"cannot exec into a container in a completed pod; current phase is {phase}")
    container = container_of(call, pod, flags.text("container"), tell=not flags.on("quiet"))
    wants_stdin = flags.on("stdin")
    if flags.on("tty") and wants_stdin:
        call.err("Unable to use a TTY - input is not a terminal or the right kind of file\n")
    stdin = (call.stdin or "").encode() if wants_stdin else None
    yield from run_in(call, pod, container, command, stdin)


def no_pods(info: Info) -> str:
    return f"no Pod of {info.shown} was found"


def run_in(call: Call, pod: Object, container: str, command: list[str], stdin: bytes | None) -> Steps[None]:
    """Run a command and show what it writes; ends as the command ended. Raises Fail, Refused."""
    metadata = pod["metadata"]
    execution = call.api.exec(metadata["namespace"], metadata["name"], container, command, stdin, False)
    yield from shown(call, execution, " ".join(command))
    ended = execution.ended
    if ended is None:
        return
    if ended.failure:
        raise Refused({"reason": "InternalError", "message": ended.failure, "code": 500})
    if ended.code:
        raise Ended(f"command terminated with exit code {ended.code}\n", ended.code)


def shown(call: Call, execution: Execution, what: str) -> Steps[None]:
    """Write what comes as it comes, until the end. Raises Fail for a command that does not end."""
    decoders = {stream: codecs.getincrementaldecoder("utf-8")("replace") for stream in ("stdout", "stderr")}
    ends_s = call.api.now_s + LONGEST_WAIT_S
    try:
        while True:
            for stream, data in execution.taken():
                (call.out if stream == "stdout" else call.err)(decoders[stream].decode(data))
            if execution.ended is not None:
                return
            left_s = ends_s - call.api.now_s
            if left_s <= 0:
                raise Fail(f"{what}: no end within {LONGEST_WAIT_S:.0f} s")
            yield Pause(lambda: bool(execution.output) or execution.ended is not None, left_s)
    finally:
        execution.close()
