"""What lies in a container's file system before it starts, and where its volumes are mounted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from statelab.controlplane.image_names import parse_reference
from statelab.controlplane.runtime.applets import APPLETS
from statelab.controlplane.runtime.applets.ls import EDITORS
from statelab.controlplane.runtime.commands import SHELL_COMMANDS
from statelab.controlplane.runtime.filetree import FileTree
from statelab.controlplane.runtime.paths import join

if TYPE_CHECKING:
    from statelab.controlplane.runtime.containers import Container

_DIRECTORIES = (
    "/bin", "/dev", "/etc", "/home", "/mnt", "/opt", "/proc/1", "/root", "/run", "/srv", "/sys/fs/cgroup",
    "/tmp", "/usr/bin", "/usr/sbin", "/var/log", "/var/run",
)  # fmt: skip
# `/tmp` is there from the beginning, and `/dev`, where the kubelet looks for what a container has left.
FURNISHED = frozenset("/".join(each.split("/")[: 3 if each.startswith("/usr") else 2]) for each in _DIRECTORIES) - {
    "/dev",
    "/tmp",
}
_PASSWD = "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"
_OS_RELEASE = 'PRETTY_NAME="StateLab sandbox"\nNAME="StateLab"\nID=statelab\n'
_GROUP = "root:x:0:\nnogroup:x:65534:\n"
_DEEPEST_MOUNT = 60
_CALLED_BY_NAME = "/bin/busybox"
_RUN_BY_NAME = b'#!/bin/sh\ncase "${0##*/}" in busybox) "$@" ;; *) "${0##*/}" "$@" ;; esac\n'
_PATH = ("/bin", "/usr/bin")


def prepare(container: Container) -> None:
    """Write the image's files, then the Pod's (/etc/hosts and the like), then make the mount points."""
    root, image, spec = container.root, container.image, container.spec
    root.mkdir("/dev")
    root.mkdir("/tmp")
    root.chmod("/tmp", 0o1777)
    for path in image.directories:
        root.mkdir(path)
    if spec.working_dir:  # a container runtime makes the folder that it begins in
        root.mkdir(join("/", spec.working_dir))
    root.write("/etc/hostname", f"{spec.hostname}\n".encode())
    for path, content in image.files(parse_reference(spec.image).tag).items():
        root.write(path, content.encode() if isinstance(content, str) else content)
    for path, text in spec.files.items():
        root.write(path, text.encode())
    if spec.termination_path:
        root.write(join("/", spec.termination_path), b"", 0o666)
    for mount in spec.mounts:
        path = join("/", mount.path)
        if mount.sub_path and mount.volume.is_file(mount.sub_path):
            # A single file is mounted as a copy: the kubelet never updates a subPath either.
            root.write(path, mount.volume.read(mount.sub_path))
            root.keep(path, mount.volume.modified_s(mount.sub_path))
        else:
            root.mkdir(path)


def mount_problem(container: Container) -> str:
    """Why a volume cannot be mounted where the Pod wants it, in runc's words; or ""."""
    spec = container.spec
    files = {"/etc/hostname", *spec.files, *container.image.files(parse_reference(spec.image).tag)}
    for mount in spec.mounts:
        path = join("/", mount.path)
        is_file = bool(mount.sub_path) and mount.volume.is_file(mount.sub_path)
        above = {path[:at] for at in range(1, len(path)) if path[at] == "/"}
        onto_file = path in files and not is_file
        onto_directory = is_file and any(each.startswith(f"{path}/") for each in files)
        if onto_file or onto_directory or above & files:
            return (
                f'error mounting "{mount.volume.name}" to rootfs at "{path}": not a directory: Are you trying to mount '
                "a directory onto a file (or vice-versa)? Check if the specified host path exists and is the expected "
                "type"
            )
        try:
            if mount.sub_path and not is_file:
                mount.volume.part(mount.sub_path)
        except OSError as error:
            return f'failed to prepare subPath "{mount.sub_path}" of "{mount.volume.name}": {error.strerror}'
        if not path.isprintable() or path.count("/") > _DEEPEST_MOUNT:
            return f'error mounting "{mount.volume.name}" to rootfs at {path!r}: the sandbox cannot have such a path'
    return ""


def furnish(container: Container) -> None:
    """The rest, which only somebody who looks around in a shell will find: /bin, /proc, /etc/passwd."""
    root = container.root
    for path in _DIRECTORIES:
        root.mkdir(path)
    arguments = container.arguments
    files = {
        "/etc/group": _GROUP,
        "/etc/os-release": _OS_RELEASE,
        "/etc/passwd": _PASSWD,
        "/proc/1/cmdline": "".join(f"{each}\0" for each in arguments),
        "/proc/1/comm": f"{(arguments or [''])[0].rpartition('/')[2]}\n",
        "/proc/1/environ": "".join(f"{name}={value}\0" for name, value in container.env.items()),
        "/proc/meminfo": "MemTotal:        8388608 kB\nMemFree:         4194304 kB\nMemAvailable:    6291456 kB\n",
        "/proc/mounts": "overlay / overlay rw,relatime 0 0\n",
        "/proc/version": "Linux version 6.8.0 (statelab: a sandbox, not a kernel)\n",
    }
    files |= container.spec.control()
    files |= {"/proc/1/fd/1": "", "/proc/1/fd/2": "", "/proc/sys/kernel/shm_rmid_forced": "0\n"}
    for path, text in files.items():
        if not root.exists(path):
            root.write(path, text.encode())
    if not root.exists("/proc/self"):
        root.symlink("/proc/1", "/proc/self")
    root.write(_CALLED_BY_NAME, _RUN_BY_NAME, 0o755)
    for path in _command_paths(container):
        if not root.exists(path):
            root.symlink(_CALLED_BY_NAME, path)


def _command_paths(container: Container) -> list[str]:
    """Where `which` and `ls` find the commands: links to one file that runs what it is called by, as in busybox.

    A link costs a tenth of what a file of its own would.
    """
    found = [name if name.startswith("/") else f"/usr/sbin/{name}" for name in container.image.programs]
    ours = {name for name in APPLETS if not name.startswith("statelab-")} - set(EDITORS)
    names = ours | SHELL_COMMANDS - {":"}
    return [*found, "/bin/sh", "/bin/bash", *(f"{where}/{name}" for name in sorted(names) for where in _PATH)]


def mounts_of(container: Container) -> list[tuple[str, FileTree, bool]]:
    """(path, tree, read only), outermost first."""
    found: list[tuple[str, FileTree, bool]] = [("/", container.root, container.spec.read_only_root)]
    for mount in sorted(container.spec.mounts, key=lambda each: len(join("/", each.path))):
        if mount.sub_path and mount.volume.is_file(mount.sub_path):
            continue
        base = join("/", mount.path)
        read_only = mount.read_only or mount.volume.read_only
        for below, tree in mount.volume.layers(mount.sub_path):
            found.append(((base.rstrip("/") + below) or "/", tree, read_only))
    return found
