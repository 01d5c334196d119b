"""Stopping the embedded cluster's process: also when it hangs, and never another process that has its number."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from statelab.cluster import connect, local, process
from statelab.cluster.paths import Home
from statelab.cluster.problem import Problem

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


def of_every_process() -> str:
    """The words of every process, which every user of this machine can read, and the environments of ours."""
    found = []
    for path in [*Path("/proc").glob("[0-9]*/cmdline"), *Path("/proc").glob("[0-9]*/environ")]:
        with contextlib.suppress(OSError):
            found.append(path.read_bytes().decode(errors="replace"))
    return "".join(found)


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="only Linux shows every process in /proc")
def test_the_token_stands_in_no_process_s_words_or_environment_on_the_second_start_either(home):
    for _ in range(2):
        server, _ = local.start(home, pace=20)
        try:
            seen = of_every_process()
            assert str(home.state) in seen and server.token not in seen
        finally:
            local.stop(home)


def test_what_a_cluster_keeps_is_its_owners_alone_whatever_the_umask_and_an_older_version_left(home):
    local.start(home, pace=20)
    local.stop(home)
    home.folder.chmod(0o755)
    (home.state / "lock").chmod(0o644)
    before = os.umask(0)
    try:
        local.start(home, pace=20)
        local.stop(home)
    finally:
        os.umask(before)
    found = {path: stat.S_IMODE(path.lstat().st_mode) for path in [home.folder, *home.folder.rglob("*")]}
    assert len(found) > 6
    assert {path: oct(mode) for path, mode in found.items() if mode & 0o077} == {}


def test_a_token_that_others_could_read_is_not_used_again(home):
    first, _ = local.start(home, pace=20)
    local.stop(home)
    home.server_file.chmod(0o644)  # as nbgrader's exchange does with what is handed in
    try:
        second, _ = local.start(home, pace=20)
        assert second.token != first.token and second.url == first.url
    finally:
        local.stop(home)


def test_a_server_whose_parent_does_not_wait_for_it_is_gone_when_it_has_ended(home):
    """As under `make lab` and under a kernel: they start it, and somebody else stops it."""
    script = (
        "import sys, time; from pathlib import Path; from statelab.cluster import local; "
        "from statelab.cluster.paths import Home; local.start(Home(Path(sys.argv[1]))); "
        "print('here', flush=True); time.sleep(600)"
    )
    parent = subprocess.Popen([sys.executable, "-c", script, str(home.root)], stdout=subprocess.PIPE)
    try:
        assert parent.stdout is not None and parent.stdout.readline() == b"here\n"
        server = local.running(home)
        assert server is not None and local.stop(home)
        assert psutil.Process(server.pid).status() == psutil.STATUS_ZOMBIE  # or this shows nothing
        assert not local.stop(home) and local.hanging(home) is None
        local.reset(home)
        assert not home.state.exists()
    finally:
        parent.kill()
        parent.wait(10)
        local.stop(home)


def test_the_reason_why_it_does_not_start_is_of_this_time(home):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        home.log.write_text("a reason of yesterday\n")
        with pytest.raises(Problem, match=f"Port {taken.getsockname()[1]} is taken") as told:
            local.start(home, port=taken.getsockname()[1])
    assert "yesterday" not in str(told.value)
    with pytest.raises(Problem, match="--pace must be greater than 0") as told:
        local.start(home, pace=0)
    assert "taken" not in str(told.value)


def test_without_a_terminal_reset_does_not_go_on_unasked(home, monkeypatch):
    monkeypatch.setenv("STATELAB_HOME", str(home.root))
    home.state.mkdir()
    command = [sys.executable, "-m", "statelab", "reset"]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "--yes" in done.stderr and home.state.exists()
    done = subprocess.run([*command, "--yes"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and not home.state.exists()


def test_whoever_listens_where_our_server_was_is_told_no_token(home, monkeypatch):
    """Another user can take the port of a cluster that has ended, and a kernel goes on asking there."""
    monkeypatch.setenv("STATELAB_HOME", str(home.root))
    cluster = connect()
    token, port = cluster.server.token, int(cluster.server.url.rpartition(":")[2])
    local.stop(home)
    heard = []

    def listen() -> None:
        for _ in range(2):
            caller, _ = stranger.accept()
            with caller, contextlib.suppress(OSError):
                caller.settimeout(5)
                heard.append(caller.recv(4096))
                caller.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    with socket.create_server(("127.0.0.1", port)) as stranger:
        listening = threading.Thread(target=listen, daemon=True)
        listening.start()
        with pytest.raises(Problem):
            cluster.list("pods")
        about = json.loads(home.server_file.read_text())
        home.server_file.write_text(json.dumps({**about, "pid": os.getpid()}))  # as if the number were given again
        assert local.running(home) is None
        listening.join(10)
    assert len(heard) == 2 and token.encode() not in b"".join(heard)


def test_a_server_comes_back_with_its_token_whatever_that_begins_with(home):
    about = {"url": "http://127.0.0.1:0", "token": "-begins-with-a-dash", "pid": 2**30, "pace": 1.0}
    home.server_file.write_text(json.dumps(about))
    home.server_file.chmod(0o600)
    try:
        found, was_started = local.start(home)
        assert was_started and found.token == "-begins-with-a-dash"
        assert local.running(home) == found
    finally:
        local.stop(home)
