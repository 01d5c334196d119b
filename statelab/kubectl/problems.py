"""What goes wrong, and how kubectl says it. Source: pkg/cmd/util/helpers.go checkErr, StandardErrorMessage."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from statelab.kubectl.api import Reply


class Fail(Exception):
    """kubectl's own no. `code` is the exit code."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.message = message
        self.code = code


class UsageFail(Fail):
    """A line that is written wrongly: kubectl names the help to read."""

    def __init__(self, message: str, command: str, *, flag_form: str = "-h", tail: str = "help and examples") -> None:
        super().__init__(f"{message}\nSee 'kubectl {command} {flag_form}' for {tail}")


class Refused(Exception):
    """The API server said no: `status` is its Status, `prefix` what kubectl was about when it heard."""

    def __init__(self, status: dict[str, Any], prefix: str = "") -> None:
        super().__init__(status.get("message", ""))
        self.status = status
        self.prefix = prefix

    @property
    def code(self) -> int:
        return int(self.status.get("code") or 0)

    @property
    def reason(self) -> str:
        return str(self.status.get("reason") or "")

    @property
    def message(self) -> str:
        return self.prefix + str(self.status.get("message") or "")

    def about(self, prefix: str) -> Refused:
        return Refused(self.status, prefix + self.prefix)


class Several(Exception):
    """More than one thing went wrong."""

    def __init__(self, errors: Sequence[Exception]) -> None:
        super().__init__(f"{len(errors)} errors")
        self.errors = errors


def checked(reply: Reply, method: str = "", path: str = "") -> Any:
    """The body of a reply to a request. Raises Refused, which names the resource of `path`, if that is given."""
    if reply.code >= 400:
        body = reply.body
        if reply.code in _GENERIC and not isinstance(body, dict):
            message, about = _GENERIC[reply.code], _RESOURCE.match(path)
            if about is not None:
                resource = ".".join(each for each in (about["resource"], about["group"]) if each)
                message += f" ({method.lower()} {resource})"
            raise Refused({"code": reply.code, "reason": _REASONS[reply.code], "message": message})
        if not (isinstance(body, dict) and body.get("kind") == "Status"):
            message = str(body.get("message") if isinstance(body, dict) else body or "").strip()
            body = {"code": reply.code, "reason": _REASONS.get(reply.code, ""), "message": message}
        raise Refused(body)
    return reply.body


# Source: apimachinery/pkg/api/errors NewGenericServerResponse.
_GENERIC = {
    404: "the server could not find the requested resource",
    503: "the server is currently unable to handle the request",
}
_RESOURCE = re.compile(r"/(?:api|apis/(?P<group>[^/]+))/[^/]+/(?:namespaces/[^/]+/(?=.))?(?P<resource>[^/]+)")
_REASONS = {
    400: "BadRequest", 401: "Unauthorized", 403: "Forbidden", 404: "NotFound", 409: "Conflict",
    503: "ServiceUnavailable",
}  # fmt: skip


def raise_all(errors: Sequence[Exception]) -> None:
    """Raise what went wrong, if anything did."""
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise Several(errors)


def said(error: Exception) -> tuple[str, int]:
    """What kubectl writes to stderr, ending in a newline or empty, and its exit code."""
    text, code = _said(error)
    return (text if text.endswith("\n") or not text else text + "\n"), code


def _said(error: Exception) -> tuple[str, int]:
    if isinstance(error, Several):
        flat = list(_flat(error))
        if len(flat) == 1:
            return _said(flat[0])
        return "".join(f"{short(each)}\n" for each in flat), 1
    if isinstance(error, Refused):
        if error.reason == "Invalid":
            return _invalid(error.status), 1
        return short(error), 1
    if isinstance(error, Fail):
        message = error.message
        if isinstance(error, Ended):
            return message, error.code
        return (message if message.startswith("error: ") else f"error: {message}"), error.code
    return f"error: {error}", 1


class Ended(Fail):
    """An end with an exit code of its own, whose words are said as they are."""


def _flat(error: Exception) -> Iterable[Exception]:
    if isinstance(error, Several):
        for each in error.errors:
            yield from _flat(each)
    else:
        yield error


def short(error: Exception) -> str:
    """One of several errors, in one line."""
    if isinstance(error, Refused):
        if error.reason == "Unauthorized":
            return f"error: You must be logged in to the server ({error.message})"
        return f"Error from server ({error.reason}): {error.message}" if error.reason else _plain(error)
    return error.message if isinstance(error, Fail) else str(error)


def _plain(error: Refused) -> str:
    return f"Error from server: {error.message}"


def _invalid(status: dict[str, Any]) -> str:
    details = status.get("details")
    said = "The request is invalid"
    if details is None:
        return said + (f": {status['message']}" if status.get("message") else "")
    causes = details.get("causes") or []
    if details.get("kind") or details.get("name"):
        said = f'The {details.get("kind", "")} "{details.get("name", "")}" is invalid'
    elif status.get("message") and not causes:
        said += f": {status['message']}"
    lines: dict[str, None] = {}
    for cause in causes:
        lines[f"{cause.get('field', '')}: {cause.get('message', '')}"] = None
    if len(lines) == 1:
        return f"{said}: {next(iter(lines))}\n"
    if lines:
        return f"{said}: \n" + "".join(f"* {each}\n" for each in lines)
    return said
