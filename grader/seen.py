"""An API object as it was at one moment of a trial, with the questions a rubric asks of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from statelab.controlplane.clock import seconds
from statelab.controlplane.kinds import KINDS, Kind, Object, key_of
from statelab.controlplane.runtime.images.catalog import short_name
from statelab.manifest.relations import at

_UID = re.compile(r" ?(?:in pod |pod=)[a-z0-9.-]+_[a-z0-9-]+\([0-9a-f-]{36}\)")
_NAMES: dict[str, Kind] = {}
for _kind in KINDS.values():
    for _name in (_kind.plural, _kind.singular, *_kind.short_names):
        _NAMES[_name] = _kind
_NAMES["claim"] = KINDS["persistentvolumeclaims"]
_NAMES["volume"] = KINDS["persistentvolumes"]


def kind_named(name: str) -> Kind:
    """The kind called so on a command line: `pod`, `pods`, `po`, `claim`. Raises KeyError."""
    return _NAMES[name.lower()]


def parse_reference(reference: str) -> tuple[Kind, str]:
    """`"pod/web-0"` → the kind and the name. Raises KeyError, ValueError."""
    kind, slash, name = reference.partition("/")
    if not slash or not name:
        raise ValueError(f"an object is called like pod/web-0, not {reference!r}")
    return kind_named(kind), name


def reference(plural: str, name: str) -> str:
    """`pod/web-0`, `pvc/www-web-0`: how feedback names an object."""
    kind = KINDS[plural]
    return f"{kind.short_names[0] if plural.startswith('persistentvolume') else kind.singular}/{name}"


@dataclass(frozen=True)
class Seen:
    """A snapshot: it does not change when the cluster does. `object` is the whole API object; do not change it."""

    plural: str
    object: Object

    @property
    def key(self) -> str:
        return key_of(self.object)

    @property
    def name(self) -> str:
        return str(self.object["metadata"]["name"])

    @property
    def reference(self) -> str:
        return reference(self.plural, self.name)

    def at(self, *path: str | int) -> Any:
        """What is at a path, `seen.at("spec", "containers", 0, "image")`; None where the way is not there."""
        return at(self.object, *path)

    @property
    def uid(self) -> str:
        return str(self.at("metadata", "uid"))

    @property
    def labels(self) -> Mapping[str, str]:
        found: Mapping[str, str] = self.at("metadata", "labels") or {}
        return found

    @property
    def owner(self) -> str | None:
        """`StatefulSet/web`: the controller that owns it."""
        for each in self.at("metadata", "ownerReferences") or ():
            if each.get("controller"):
                return f"{each['kind']}/{each['name']}"
        return None

    # ---- of a Pod

    @property
    def ip(self) -> str | None:
        found: str | None = self.at("status", "podIP")
        return found

    @property
    def node(self) -> str | None:
        found: str | None = self.at("spec", "nodeName")
        return found

    @property
    def phase(self) -> str:
        return str(self.at("status", "phase") or "")

    @property
    def ready(self) -> bool:
        """A Pod whose Ready condition is True and that nobody has asked to stop."""
        conditions = self.at("status", "conditions") or ()
        is_ready = any(each.get("type") == "Ready" and each.get("status") == "True" for each in conditions)
        return is_ready and self.at("metadata", "deletionTimestamp") is None

    @property
    def ready_s(self) -> float | None:
        """When its Ready condition became True, by the cluster's clock (seconds since the Unix epoch); None: it is not.

        Whoever looks at a real cluster hears of it later, and a busy machine much later.
        """
        for each in self.at("status", "conditions") or ():
            if each.get("type") == "Ready" and each.get("status") == "True" and each.get("lastTransitionTime"):
                return seconds(each["lastTransitionTime"])
        return None

    @property
    def started_s(self) -> float | None:
        """When its first container began to run, by the cluster's clock; None where it does not run."""
        at_time = at((self.at("status", "containerStatuses") or ({},))[0], "state", "running", "startedAt")
        return seconds(at_time) if at_time else None

    @property
    def claims(self) -> tuple[str, ...]:
        """The claims a Pod's containers mount, by name. A claim that no container mounts is not among them."""
        mounted = {
            mount.get("name")
            for each in self.at("spec", "containers") or ()
            for mount in each.get("volumeMounts") or ()
        }
        volumes = self.at("spec", "volumes") or ()
        return tuple(each["persistentVolumeClaim"]["claimName"] for each in volumes
                     if each.get("persistentVolumeClaim") and each["name"] in mounted)  # fmt: skip

    @property
    def images(self) -> tuple[str, ...]:
        """What its containers run, each image in its one short spelling, whatever the manifest says."""
        return tuple(short_name(each["image"]) for each in self.at("spec", "containers") or ())

    @property
    def waiting_for(self) -> str:
        """Why a Pod is not running: a container's waiting reason, or the scheduler's word; "" when it runs."""
        for each in self.at("status", "containerStatuses") or ():
            reason = at(each, "state", "waiting", "reason")
            if reason and reason not in ("ContainerCreating", "PodInitializing"):
                return tidy(f"{reason}: {at(each, 'state', 'waiting', 'message') or ''}")
        for each in self.at("status", "conditions") or ():
            if each.get("type") == "PodScheduled" and each.get("status") == "False":
                return tidy(str(each.get("message") or ""))
        return ""


def tidy(said: str) -> str:
    """A component's words as part of a sentence: on one line, nothing twice, no Pod's uid, no dot or colon at the end.

    "not found. not found" is what kube-scheduler says of a claim that is not there.
    """
    said = _UID.sub("", " ".join(said.split())).rstrip(" .:")
    return said.removesuffix(". not found").rstrip(" .:")
