"""What lies on provisioned volumes follows the objects: it is copied when a clone or a snapshot is made, and dropped.

A controller writes objects alone; files are the runtime's. This is where a driver's disks would be.
"""

from __future__ import annotations

from statelab.controlplane.controllers.volume import hostpath, localpath
from statelab.controlplane.controllers.volume.datasource import CONTENTS, SNAPSHOTS, source_of
from statelab.controlplane.controllers.volume.index import claim_of
from statelab.controlplane.journal import Journal
from statelab.controlplane.kinds import Object
from statelab.controlplane.runtime.runtime import Runtime
from statelab.controlplane.store import Revision, Store


class VolumeData:
    """Watches the store; `journal` is told of what is dropped, and finds what was copied as it finds every change."""

    def __init__(self, store: Store, runtime: Runtime, journal: Journal | None) -> None:
        self._store = store
        self._runtime = runtime
        self._journal = journal

    def observe(self, revision: Revision) -> None:
        """A revision was written. The copy is made at that moment: what is written later is not in it."""
        if revision.plural == "persistentvolumes":
            self._volume_written(revision)
        elif revision.plural == CONTENTS:
            self._content_written(revision)

    def _volume_written(self, revision: Revision) -> None:
        volume = revision.object
        if revision.type == "DELETED":
            if localpath.takes_data_along(volume) or hostpath.takes_data_along(volume):
                self._drop(f"pv/{revision.key}")
        elif revision.previous is None and hostpath.is_ours(volume):
            claim = self._store.get("persistentvolumeclaims", claim_of(volume) or "")
            source = self._source(claim) if claim is not None else None
            if source is not None:
                self._runtime.named_volume(f"pv/{revision.key}").copy_from(self._runtime.named_volume(source))

    def _source(self, claim: Object) -> str | None:
        """The name of the files that a claim begins with."""
        source = source_of(claim)
        if source is None:
            return None
        key = f"{claim['metadata']['namespace']}/{source['name']}"
        if source["kind"] == "PersistentVolumeClaim":
            other = self._store.get("persistentvolumeclaims", key)
            return f"pv/{other['spec'].get('volumeName')}" if other is not None else None
        snapshot = self._store.get(SNAPSHOTS, key)
        bound = ((snapshot or {}).get("status") or {}).get("boundVolumeSnapshotContentName")
        content = self._store.get(CONTENTS, bound) if bound else None
        handle = _handle(content) if content is not None else None
        return f"snapshot/{handle}" if handle else None

    def _content_written(self, revision: Revision) -> None:
        content = revision.object
        handle = _handle(content)
        if revision.type == "DELETED":
            if handle and content["spec"].get("deletionPolicy") == "Delete":
                self._drop(f"snapshot/{handle}")
            return
        volume = content["spec"]["source"].get("volumeHandle")
        if handle and volume and not (revision.previous is not None and _handle(revision.previous)):
            self._runtime.named_volume(f"snapshot/{handle}").copy_from(self._runtime.named_volume(f"pv/pvc-{volume}"))

    def _drop(self, name: str) -> None:
        self._runtime.remove_volume(name)
        if self._journal is not None:
            self._journal.drop_volume(name)


def _handle(content: Object) -> str | None:
    """What the driver calls the snapshot: in the status of one that was made, in the spec of one brought along."""
    status = content.get("status") or {}
    found: str | None = status.get("snapshotHandle") or content["spec"]["source"].get("snapshotHandle")
    return found
