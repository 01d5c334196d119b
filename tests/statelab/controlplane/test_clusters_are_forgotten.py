"""A cluster that nobody holds any more is gone: grading makes thousands in one process."""

from __future__ import annotations

import gc
import weakref

from statelab.controlplane import ControlPlane
from statelab.controlplane.dns import resolve


def test_a_cluster_that_was_asked_for_a_name_is_not_kept() -> None:
    cluster = ControlPlane()
    assert resolve("kubernetes.default.svc.cluster.local", reader=cluster.store).found
    held = weakref.ref(cluster)
    del cluster
    gc.collect()
    assert held() is None
