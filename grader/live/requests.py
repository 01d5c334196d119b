"""Requests to the API server in the trial's namespace: names go out and come back, refusals are ApiErrors."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from grader.live.names import Names
from grader.place import CannotGrade
from statelab.cluster import Problem, RequestRefused
from statelab.cluster.connection import Connection
from statelab.cluster.names import path_of
from statelab.controlplane.errors import ApiError
from statelab.controlplane.kinds import KINDS

_CONTENT_TYPES = {
    "json": "application/json-patch+json",
    "merge": "application/merge-patch+json",
    "strategic": "application/strategic-merge-patch+json",
    "apply": "application/apply-patch+yaml",
}


class Requests:
    """Every method raises ApiError for what the server refuses, CannotGrade when no server answers."""

    def __init__(self, connection: Connection, names: Names) -> None:
        self._connection = connection
        self.names = names

    def path(self, plural: str, namespace: str, name: str = "", subresource: str = "") -> str:
        kind = KINDS[plural]
        real = self.names.namespace(namespace) if kind.namespaced else ""
        if plural == "namespaces" and name == self.names.logical:
            name = self.names.real
        return path_of(kind, real, name) + (f"/{subresource}" if subresource else "")

    def send(
        self, method: str, path: str, body: Any = None, *, params: dict[str, str] | None = None, patch: str = ""
    ) -> Any:
        """The decoded answer. `patch`: json, merge, strategic or apply."""
        if isinstance(body, dict | list):
            body = self.names.outward(body)
        content_type = _CONTENT_TYPES.get(patch, "application/json")
        try:
            found = self._connection.request(method, path, body, params=params, content_type=content_type)
        except RequestRefused as refusal:
            raise self._error(refusal) from None
        except Problem as problem:
            raise CannotGrade(f"{problem.what} It was there when the trial began.") from None
        return self.names.inward(found)

    def stream(self, path: str, params: dict[str, str]) -> Iterator[Any]:
        """A watch's events as they are on the cluster, until the server ends it."""
        try:
            yield from self._connection.stream(path, params, read_timeout_s=90.0)
        except RequestRefused as refusal:
            raise self._error(refusal) from None

    def _error(self, refusal: RequestRefused) -> ApiError:
        status = self.names.inward(refusal.status)
        reason, message = str(status.get("reason") or ""), str(status.get("message") or refusal)
        return ApiError(refusal.code, reason, message, status.get("details"))
