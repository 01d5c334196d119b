"""In a browser's tab: modules that are fetched when they are first imported, for the first lesson needs none of them.

A tab waits for every byte that it is given at its start. What lies beside it and is not loaded (Pyodide's lock file
names it) is fetched by the import that asks for it, at once and in the kernel's own thread: a worker may do that.
"""

from __future__ import annotations

import hashlib
import importlib
import io
import sys
import sysconfig
import zipfile
from collections.abc import Callable, Mapping, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

Fetch = Callable[[str], bytes]  # a file's name → what is in it; OSError where it cannot be had


class Later(MetaPathFinder):
    """The last finder: it knows which wheel has a module that no other has found.

    `packages` are entries of Pyodide's lock file; `folder` is where a wheel's content goes, a folder of `sys.path`.
    """

    def __init__(self, packages: Sequence[Mapping[str, Any]], folder: Path, fetch: Fetch) -> None:
        self._packages = {name: entry for entry in packages for name in entry["imports"]}
        self._folder = folder
        self._fetch = fetch

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        entry = self._packages.get(fullname)
        if entry is None:
            return None
        self._unpack(entry, fullname)
        for name in entry["imports"]:
            self._packages.pop(name, None)
        importlib.invalidate_caches()
        return PathFinder.find_spec(fullname, path, target)

    def _unpack(self, entry: Mapping[str, Any], module: str) -> None:
        """Raises ImportError with what to do; the next import tries again."""
        try:
            content = self._fetch(entry["file_name"])
        except OSError as error:
            raise ImportError(
                f"{module} is fetched when it is first needed, and it could not be fetched now ({error}). "
                "Look at your connection, then run the cell again.",
                name=module,
            ) from None
        if hashlib.sha256(content).hexdigest() != entry["sha256"]:
            raise ImportError(f"{entry['file_name']} is not the file that this site was made with.", name=module)
        with zipfile.ZipFile(io.BytesIO(content)) as wheel:
            wheel.extractall(self._folder)


def begin() -> None:
    """From now on an import may fetch what it needs. Once for a kernel; only in a tab."""
    if any(isinstance(each, Later) for each in sys.meta_path):
        return
    import pyodide_js  # type: ignore[import-not-found]  # what Pyodide says of itself

    base = str(pyodide_js.lockfileBaseUrl or "")
    packages = pyodide_js.lockfile.to_py()["packages"]
    loaded = set(pyodide_js.loadedPackages.to_py())
    waiting = [entry for name, entry in packages.items() if name not in loaded]
    sys.meta_path.append(Later(waiting, Path(sysconfig.get_path("purelib")), lambda name: _fetch(base + name)))


def _fetch(url: str) -> bytes:
    from js import XMLHttpRequest  # type: ignore[import-not-found]  # the browser's own

    request = XMLHttpRequest.new()
    request.open("GET", url, False)
    request.responseType = "arraybuffer"
    try:
        request.send()
    except Exception as error:  # JavaScript's NetworkError, which has no class here
        raise OSError("no answer") from error
    if request.status != 200:
        raise OSError(f"the answer was {request.status}")
    content: bytes = request.response.to_bytes()
    return content
