"""busybox, and other images that are a shell with the usual commands: alpine, debian, ubuntu, curl, dnsutils …"""

from __future__ import annotations

from statelab.controlplane.runtime.images.file_server import busybox_httpd
from statelab.controlplane.runtime.images.image import Image, plausible

IMAGE = Image(
    command=("sh",),
    programs={"httpd": busybox_httpd},
    tag_exists=plausible,
    size_bytes=2_156_519,
)
SHELLS = Image(
    command=("sh",),
    tag_exists=plausible,
    size_bytes=3_600_000,
)
