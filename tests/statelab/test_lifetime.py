"""A cluster ends by itself: when nobody asks anything, when whom it was for is gone, and when its folder is gone."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from typer.testing import CliRunner

from statelab import cli
from statelab.cluster import connect, everywhere, local, process, users
from statelab.cluster.paths import Home
from statelab.cluster.problem import Problem
from statelab.lifetime import ALONE_FOR_S, Lifetime

pytestmark = pytest.mark.skipif(os.name == "nt", reason="processes and files that are gone are told otherwise there")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    monkeypatch.setenv("STATELAB_HOME", str(tmp_path))
    for name in ("STATELAB_IDLE_END", "JUPYTERHUB_API_URL", "JPY_PARENT_PID"):
        monkeypatch.delenv(name, raising=False)
    home = Home(tmp_path)
    home.folder.mkdir()
    yield home
    local.stop(home)


@pytest.fixture
def jupyter(monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[bytes]]:
    """A process that stands for the Jupyter server whose kernel we are."""
    server = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    monkeypatch.setenv("JPY_PARENT_PID", str(server.pid))
    yield server
    server.kill()
    server.wait(10)


def eventually(holds: Callable[[], bool]) -> bool:
    deadline_s = time.monotonic() + 120
    while not holds():
        if time.monotonic() > deadline_s:
            return False
        time.sleep(0.05)
    return True


# ---- nobody asks anything


def test_it_ends_after_the_time_that_was_named_and_not_before(home):
    lifetime = Lifetime(idle_end_s=60, folder=home.folder, journal=None)
    assert lifetime.why_to_end(59.9) is None and not local.slept(home)
    assert "60 s" in str(lifetime.why_to_end(60)) and not local.slept(home)
    lifetime.close()
    assert local.slept(home)
    assert Lifetime(idle_end_s=None, folder=home.folder, journal=None).why_to_end(1e9) is None


def test_one_that_fell_asleep_is_woken_by_the_next_cell_as_it_was(home, monkeypatch):
    monkeypatch.setenv("STATELAB_IDLE_END", "0.1")
    monkeypatch.setenv("STATELAB_PACE", "20")
    cluster = connect()
    cluster.request("POST", "/api/v1/namespaces/default/configmaps", {"metadata": {"name": "kept"}})
    assert eventually(lambda: not process.is_alive(cluster.server.pid)) and local.slept(home)
    assert "nobody has asked it anything" in home.log.read_text()
    said = CliRunner().invoke(cli.app, ["status"])
    assert said.exit_code == 3 and "nobody asked anything" in said.stdout
    monkeypatch.setenv("STATELAB_IDLE_END", "0")
    assert cluster.get("configmap/kept") is not None
    assert not local.slept(home)


def test_the_default_is_an_hour_on_a_hub_and_never_elsewhere(home, monkeypatch):
    assert local.idle_end() == 0
    monkeypatch.setenv("JUPYTERHUB_API_URL", "http://127.0.0.1:8081/hub/api")
    assert local.idle_end() == 3600
    monkeypatch.setenv("STATELAB_IDLE_END", "90")
    assert local.idle_end() == 90
    for wrong in ("soon", "-1", "inf", "nan"):
        monkeypatch.setenv("STATELAB_IDLE_END", wrong)
        with pytest.raises(Problem, match="number of seconds"):
            local.idle_end()


def test_what_keeps_pictures_up_to_date_is_nobody_asking():
    from statelab.controlplane.apiserver.encoding.request import Request
    from statelab.controlplane.apiserver.wire.http import _is_somebodys

    pods = "/api/v1/namespaces/default/pods"
    for path, query in (
        ("/version", {}),
        ("/readyz", {}),
        (pods, {"watch": ["1"]}),
        (pods, {"resourceVersion": ["0"]}),
    ):
        assert not _is_somebodys(Request("GET", path, query))
    for method, path in (("GET", pods), ("DELETE", pods), ("POST", f"{pods}/web-0/exec"), ("GET", "/statelab/v1/why")):
        assert _is_somebodys(Request(method, path))


# ---- whom it was for is gone


def test_it_ends_a_while_after_the_jupyter_server_is_gone_unless_somebody_still_asks(home, jupyter):
    lifetime = Lifetime(idle_end_s=None, folder=home.folder, journal=None)
    users.add(home.folder)
    assert lifetime.why_to_end(1e9) is None
    jupyter.kill()
    jupyter.wait(10)
    assert lifetime.why_to_end(ALONE_FOR_S - 1) is None
    assert "are gone" in str(lifetime.why_to_end(ALONE_FOR_S))


def test_a_jupyter_server_that_ended_and_whose_parent_does_not_look_is_gone_too(home, jupyter):
    users.add(home.folder)
    jupyter.kill()
    assert eventually(lambda: psutil.Process(jupyter.pid).status() == psutil.STATUS_ZOMBIE)
    assert users.of(home.folder) == []


def test_of_two_the_last_one_counts_and_a_number_given_again_is_nobody(home, jupyter, monkeypatch):
    users.add(home.folder)
    monkeypatch.setenv("JPY_PARENT_PID", str(os.getpid()))
    users.add(home.folder)
    assert len(users.of(home.folder)) == 2
    jupyter.kill()
    jupyter.wait(10)
    assert [each.partition("-")[0] for each in users.of(home.folder)] == [str(os.getpid())]
    (other,) = (home.folder / "users").glob(f"{os.getpid()}-*")
    other.rename(other.with_name(f"{os.getpid()}-1"))
    assert users.of(home.folder) == []


def test_a_script_is_nobody_and_who_says_stay_stays(home, jupyter, monkeypatch):
    monkeypatch.delenv("JPY_PARENT_PID")
    monkeypatch.setattr(os, "isatty", lambda stream: False)
    lifetime = Lifetime(idle_end_s=None, folder=home.folder, journal=None)
    users.add(home.folder)
    assert users.of(home.folder) == [] and lifetime.why_to_end(1e9) is None
    monkeypatch.setenv("JPY_PARENT_PID", str(jupyter.pid))
    users.add(home.folder)
    assert lifetime.why_to_end(1e9) is None
    users.add(home.folder, stay=True)
    jupyter.kill()
    jupyter.wait(10)
    assert lifetime.why_to_end(1e9) is None
    users.forget(home.folder)
    assert lifetime.why_to_end(1e9) is not None


def test_in_a_terminal_it_is_the_shell_that_counts(home, monkeypatch):
    monkeypatch.setattr(os, "isatty", lambda stream: stream == 2)
    monkeypatch.setattr(os, "getsid", lambda pid: os.getppid())
    users.add(home.folder)
    assert [each.partition("-")[0] for each in users.of(home.folder)] == [str(os.getppid())]


# ---- its folder is gone


@pytest.mark.parametrize("gone", ["everything", "state"])
def test_it_ends_when_what_it_is_kept_in_is_gone(home, gone):
    server, _ = local.start(home, pace=20)
    shutil.rmtree(home.folder if gone == "everything" else home.state)
    assert eventually(lambda: psutil.Process(server.pid).status() == psutil.STATUS_ZOMBIE)


# ---- all of mine


@pytest.fixture
def only_ours(home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests may have clusters: they are neither listed nor stopped."""
    every = psutil.process_iter
    ours = lambda words: any(word.startswith(str(home.root)) for word in words or [])  # noqa: E731
    monkeypatch.setattr(
        psutil, "process_iter", lambda *given: (each for each in every(*given) if ours(each.info["cmdline"]))
    )


@pytest.mark.usefixtures("only_ours")
def test_all_of_mine_are_told_and_stopped_also_those_whose_folder_has_other_names(home, monkeypatch):
    first, second = Home(home.root / "a"), Home(home.root / "b c")
    servers = [local.start(each, pace=20)[0] for each in (first, second)]
    second.server_file.unlink()
    told = CliRunner().invoke(cli.app, ["status", "--all", "--json"])
    found = json.loads(told.stdout)["clusters"]
    assert {each["folder"]: each["url"] for each in found} == {
        str(first.folder): servers[0].url,
        str(second.folder): "",
    }
    said = CliRunner().invoke(cli.app, ["down", "--all"])
    assert said.stdout.count("Stopped: process") == 2
    assert not everywhere.mine()
    assert CliRunner().invoke(cli.app, ["status", "--all"]).exit_code == 3


@pytest.mark.usefixtures("only_ours")
def test_a_process_of_other_words_or_of_somebody_else_is_not_mine(home, monkeypatch):
    words = ["serve", "--server-file", str(home.server_file)]
    others = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)", *words])
    try:
        assert everywhere.mine() == []
        local.start(home, pace=20)
        assert len(everywhere.mine()) == 1
        monkeypatch.setattr(everywhere, "_me", lambda psutil: "somebody else")
        assert everywhere.mine() == []
    finally:
        others.kill()
        others.wait(10)


def test_all_is_for_embedded_clusters(home):
    said = CliRunner().invoke(cli.app, ["down", "--all", "--cluster", "kind"])
    assert isinstance(said.exception, Problem) and "--all is for embedded" in str(said.exception)
