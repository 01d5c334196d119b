"""Why, on a cluster that keeps no causes: what its events and owner references tell."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from statelab.cluster import conditions
from statelab.controlplane.kinds import BY_GROUP_VERSION_KIND, KINDS, Object

if TYPE_CHECKING:
    from statelab.cluster.cluster import Cluster

_NEWEST = 5
_IN_NO_NAMESPACE = frozenset(each.name for each in KINDS.values() if not each.namespaced)


def from_events(cluster: Cluster, what: str) -> str:
    """The object's newest events, then those of what owns it; and a sentence on what this cannot know."""
    kind, name = cluster.parse(what)
    lines: list[str] = []
    obj = cluster.get(what)
    lines.append(f"{kind.singular}/{name}   {'there is none now' if obj is None else conditions.describe(obj)}")
    lines += _told(cluster, kind.name, name, obj["metadata"]["uid"] if obj is not None else "")
    seen = 0
    while obj is not None and seen < 4:
        owner = next((each for each in obj["metadata"].get("ownerReferences") or () if each.get("controller")), None)
        if owner is None:
            break
        lines.append(f"  └ {owner['kind'].lower()}/{owner['name']}   owns it")
        lines += ["  " + line for line in _told(cluster, owner["kind"], owner["name"], owner["uid"])]
        owner_kind = BY_GROUP_VERSION_KIND.get((owner["apiVersion"], owner["kind"]))
        obj = cluster.get(f"{owner_kind.singular}/{owner['name']}") if owner_kind else None
        seen += 1
    lines.append("(A real cluster keeps events, not causes: this is what its events say, for about an hour.)")
    return "\n".join(lines)


def _told(cluster: Cluster, kind: str, name: str, uid: str) -> list[str]:
    """The newest events of this very object, not of an earlier one of its name; `uid` "": of any of that name.

    Those of what is in no namespace are in `default`, and a kubelet gives its node's name for the uid.
    """
    namespace = "default" if kind in _IN_NO_NAMESPACE else cluster.namespace
    params = {"fieldSelector": f"involvedObject.kind={kind},involvedObject.name={name}"}
    found: list[Object] = cluster.request("GET", f"/api/v1/namespaces/{namespace}/events", params=params)["items"]
    known = {uid, "", name if kind == "Node" else ""}
    events = [each for each in found if not uid or (each["involvedObject"].get("uid") or "") in known]
    events.sort(key=_when)
    return [f"    {event['reason']}: {event['message']}" for event in events[-_NEWEST:]]


def _when(event: Object) -> datetime:
    """When it was seen last: some are told in whole seconds, some in microseconds, which no order of texts can tell."""
    times = [
        (event.get("series") or {}).get("lastObservedTime"),
        event.get("lastTimestamp"),
        event.get("eventTime"),
        event["metadata"].get("creationTimestamp"),
    ]
    told = [datetime.fromisoformat(each.replace("Z", "+00:00")) for each in times if each]
    return max(told, default=datetime.min.replace(tzinfo=UTC))
