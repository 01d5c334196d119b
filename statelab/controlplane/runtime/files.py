"""What lies in a container's file system before it starts, and where its volumes are mounted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from statelab.controlplane.runtime.applets import APPLETS
from statelab.controlplane.runtime.images import parse_reference
from statelab.controlplane.runtime.sandbox import FileTree, join

if TYPE_CHECKING:
    from statelab.controlplane.runtime.containers import Container

_DIRECTORIES = (
    "/bin",
    "/dev",
    "/etc",
    "/home",
    "/mnt",
    "/opt",
    "/proc/1",
    "/root",
    "/run",
    "/srv",
    "/tmp",
    "/usr/bin",
    "/usr/sbin",
    "/var/log",
    "/var/run",
)
_PASSWD = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"
_GROUP = "root:x:0:\nnogroup:x:65534:\n"


def prepare(container: Container) -> None:
    """Write the image's files, then the Pod's (/etc/hosts and the like), then make the mount points."""
    root, image, spec = container.root, container.image, container.spec
    for path in (*_DIRECTORIES, *image.directories):
        root.mkdir(path)
    root.chmod("/tmp", 0o1777)
    root.write("/etc/passwd", _PASSWD.encode())
    root.write("/etc/group", _GROUP.encode())
    root.write("/etc/hostname", f"{spec.hostname}\n".encode())
    root.write("/proc/version", b"Linux version 6.8.0 (statelab: a sandbox, not a kernel)\n")
    root.write("/proc/1/comm", b"sh\n")
    for name in APPLETS:
        root.write(f"/usr/bin/{name}", f'#!/bin/sh\n{name} "$@"\n'.encode(), 0o755)
    for path, content in image.files(parse_reference(spec.image).tag).items():
        root.write(path, content.encode() if isinstance(content, str) else content)
    for name in image.programs:
        path = name if name.startswith("/") else f"/usr/sbin/{name}"
        root.write(path, f'#!/bin/sh\n{name.rpartition("/")[2]} "$@"\n'.encode(), 0o755)
    for path, content in spec.files.items():
        root.write(path, content.encode())
    for mount in spec.mounts:
        path = join("/", mount.path)
        if mount.sub_path and mount.volume.is_file(mount.sub_path):
            # A single file is mounted as a copy: the kubelet never updates a subPath either.
            root.write(path, mount.volume.read(mount.sub_path))
        else:
            root.mkdir(path)


def mounts_of(container: Container) -> list[tuple[str, FileTree, bool]]:
    """(path, tree, read only), outermost first."""
    found: list[tuple[str, FileTree, bool]] = [("/", container.root, False)]
    for mount in sorted(container.spec.mounts, key=lambda each: len(join("/", each.path))):
        if mount.sub_path and mount.volume.is_file(mount.sub_path):
            continue
        base = join("/", mount.path)
        read_only = mount.read_only or mount.volume.read_only
        for below, tree in mount.volume.layers(mount.sub_path):
            found.append(((base.rstrip("/") + below) or "/", tree, read_only))
    return found
