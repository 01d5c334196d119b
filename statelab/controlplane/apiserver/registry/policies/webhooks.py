"""Webhooks: servers in the cluster that are asked about requests, and may change what is asked for.

How one is called is not here (`Call`): serving/webhooks.py goes through the simulated network.
Source: apiserver/pkg/admission/plugin/webhook (mutating, validating, request, errors/statuserror.go).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from statelab.controlplane.apiserver.encoding.go_json import go_quote
from statelab.controlplane.apiserver.patch import patch
from statelab.controlplane.apiserver.registry.policies import matching
from statelab.controlplane.apiserver.registry.policies.expressions import Failed
from statelab.controlplane.apiserver.registry.policies.mutating import Accept
from statelab.controlplane.apiserver.registry.policies.request import Asked
from statelab.controlplane.apiserver.registry.policies.validating import Cluster, expressions_of
from statelab.controlplane.errors import ApiError, bad_request
from statelab.controlplane.kinds import Object
from statelab.reader import jsonbytes

Fields = dict[str, Any]
_REVIEW = "admission.k8s.io/v1"
_MOST_WARNINGS = 4096  # characters of all warnings of one answer


class CallFailed(Exception):
    """A webhook that could not be asked, or whose answer is none. Its text says why."""


# Posts a body to where a clientConfig leads, within so many seconds; the body of the answer. Raises CallFailed.
Call = Callable[[Fields, bytes, int], bytes]


@dataclass(frozen=True)
class Webhook:
    """One webhook of a configuration."""

    configuration: str
    webhook: Fields

    @property
    def name(self) -> str:
        return str(self.webhook["name"])

    @property
    def fails(self) -> bool:
        return str(self.webhook.get("failurePolicy", "Fail")) == "Fail"


@dataclass(frozen=True)
class Caller:
    """What it takes to call: the network, uids for the reviews, and the cluster that match conditions ask about."""

    call: Call
    new_uid: Callable[[], str]
    cluster: Cluster


def mutate(hooks: list[Webhook], asked: Asked, caller: Caller, accept: Accept) -> None:
    """Let every webhook change the object of a request, in the order of their configurations' names; those that say
    so once more if a later one has changed it. Raises ApiError.
    """
    again: list[tuple[Webhook, Object | None]] = []
    for hook in hooks:
        if _ask(hook, asked, caller, accept) and hook.webhook.get("reinvocationPolicy") == "IfNeeded":
            again.append((hook, asked.obj))
    for hook, left in again:
        if left != asked.obj:
            _ask(hook, asked, caller, accept)


def check(hooks: list[Webhook], asked: Asked, caller: Caller) -> None:
    """Let every webhook refuse a request; the first refusal counts. Raises ApiError."""
    for hook in hooks:
        _ask(hook, asked, caller, None)


def _ask(hook: Webhook, asked: Asked, caller: Caller, accept: Accept | None) -> bool:
    """Call a webhook if the request concerns it; whether it was called. `accept` None: it only validates."""
    if not matching.selected(hook.webhook, asked, caller.cluster):
        return False
    rules = hook.webhook.get("rules") or ()
    exact = hook.webhook.get("matchPolicy") == "Exact"
    rule = next((each for each in rules if matching.rule_matches(each, asked, exact=exact)), None)
    if rule is None or not _holds(hook, asked, caller):
        return False
    if asked.dry_run and hook.webhook.get("sideEffects") not in ("None", "NoneOnDryRun"):
        raise bad_request(f"admission webhook {go_quote(hook.name)} does not support dry run")
    version = matching.version_of(rule, asked)
    try:
        answer = _answer(hook, asked, caller, version, validates=accept is None)
    except CallFailed as failed:
        if not hook.fails:
            return True
        raise internal(f"failed calling webhook {go_quote(hook.name)}: {failed}") from None
    _warn(answer, asked)
    if answer.get("allowed") is not True:
        raise _denial(hook.name, answer.get("status") or answer.get("result"))
    if accept is not None and answer.get("patch"):
        _apply(hook, answer["patch"], asked, accept, version)
    return True


def _holds(hook: Webhook, asked: Asked, caller: Caller) -> bool:
    conditions = hook.webhook.get("matchConditions") or ()
    if not conditions:
        return True
    try:
        expressions = expressions_of({}, asked, caller.cluster, None)
        return expressions.hold(conditions, "Fail" if hook.fails else "Ignore")
    except Failed as failed:
        raise internal(f"failed calling webhook {go_quote(hook.name)}: {failed}") from None


def _in_version(obj: Object | None, version: str, asked: Asked) -> Object | None:
    """An object in the version a webhook is registered for: versions of custom kinds differ by name alone."""
    if obj is None or asked.object_kind is not None or asked.kind.custom is None:
        return obj
    return {**obj, "apiVersion": f"{asked.kind.group}/{version}"}


def _answer(hook: Webhook, asked: Asked, caller: Caller, version: str, *, validates: bool) -> Fields:
    """The response of a webhook's review, looked at. Raises CallFailed."""
    uid = caller.new_uid()
    about = dict(asked.review)
    about["kind"], about["resource"] = dict(about["kind"]), {**about["resource"], "version": version}
    if asked.object_kind is None:
        about["kind"]["version"] = version
    review = {
        "kind": "AdmissionReview",
        "apiVersion": _REVIEW,
        "request": {
            "uid": uid,
            **about,
            "object": _in_version(asked.obj, version, asked),
            "oldObject": _in_version(asked.old, version, asked),
        },
    }
    timeout_s = int(hook.webhook.get("timeoutSeconds") or 10)
    try:
        said = caller.call(hook.webhook.get("clientConfig") or {}, jsonbytes.dumps(review), timeout_s)
    except CallFailed as failed:
        raise CallFailed(f"failed to call webhook: {failed}") from None
    wrong = "received invalid webhook response: "
    try:
        found = jsonbytes.loads(said)
    except (jsonbytes.JSONDecodeError, RecursionError):
        raise CallFailed(f"{wrong}the answer is no JSON") from None
    if not isinstance(found, dict) or (found.get("apiVersion"), found.get("kind")) != (_REVIEW, "AdmissionReview"):
        said_kind = found if isinstance(found, dict) else {}
        got = f"{said_kind.get('apiVersion') or '/'}, Kind={said_kind.get('kind') or ''}"
        raise CallFailed(f"{wrong}expected webhook response of {_REVIEW}, Kind=AdmissionReview, got {got}")
    response = found.get("response")
    if not isinstance(response, dict):
        raise CallFailed(f"{wrong}webhook response was absent")
    if response.get("uid") != uid:
        got = go_quote(str(response.get("uid") or ""))
        raise CallFailed(f"{wrong}expected response.uid={go_quote(uid)}, got {got}")
    if response.get("patch") and not response.get("patchType"):
        raise CallFailed(f"{wrong}webhook returned response.patch but not response.patchType")
    if response.get("patchType") not in (None, "", "JSONPatch"):
        raise CallFailed(
            f"{wrong}webhook returned invalid response.patchType of {go_quote(str(response['patchType']))}"
        )
    if validates and response.get("patch"):
        raise CallFailed(f"{wrong}validating webhook may not return response.patch")
    return response


def _apply(hook: Webhook, encoded: Any, asked: Asked, accept: Accept, version: str) -> None:
    """Change the object by a webhook's patch. Raises ApiError 500."""
    try:
        operations = jsonbytes.loads(base64.b64decode(str(encoded), validate=True))
    except (ValueError, binascii.Error, RecursionError):
        if not hook.fails:
            return
        words = "received undecodable patch in webhook response"
        raise internal(f"failed calling webhook {go_quote(hook.name)}: {words}") from None
    if not operations:
        return
    if asked.obj is None:
        words = "attempted to modify the object, which is not supported for this operation"
        raise internal(f"admission webhook {go_quote(hook.name)} {words}")
    try:
        shown = _in_version(asked.obj, version, asked)
        assert shown is not None
        changed = patch.json_patch(shown, operations)
        asked.obj = accept({**changed, "apiVersion": asked.obj["apiVersion"]})
    except ApiError as error:
        raise internal(error.message) from None


def _warn(answer: Fields, asked: Asked) -> None:
    room = _MOST_WARNINGS
    for warning in _texts(answer.get("warnings")):
        room -= len(warning)
        if room >= 0:
            asked.warnings.append(warning)


def _texts(value: Any) -> Iterator[str]:
    yield from (each for each in value or () if isinstance(each, str)) if isinstance(value, list) else ()


def _denial(name: str, status: Any) -> ApiError:
    """A refusal as the webhook words it. Source: webhook/errors/statuserror.go."""
    said: Fields = status if isinstance(status, dict) else {}
    denied = f"admission webhook {go_quote(name)} denied the request"
    why = said.get("message") or said.get("reason")
    code = said.get("code")
    code = code if isinstance(code, int) and 400 <= code < 600 else 400
    details = said.get("details")
    message = f"{denied}: {why}" if why else f"{denied} without explanation"
    return ApiError(code, str(said.get("reason") or ""), message, details if isinstance(details, dict) else None)


def internal(message: str) -> ApiError:
    """500, as for everything that went wrong between the server and a webhook."""
    return ApiError(500, "InternalError", f"Internal error occurred: {message}", {"causes": [{"message": message}]})
