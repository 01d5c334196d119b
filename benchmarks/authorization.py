"""What it costs that an authorizer is asked: the same requests by the administrator and by a ServiceAccount, in turns.

The administrator is in system:masters, who is never refused: the authorizer is off for those requests. The account is
cluster-admin through a binding, so that for it RBAC is asked each time.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Generator

from benchmarks.figure import Figure
from benchmarks.server import Client, serving

_MAPS = "/api/v1/namespaces/default/configmaps"
_ROUNDS, _EACH = 31, 60  # short turns, so that both meet the same other load


def authorization() -> Generator[Figure]:
    """Requests a second with the authorizer asked, beside the same ones where it is not."""
    with serving() as server:
        token = _token(server.client())
        account = server.client(token)
        admin = server.client(padding="x" * (len(token) - len(server.token)))  # a long header costs the client time
        admin.request("POST", _MAPS, {"metadata": {"name": "one"}, "data": {"a": "b"}})
        for name, work in (("get", _get), ("create", _create)):
            found: dict[str, list[float]] = {"off": [], "on": []}
            for number in range(_ROUNDS):
                pair = (("off", admin), ("on", account))
                for how, client in pair if number % 2 else reversed(pair):
                    found[how].append(_rate(work, client, f"{how}{number}"))
            off, on = (statistics.median(found[how]) for how in ("off", "on"))
            yield Figure(
                f"{name} a ConfigMap, RBAC asked", on, "/s", beside=off, aim=0.95 * off, beside_what="not asked"
            )


def _rate(work: Callable[[Client, str], None], client: Client, prefix: str) -> float:
    begun_s = time.perf_counter()
    for number in range(_EACH):
        work(client, f"{prefix}-{number}")
    return _EACH / (time.perf_counter() - begun_s)


def _get(client: Client, name: str) -> None:
    client.request("GET", f"{_MAPS}/one")


def _create(client: Client, name: str) -> None:
    client.request("POST", _MAPS, {"metadata": {"name": name}, "data": {"a": "b"}})


def _token(admin: Client) -> str:
    accounts = "/api/v1/namespaces/default/serviceaccounts"
    admin.request("POST", accounts, {"metadata": {"name": "bench"}})
    admin.request(
        "POST",
        "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
        {
            "metadata": {"name": "bench"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
            "subjects": [{"kind": "ServiceAccount", "name": "bench", "namespace": "default"}],
        },
    )
    found = json.loads(admin.request("POST", f"{accounts}/bench/token", {"spec": {"expirationSeconds": 36000}}))
    return str(found["status"]["token"])
