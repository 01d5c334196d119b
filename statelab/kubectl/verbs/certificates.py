"""kubectl certificate approve and deny. Source: pkg/cmd/certificates/certificates.go."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from statelab.kubectl.api import Object
from statelab.kubectl.builder import Info, select
from statelab.kubectl.call import Call
from statelab.kubectl.printing import result
from statelab.kubectl.problems import Fail, raise_all

_OPPOSITE = {"Approved": "Denied", "Denied": "Approved"}
_NOBODY = "one or more CSRs must be specified as <name> or -f <filename>"


def approve(call: Call) -> None:
    _decide(call, "Approved", "KubectlApprove", "This CSR was approved by kubectl certificate approve.")


def deny(call: Call) -> None:
    _decide(call, "Denied", "KubectlDeny", "This CSR was denied by kubectl certificate deny.")


def _decide(call: Call, kind: str, reason: str, message: str) -> None:
    if not call.args and not call.flags.all("filename") and not call.flags.text("kustomize"):
        raise Fail(_NOBODY)
    words = ["certificatesigningrequests", *call.args] if call.args else []
    found = select(call, words)
    problems: list[Exception] = []
    for info in found.infos:
        try:
            made = _with(info, kind, reason, message, forced=call.flags.on("force"))
        except Fail as error:
            problems.append(error)
            continue
        obj = info.object
        if made is not None:
            obj = call.request("PUT", f"{info.path}/approval", call.write_params(), made)
        result(call, obj, kind.lower())
    raise_all([*found.errors, *problems])


def _with(info: Info, kind: str, reason: str, message: str, *, forced: bool) -> Object | None:
    """The request with the condition; None where it has it already. Raises Fail for one that was decided otherwise."""
    status: Object = info.object.get("status") or {}
    conditions: list[Any] = list(status.get("conditions") or ())
    for each in conditions:
        if each.get("type") in _OPPOSITE and each["type"] == _OPPOSITE[kind]:
            raise Fail(f'certificate signing request "{info.name}" is already {each["type"]}')
    if any(each.get("type") == kind for each in conditions) and not forced:
        return None
    now = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    added = {"type": kind, "status": "True", "reason": reason, "message": message, "lastUpdateTime": now}
    kept = [each for each in conditions if each.get("type") != kind]
    return {**info.object, "status": {**status, "conditions": [*kept, added]}}
