"""Which images only seem to run: on the embedded cluster, a stand-in takes the place of what is not built in."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from statelab.cluster import Cluster


@lru_cache(maxsize=1000)
def is_stand_in(image: str) -> bool:
    """Whether the embedded cluster runs a stand-in for this image."""
    # On demand: it takes a third of a second.
    from statelab.controlplane.runtime.images import image_for, parse_reference

    try:
        return image_for(parse_reference(image)).simulated
    except ValueError:
        return False


def never(_image: str) -> bool:
    """On a real cluster every image is itself."""
    return False


def stand_ins_of(cluster: Cluster) -> Callable[[str], bool]:
    """The question to ask of an image on this cluster."""
    return is_stand_in if cluster.place == "embedded" else never
