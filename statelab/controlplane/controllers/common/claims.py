"""Claims and the Pods that use them; classes and what they say: shared by the volume controllers and the scheduler.

Source: component-helpers/storage/volume (helpers.go, pv_helpers.go), pkg/controller/volume/common.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from statelab.controlplane.kinds import Object, key_of, split_key
from statelab.controlplane.store import Revision
from statelab.controlplane.view import View

BIND_COMPLETED = "pv.kubernetes.io/bind-completed"
BOUND_BY_CONTROLLER = "pv.kubernetes.io/bound-by-controller"
PROVISIONED_BY = "pv.kubernetes.io/provisioned-by"
SELECTED_NODE = "volume.kubernetes.io/selected-node"
PROVISIONER = "volume.kubernetes.io/storage-provisioner"
BETA_PROVISIONER = "volume.beta.kubernetes.io/storage-provisioner"
_BETA_CLASS = "volume.beta.kubernetes.io/storage-class"
_DEFAULT_CLASS = ("storageclass.kubernetes.io/is-default-class", "storageclass.beta.kubernetes.io/is-default-class")


class Reader(Protocol):
    def get(self, plural: str, key: str) -> Object | None: ...
    def list(self, plural: str, namespace: str = "") -> list[Object]: ...


def annotations_of(obj: Object) -> dict[str, str]:
    return obj["metadata"].get("annotations") or {}


def class_name(obj: Object) -> str:
    """The class of a claim or a volume; "" for none. The old annotation comes first."""
    beta = annotations_of(obj).get(_BETA_CLASS)
    return beta if beta is not None else str(obj["spec"].get("storageClassName") or "")


def class_of(claim: Object, reader: Reader) -> Object | None:
    name = class_name(claim)
    return reader.get("storageclasses", name) if name else None


def waits_for_consumer(claim: Object, reader: Reader) -> bool:
    """Its class binds when a Pod that uses it is scheduled (volumeBindingMode WaitForFirstConsumer)."""
    storage_class = class_of(claim, reader)
    return storage_class is not None and storage_class.get("volumeBindingMode") == "WaitForFirstConsumer"


def default_class(reader: Reader) -> Object | None:
    """The newest class marked as default; of equally old ones, the first by name."""
    marked = [
        each
        for each in reader.list("storageclasses")
        if any(annotations_of(each).get(name) == "true" for name in _DEFAULT_CLASS)
    ]
    by_name = sorted(marked, key=lambda each: str(each["metadata"]["name"]))
    return max(by_name, key=lambda each: str(each["metadata"]["creationTimestamp"]), default=None)


def is_reserved_for(volume: Object, claim: Object) -> bool:
    """The volume's claimRef names this claim, by uid if it has one. Source: IsVolumeBoundToClaim."""
    reference = volume["spec"].get("claimRef")
    if reference is None:
        return False
    metadata = claim["metadata"]
    if (reference.get("namespace"), reference.get("name")) != (metadata["namespace"], metadata["name"]):
        return False
    return not reference.get("uid") or reference["uid"] == metadata["uid"]


def claim_names(pod: Object) -> Iterable[str]:
    """The claims a Pod's volumes use, a generic ephemeral volume's included."""
    for volume in pod["spec"].get("volumes") or ():
        if "persistentVolumeClaim" in volume:
            yield volume["persistentVolumeClaim"]["claimName"]
        elif "ephemeral" in volume:
            yield f"{pod['metadata']['name']}-{volume['name']}"


class ClaimUsers:
    """An index: the Pods that use a claim. Feed it the revisions of Pods."""

    def __init__(self, view: View) -> None:
        self._users: dict[str, dict[str, int]] = {}  # claim key → Pod keys → the revision that created the Pod
        for pod in view.list("pods"):
            self._add(key_of(pod), pod, 0)

    def on_pod(self, revision: Revision) -> list[str]:
        """The keys of the claims the Pod uses."""
        namespace = split_key(revision.key)[0]
        keys = [f"{namespace}/{name}" for name in claim_names(revision.object)]
        if revision.type == "DELETED":
            for key in keys:
                users = self._users.get(key, {})
                users.pop(revision.key, None)
                if not users:
                    self._users.pop(key, None)
        elif revision.previous is None:
            self._add(revision.key, revision.object, revision.number)
        return keys

    def pods(self, claim_key: str, view: View, *, before: int | None = None) -> list[Object]:
        """The Pods that use the claim; with `before`, those that were there at that revision."""
        users = self._users.get(claim_key, {})
        keys = sorted(key for key, created in users.items() if before is None or created < before)
        return [pod for key in keys if (pod := view.get("pods", key)) is not None]

    def _add(self, key: str, pod: Object, created: int) -> None:
        namespace = split_key(key)[0]
        for name in claim_names(pod):
            self._users.setdefault(f"{namespace}/{name}", {})[key] = created
