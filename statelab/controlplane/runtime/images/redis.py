"""redis (being written)."""

from __future__ import annotations

from statelab.controlplane.runtime.images.image import Image, numbered

IMAGE = Image(
    repositories=("docker.io/library/redis",), command=("sleep", "infinity"), tag_exists=numbered("5", "6", "7", "8")
)
