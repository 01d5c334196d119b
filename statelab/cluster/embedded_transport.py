"""The official `kubernetes` client on an embedded cluster of this process: every call works, and no socket is opened.

>>> api = client.CoreV1Api(api_client(ControlPlane()))
>>> api.list_node().items

The client's connection pool is replaced, so that serialising, watching and refusing are its own. In virtual time a
watch lets time pass until the next event.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

import urllib3

from statelab.controlplane.apiserver.encoding.request import Answer, Request, Response
from statelab.controlplane.apiserver.encoding.urls import parse_query
from statelab.controlplane.apiserver.serving.client import chunks, close
from statelab.controlplane.apiserver.serving.handler import Handler

if TYPE_CHECKING:
    from kubernetes.client import ApiClient

    from statelab.controlplane.controlplane import ControlPlane

HOST = "http://embedded.statelab"


def api_client(cluster: ControlPlane) -> ApiClient:
    """An ApiClient that speaks with `cluster` alone."""
    from kubernetes.client import ApiClient, Configuration

    configuration = Configuration(host=HOST)
    configuration.proxy = None
    made = ApiClient(configuration)
    made.rest_client.pool_manager = Pool(cluster)
    return made


class Pool:
    """As much of urllib3.PoolManager as the client uses."""

    def __init__(self, cluster: ControlPlane) -> None:
        self._cluster = cluster
        self._handler = Handler(cluster)

    def request(
        self,
        method: str,
        url: str,
        *,
        body: str | bytes | None = None,
        fields: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        **_: Any,
    ) -> _Reply:
        parts = urlsplit(url)
        query = "&".join(filter(None, (parts.query, urlencode(fields or {}) if method in ("GET", "HEAD") else "")))
        raw = body.encode() if isinstance(body, str) else body or b""
        lower = {name.lower(): str(value) for name, value in (headers or {}).items()}
        answer = self._handler.handle(Request(method, parts.path, parse_query(query), lower, raw))
        return _Reply(self._cluster, answer)

    def clear(self) -> None:
        """There are no connections to close."""


class _Reply:
    """As much of urllib3.HTTPResponse as the client and its watch use."""

    def __init__(self, cluster: ControlPlane, answer: Answer) -> None:
        self._cluster = cluster
        self._answer = answer
        self._read: bytes | None = None
        self._chunks: Iterator[bytes] | None = None
        whole = answer if isinstance(answer, Response) else None
        self.status = whole.code if whole else 200
        self.reason = HTTPStatus(self.status).phrase
        self.headers = urllib3.HTTPHeaderDict(whole.headers if whole else ())
        self.headers["Content-Type"] = whole.content_type if whole else "application/json"

    @property
    def data(self) -> bytes:
        if self._read is None:
            self._read = b"".join(chunks(self._cluster, self._answer))
        return self._read

    def read(self, amt: int | None = None, decode_content: bool | None = None) -> bytes:
        return self.data

    def stream(self, amt: int | None = None, decode_content: bool | None = None) -> Iterator[bytes]:
        return chunks(self._cluster, self._answer)

    def read1(self, amt: int | None = None) -> bytes:
        """What comes next; b"" at the end."""
        if self._chunks is None:
            self._chunks = chunks(self._cluster, self._answer)
        return next(self._chunks, b"")

    def getheaders(self) -> urllib3.HTTPHeaderDict:
        return self.headers

    def getheader(self, name: str, default: str | None = None) -> str | None:
        return self.headers.get(name, default)

    def close(self) -> None:
        close(self._answer)

    release_conn = close
