"""A program in a container that asks the API server, as client-go does there: by its account's token and authority."""

from __future__ import annotations

from collections.abc import Callable

from statelab.controlplane.runtime.applets.resolver import address_of
from statelab.controlplane.runtime.applets.urls import parse_url
from statelab.controlplane.runtime.http import HttpResponse, request
from statelab.controlplane.runtime.network import NetworkError
from statelab.controlplane.runtime.programs import Task

ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
_CALL_S = 10.0


def get(task: Task, text: str, then: Callable[[HttpResponse | str], None]) -> None:
    """GET a URL; `then` is given the answer, or why there is none in Go's words."""
    url = parse_url(text)
    address = address_of(task, url.host) if url is not None else None
    if url is None or address is None:
        then(f'Get "{text}": no such host')
        return
    try:
        trusted = task.files.read(f"{ACCOUNT}/ca.crt")
        token = task.files.read(f"{ACCOUNT}/token").decode().strip()
        secured = task.network.secured(task.ip, address, url.port)
    except (OSError, NetworkError) as error:
        then(f'Get "{text}": {error}')
        return
    if secured is None or secured.authority.strip().encode() not in trusted or url.host not in secured.names:
        then(f'Get "{text}": tls: failed to verify certificate: x509: certificate is not valid for {url.host}')
        return

    def answered(outcome: HttpResponse | NetworkError) -> None:
        then(outcome if isinstance(outcome, HttpResponse) else f'Get "{text}": {outcome.reason}')

    request(
        task.network, task.ip, address, url.port, url.target, answered,
        headers={"Authorization": f"Bearer {token}", "Host": url.host}, timeout_s=_CALL_S, tls=True,
    )  # fmt: skip
