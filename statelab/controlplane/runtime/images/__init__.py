"""Images: what is in them, what they run, and which can be pulled. One file each; image_names.py lists them.

To add one, write a file like `http_echo.py` that ends with `IMAGE = Image(...)`, and name it there. See
docs/adding-an-image.md.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module

from statelab.controlplane.image_names import Reference, built_in
from statelab.controlplane.runtime.images.image import Image


def image_for(reference: Reference) -> Image:
    """The image a reference names; a plain sandbox when it is none of ours."""
    return _image_at(built_in(reference) or "generic.IMAGE")


@cache
def _image_at(place: str) -> Image:
    """Loaded when it is first wanted: most clusters run two or three of them."""
    module, _, name = place.rpartition(".")
    image = getattr(import_module(f"{__name__}.{module}"), name)
    assert isinstance(image, Image)
    return image


__all__ = ["Image", "image_for"]
