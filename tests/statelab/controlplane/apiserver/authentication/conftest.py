"""A cluster, a client, and tokens of its ServiceAccounts."""

from __future__ import annotations

import pytest

from statelab.controlplane import ControlPlane
from statelab.controlplane.apiserver.serving.client import InProcessClient


@pytest.fixture
def client() -> InProcessClient:
    return InProcessClient(ControlPlane())
