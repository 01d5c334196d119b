"""What `statelab hub-config` writes is what JupyterHub and nbgrader read, for each kind of spawner."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from traitlets.config import Config
from traitlets.config.loader import PyFileConfigLoader
from typer.testing import CliRunner

from statelab import cli
from statelab.cluster.problem import Problem
from statelab.hub import start
from statelab.hub.spawning import Ports, before_start
from statelab.hub.writing import SPAWNERS, Hub, write


def read(path: Path) -> Any:
    return Config(PyFileConfigLoader(path.name, path=str(path.parent)).load_config())


@pytest.mark.parametrize("spawner", SPAWNERS)
def test_every_spawner_starts_a_users_copy_of_the_course_and_ends_what_is_idle(tmp_path: Path, spawner: Any) -> None:
    write(tmp_path, Hub(spawner=spawner, folder="storage", idle_s=900, memory="512M", instructors=("teacher",)))
    found = read(tmp_path / "jupyterhub_config.py")
    assert found.Spawner.cmd[1:] == ["-m", "statelab.hub.start", "storage"]
    assert (found.Spawner.cmd[0] == "python") == (spawner == "container")  # another machine's path means nothing there
    assert found.Spawner.environment == {"STATELAB_IDLE_END": "900"} and found.Spawner.mem_limit == "512M"
    assert "--timeout=900" in found.JupyterHub.services[0]["command"]
    assert found.JupyterHub.spawner_class == {
        "pam": "localprocess", "simple": "simple", "container": "dockerspawner.DockerSpawner",
    }[spawner]  # fmt: skip
    server = json.loads((tmp_path / "learner/jupyter_server_config.json").read_text())
    assert server["MappingKernelManager"]["cull_idle_timeout"] == 900


@pytest.mark.parametrize("spawner", SPAWNERS)
def test_a_learner_is_told_from_another_where_all_are_one_to_the_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spawner: Any
) -> None:
    monkeypatch.setenv("JUPYTERHUB_USER", "anna")
    write(tmp_path, Hub(spawner=spawner, course_id="k8s101", exchange=Path("/x"), root=Path("/r"), instructors=("t",)))
    learner, teacher = (read(tmp_path / who / "nbgrader_config.py") for who in ("learner", "instructor"))
    assert learner.CourseDirectory.course_id == "k8s101" and learner.Exchange.root == "/x"
    assert learner.CourseDirectory.get("student_id") == (None if spawner == "pam" else "anna")
    assert ".statelab" in learner.CourseDirectory.ignore
    assert "root" not in learner.CourseDirectory and teacher.CourseDirectory.root == "/r"


def test_everybody_reads_the_settings_and_only_the_hub_what_is_private(tmp_path: Path) -> None:
    to = tmp_path / "hub"
    said = CliRunner().invoke(cli.app, ["hub-config", "--to", str(to), "--exchange", str(tmp_path / "exchange")])
    assert said.exit_code == 0 and f"jupyterhub -f {to}/jupyterhub_config.py" in said.stdout
    assert f"install -d -m 1777 {tmp_path}/exchange" in said.stdout
    modes = {stat.S_IMODE(each.stat().st_mode) for each in to.rglob("*") if each.name != "private"}
    assert modes == {0o644, 0o755}
    assert stat.S_IMODE((to / "private").stat().st_mode) == 0o700


@pytest.mark.parametrize(
    "words",
    [
        ["--course-id", "../x"],
        ["--folder", "a/b"],
        ["--folder", ".."],
        ["--instructor", "x'); import os"],
        ["--memory", "lots"],
        ["--spawner", "kube"],
        ["--to", "/proc/none"],
    ],
)
def test_what_would_not_do_is_refused_in_a_sentence(tmp_path: Path, words: list[str]) -> None:
    said = CliRunner().invoke(cli.app, ["hub-config", "--to", str(tmp_path), *words])
    assert isinstance(said.exception, Problem)
    assert not list(tmp_path.iterdir())


def test_twelve_servers_that_start_at_once_get_twelve_ports_and_keep_them() -> None:
    ports = Ports(is_free=lambda port: port % 3 != 0)  # others are there too
    first = [ports.of(f"user-{number}/") for number in range(12)]
    assert len(set(first)) == 12 and not [port for port in first if port % 3 == 0]
    assert [ports.of(f"user-{number}/") for number in range(12)] == first
    full = Ports(is_free=lambda port: False)
    with pytest.raises(OSError, match="no port is free"):
        full.of("anna/")


def test_a_user_gets_the_settings_of_their_kind_and_the_hubs_own_stay(tmp_path: Path) -> None:
    prepare = before_start(tmp_path, {"teacher"}, choose_port=True)
    spawners = {}
    for name in ("teacher", "anna"):
        spawners[name] = SimpleNamespace(
            user=SimpleNamespace(name=name), name="", environment={"KEPT": "1"}, default_url="/lab/tree/x", port=0
        )
        prepare(spawners[name])
    assert spawners["anna"].environment == {"KEPT": "1", "JUPYTER_CONFIG_PATH": str(tmp_path / "learner")}
    assert spawners["teacher"].environment["JUPYTER_CONFIG_PATH"] == str(tmp_path / "instructor")
    assert (spawners["teacher"].default_url, spawners["anna"].default_url) == ("/lab", "/lab/tree/x")
    assert spawners["anna"].port != spawners["teacher"].port


def test_a_server_starts_also_where_the_course_cannot_be_copied(tmp_path: Path, monkeypatch, capsys) -> None:
    started: list[list[str]] = []
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(start.os, "execv", lambda program, words: started.append([program.name, *words[1:]]))
    monkeypatch.setattr(start.os, "umask", lambda mask: 0)
    monkeypatch.setattr(start.os, "environ", dict(start.os.environ))
    monkeypatch.setattr(start, "_LONGEST_HOME", 1000)  # or it makes a folder in /tmp
    (tmp_path / "mine").write_text("a file in the way")
    start.main(["mine", "--port=1"])
    assert "cannot be copied" in capsys.readouterr().err
    ((program, *extensions, port),) = started
    assert program.startswith("jupyterhub-singleuser") and port == "--port=1"
    assert extensions and all(Path(each.partition("=")[2]).is_dir() for each in extensions)
