"""Which images only seem to run: on the embedded cluster, a stand-in takes the place of what is not built in."""

from __future__ import annotations

from collections.abc import Callable

from statelab.cluster import Cluster
from statelab.controlplane.image_names import is_stand_in


def never(_image: str) -> bool:
    """On a real cluster every image is itself."""
    return False


def stand_ins_of(cluster: Cluster) -> Callable[[str], bool]:
    """The question to ask of an image on this cluster."""
    return is_stand_in if cluster.place == "embedded" else never
