"""Why, on a cluster that keeps no causes: what its events and owner references tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from statelab.cluster.names import parse
from statelab.controlplane.kinds import BY_GROUP_VERSION_KIND, Object

if TYPE_CHECKING:
    from statelab.cluster.cluster import Cluster

_NEWEST = 5


def from_events(cluster: Cluster, what: str) -> str:
    """The object's newest events, then those of what owns it; and a sentence on what this cannot know."""
    kind, name = parse(what)
    lines: list[str] = []
    obj = cluster.get(what)
    if obj is None:
        lines.append(f"{kind.singular}/{name}   there is none now")
    lines += _told(cluster, kind.name, name)
    seen = 0
    while obj is not None and seen < 4:
        owner = next((each for each in obj["metadata"].get("ownerReferences") or () if each.get("controller")), None)
        if owner is None:
            break
        lines.append(f"  └ {owner['kind'].lower()}/{owner['name']}   owns it")
        lines += ["  " + line for line in _told(cluster, owner["kind"], owner["name"])]
        owner_kind = BY_GROUP_VERSION_KIND.get((owner["apiVersion"], owner["kind"]))
        obj = cluster.get(f"{owner_kind.singular}/{owner['name']}") if owner_kind else None
        seen += 1
    lines.append("(A real cluster keeps events, not causes: this is what its events say, for about an hour.)")
    return "\n".join(lines)


def _told(cluster: Cluster, kind: str, name: str) -> list[str]:
    params = {"fieldSelector": f"involvedObject.kind={kind},involvedObject.name={name}"}
    events: list[Object] = cluster.request("GET", f"/api/v1/namespaces/{cluster.namespace}/events", params=params)[
        "items"
    ]
    events.sort(key=lambda event: event.get("lastTimestamp") or event.get("eventTime") or "")
    return [f"    {event['reason']}: {event['message']}" for event in events[-_NEWEST:]]
