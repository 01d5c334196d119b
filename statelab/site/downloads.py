"""What a site needs and this environment does not have: Pyodide, from npm, and the wheels that its kernel starts with.

The ordinary clients fetch them, as they are set up on this machine; what was fetched once is kept.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterable
from pathlib import Path

from statelab.cluster.problem import Problem
from statelab.site.putting import beside, put

# The one that jupyterlite-pyodide-kernel 0.8 is made for.
PYODIDE_VERSION = "314.0.6"
# Of the package, what a browser runs. Types, consoles and source maps stay behind.
PYODIDE_FILES = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip", "pyodide-lock.json")


_NODE_LEAST = 18  # Pyodide's package.json
_NODE_HINT = (
    f"Install Node.js {_NODE_LEAST} or newer, which brings npm (https://nodejs.org, or your system's packages nodejs "
    "and npm). Then run this again."
)
Say = Callable[[str], None]


def cache_folder() -> Path:
    """Where downloads are kept: $STATELAB_SITE_CACHE, or the user's cache."""
    chosen = os.environ.get("STATELAB_SITE_CACHE")
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = Path(chosen) if chosen else base / "statelab" / "site"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def node() -> str:
    """This machine's Node.js, which runs Pyodide to compile modules. Raises Problem where there is none that can."""
    program = shutil.which("node")
    if program is None:
        raise Problem(
            "There is no Node.js (node) on this machine: the site's Python modules are compiled with it.", _NODE_HINT
        )
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
    version = done.stdout.strip().removeprefix("v")
    if done.returncode or not version.split(".")[0].isdigit() or int(version.split(".")[0]) < _NODE_LEAST:
        raise Problem(f"Node.js is {version or 'broken'} here ({program}), and Pyodide needs newer.", _NODE_HINT)
    return program


def pyodide(cache: Path, say: Say = print) -> Path:
    """The folder with Pyodide's own files. Raises Problem where npm is missing or cannot fetch it."""
    folder = cache / f"pyodide-{PYODIDE_VERSION}"
    if all((folder / name).is_file() for name in PYODIDE_FILES):
        return folder
    npm = shutil.which("npm")
    if npm is None:
        raise Problem("There is no npm on this machine: it fetches Pyodide.", _NODE_HINT)
    say(f"Fetching Pyodide {PYODIDE_VERSION} with npm (15 MB)")
    with beside(folder) as aside:
        _run([npm, "pack", f"pyodide@{PYODIDE_VERSION}", "--silent", "--pack-destination", str(aside)])
        made = aside / "pyodide"
        made.mkdir()
        with tarfile.open(aside / f"pyodide-{PYODIDE_VERSION}.tgz") as packed:
            for name in PYODIDE_FILES:
                member = packed.extractfile(f"package/{name}")
                if member is None:
                    raise Problem(f"npm's pyodide {PYODIDE_VERSION} has no {name}.")
                (made / name).write_bytes(member.read())
        put(made, folder, aside)
    return folder


def wheels(cache: Path, wanted: Iterable[tuple[str, str]], say: Say = print) -> dict[str, Path]:
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
        say(f"Fetching {len(missing)} wheels with pip")
        with beside(folder) as aside:
            _run([*pip, "download", *options, "--dest", str(aside), *missing])
            for wheel in aside.glob("*.whl"):
                wheel.replace(folder / wheel.name)
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
