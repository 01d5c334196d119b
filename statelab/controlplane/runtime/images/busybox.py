"""busybox, and other images that are a shell with the usual commands: alpine, debian, ubuntu, curl, dnsutils …"""

from __future__ import annotations

from statelab.controlplane.runtime.images.file_server import busybox_httpd
from statelab.controlplane.runtime.images.image import Image, plausible

IMAGE = Image(
    repositories=(
        "docker.io/library/busybox",
        "registry.k8s.io/e2e-test-images/busybox",
        "docker.io/radial/busyboxplus",
    ),
    also=("busybox",),
    command=("sh",),
    programs={"httpd": busybox_httpd},
    tag_exists=plausible,
    size_bytes=2_156_519,
)
SHELLS = Image(
    repositories=(
        "docker.io/library/alpine",
        "docker.io/library/debian",
        "docker.io/library/ubuntu",
        "docker.io/library/bash",
        "docker.io/nicolaka/netshoot",
        "docker.io/curlimages/curl",
    ),
    also=("alpine", "debian", "ubuntu", "bash", "debian-base"),
    command=("sh",),
    tag_exists=plausible,
    size_bytes=3_600_000,
)
