"""Pyodide with all that the kernel and the course import, in one folder, and a lock file that names it all.

The lock that comes with Pyodide names wheels on a server of its own. Of them the pure ones are the same as everywhere;
they are laid beside it, and the lock is written anew: what is not in the folder is not in it.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

from statelab.cluster.problem import Problem
from statelab.site import downloads
from statelab.site.compiling import compile_all
from statelab.site.wheels import Wheel, installed, own

# What the kernel starts with, of Pyodide's lock; what these depend on comes with them.
_ROOTS = (
    "micropip", "packaging", "platformdirs", "ipython", "jedi", "traitlets", "typing-extensions", "urllib3", "idna",
)  # fmt: skip
# The kernel's own wheels, which its extension carries: name → modules.
_KERNEL = {"piplite": ("piplite",), "ipykernel": ("ipykernel",), "pyodide-kernel": ("pyodide_kernel",)}


def make(folder: Path, extension: Path, cache: Path) -> list[str]:
    """Fill `folder`; the names to load when a kernel starts. `extension`: the installed kernel extension's folder.

    Raises Problem for what cannot be had.
    """
    source = downloads.pyodide(cache)
    folder.mkdir(parents=True, exist_ok=True)
    for name in downloads.PYODIDE_FILES:
        shutil.copyfile(source / name, folder / name)
    lock = json.loads((folder / "pyodide-lock.json").read_text(encoding="utf-8"))
    packages = _from_lock(lock["packages"], folder, cache)
    kernel = _kernel(folder, extension)
    dependencies = installed(folder)
    ours = own(folder, tuple(each.name for each in dependencies))
    for wheel in (*kernel, *dependencies, ours):
        packages[wheel.name] = wheel.to_json()
    compile_all([*folder.glob("*.whl"), folder / "python_stdlib.zip"], source, cache)
    for entry in packages.values():
        entry["sha256"] = hashlib.sha256((folder / entry["file_name"]).read_bytes()).hexdigest()
    lock["packages"] = dict(sorted(packages.items()))
    (folder / "pyodide-lock.json").write_text(json.dumps(lock, separators=(",", ":")), encoding="utf-8")
    return sorted(packages)


def _from_lock(locked: dict[str, Any], folder: Path, cache: Path) -> dict[str, Any]:
    """The pure wheels that the kernel starts with, with their entries: checksums are those of the files beside it."""
    wanted: dict[str, Any] = {}
    waiting = list(_ROOTS)
    while waiting:
        name = waiting.pop().lower().replace("_", "-")
        if name in wanted:
            continue
        entry = locked.get(name)
        if entry is None:
            raise Problem(f"Pyodide's lock file does not name {name}.")
        if not entry["file_name"].endswith("-none-any.whl"):
            raise Problem(f"{name} is no pure Python in Pyodide {downloads.PYODIDE_VERSION}.")
        wanted[name] = dict(entry)
        waiting += entry["depends"]
    found = downloads.wheels(cache, ((name, entry["version"]) for name, entry in sorted(wanted.items())))
    for name, path in found.items():
        shutil.copyfile(path, folder / path.name)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        wanted[name] |= {"file_name": path.name, "sha256": digest}
    return wanted


def _kernel(folder: Path, extension: Path) -> list[Wheel]:
    made = []
    for name, imports in _KERNEL.items():
        found = sorted((extension / "static" / "pypi").glob(f"{name.replace('-', '_')}-*.whl"))
        if not found:
            raise Problem(f"jupyterlite-pyodide-kernel carries no wheel of {name}.")
        path = found[-1]
        shutil.copyfile(path, folder / path.name)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        made.append(Wheel(name, path.name.split("-")[1], path.name, digest, imports))
    return made
