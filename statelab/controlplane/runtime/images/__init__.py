"""Images: what is in them, what they run, and which can be pulled. One file each; `IMAGES` lists them.

To add one, write a file like `http_echo.py` that ends with `IMAGE = Image(...)`, and name it below. See
docs/adding-an-image.md.
"""

from __future__ import annotations

from statelab.controlplane.runtime.images import (
    agnhost,
    busybox,
    etcd,
    generic,
    hello_app,
    http_echo,
    httpd,
    nginx,
    pause,
    redis,
)
from statelab.controlplane.runtime.images.image import Image, Reference, parse_reference

IMAGES: tuple[Image, ...] = (
    agnhost.IMAGE,
    busybox.IMAGE,
    etcd.IMAGE,
    busybox.SHELLS,
    hello_app.BOOTCAMP,
    hello_app.HELLO_APP,
    hello_app.WHOAMI,
    http_echo.IMAGE,
    httpd.IMAGE,
    nginx.IMAGE,
    nginx.UNPRIVILEGED,
    pause.IMAGE,
    redis.IMAGE,
)
_BY_REPOSITORY = {repository: image for image in IMAGES for repository in image.repositories}


def image_for(reference: Reference) -> Image:
    """The image a reference names; a plain sandbox when it is none of ours."""
    found = _BY_REPOSITORY.get(reference.repository)
    if found is None:
        last = reference.repository.rpartition("/")[2]
        found = next((image for image in IMAGES if last in image.also), generic.IMAGE)
    return found


__all__ = ["IMAGES", "Image", "Reference", "image_for", "parse_reference"]
