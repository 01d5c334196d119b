"""Stopping the embedded cluster's process: also when it hangs, and never another process that has its number."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from statelab.cluster import local, process
from statelab.cluster.paths import Home

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGSTOP to make a process hang with")

HANGS = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('here', flush=True); time.sleep(600)"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setattr(local, "_STOP_WITHIN_S", 0.2)
    home = Home(tmp_path)
    home.folder.mkdir()
    return home


@pytest.fixture
def hanging(home: Home) -> Iterator[subprocess.Popen[bytes]]:
    """A process that has the command line of this home's server, does not answer, and does not hear SIGTERM."""
    command = [sys.executable, "-c", HANGS, "serve", "--state", str(home.state)]
    yield from started(command, home)


@pytest.fixture
def stranger(home: Home) -> Iterator[subprocess.Popen[bytes]]:
    """Somebody else's process, which was given the number our server had."""
    yield from started([sys.executable, "-c", HANGS, "serve", "--state", "/somewhere/else"], home)


def started(command: list[str], home: Home) -> Iterator[subprocess.Popen[bytes]]:
    child = subprocess.Popen(command, stdout=subprocess.PIPE)
    try:
        assert child.stdout is not None and child.stdout.readline() == b"here\n"
        about = {"url": "http://127.0.0.1:9", "token": "t", "pid": child.pid, "pace": 1.0}
        home.server_file.write_text(json.dumps(about))
        yield child
    finally:
        child.kill()
        child.wait(10)


def test_a_server_that_hangs_is_told_from_none_and_from_a_stranger(home, hanging):
    assert local.running(home) is None and local.hanging(home) == hanging.pid
    hanging.kill()
    hanging.wait(10)
    assert local.hanging(home) is None


def test_a_server_that_hangs_is_stopped_and_gone_when_stop_returns(home, hanging):
    assert local.stop(home)
    assert not process.is_alive(hanging.pid)


def test_a_server_that_was_frozen_is_stopped_too(home, hanging):
    os.kill(hanging.pid, signal.SIGSTOP)
    assert local.stop(home)
    assert not process.is_alive(hanging.pid)


def test_a_process_that_only_has_our_servers_number_is_left_alone(home, stranger):
    assert not local.stop(home)
    assert process.is_alive(stranger.pid)


def test_stopping_what_does_not_run_says_so(home):
    assert not local.stop(home)
    home.server_file.write_text("{")
    assert not local.stop(home)


def test_a_server_that_answers_is_stopped_and_started_again_at_its_port(home):
    server, is_new = local.start(home, pace=20)
    try:
        assert is_new
        again, is_new = local.start(home)
        assert (again, is_new) == (server, False)
        assert local.stop(home)
        assert local.running(home) is None
        later, _ = local.start(home, pace=20)
        assert later.url == server.url
    finally:
        local.stop(home)


def test_a_server_comes_back_with_its_token_whatever_that_begins_with(home):
    about = {"url": "http://127.0.0.1:0", "token": "-begins-with-a-dash", "pid": 2**30, "pace": 1.0}
    home.server_file.write_text(json.dumps(about))
    try:
        found, was_started = local.start(home)
        assert was_started and found.token == "-begins-with-a-dash"
        assert local.running(home) == found
    finally:
        local.stop(home)
