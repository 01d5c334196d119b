"""A connection to one API server: JSON requests and watches, whatever the place and however it wants to be trusted."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import urllib3

from statelab.cluster.problem import Problem

_AGENT = "python"  # the cluster tells with what somebody asked for a change: kubectl, or this


class RequestRefused(Exception):
    """The API server said no. `code` is the HTTP status, `status` the whole Kubernetes Status."""

    def __init__(self, code: int, status: dict[str, Any]) -> None:
        super().__init__(status.get("message") or f"HTTP {code}")
        self.code = code
        self.status = status

    def _render_traceback_(self) -> list[str]:  # IPython shows this instead of a traceback
        return [f"The API server says: {self}"]


@dataclass
class Connection:
    """`url` without a slash at the end; `headers` carry the token, if there is one."""

    url: str
    headers: dict[str, str] = field(default_factory=dict)
    pool: urllib3.PoolManager = field(default_factory=lambda: urllib3.PoolManager(maxsize=8, retries=False))
    when_silent: str = "Is it running?"  # what to do when nobody answers

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        params: dict[str, str] | None = None,
        content_type: str = "application/json",
        accept: str = "application/json",
        timeout_s: float = 30.0,
    ) -> Any:
        """The decoded JSON answer, or text. Raises RequestRefused, or Problem when nobody answers."""
        code, decoded, _ = self.answer(
            method, path, body, params=list((params or {}).items()), content_type=content_type, accept=accept,
            timeout_s=timeout_s,
        )  # fmt: skip
        if code >= 400:
            status = decoded if isinstance(decoded, dict) else {"message": str(decoded or "").strip()}
            raise RequestRefused(code, status)
        return decoded

    def answer(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        params: Sequence[tuple[str, str]] = (),
        content_type: str = "application/json",
        accept: str = "application/json",
        timeout_s: float = 30.0,
    ) -> tuple[int, Any, list[str]]:
        """The HTTP status, the decoded JSON answer or text, and the Warning headers. Raises Problem as `request`."""
        headers = {"User-Agent": _AGENT, **self.headers, "Accept": accept, "Content-Type": content_type}
        url = f"{self.url}{path}" + (f"?{urlencode(params)}" if params else "")
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        try:
            answer = self.pool.request(method, url, body=data, headers=headers, timeout=timeout_s)
        except urllib3.exceptions.HTTPError as error:
            raise self._unreachable(error) from None
        text = answer.data.decode("utf-8", "replace")
        try:
            decoded = json.loads(text) if text else None
        except ValueError:
            decoded = text
        return answer.status, decoded, answer.headers.getlist("Warning")

    def stream(
        self,
        path: str,
        params: dict[str, str],
        *,
        read_timeout_s: float = 3600.0,
        ends: set[Callable[[], None]] | None = None,
        accept: str = "application/json",
    ) -> Iterator[Any]:
        """The JSON lines of a watch, until the server ends it. Raises as `request` does.

        `ends`: while it runs, holds a function that ends it from another thread.
        """
        timeout = urllib3.Timeout(connect=10.0, read=read_timeout_s)
        try:
            answer = self.pool.request(
                "GET",
                f"{self.url}{path}?{urlencode(params)}",
                headers={**self.headers, "Accept": accept},
                timeout=timeout,
                preload_content=False,
            )
        except urllib3.exceptions.HTTPError as error:
            raise self._unreachable(error) from None
        end = partial(_end, answer)
        if ends is not None:
            ends.add(end)
        try:
            if answer.status >= 400:
                text = answer.read().decode("utf-8", "replace")
                try:
                    status = json.loads(text)
                except ValueError:
                    status = {"message": text}
                raise RequestRefused(answer.status, status)
            rest = b""
            while chunk := answer.read1(65536):
                *lines, rest = (rest + chunk).split(b"\n")
                yield from (json.loads(line) for line in lines if line)
        except urllib3.exceptions.HTTPError:
            return  # the server went away; whoever watches starts again
        finally:
            if ends is not None:
                ends.discard(end)
            answer.close()

    def _unreachable(self, error: Exception) -> Problem:
        return Problem(f"No cluster answers at {self.url}.", self.when_silent)


def _end(answer: Any) -> None:
    """End an answer that another thread reads."""
    with suppress(AttributeError, ValueError, RuntimeError, OSError):  # an old urllib3; it has ended already
        answer.shutdown()


def from_kubeconfig(path: Path | None, context: str | None) -> tuple[Connection, str, str]:
    """A connection through a kubeconfig: with the context's name and namespace. Raises Problem.

    The official client reads the file: it knows certificates, tokens and login helpers.
    """
    from kubernetes import config
    from kubernetes.client import Configuration

    settings = Configuration()
    try:
        contexts, active = config.list_kube_config_contexts(str(path) if path else None)
        config.load_kube_config(str(path) if path else None, context=context, client_configuration=settings)
    except (config.ConfigException, OSError, TypeError, ValueError) as error:
        raise Problem(
            f"The kubeconfig has no usable context{f' {context}' if context else ''}: {error}",
            "`kubectl config get-contexts` lists what there is.",
        ) from None
    chosen = next((each for each in contexts if each["name"] == (context or active["name"])), active)
    headers = {}
    token = settings.get_api_key_with_prefix("authorization") or settings.get_api_key_with_prefix("BearerToken")
    if token:
        headers["Authorization"] = token
    trust = ssl.create_default_context(cafile=settings.ssl_ca_cert) if settings.host.startswith("https") else None
    if trust is not None and not settings.verify_ssl:
        trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
    if trust is not None and settings.cert_file:
        trust.load_cert_chain(settings.cert_file, settings.key_file)
    pool = urllib3.PoolManager(maxsize=8, retries=False, ssl_context=trust)
    namespace = str(chosen["context"].get("namespace") or "default")
    return Connection(settings.host.rstrip("/"), headers, pool), str(chosen["name"]), namespace
