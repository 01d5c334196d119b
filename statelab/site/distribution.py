"""Pyodide with all that the kernel and the course import, in one folder, and a lock file that names it all.

The lock that comes with Pyodide names wheels on a server of its own. Of them the pure ones are the same as everywhere;
they are laid beside it, and the lock is written anew: what is not in the folder is not in it.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

from statelab.cluster.problem import Problem
from statelab.site import downloads
from statelab.site.compiling import compile_all
from statelab.site.wheels import MOMENT, RUBRICS, Wheel, installed, own, write

# What the kernel starts with, of Pyodide's lock; what these depend on comes with them.
_ROOTS = (
    "micropip", "packaging", "platformdirs", "ipython", "traitlets", "typing-extensions", "urllib3", "idna",
)  # fmt: skip
# The kernel asks for it by name. Without it a name is completed from the living objects, at once; with it the first
# completion waits for 1.2 MB and their import.
_STAND_IN = "jedi"
# Of the standard library, what has nothing to do in a tab, which has no processes and no sockets.
_REST = "stdlib-for-later"
_STDLIB_LATER = (
    "compileall", "ctypes", "doctest", "ftplib", "imaplib", "mailbox", "modulefinder", "multiprocessing", "pickletools",
    "poplib", "pyclbr", "smtplib", "symtable", "tabnanny", "trace", "tracemalloc", "wave", "wsgiref", "xmlrpc",
    "zipapp",
)  # fmt: skip
# What the first lesson does not import is fetched when it is imported (statelab/later.py): what redis answers, names
# beyond ASCII, what judges an assignment.
_LATER = frozenset({"fakeredis", "redis", "sortedcontainers", "packaging", "idna", RUBRICS, _REST})
# The kernel's own wheels, which its extension carries: name → modules.
_KERNEL = {"piplite": ("piplite",), "ipykernel": ("ipykernel",), "pyodide-kernel": ("pyodide_kernel",)}


def make(folder: Path, extension: Path, cache: Path, say: downloads.Say = print) -> list[str]:
    """Fill `folder`; the names of what to load when a kernel starts. Raises Problem for what cannot be had.

    `extension`: the folder of the kernel's installed extension.
    """
    source = downloads.pyodide(cache, say)
    folder.mkdir(parents=True, exist_ok=True)
    for name in downloads.PYODIDE_FILES:
        shutil.copyfile(source / name, folder / name)
    lock = json.loads((folder / "pyodide-lock.json").read_text(encoding="utf-8"))
    packages = _from_lock(lock["packages"], folder, cache, say)
    kernel = _kernel(folder, extension)
    dependencies = installed(folder)
    there = frozenset(each for entry in packages.values() for each in entry["imports"])
    there |= {each for wheel in dependencies for each in wheel.imports}
    at_once = tuple(each.name for each in dependencies if each.name not in _LATER)
    ours, rubrics = own(folder, at_once, there)
    stand_in = write(folder, _STAND_IN, "0", {}, ())
    for wheel in (*kernel, *dependencies, ours, rubrics, stand_in):
        packages[wheel.name] = wheel.to_json()
    compile_all([*folder.glob("*.whl"), folder / "python_stdlib.zip"], source, cache, say)
    later = _split(folder / "python_stdlib.zip")
    packages[later.name] = later.to_json()
    for entry in packages.values():
        entry["sha256"] = hashlib.sha256((folder / entry["file_name"]).read_bytes()).hexdigest()
    lock["packages"] = dict(sorted(packages.items()))
    (folder / "pyodide-lock.json").write_text(json.dumps(lock, separators=(",", ":")), encoding="utf-8")
    return sorted(set(packages) - _LATER)


def files_for_later(folder: Path) -> set[str]:
    """The files in that folder which no kernel loads at its start."""
    packages = json.loads((folder / "pyodide-lock.json").read_text(encoding="utf-8"))["packages"]
    return {entry["file_name"] for name, entry in packages.items() if name in _LATER}


def _split(stdlib: Path) -> Wheel:
    """Take what is for later out of the standard library, into a wheel beside it."""
    with zipfile.ZipFile(stdlib) as whole:
        content = {path: whole.read(path) for path in sorted(whole.namelist())}
    moved = {path: each for path, each in content.items() if path.split("/")[0].split(".")[0] in _STDLIB_LATER}
    with zipfile.ZipFile(stdlib, "w") as left:
        for path in sorted(content.keys() - moved.keys()):
            left.writestr(zipfile.ZipInfo(path, MOMENT), content[path], zipfile.ZIP_DEFLATED, 9)
    return write(stdlib.parent, _REST, downloads.PYODIDE_VERSION, moved, _STDLIB_LATER)


def _from_lock(locked: dict[str, Any], folder: Path, cache: Path, say: downloads.Say) -> dict[str, Any]:
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
    found = downloads.wheels(cache, ((name, entry["version"]) for name, entry in sorted(wanted.items())), say)
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
