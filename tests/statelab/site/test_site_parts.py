"""The pieces of the site that need no network: wheels of what is installed, the lock that names them, sizes."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import json
import os
import re
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from statelab.cluster import Problem
from statelab.site import build as building
from statelab.site import compiling, distribution, downloads, sizes, wheels
from statelab.site.putting import beside, put

# What the kernel of a tab starts with besides, of which ours imports something.
PYODIDES = (
    "IPython", "traitlets", "urllib3", "platformdirs", "typing_extensions", "packaging", "idna", "pygments",
    "decorator", "prompt_toolkit", "wcwidth", "stack_data", "executing", "asttokens", "pure_eval",
    "matplotlib_inline", "six",
)  # fmt: skip
THERE = frozenset(each for entry in wheels._WANTED.values() for each in entry[0]) | frozenset(PYODIDES)


def make(folder: Path) -> list[wheels.Wheel]:
    return [*wheels.installed(folder), *wheels.own(folder, (), THERE)]


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> tuple[Path, list[wheels.Wheel]]:
    """All wheels in a folder, which nobody changes."""
    folder = tmp_path_factory.mktemp("wheels")
    return folder, make(folder)


def test_wheels_are_pure_and_the_same_files_make_the_same_bytes(made, tmp_path):
    folder, found = made
    for each in found:
        content = (folder / each.file).read_bytes()
        assert hashlib.sha256(content).hexdigest() == each.sha256
        names = zipfile.ZipFile(folder / each.file).namelist()
        assert not [path for path in names if path.endswith((".so", ".pyc"))]
        for module in each.imports:
            stem = module.replace(".", "/")
            assert any(path in (f"{stem}.py", f"{stem}/__init__.py") for path in names), (each.name, module)
    assert [each.sha256 for each in make(tmp_path)] == [each.sha256 for each in found]


def test_every_wheel_is_of_what_a_learners_installation_has():
    """A site is made from a clone with nothing of a developer's environment."""
    found: set[str] = set()
    waiting = ["statelab"]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            with contextlib.suppress(importlib.metadata.PackageNotFoundError):  # another system's
                asked = map(Requirement, importlib.metadata.requires(name) or ())
                waiting += [canonicalize_name(each.name) for each in asked if not each.marker or each.marker.evaluate()]
    assert {canonicalize_name(name) for name in wheels._WANTED} <= found


def test_our_wheels_have_no_solutions_no_hidden_checks_and_no_program_that_a_tab_cannot_run(made):
    folder, found = made
    own = [each for each in found if each.name.startswith("statelab")]
    names = [path for each in own for path in zipfile.ZipFile(folder / each.file).namelist()]
    assert (
        "statelab/tab/cluster.py" in names and "grader/judge.py" in names and "grader/rubrics/ps9/__init__.py" in names
    )
    elsewhere = (
        "solutions",
        "tests",
        "statelab/site/",
        "statelab/lab/",
        "statelab/server",
        "grader/batch/",
        "grader/live/",
    )
    assert not [path for path in names if "hidden" in path or path.startswith(elsewhere)]
    assert not {"statelab/controlplane/apiserver/wire/http.py", "statelab/controlplane/runtime/sandbox.py"} & set(names)


def test_what_the_wheels_hold_is_enough_for_every_module_and_for_every_image(made, tmp_path):
    """A Python that has nothing but them, and what comes with Pyodide's kernel, reads every module of ours, and runs a
    cluster with the image that imports most.
    """
    folder, wheels_made = made
    for each in wheels_made:
        with zipfile.ZipFile(folder / each.file) as packed:
            packed.extractall(tmp_path / "site")
    for name in PYODIDES:
        for found in Path(sysconfig.get_path("purelib")).glob(f"{name}*"):
            (tmp_path / "site" / found.name).symlink_to(found)
    program = """
import importlib, pathlib
found = [each for top in ("statelab", "grader") for each in pathlib.Path("site", top).rglob("*.py")]
for path in sorted(each.relative_to("site") for each in found):
    if path.name != "__main__.py" and "inside" not in path.name:
        importlib.import_module(".".join(path.with_suffix("").parts).removesuffix(".__init__"))
from statelab.controlplane import ControlPlane
plane = ControlPlane()
plane.settle()
probe = {"exec": {"command": ["redis-cli", "ping"]}}
spec = {"containers": [{"name": "c", "image": "redis:7.4", "readinessProbe": probe}]}
plane.create({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "r"}, "spec": spec})
plane.settle()
print(plane.get("pods", "default/r")["status"]["containerStatuses"][0]["ready"])
"""
    command = [sys.executable, "-S", "-c", program]  # without this environment's packages
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=120, check=False, cwd=tmp_path
    )
    assert (done.stdout, done.returncode) == ("True\n", 0), done.stderr[-2000:]


def test_the_lock_names_only_what_lies_beside_it(tmp_path, monkeypatch):
    cache = tmp_path / "cache"
    folder = cache / f"pyodide-{downloads.PYODIDE_VERSION}"
    folder.mkdir(parents=True)
    locked = {
        name: {
            "name": name,
            "version": "1.0",
            "file_name": f"{name}-1.0-py3-none-any.whl",
            "sha256": "0",
            "depends": [],
            "imports": [name],
        }
        for name in distribution._ROOTS
    }
    locked["ipython"]["depends"] = ["six"]
    locked["six"] = {**locked["ipython"], "name": "six", "file_name": "six-1.0-py3-none-any.whl", "depends": []}
    locked["numpy"] = {"name": "numpy", "version": "2", "file_name": "numpy-2-wasm32.whl", "sha256": "0", "depends": []}
    for name in downloads.PYODIDE_FILES:
        (folder / name).write_text("{}")
    with zipfile.ZipFile(folder / "python_stdlib.zip", "w") as stdlib:
        for name in ("json/__init__.py", "mailbox.py"):
            stdlib.writestr(name, "")
    (folder / "pyodide-lock.json").write_text(json.dumps({"info": {}, "packages": locked}))
    (cache / "wheels").mkdir()
    for entry in locked.values():
        name = entry["file_name"].replace(entry["name"], entry["name"].replace("-", "_"))
        (cache / "wheels" / name).write_bytes(entry["name"].encode())
    extension = tmp_path / "extension"
    (extension / "static" / "pypi").mkdir(parents=True)
    for name in ("piplite", "ipykernel", "pyodide_kernel"):
        (extension / "static" / "pypi" / f"{name}-1.0-py3-none-any.whl").write_bytes(b"x")
    monkeypatch.setattr(distribution, "compile_all", lambda archives, *_: archives[0].write_bytes(b"compiled"))
    made = tmp_path / "made"
    names = distribution.make(made, extension, cache)
    lock = json.loads((made / "pyodide-lock.json").read_text())["packages"]
    assert {"statelab", "ipython", "six", "pyyaml", "piplite"} <= set(lock) and "numpy" not in lock
    later = {"redis", "fakeredis", "sortedcontainers", "packaging", "idna", "statelab-rubrics", "stdlib-for-later"}
    assert set(lock) - set(names) == later and not set(names) - set(lock)
    assert distribution.files_for_later(made) == {lock[name]["file_name"] for name in later}
    assert not later & set(lock["statelab"]["depends"])  # they would come with it
    moved = zipfile.ZipFile(made / lock["stdlib-for-later"]["file_name"]).namelist()
    assert "mailbox.py" in moved and zipfile.ZipFile(made / "python_stdlib.zip").namelist() == ["json/__init__.py"]
    for entry in lock.values():
        content = (made / entry["file_name"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == entry["sha256"], entry["name"]


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path):
    pytest.importorskip("jupyterlite_core")
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(Problem, match="no site of ours"):
        building.build(tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "mine"


def test_sizes_are_counted_by_part(tmp_path):
    for path, size in (("static/pyodide/a.whl", 5), ("build/b.js", 3), ("build/b.js.map", 100), ("index.html", 2)):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(b"x" * size)
    sizes.prune(tmp_path)
    assert sizes.of(tmp_path) == {
        "pyodide": 5,
        "jupyterlite": 3,
        "extensions": 0,
        "notebooks": 0,
        "other": 2,
        "total": 10,
    }


def test_no_page_of_ours_asks_for_anything_elsewhere():
    page = Path(building.__file__).parent / "page"
    for path in page.iterdir():
        text = path.read_text(encoding="utf-8")
        assert "https://" not in text and "//cdn" not in text, path.name


def test_modules_are_compiled_by_the_interpreter_that_will_run_them_and_once(tmp_path, monkeypatch):
    """The interpreter is Pyodide's own, which Node.js runs; here it is this Python, asked as that one is."""
    program, asked = tmp_path / "node", tmp_path / "asked"
    each = "cp $each $4; printf compiled >> $4/${each##*/}"
    program.write_text(
        f"#!/bin/sh\n[ $1 = --version ] && exec echo v20.1.0\necho x >> {asked}\nfor each in $3/*; do {each}; done\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    for folder in ("first", "second"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.whl").write_text("source ")
        compiling.compile_all([tmp_path / folder / "a.whl"], tmp_path, tmp_path)
        assert (tmp_path / folder / "a.whl").read_text() == "source compiled"
    assert asked.read_text() == "x\n"  # the same content is compiled once


def test_a_module_that_cannot_be_compiled_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    (tmp_path / "a.whl").write_text("source")
    with pytest.raises(Problem, match=r"no Node\.js"):
        compiling.compile_all([tmp_path / "a.whl"], tmp_path, tmp_path)


def test_the_service_worker_is_asked_for_the_learners_files_alone(tmp_path):
    """Only while JupyterLite's own is as this patch expects it; the browser's test sees that one."""
    worker = tmp_path / "service-worker.js"
    worker.write_text("shouldBroadcast(a)?x:shouldDrop(t,a)||(n=maybeFromCache(e));")
    building._service_worker(worker)
    assert "shouldDrop(t,a)||!enableCache||(n=maybeFromCache(e))" in worker.read_text()


@pytest.mark.parametrize(
    ("program", "said"),
    [
        (None, r"There is no Node\.js.*Install Node\.js 18 or newer"),
        ("echo v16.20.2", r"Node\.js is 16\.20\.2 here .*Install"),
        ("exit 3", r"Node\.js is broken here"),
    ],
)
def test_a_site_that_cannot_be_compiled_is_told_so_before_anything_is_fetched(tmp_path, monkeypatch, program, said):
    pytest.importorskip("jupyterlite_core")
    if program is not None:
        (tmp_path / "node").write_text(f"#!/bin/sh\n{program}\n")
        (tmp_path / "node").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(distribution, "make", lambda *_: pytest.fail("something was fetched"))
    with pytest.raises(Problem) as told:
        building.build(tmp_path / "site", cache=tmp_path / "cache")
    assert re.search(said, str(told.value), re.DOTALL)
    assert not (tmp_path / "site").exists()


def test_who_ends_it_in_the_middle_has_the_site_of_before_and_no_half_one(tmp_path, monkeypatch):
    pytest.importorskip("jupyterlite_core")
    before = tmp_path / "site"
    before.mkdir()
    (before / "statelab.json").write_text("{}")
    heard: list[str] = []

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(downloads, "node", lambda: "node")
    monkeypatch.setattr(distribution, "make", lambda *_: [])
    monkeypatch.setattr(building, "_jupyterlite", interrupted)
    with pytest.raises(KeyboardInterrupt):
        building.build(before, cache=tmp_path, say=heard.append)
    assert heard == ["Putting JupyterLite and the course together"]
    assert [each.name for each in tmp_path.iterdir()] == ["site"]
    assert [each.name for each in before.iterdir()] == ["statelab.json"]


def test_what_npm_and_pip_bring_is_kept_whole_or_not_at_all(tmp_path, monkeypatch):
    def cut_off(command: list[str]) -> None:
        folder = Path(command[command.index("--pack-destination" if "pack" in command else "--dest") + 1])
        (folder / "six-1.0-py3-none-any.whl").write_bytes(b"half of it")
        raise KeyboardInterrupt

    monkeypatch.setattr(downloads, "_run", cut_off)
    monkeypatch.setattr(downloads.shutil, "which", lambda name: name)
    with pytest.raises(KeyboardInterrupt):
        downloads.pyodide(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        downloads.wheels(tmp_path, [("six", "1.0")])
    assert [each.name for each in tmp_path.rglob("*")] == ["wheels"]


def test_a_folder_takes_anothers_place_in_two_steps_and_the_other_comes_back_if_the_second_fails(tmp_path, monkeypatch):
    target, made = tmp_path / "site", tmp_path / "made"
    for folder in (target, made):
        folder.mkdir()
        (folder / folder.name).touch()
    with beside(target) as aside:
        with pytest.raises(FileNotFoundError):
            put(tmp_path / "nothing", target, aside)
        assert (target / "site").is_file()
        put(made, target, aside)
    assert (target / "made").is_file() and not made.exists()
    assert [each.name for each in tmp_path.iterdir()] == ["site"]
