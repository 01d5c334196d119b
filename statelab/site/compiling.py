"""Archives of Python modules compiled ahead, by the interpreter that will run them: a tab starts in half the time.

A browser keeps no __pycache__: each start would compile every module again, of the standard library, IPython and ours.
What was compiled once is kept, by its content.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from statelab.cluster.problem import Problem
from statelab.site.downloads import PYODIDE_VERSION, Say, node

_PROGRAM = Path(__file__).parent / "compile.mjs"
_LONGEST_S = 600


def compile_all(archives: list[Path], pyodide: Path, cache: Path, say: Say = print) -> None:
    """Put compiled modules in the place of the sources in these zips and wheels. Raises Problem.

    `pyodide`: the folder of that Pyodide, which Node.js runs.
    """
    kept = cache / "compiled"
    kept.mkdir(exist_ok=True)
    known = {path: kept / _key(path) for path in archives}
    missing = [path for path, copy in known.items() if not copy.is_file()]
    if missing:
        say(f"Compiling {len(missing)} archives of modules with Node.js (the first time a minute or two)")
        _compile(missing, known, pyodide)
    for path, copy in known.items():
        shutil.copyfile(copy, path)


def _key(path: Path) -> str:
    program = _PROGRAM.read_bytes() + PYODIDE_VERSION.encode()
    return f"{path.name}-{hashlib.sha256(program + path.read_bytes()).hexdigest()[:24]}"


def _compile(archives: list[Path], known: dict[Path, Path], pyodide: Path) -> None:
    program = node()
    with TemporaryDirectory(prefix="statelab-compile-") as name:
        source, made = Path(name, "from"), Path(name, "to")
        source.mkdir()
        made.mkdir()
        for path in archives:
            shutil.copyfile(path, source / path.name)
        command = [program, str(_PROGRAM), str(pyodide), str(source), str(made)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_LONGEST_S)
        except subprocess.TimeoutExpired:
            raise Problem(f"The modules were not compiled within {_LONGEST_S} s.") from None
        if done.returncode:
            raise Problem("The modules could not be compiled:\n" + (done.stderr or done.stdout)[-2000:])
        for path in archives:
            beside = known[path].with_suffix(".new")
            shutil.copyfile(made / path.name, beside)
            beside.replace(known[path])
