"""What CoreDNS keeps of the cluster: Services and ready endpoints, by name and by address.

Source: coredns plugin/kubernetes/controller.go and object/endpoint.go.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, TypeVar
from weakref import WeakKeyDictionary, proxy

from statelab.controlplane.clock import VIRTUAL_EPOCH_S
from statelab.controlplane.kinds import Object, key_of
from statelab.controlplane.store import Revision, Store

_NO_PORTS = ((-1, "", ""),)  # as upstream: an address without ports has a name, and no SRV record
_SERVICE_NAME = "kubernetes.io/service-name"
_Entry = TypeVar("_Entry")


class Source(Protocol):
    """Where objects are read: a Store, a View, or a test's."""

    def get(self, plural: str, key: str) -> Object | None: ...
    def list(self, plural: str, namespace: str = "") -> list[Object]: ...


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One ready address of a Service. `label` is its part of the name: the hostname, or the address with dashes."""

    namespace: str
    service: str
    address: str
    label: str
    ports: tuple[tuple[int, str, str], ...]  # (number, name, protocol)


class Records(Protocol):
    """The questions that lookups ask."""

    modified_s: float

    def has_namespace(self, namespace: str) -> bool: ...
    def service(self, namespace: str, name: str) -> Object | None: ...
    def endpoints(self, namespace: str, service: str) -> list[Endpoint]: ...
    def service_at(self, address: str) -> Object | None: ...
    def endpoints_at(self, address: str) -> list[Endpoint]: ...


def records_of(reader: Source | Records) -> Records:
    """Where to look things up for `reader`: itself if it is an index, its Store's index if it has one, else a scan."""
    if isinstance(reader, (IndexedRecords, ScannedRecords)):
        return reader
    store = getattr(reader, "store", reader)  # an ApiServer has a Store
    if not isinstance(store, Store):
        return ScannedRecords(reader)  # type: ignore[arg-type]  # what is no index is a Source
    index = _indexes.get(store)
    if index is None:
        index = _indexes[store] = IndexedRecords(store)
    return index


def endpoints_in(endpoint_slice: Object) -> Iterator[Endpoint]:
    """The endpoints of a slice that have a name: the ready ones (an unknown readiness counts as ready)."""
    metadata = endpoint_slice["metadata"]
    service = (metadata.get("labels") or {}).get(_SERVICE_NAME)
    if not service:
        return
    ports = tuple(
        (port.get("port") or 0, port.get("name") or "", port.get("protocol") or "TCP")
        for port in endpoint_slice.get("ports") or ()
    )
    for endpoint in endpoint_slice.get("endpoints") or ():
        if (endpoint.get("conditions") or {}).get("ready") is False:
            continue
        for address in endpoint.get("addresses") or ():
            label = endpoint.get("hostname") or address.replace(".", "-").replace(":", "-")
            yield Endpoint(metadata["namespace"], service, address, label, ports or _NO_PORTS)


def _addresses(service: Object) -> list[str]:
    spec = service["spec"]
    return [each for each in spec.get("clusterIPs") or [spec.get("clusterIP")] if each and each != "None"]


class ScannedRecords:
    """Answers from any Source by looking through it: for tests, and clusters of a few objects."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.modified_s = float(getattr(source, "now_s", VIRTUAL_EPOCH_S))

    def has_namespace(self, namespace: str) -> bool:
        return self._source.get("namespaces", namespace) is not None

    def service(self, namespace: str, name: str) -> Object | None:
        return self._source.get("services", f"{namespace}/{name}")

    def endpoints(self, namespace: str, service: str) -> list[Endpoint]:
        slices = self._source.list("endpointslices", namespace)
        return [each for obj in slices for each in endpoints_in(obj) if each.service == service]

    def service_at(self, address: str) -> Object | None:
        return next((each for each in self._source.list("services") if address in _addresses(each)), None)

    def endpoints_at(self, address: str) -> list[Endpoint]:
        slices = self._source.list("endpointslices")
        return [each for obj in slices for each in endpoints_in(obj) if each.address == address]


class IndexedRecords:
    """Follows a Store and keeps names and addresses at hand, so that an answer costs the same however big the cluster.

    `close()` stops following.
    """

    def __init__(self, store: Store) -> None:
        self._store: Store = proxy(store)  # the Store keeps the index, by its subscription, and not the other way round
        self.modified_s = VIRTUAL_EPOCH_S
        self._service_of: dict[str, str] = {}  # address → key of the Service
        self._slices: dict[str, tuple[Endpoint, ...]] = {}  # key of the slice → its endpoints
        self._by_service: dict[tuple[str, str], dict[str, None]] = {}  # (namespace, service) → keys of slices
        self._by_address: dict[str, dict[str, None]] = {}  # address → keys of slices
        for service in store.list("services"):
            self._put_service(key_of(service), service)
        for endpoint_slice in store.list("endpointslices"):
            self._put_slice(key_of(endpoint_slice), endpoint_slice)
        store.subscribe(self._on_revision)

    def close(self) -> None:
        # Not by what subscribe() returned: that holds the Store, and would keep every cluster of this process alive.
        self._store.unsubscribe(self._on_revision)

    def has_namespace(self, namespace: str) -> bool:
        return self._store.get("namespaces", namespace) is not None

    def service(self, namespace: str, name: str) -> Object | None:
        return self._store.get("services", f"{namespace}/{name}")

    def endpoints(self, namespace: str, service: str) -> list[Endpoint]:
        keys = self._by_service.get((namespace, service), {})
        return [each for key in sorted(keys) for each in self._slices[key]]

    def service_at(self, address: str) -> Object | None:
        key = self._service_of.get(address)
        return self._store.get("services", key) if key else None

    def endpoints_at(self, address: str) -> list[Endpoint]:
        keys = self._by_address.get(address, {})
        return [each for key in sorted(keys) for each in self._slices[key] if each.address == address]

    def _on_revision(self, revision: Revision) -> None:
        if revision.plural == "services":
            if revision.previous is not None:
                for address in _addresses(revision.previous):
                    self._service_of.pop(address, None)
            if revision.type != "DELETED":
                self._put_service(revision.key, revision.object)
        elif revision.plural == "endpointslices":
            self._drop_slice(revision.key)
            if revision.type != "DELETED":
                self._put_slice(revision.key, revision.object)
        else:
            return
        self.modified_s = revision.at_s

    def _put_service(self, key: str, service: Object) -> None:
        for address in _addresses(service):
            self._service_of[address] = key

    def _put_slice(self, key: str, endpoint_slice: Object) -> None:
        endpoints = tuple(endpoints_in(endpoint_slice))
        self._slices[key] = endpoints
        for each in endpoints:
            self._by_service.setdefault((each.namespace, each.service), {})[key] = None
            self._by_address.setdefault(each.address, {})[key] = None

    def _drop_slice(self, key: str) -> None:
        for each in self._slices.pop(key, ()):
            _forget(self._by_service, (each.namespace, each.service), key)
            _forget(self._by_address, each.address, key)


def _forget(index: dict[_Entry, dict[str, None]], entry: _Entry, key: str) -> None:
    keys = index.get(entry)
    if keys is not None:
        keys.pop(key, None)
        if not keys:
            del index[entry]


_indexes: WeakKeyDictionary[Store, IndexedRecords] = WeakKeyDictionary()
