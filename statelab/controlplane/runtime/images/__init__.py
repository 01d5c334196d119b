"""Images: what is in them, what they run, and which can be pulled. One file each; `IMAGES` lists them.

To add one, write a file like `busybox.py` that ends with `IMAGE = Image(...)`, and name it below.
"""

from __future__ import annotations

from statelab.controlplane.runtime.images import agnhost, busybox, generic, httpd, nginx, pause, redis
from statelab.controlplane.runtime.images.image import Image, Reference, parse_reference

IMAGES: tuple[Image, ...] = (nginx.IMAGE, httpd.IMAGE, busybox.IMAGE, redis.IMAGE, agnhost.IMAGE, pause.IMAGE)
_BY_REPOSITORY = {repository: image for image in IMAGES for repository in image.repositories}


def image_for(reference: Reference) -> Image:
    """The image a reference names; a plain sandbox when it is none of ours."""
    found = _BY_REPOSITORY.get(reference.repository)
    if found is None:
        last = reference.repository.rpartition("/")[2]
        found = next((image for image in IMAGES if last in image.also), generic.IMAGE)
    return found


__all__ = ["IMAGES", "Image", "Reference", "image_for", "parse_reference"]
