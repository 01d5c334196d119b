"""quay.io/coreos/etcd, 3.5 and later: a key-value store whose members agree by Raft, and its clients."""

from __future__ import annotations

from statelab.controlplane.runtime.images.etcd.commands import etcdctl, etcdutl
from statelab.controlplane.runtime.images.etcd.server import etcd
from statelab.controlplane.runtime.images.image import Image, numbered


def _tag_exists(tag: str) -> bool:
    """Tags begin with a v; there is no latest to rely on."""
    return tag == "latest" or (tag.startswith("v3.") and numbered("3")(tag))


IMAGE = Image(
    entrypoint=(),
    command=("/usr/local/bin/etcd",),
    programs={"etcd": etcd, "etcdctl": etcdctl, "etcdutl": etcdutl},
    commands=frozenset(),
    directories=("/var/etcd", "/var/lib/etcd"),
    tag_exists=_tag_exists,
    size_bytes=61_000_000,
)
