"""A machine with docker, podman and kind on it, none of them real; and an API server for the clusters they make."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from statelab.cluster.paths import Home
from statelab.cluster.process import was_started_with

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
DOCKER = {
    "ServerVersion": "28.2.2",
    "OSType": "linux",
    "MemTotal": 8 * 2**30,
    "CgroupVersion": "2",
    "SecurityOptions": ["name=seccomp,profile=builtin", "name=cgroupns"],
}
PODMAN = {
    "host": {
        "security": {"rootless": False},
        "cgroupVersion": "v2",
        "cgroupControllers": ["cpuset", "cpu", "io", "memory", "pids"],
        "memTotal": 8 * 2**30,
    },
    "version": {"Version": "5.4.2"},
}


@dataclass
class Tools:
    """The fake programs: what they were asked, what they hold, and how they are to fail."""

    folder: Path
    bin: Path

    def install(self, *names: str) -> None:
        for name in names:
            path = self.bin / name
            words = [f"#!{sys.executable} -IS", "import sys", f"sys.path.insert(0, {str(HERE)!r})", "import fake_tool"]
            run = f"sys.exit(fake_tool.main({str(self.folder)!r}, {name!r}, sys.argv[1:]))"
            path.write_text("\n".join([*words, run, ""]))
            path.chmod(0o755)

    def remove(self, name: str) -> None:
        (self.bin / name).unlink()

    @property
    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "state.json").read_text())
        return found

    def set(self, **changes: Any) -> None:
        (self.folder / "state.json").write_text(json.dumps({**self.state, **changes}))

    def fail(self, **lines: str) -> None:
        """`docker_pull="no space left on device"`: lines that begin so fail with these words."""
        self.set(fails={name.replace("_", " "): text for name, text in lines.items()})

    def add_cluster(self, name: str) -> None:
        """Somebody else makes a kind cluster."""
        import fake_tool

        self.set(containers=[*self.state["containers"], *fake_tool.nodes_of(name)])

    @property
    def nodes(self) -> dict[str, str]:
        return {each["Name"][1:]: each["State"]["Status"] for each in self.state["containers"]}

    def asked(self, *start: str) -> list[list[str]]:
        """The command lines that begin so, in order: ["kind", "create", …]."""
        try:
            lines = [json.loads(line) for line in (self.folder / "asked").read_text().splitlines()]
        except FileNotFoundError:
            return []
        said = [[line["tool"], *line["argv"]] for line in lines]
        return [line for line in said if line[: len(start)] == list(start)]

    def changes(self) -> list[list[str]]:
        """All that could have changed something."""
        harmless = ("info", "ps", "inspect", "version", "image")
        return [line for line in self.asked() if line[1] not in harmless]

    def provider(self) -> str:
        """Which engine kind was last told to use."""
        lines = [json.loads(line) for line in (self.folder / "asked").read_text().splitlines()]
        return str([line["provider"] for line in lines if line["tool"] == "kind" and line["argv"][0] != "version"][-1])


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tools]:
    """Docker, Podman and kind on PATH, and nothing else on it."""
    if os.name == "nt":
        pytest.skip("the stand-ins for docker and kind are scripts with a #! line")
    folder, programs = tmp_path / "tools", tmp_path / "bin"
    folder.mkdir()
    programs.mkdir()
    tools = Tools(folder, programs)
    start = {
        "info": {"docker": DOCKER, "podman": PODMAN},
        "kind": "0.33.0",
        "containers": [],
        "images": [],
        "fails": {},
        "hangs": False,
        "kubeconfig": "",
    }
    (folder / "state.json").write_text(json.dumps(start))
    tools.install("docker", "podman", "kind")
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.syspath_prepend(str(HERE))
    for name in ("KIND_EXPERIMENTAL_PROVIDER", "STATELAB_CLUSTER", "STATELAB_ALLOW", "KUBECONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))  # the user's own ~/.kube/config is never this machine's
    yield tools
    if (folder / "hangs").exists():
        pid = int((folder / "hangs").read_text())
        if was_started_with(pid, str(programs / "kind")):  # numbers are given again
            os.kill(pid, signal.SIGKILL)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A learner's folder, with two manifests."""
    root = tmp_path / "folder of a learner"
    (root / "course" / "manifests").mkdir(parents=True)
    shutil.copy(ROOT / "kind-config.yaml", root)
    for name in ("04-web.yaml", "08-redis.yaml"):
        shutil.copy(ROOT / "course" / "manifests" / name, root / "course" / "manifests")
    monkeypatch.setenv("STATELAB_HOME", str(root))
    return Home(root)


@pytest.fixture(scope="session")
def api_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The kubeconfig of an embedded cluster with three nodes: it plays the API server of what kind makes."""
    folder = tmp_path_factory.mktemp("api")
    command = [sys.executable, "-m", "statelab", "serve", "--in-memory", "--pace", "50"]
    command += ["--kubeconfig", str(folder / "kubeconfig")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("StateLab serves")
        yield folder / "kubeconfig"
    finally:
        process.kill()
        process.wait(10)


@pytest.fixture
def machine(tools: Tools, api_server: Path) -> Tools:
    """Tools whose clusters can be reached."""
    tools.set(kubeconfig=str(api_server))
    return tools
