"""What a site needs and this environment does not have: Pyodide, from npm, and the wheels that its kernel starts with.

The ordinary clients fetch them, as they are set up on this machine; what was fetched once is kept.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterable
from pathlib import Path

from statelab.cluster.problem import Problem

# The one that jupyterlite-pyodide-kernel 0.8 is made for.
PYODIDE_VERSION = "314.0.6"
# Of the package, what a browser runs. Types, consoles and source maps stay behind.
PYODIDE_FILES = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip", "pyodide-lock.json")


def cache_folder() -> Path:
    """Where downloads are kept: $STATELAB_SITE_CACHE, or the user's cache."""
    chosen = os.environ.get("STATELAB_SITE_CACHE")
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = Path(chosen) if chosen else base / "statelab" / "site"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def pyodide(cache: Path) -> Path:
    """The folder with Pyodide's own files. Raises Problem where npm is missing or cannot fetch it."""
    folder = cache / f"pyodide-{PYODIDE_VERSION}"
    if all((folder / name).is_file() for name in PYODIDE_FILES):
        return folder
    npm = shutil.which("npm")
    if npm is None:
        raise Problem("There is no npm on this machine: it fetches Pyodide.", "Install Node.js, then run this again.")
    _run([npm, "pack", f"pyodide@{PYODIDE_VERSION}", "--silent", "--pack-destination", str(cache)])
    archive = cache / f"pyodide-{PYODIDE_VERSION}.tgz"
    folder.mkdir(exist_ok=True)
    with tarfile.open(archive) as packed:
        for name in PYODIDE_FILES:
            member = packed.extractfile(f"package/{name}")
            if member is None:
                raise Problem(f"npm's pyodide {PYODIDE_VERSION} has no {name}.")
            (folder / name).write_bytes(member.read())
    archive.unlink()
    return folder


def wheels(cache: Path, wanted: Iterable[tuple[str, str]]) -> dict[str, Path]:
    """Pure wheels of (name, version), by name. Raises Problem where pip cannot fetch one."""
    folder = cache / "wheels"
    folder.mkdir(exist_ok=True)
    wanted = list(wanted)
    missing = [f"{name}=={version}" for name, version in wanted if _wheel(folder, name, version) is None]
    if missing:
        pip = [sys.executable, "-m", "pip"]
        if subprocess.run([*pip, "--version"], capture_output=True, check=False).returncode:
            program = shutil.which("pip") or shutil.which("pip3")
            if program is None:
                raise Problem("There is no pip: it fetches the wheels that the kernel starts with.")
            pip = [program]
        options = [
            "--no-deps",
            "--disable-pip-version-check",
            "--quiet",
            "--only-binary=:all:",
            "--python-version",
            "3.14",
        ]
        _run([*pip, "download", *options, "--dest", str(folder), *missing])
    found = {name: _wheel(folder, name, version) for name, version in wanted}
    lost = [name for name, path in found.items() if path is None]
    if lost:
        raise Problem(f"pip found no pure wheel of {', '.join(lost)}.")
    return {name: path for name, path in found.items() if path is not None}


def _wheel(folder: Path, name: str, version: str) -> Path | None:
    stem = name.replace("-", "_").replace(".", "_").lower()
    for path in sorted(folder.glob("*-none-any.whl")):
        parts = path.name.split("-")
        if parts[0].replace(".", "_").lower() == stem and parts[1] == version:
            return path
    return None


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()[-3:]
        raise Problem(f"{Path(command[0]).name} could not fetch what the site needs:\n" + "\n".join(said))
