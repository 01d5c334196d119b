"""Lists and watches, and the objects that are nobody's but held by the cluster: node leases, Services' addresses.

Source: apiserver/pkg/endpoints/handlers/{get,watch}.go.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TYPE_CHECKING

from statelab.controlplane.apiserver.encoding import negotiation
from statelab.controlplane.apiserver.encoding.request import Answer, Request, Response, Target, WatchAnswer
from statelab.controlplane.apiserver.registry import listing
from statelab.controlplane.apiserver.registry.watch import Watch
from statelab.controlplane.apiserver.serving import addresses, forms, leases, options
from statelab.controlplane.errors import ApiError
from statelab.controlplane.kinds import Object

if TYPE_CHECKING:
    from statelab.controlplane.controlplane import ControlPlane

_SHORTEST_WATCH_S = 1800  # --min-request-timeout: a watch without timeoutSeconds lasts one to two times this


def held_one(cluster: ControlPlane, target: Target) -> Object | None:
    """The object asked for, if the cluster holds it and the store has none."""
    plural = target.kind.plural
    if plural not in ("leases", "ipaddresses"):
        return None
    key = f"{target.namespace}/{target.name}" if target.namespace else target.name
    if cluster.store.get(plural, key) is not None:
        return None
    if plural == "leases":
        return leases.find(cluster, target.namespace, target.name)
    return addresses.find(cluster, target.name)


def list_or_watch(cluster: ControlPlane, request: Request, target: Target) -> Answer:
    """Raises ApiError 400, 406, 410."""
    kind = target.kind
    asked = options.list_options(request, kind, target.name)
    form = negotiation.form_of(request.headers.get("accept", ""), forms.LIST_VIEWS)
    if asked.watch or target.watch_path:
        return _watch(cluster, request, target, asked, form)
    page = listing.page(
        cluster.store,
        kind.plural,
        target.namespace,
        asked.matches,
        limit=max(0, asked.limit),
        continue_token=asked.continue_token,
        resource_version=asked.resource_version,
        match=asked.match,
        unstored=_held(cluster, kind.plural, target.namespace),
    )
    return forms.of_list(request, kind, page, form, cluster.loop.now_s)


def _held(cluster: ControlPlane, plural: str, namespace: str) -> Sequence[Object]:
    if plural == "leases":
        return leases.held(cluster, namespace)
    return addresses.held(cluster) if plural == "ipaddresses" else ()


def _watch(
    cluster: ControlPlane, request: Request, target: Target, asked: options.ListOptions, form: negotiation.Form
) -> Answer:
    kind, store = target.kind, cluster.store
    timeout_s = asked.timeout_s
    if not timeout_s or timeout_s < 0:
        # Of no consequence for the cluster's history, so not from its own random numbers.
        timeout_s = _SHORTEST_WATCH_S + random.randrange(_SHORTEST_WATCH_S)
    version = asked.resource_version
    if asked.send_initial is False and version in ("", "0"):
        version = str(store.revision)  # only what is new
    encode = forms.event_encoder(store, kind, form, request, lambda: cluster.loop.now_s)
    try:
        watch = Watch(
            store,
            kind.plural,
            target.namespace,
            asked.matches,
            resource_version=version,
            send_initial=bool(asked.send_initial),
        )
    except ApiError as error:
        if error.code != 410:
            raise
        # Once a watch is accepted, what goes wrong is told on it.
        return Response(200, forms.event_line("ERROR", error.status()))
    return WatchAnswer(
        watch,
        encode,
        float(timeout_s),
        bookmarks=asked.bookmarks,
        kind=kind,
        initial_events_end=bool(asked.send_initial),
        namespace=target.namespace,
        is_plain=asked.matches is None and not form.what,
    )
