"""conda's environment and Binder's: they ask for what pyproject.toml asks for, and Binder's build runs."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
SOLVER = next((each for each in ("micromamba", "mamba", "conda") if shutil.which(each)), None)


def environment(path: str) -> tuple[dict[str, SpecifierSet], list[str]]:
    """What an environment asks of conda, by name, and the lines it gives to pip."""
    read = yaml.safe_load((ROOT / path).read_text())
    assert (read["name"], read["channels"]) == ("statelab", ["conda-forge"])
    conda = [Requirement(each.replace("python=", "python==")) for each in read["dependencies"] if isinstance(each, str)]
    pip = [line for each in read["dependencies"] if isinstance(each, dict) for line in each["pip"]]
    return {each.name: each.specifier for each in conda}, pip


def test_condas_python_and_kubectl_are_those_of_the_project():
    conda, _ = environment("environment.yml")
    (kubectl,) = map(Requirement, PROJECT["optional-dependencies"]["kubectl"])
    assert conda == {
        "python": SpecifierSet(PROJECT["requires-python"]) & SpecifierSet("<3.15"),
        "pip": SpecifierSet(),
        "kubernetes-client": kubectl.specifier,
    }


def test_pip_in_conda_installs_the_project_itself_so_that_no_range_is_written_twice():
    _, pip = environment("environment.yml")
    assert pip == ["--constraint constraints.txt", "--editable ."]


def test_binders_environment_is_condas_without_the_project_and_with_one_python_that_repo2docker_can_read():
    conda, pip = environment(".binder/environment.yml")
    assert pip == []
    assert conda | {"python": ""} == environment("environment.yml")[0] | {"python": ""}
    lines = (ROOT / ".binder/environment.yml").read_text().splitlines()
    (python,) = [each for each in lines if re.fullmatch(r"- python.*", each)]
    found = re.fullmatch(r"- python=(\d+\.\d+)", python)  # more than that, repo2docker does not parse
    assert found is not None and found[1] in SpecifierSet(PROJECT["requires-python"]), python


@pytest.mark.skipif(SOLVER is None, reason="there is no conda, mamba or micromamba on this machine")
def test_a_solver_finds_condas_environment():
    command = [SOLVER, "create", "--dry-run", "--json", "--name", "statelab-dry-run", "--channel", "conda-forge"]
    wanted = [f"{name}{versions}" for name, versions in environment("environment.yml")[0].items()]
    done = subprocess.run([*command, *wanted], capture_output=True, text=True, timeout=240)
    if "CondaHTTPError" in done.stdout or "Could not resolve host" in done.stderr + done.stdout:
        pytest.skip("conda-forge cannot be reached from here")
    assert json.loads(done.stdout)["success"], done.stdout


def test_every_pinned_version_is_one_that_the_project_allows():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [Requirement(each) for each in lines if each and not each.startswith("#")]
    pinned = {each.name.lower().replace("_", "-"): str(each.specifier).removeprefix("==") for each in pins}
    assert len(pinned) == len(pins)
    wanted = [
        *PROJECT["dependencies"],
        *(each for extra in PROJECT["optional-dependencies"].values() for each in extra),
    ]
    for each in map(Requirement, wanted):
        if (version := pinned.get(each.name.lower().replace("_", "-"))) is not None:
            assert version in each.specifier, each
    assert {Requirement(each).name.lower() for each in PROJECT["dependencies"]} <= set(pinned)


def test_nothing_pinned_makes_every_program_wait_for_a_grammar_that_none_uses():
    """jsonschema from 4.25 on brings rfc3987-syntax: a second of the processor at each import of nbformat."""
    code = "import sys, nbformat; print('jsonschema' in sys.modules, 'lark' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.split() == ["True", "False"]


def test_the_oldest_python_that_the_project_names_can_install_every_pinned_version():
    """Debian 12 has 3.11.2: a pin that wants 3.11.5 ends a newcomer's first command."""
    looked_at = 0
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        try:
            wants = metadata.metadata(line.partition("==")[0])["Requires-Python"] if "==" in line else None
        except metadata.PackageNotFoundError:
            continue  # of an extra that is not installed here
        if wants:
            looked_at += 1
            assert SpecifierSet(wants).contains("3.11.0"), f"{line} wants Python {wants}"
    assert looked_at > 100


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Binder is Linux")
def test_binders_build_installs_the_project_in_a_clean_clone(built, tmp_path):
    clone = Path(shutil.copytree(built.clone, tmp_path / "home" / "jovyan"))
    prefix = tmp_path / "notebook"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(prefix)], check=True, timeout=60)
    packages = sysconfig.get_path("purelib", vars={"base": str(prefix)})
    # The dependencies are those of this environment: what pip would fetch it finds here, and it has no index to ask.
    (Path(packages) / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    offline = {"PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "0", "PYTHONPATH": ""}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("STATELAB_")}
    path = f"{prefix}/bin:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", str(clone / ".binder/postBuild")],
        cwd=clone,
        env={**kept, **offline, "PATH": path, "HOME": str(clone)},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "✓" in done.stdout
    assert "✗" not in done.stdout
    where = "import statelab; print(statelab.__file__)"
    found = subprocess.run([f"{prefix}/bin/python", "-c", where], cwd="/", capture_output=True, text=True, timeout=60)
    assert found.stdout.strip() == str(clone / "statelab/__init__.py")
    assert not any((clone / each).exists() for each in (".git", "solutions", "tests"))


def test_binders_build_empties_nobodys_checkout(tmp_path):
    checkout = tmp_path / "checkout"
    (checkout / "solutions").mkdir(parents=True)
    done = subprocess.run(
        ["bash", str(ROOT / ".binder/postBuild")],
        cwd=checkout,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1 and "Binder" in done.stderr
    assert (checkout / "solutions").is_dir()
