"""A cluster as a browser's tab has it, on ordinary CPython: the second shell, no thread, no socket, no process."""

from __future__ import annotations

import socket
import subprocess
import threading
from collections.abc import Iterator

import pytest

from statelab.controlplane import ControlPlane
from statelab.controlplane.runtime import shells
from statelab.tab import TabCluster


def _refused(*_: object, **__: object) -> None:
    raise AssertionError("a tab has no threads, sockets and processes")


@pytest.fixture
def nothing_beside(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a tab does not have raises."""
    monkeypatch.setattr(shells, "in_python", True)
    monkeypatch.setenv("STATELAB_TAB", "1")
    monkeypatch.setattr(threading.Thread, "start", _refused)
    monkeypatch.setattr(subprocess, "Popen", _refused)
    monkeypatch.setattr(socket.socket, "connect", _refused)


@pytest.fixture
def cluster(nothing_beside: None) -> Iterator[TabCluster]:
    made = TabCluster(ControlPlane(pace=200.0))
    made.use("lesson")
    yield made
    made.driver.close()
