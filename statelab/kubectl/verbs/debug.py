"""kubectl debug: a container more in a Pod that runs. Source: pkg/cmd/debug/debug.go."""

from __future__ import annotations

import random
from functools import partial

from statelab.kubectl.api import PATCHES, Object, Steps
from statelab.kubectl.builder import select
from statelab.kubectl.call import Call
from statelab.kubectl.printing import result
from statelab.kubectl.problems import Fail
from statelab.kubectl.verbs.common import until_object

_LETTERS = "bcdfghjklmnpqrstvwxz2456789"


def debug(call: Call) -> Steps[None]:
    flags = call.flags
    if not flags.text("image") and not flags.text("copy-to"):
        raise Fail("you must specify --image when not using --copy-to.")
    if flags.text("copy-to") or flags.text("custom"):
        raise Fail("kubectl debug --copy-to and --custom are not simulated here: write the changed Pod as a manifest")
    words = call.args if call.dash < 0 else call.args[: call.dash]
    command = [] if call.dash < 0 else call.args[call.dash :]
    if not words:
        raise Fail("at least one pod name or resource is required")
    for info in select(call, words, fallback="pods").all():
        if info.resource.kind != "Pod":
            raise Fail(f"kubectl debug {info.shown} is not simulated here: there is no machine behind it. Name a Pod")
        name = flags.text("container") or "debugger-" + "".join(random.choices(_LETTERS, k=5))
        if not flags.text("container"):
            call.err(f"Defaulting debug container name to {name}.\n")
        container: Object = {
            "name": name, "image": flags.text("image"), "terminationMessagePolicy": "File",
            "stdin": flags.on("stdin"), "tty": flags.on("tty"),
        }  # fmt: skip
        if command:
            container["args" if flags.on("arguments-only") else "command"] = command
        if flags.text("target"):
            container["targetContainerName"] = flags.text("target")
        body = {"spec": {"ephemeralContainers": [container]}}
        after = call.request(
            "PATCH", info.resource.path(info.namespace, info.name, "ephemeralcontainers"), None, body,
            content_type=PATCHES["strategic"],
        )  # fmt: skip
        if flags.text("output"):
            result(call, after, "debugged")
        if flags.on("stdin") or flags.on("attach"):
            yield from until_object(call, info, partial(_runs, name), 60)
            call.err(
                f"(nobody can type into it here. kubectl exec {info.name} -c {name} -- COMMAND runs a command in it)\n"
            )


def _runs(name: str, obj: Object | None) -> bool:
    statuses = ((obj or {}).get("status") or {}).get("ephemeralContainerStatuses") or ()
    return any(each["name"] == name and (each.get("state") or {}).get("waiting") is None for each in statuses)
