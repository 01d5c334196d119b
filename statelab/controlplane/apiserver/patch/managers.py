"""Who manages which fields of an object: `metadata.managedFields`, read and written.

Source: apimachinery/pkg/util/managedfields/internal (managedfields.go, capmanagers.go, buildmanagerinfo.go).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal

from statelab.controlplane.apiserver.patch.field_sets import EMPTY, FieldSet, in_order, is_valid, union
from statelab.controlplane.kinds import Kind, Object
from statelab.reader import jsonbytes

_MAX_UPDATERS = 10
_OLD_UPDATES = "ancient-changes"
UNKNOWN_MAKER = "before-first-apply"
_CONTROLLER_MANAGER = "kube-controller-manager"
_PROVISIONED_BY = "pv.kubernetes.io/provisioned-by"
# What the controller manager makes for every namespace.
_OF_EVERY_NAMESPACE = {("serviceaccounts", "default"), ("configmaps", "kube-root-ca.crt")}


@dataclass(frozen=True, slots=True)
class Manager:
    """One manager, told apart by name, operation, version and subresource: each has an entry of its own."""

    name: str
    operation: Literal["Apply", "Update"]
    api_version: str
    subresource: str = ""

    def __str__(self) -> str:
        """As conflicts name it."""
        text = jsonbytes.dumps(self.name).decode()
        if self.subresource:
            text += f" with subresource {jsonbytes.dumps(self.subresource).decode()}"
        return f"{text} using {self.api_version}" if self.operation == "Update" else text

    @property
    def identity(self) -> tuple[str, ...]:
        """Appliers are the same whatever version they apply with."""
        version = "" if self.operation == "Apply" else self.api_version
        return (self.name, self.operation, version, self.subresource)


@dataclass(frozen=True, slots=True)
class Managed:
    """The fields of one manager, and when it last changed one (RFC 3339; "" when unknown)."""

    manager: Manager
    fields: FieldSet
    time: str = ""
    entry: Object | None = None  # as it was read, while nothing about it has changed


@dataclass(slots=True)
class Managers:
    """All managers of an object, by identity."""

    entries: dict[tuple[str, ...], Managed] = field(default_factory=dict)

    def fields_of(self, manager: Manager) -> FieldSet:
        found = self.entries.get(manager.identity)
        return found.fields if found else EMPTY

    def put(self, manager: Manager, fields: FieldSet, time: str | None = None) -> None:
        """Set a manager's fields; with `time` None it keeps the one it has. A manager of nothing is forgotten."""
        before = self.entries.get(manager.identity)
        if not fields:
            self.entries.pop(manager.identity, None)
            return
        if before is not None and before.fields is fields and time in (None, before.time):
            return
        kept = before.time if before else ""
        self.entries[manager.identity] = Managed(manager, fields, kept if time is None else time)

    def others(self, manager: Manager | None) -> list[Managed]:
        identity = manager.identity if manager else None
        return [each for key, each in self.entries.items() if key != identity]

    def cap_updaters(self) -> None:
        """No more than ten updaters: the oldest of each version are made one, `ancient-changes`."""
        updaters = [each for each in self.entries.values() if each.manager.operation == "Update"]
        excess = len(updaters) - _MAX_UPDATERS
        first: dict[str, Managed] = {}
        for each in sorted(updaters, key=lambda each: (each.time, each.manager.identity)):
            if excess <= 0:
                return
            version = each.manager.api_version
            if version not in first:
                first[version] = each
                continue
            bucket = Manager(_OLD_UPDATES, "Update", version)
            if bucket.identity not in self.entries:
                oldest = first[version]
                del self.entries[oldest.manager.identity]
                self.entries[bucket.identity] = replace(oldest, manager=bucket, entry=None)
            fields = union(each.fields, self.entries[bucket.identity].fields)
            self.entries[bucket.identity] = Managed(bucket, fields, each.time)
            if each.manager.identity != bucket.identity:
                self.entries.pop(each.manager.identity, None)
            excess -= 1

    def encode(self) -> list[Object]:
        """As `metadata.managedFields` shows them: appliers first, then by time and name."""

        def order(managed: Managed) -> tuple[str, ...]:
            manager = managed.manager
            return (manager.operation, managed.time, manager.name, manager.api_version, manager.subresource)

        return [_entry(each) for each in sorted(self.entries.values(), key=order)]


def maker_of(kind: Kind, obj: Object) -> str:
    """The manager by whose name a real cluster knows the component that made an object which has no managed fields.

    Components keep none here, so that their writes cost less; UNKNOWN_MAKER when it is no component's.
    """
    metadata = obj["metadata"]
    annotations, labels = metadata.get("annotations") or {}, metadata.get("labels") or {}
    if kind.plural == "nodes":
        return "kubelet"
    if kind.plural == "persistentvolumes" and _PROVISIONED_BY in annotations:
        return "csi-provisioner" if "csi" in (obj.get("spec") or {}) else "local-path-provisioner"
    is_made = (
        any(each.get("controller") for each in metadata.get("ownerReferences") or ())
        or "endpointslice.kubernetes.io/managed-by" in labels
        or "endpoints.kubernetes.io/managed-by" in labels
        or (kind.plural, metadata["name"]) in _OF_EVERY_NAMESPACE
    )
    return _CONTROLLER_MANAGER if is_made else UNKNOWN_MAKER


def _entry(managed: Managed) -> Object:
    if managed.entry is not None:
        return managed.entry
    manager = managed.manager
    entry: Object = {"manager": manager.name, "operation": manager.operation, "apiVersion": manager.api_version}
    if managed.time:
        entry["time"] = managed.time
    entry["fieldsType"] = "FieldsV1"
    entry["fieldsV1"] = in_order(managed.fields)
    if manager.subresource:
        entry["subresource"] = manager.subresource
    return entry


def decode(entries: Any, *, trusted: bool = False) -> Managers | None:
    """The managers that `managedFields` tells of; None when an entry makes no sense. `trusted`: we wrote it."""
    managers = Managers()
    for entry in entries or ():
        if not isinstance(entry, dict):
            return None
        operation, fields = entry.get("operation"), entry.get("fieldsV1", {})
        if operation not in ("Apply", "Update") or entry.get("fieldsType") != "FieldsV1":
            return None
        if not trusted and not is_valid(fields):
            return None
        names = [entry.get(key) or "" for key in ("manager", "apiVersion", "subresource", "time")]
        if not all(isinstance(each, str) for each in names):
            return None
        name, version, subresource, time = names
        manager = Manager(name, operation, version, subresource)
        if fields:
            managers.entries[manager.identity] = Managed(manager, fields, time, entry if trusted else None)
    return managers


def decode_for_update(old: Object | None, new: Object, subresource: str) -> Managers:
    """The managers before an update. A client may rewrite them, or drop them all with a list of one empty entry."""
    live = (old or {}).get("metadata", {}).get("managedFields")
    sent = new.get("metadata", {}).get("managedFields")
    if not subresource and sent != live:
        if sent == [{}]:
            return Managers()
        managers = decode(sent)
        if managers is not None and managers.entries:
            return managers
    return decode(live, trusted=True) or Managers()
