"""What the API server answers when it cannot do what was asked: one exception, told as a Kubernetes Status."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from statelab.controlplane.kinds import Kind


@dataclass(frozen=True, slots=True)
class FieldError:
    """One finding of validation. `message` is the whole text after "field: ", as the real server words it.

    `reason` is one of FieldValueRequired, FieldValueInvalid, FieldValueNotSupported, FieldValueForbidden,
    FieldValueDuplicate, FieldValueNotFound, FieldValueTooLong, FieldValueTooMany, FieldValueTypeInvalid, InternalError.
    Source: apimachinery/pkg/util/validation/field/errors.go.
    """

    field: str
    reason: str
    message: str


class ApiError(Exception):
    """A refusal. `status()` is the body the client receives; `code` the HTTP status."""

    def __init__(
        self,
        code: int,
        reason: str,
        message: str,
        details: dict[str, Any] | None = None,
        *,
        retry_after_s: int | None = None,
        continue_token: str = "",
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.continue_token = continue_token  # of a list that cannot go on as it began
        self.details = {} if details is None else details
        self._has_details = details is not None  # some refusals carry details that say nothing, and clients rely on it
        if retry_after_s is not None:
            self.details["retryAfterSeconds"] = retry_after_s

    def status(self) -> dict[str, Any]:
        status: dict[str, Any] = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {"continue": self.continue_token} if self.continue_token else {},
            "status": "Failure",
            "message": self.message,
        }
        if self.reason:
            status["reason"] = self.reason
        if self.details or self._has_details:
            status["details"] = self.details
        status["code"] = self.code
        return status


def _details(kind: Kind, name: str, **more: Any) -> dict[str, Any]:
    """Details name the resource ("statefulsets") in most refusals, the kind ("StatefulSet") in Invalid ones."""
    details: dict[str, Any] = {"name": name} if name else {}
    if kind.group:
        details["group"] = kind.group
    return {**details, "kind": kind.resource, **more}


def not_found(kind: Kind, name: str) -> ApiError:
    return ApiError(404, "NotFound", f'{kind.group_resource} "{name}" not found', _details(kind, name))


def already_exists(kind: Kind, name: str, *, goes: bool = False) -> ApiError:
    """`goes`: the one that has the name is being deleted."""
    message = f'{kind.group_resource} "{name}" already exists'
    message = f"object is being deleted: {message}" if goes else message
    return ApiError(409, "AlreadyExists", message, _details(kind, name))


def internal(message: str) -> ApiError:
    details = {"causes": [{"message": message}]}
    return ApiError(500, "InternalError", f"Internal error occurred: {message}", details)


def conflict(kind: Kind, name: str, why: str) -> ApiError:
    message = f'Operation cannot be fulfilled on {kind.group_resource} "{name}": {why}'
    return ApiError(409, "Conflict", message, _details(kind, name))


OBJECT_MODIFIED = "the object has been modified; please apply your changes to the latest version and try again"


def forbidden(kind: Kind, name: str, why: str) -> ApiError:
    message = (
        f'{kind.group_resource} "{name}" is forbidden: {why}' if name else f"{kind.group_resource} is forbidden: {why}"
    )
    return ApiError(403, "Forbidden", message, _details(kind, name))


def bad_request(message: str) -> ApiError:
    return ApiError(400, "BadRequest", message)


def method_not_allowed(kind: Kind, verb: str) -> ApiError:
    message = f'{verb} is not supported on resources of kind "{kind.group_resource}"'
    return ApiError(405, "MethodNotAllowed", message, _details(kind, ""))


def expired(message: str) -> ApiError:
    """410: the revision asked for is no longer kept."""
    return ApiError(410, "Expired", message)


def too_many_requests(message: str, retry_after_s: int = 0, **details: Any) -> ApiError:
    return ApiError(429, "TooManyRequests", message, details or None, retry_after_s=retry_after_s or None)


def invalid(kind: Kind, name: str, causes: Sequence[FieldError]) -> ApiError:
    """422, with every cause; equal texts are said once. Source: api/errors.NewInvalid, util/errors.Aggregate."""
    texts = list(dict.fromkeys(f"{error.field}: {error.message}" for error in causes))
    text = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    details: dict[str, Any] = {"name": name} if name else {}
    if kind.group:
        details["group"] = kind.group
    details["kind"] = kind.name
    details["causes"] = [{"reason": c.reason, "message": c.message, "field": c.field} for c in causes]
    return ApiError(422, "Invalid", f'{kind.qualified} "{name}" is invalid: {text}', details)
