"""Requests to the API server in the trial's namespace: names go out and come back, refusals are ApiErrors."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from typing import Any

from grader.live.names import Names
from grader.place import CannotGrade
from statelab.cluster import Problem, RequestRefused
from statelab.cluster.connection import Connection
from statelab.cluster.names import path_of
from statelab.controlplane.errors import ApiError
from statelab.controlplane.kinds import KINDS

_OVERLOADED = (429, 502, 503, 504)
_NO_RIGHTS = re.compile(r"cannot \w+ resource ")  # RBAC's words; a quota and Pod security have others
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

    @property
    def connection(self) -> Connection:
        """The way to the cluster, without translation."""
        return self._connection

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
        for tries_left in (2, 1, 0):
            try:
                found = self._connection.request(method, path, body, params=params, content_type=content_type)
                return self.names.inward(found)
            except RequestRefused as refusal:
                is_overloaded = refusal.code in _OVERLOADED and not path.endswith("/eviction")
                if not is_overloaded or not tries_left:
                    self._blame(refusal, is_overloaded)
                    raise self._error(refusal) from None
                time.sleep(1.0)
            except Problem as problem:
                raise CannotGrade(f"{problem.what} It was there when the trial began.") from None
        raise AssertionError("the last try returns or raises")

    def _blame(self, refusal: RequestRefused, is_overloaded: bool) -> None:
        """Raises CannotGrade for a refusal that has nothing to do with what was asked for."""
        if is_overloaded:
            raise CannotGrade(f"The API server is overloaded: {refusal}. Try again with fewer --jobs.")
        if refusal.code == 401 or (refusal.code == 403 and _NO_RIGHTS.search(str(refusal))):
            raise CannotGrade(f"You may not grade with these credentials: {refusal}")

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
