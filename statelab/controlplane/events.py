"""Events: what components tell a user about an object, correlated so that they do not flood it.

Source: client-go/tools/record/events_cache.go: equal events are counted on one object; more than ten different messages
of one kind within ten minutes become "(combined from similar events)"; and a source that tells too much of one
object is cut off (25 at once, then one every five minutes).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from statelab.controlplane.clock import Loop, micro_timestamp, timestamp
from statelab.controlplane.errors import ApiError
from statelab.controlplane.kinds import Object

_MAX_SIMILAR = 10
_SIMILAR_WITHIN_S = 600.0
_BURST = 25
_REFILL_PER_S = 1 / 300
_TTL_S = 3600.0
_COMBINED = "(combined from similar events): "


@dataclass
class _Aggregate:
    messages: set[str] = field(default_factory=set)
    last_s: float = 0.0


@dataclass
class _Bucket:
    tokens: float = _BURST
    at_s: float = 0.0


class Recorder:
    """Writes Events. `create` and `update` are the API server's, in the component's name; `rotate` deletes old ones."""

    def __init__(
        self,
        loop: Loop,
        create: Callable[[Object, str], Object],
        update: Callable[[Object, str], Object],
        get: Callable[[str], Object | None],
    ) -> None:
        self._loop = loop
        self._create = create
        self._update = update
        self._get = get
        self._aggregates: dict[tuple[str, ...], _Aggregate] = {}
        self._buckets: dict[tuple[str, str], _Bucket] = {}
        self._written: dict[tuple[str, ...], str] = {}  # what makes events equal → the key of the Event
        self._sequence = 0

    def record(
        self,
        obj: Object,
        kind: tuple[str, str],
        reason: str,
        message: str,
        type: str,
        component: str,
        field_path: str = "",
    ) -> None:
        """Tell a user something about `obj`. `component` is "statefulset-controller" or "kubelet/kind-worker".

        `field_path` names the part of it that is meant: `spec.containers{nginx}`.
        """
        source, _, host = component.partition("/")
        metadata = obj["metadata"]
        about = (component, metadata.get("uid", ""), field_path, type, reason)
        part = (*kind, field_path)
        if source == "default-scheduler":
            self._write(obj, part, reason, message, type, source, host, (*about, message))
            return
        if not self._allowed(component, metadata.get("uid", "")):
            return
        combined = self._is_combined(about, message)
        equal = about if combined else (*about, message)
        self._write(obj, part, reason, _COMBINED + message if combined else message, type, source, host, equal)

    def _is_combined(self, about: tuple[str, ...], message: str) -> bool:
        now_s = self._loop.now_s
        aggregate = self._aggregates.setdefault(about, _Aggregate())
        if now_s - aggregate.last_s > _SIMILAR_WITHIN_S:
            aggregate.messages.clear()
        aggregate.messages.add(message)
        aggregate.last_s = now_s
        if len(aggregate.messages) < _MAX_SIMILAR:
            return False
        aggregate.messages.discard(message)  # PopAny: the set never grows beyond, and a message known before is itself
        return True

    def _allowed(self, component: str, uid: str) -> bool:
        now_s = self._loop.now_s
        bucket = self._buckets.setdefault((component, uid), _Bucket(at_s=now_s))
        bucket.tokens = min(_BURST, bucket.tokens + (now_s - bucket.at_s) * _REFILL_PER_S)
        bucket.at_s = now_s
        if bucket.tokens < 1:
            return False
        bucket.tokens -= 1
        return True

    def _write(
        self,
        obj: Object,
        kind: tuple[str, str, str],
        reason: str,
        message: str,
        type: str,
        source: str,
        host: str,
        equal: tuple[str, ...],
    ) -> None:
        key = self._written.get(equal)
        existing = self._get(key) if key is not None else None
        try:
            if existing is not None and source != "default-scheduler":
                again = {
                    **existing,
                    "metadata": dict(existing["metadata"]),
                    "count": existing.get("count", 1) + 1,
                    "lastTimestamp": timestamp(self._loop.now_s),
                    "message": message,
                }
                self._update(again, source)
                return
            event = self._create(self._event(obj, kind, reason, message, type, source, host), source)
        except ApiError:
            return  # an event is best effort: its namespace is going, or its object's name is too long
        self._written[equal] = f"{event['metadata']['namespace']}/{event['metadata']['name']}"

    def _event(
        self, obj: Object, kind: tuple[str, str, str], reason: str, message: str, type: str, source: str, host: str
    ) -> Object:
        metadata = obj["metadata"]
        now_s = self._loop.now_s
        self._sequence += 1
        namespace = metadata.get("namespace") or "default"
        involved = {
            "kind": kind[1],
            "namespace": metadata.get("namespace"),
            "name": metadata["name"],
            "uid": metadata.get("uid"),
            "apiVersion": kind[0],
            "resourceVersion": metadata.get("resourceVersion"),
            "fieldPath": kind[2],
        }
        event: Object = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {
                # Nanoseconds since the epoch upstream; the sequence keeps names apart where virtual time stands still.
                "name": f"{metadata['name']}.{int(now_s * 1e6) * 1000 + self._sequence % 1_000_000:x}",
                "namespace": namespace,
            },
            "involvedObject": {name: value for name, value in involved.items() if value},
            "reason": reason,
            "message": message[:1024],
            "type": type,
            "reportingComponent": source,
        }
        if source == "default-scheduler":  # it speaks events.k8s.io/v1
            event |= {"eventTime": micro_timestamp(now_s), "source": {}, "firstTimestamp": None, "lastTimestamp": None}
            event |= {"action": "Binding" if reason == "Scheduled" else "Scheduling"}
            event |= {"reportingInstance": "default-scheduler-kind-control-plane"}
            return event
        at = timestamp(now_s)
        event |= {"source": {"component": source, **({"host": host} if host else {})}, "eventTime": None}
        event |= {"firstTimestamp": at, "lastTimestamp": at, "count": 1, "reportingInstance": host}
        return event

    def forget_old(self, events: list[Object], delete: Callable[[Object], None]) -> None:
        """Delete Events older than an hour (`--event-ttl`), and what is remembered of them."""
        horizon = timestamp(self._loop.now_s - _TTL_S)
        for event in events:
            if event["metadata"]["creationTimestamp"] < horizon:
                delete(event)
        now_s = self._loop.now_s
        self._aggregates = {k: v for k, v in self._aggregates.items() if now_s - v.last_s <= _SIMILAR_WITHIN_S}
        self._buckets = {k: v for k, v in self._buckets.items() if now_s - v.at_s <= _BURST / _REFILL_PER_S}
        self._written = {k: v for k, v in self._written.items() if self._get(v) is not None}
