"""A control plane that holds what a test begins with, and what it says to what it does not take."""

from __future__ import annotations

from typing import Any

import pytest

from statelab.controlplane import ControlPlane
from statelab.controlplane.errors import ApiError

Object = dict[str, Any]


def cluster_with(*objects: Object) -> ControlPlane:
    cluster = ControlPlane()
    for obj in objects:
        cluster.create(obj)
    return cluster


def refused(cluster: ControlPlane, obj: Object) -> ApiError:
    """Why it was not made."""
    with pytest.raises(ApiError) as caught:
        cluster.create(obj)
    return caught.value
