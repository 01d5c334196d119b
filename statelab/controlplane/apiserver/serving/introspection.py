"""What no other API server serves: causes, the whole history, and nodes that can be stopped. Below /statelab/v1/.

GET  why?resource=pods&namespace=lesson-04&name=web-1      the chain of causes, as text and as a tree
GET  history?since=N[&limit=M]                             revisions with their causes, oldest first
     [&namespace=NAME][&resources=pods,services]           … of one namespace and what has none; of some resources
GET  nodes                                                 which nodes run
GET  dns                                                   the port of 127.0.0.1 where the cluster's DNS answers
POST nodes/NAME/stop, nodes/NAME/start                     cut a node off, give it back
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

from statelab.controlplane import errors
from statelab.controlplane.clock import micro_timestamp
from statelab.controlplane.kinds import KINDS, Object
from statelab.controlplane.store import Past

if TYPE_CHECKING:
    from statelab.controlplane.controlplane import ControlPlane

PREFIX = "/statelab/v1/"
_MOST_REVISIONS = 5000


def answer(cluster: ControlPlane, method: str, path: str, query: Mapping[str, str]) -> Object:
    """The answer to a request below PREFIX. Raises ApiError."""
    words = tuple(path.removeprefix(PREFIX).strip("/").split("/"))
    routes: dict[tuple[str, str], Callable[[], Object]] = {
        ("GET", "why"): lambda: _why(cluster, query),
        ("GET", "history"): lambda: _history(cluster, query),
        ("GET", "nodes"): lambda: {"nodes": {name: kubelet.is_running for name, kubelet in cluster.kubelets.items()}},
    }
    if cluster.dns_port is not None:
        routes["GET", "dns"] = lambda: {"port": cluster.dns_port}
    if len(words) == 1 and (method, words[0]) in routes:
        return routes[method, words[0]]()
    if method == "POST" and len(words) == 3 and words[0] == "nodes" and words[2] in ("stop", "start"):
        return _node(cluster, words[1], words[2])
    raise errors.ApiError(404, "NotFound", f"there is no {method} {path}")


def _why(cluster: ControlPlane, query: Mapping[str, str]) -> Object:
    plural, namespace, name = query.get("resource", ""), query.get("namespace", ""), query.get("name", "")
    kind = cluster.api.kinds.get(plural)
    if kind is None:
        raise errors.bad_request(f'resource "{plural}" is not served')
    reason = cluster.why(plural, f"{namespace}/{name}" if kind.namespaced else name)
    if reason is None:
        text = f"{kind.singular}/{name}   nothing of that name was ever here, as far as the history goes back"
        return {"text": text, "reason": None}
    return {"text": str(reason), "reason": reason.to_json()}


def _history(cluster: ControlPlane, query: Mapping[str, str]) -> Object:
    since, limit = _number(query, "since", cluster.store.compacted), _number(query, "limit", _MOST_REVISIONS)
    namespace, resources = query.get("namespace", ""), frozenset(filter(None, query.get("resources", "").split(",")))
    wanted = (
        revision
        for revision in cluster.store.since(since)
        if (not resources or revision.plural in resources)
        and (not namespace or not _is_namespaced(revision.plural) or revision.key.startswith(f"{namespace}/"))
    )
    revisions = [_shown(revision) for revision in islice(wanted, min(limit, _MOST_REVISIONS))]
    return {"revision": cluster.store.revision, "compacted": cluster.store.compacted, "revisions": revisions}


def _is_namespaced(plural: str) -> bool:
    return plural not in KINDS or KINDS[plural].namespaced


def _number(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit()):
        raise errors.bad_request(f'{name} must be a number, not "{text}"')
    return int(text[:18])


def _shown(revision: Past) -> dict[str, Any]:
    return {
        "number": revision.number,
        "type": revision.type,
        "resource": revision.plural,
        "key": revision.key,
        "object": revision.object,
        "actor": revision.cause.actor,
        "why": revision.cause.why,
        "at": micro_timestamp(revision.at_s),
    }


def _node(cluster: ControlPlane, name: str, action: str) -> Object:
    kubelet = cluster.kubelets.get(name)
    if kubelet is None:
        raise errors.not_found(KINDS["nodes"], name)
    if kubelet.is_running == (action == "stop"):  # one that is as it is wanted is left as it is
        (kubelet.stop if action == "stop" else kubelet.start)()
    return {"node": name, "running": kubelet.is_running}
