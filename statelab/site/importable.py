"""Which of our modules a tab can import: the others would only be fetched.

A module that imports, as soon as it is read, what no tab has (aiohttp, bashkit, nbgrader) fails there; so does whoever
imports it. An import inside a function, a condition or a `try` is not looked at: there somebody thought of it.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath

# What Pyodide has beside the standard library.
_PYODIDE = frozenset({"js", "pyodide", "pyodide_js"})


def unimportable(sources: Mapping[str, bytes], there: frozenset[str]) -> set[str]:
    """Paths among `sources` (path of a file → its content) that cannot be imported where, of other packages, only those
    in `there` are.
    """
    modules = {_name(path): path for path in sources if path.endswith(".py")}
    needs = {name: set(_imported(name, path, sources[path])) for name, path in modules.items()}
    roots = {name.partition(".")[0] for name in modules}
    known = there | roots | _PYODIDE | sys.stdlib_module_names
    lost = {name for name, wanted in needs.items() if any(each.partition(".")[0] not in known for each in wanted)}
    while True:
        more = {name for name, wanted in needs.items() if name not in lost and wanted & lost}
        if not more:
            return {modules[name] for name in lost}
        lost |= more


def _name(path: str) -> str:
    parts = PurePosixPath(path).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imported(name: str, path: str, source: bytes) -> Iterator[str]:
    """What reading this module reads first: the packages it lies in, and what it imports with theirs."""
    package = name if path.endswith("__init__.py") else name.rpartition(".")[0]
    found = [name.rpartition(".")[0]]
    for node in ast.parse(source).body:
        if isinstance(node, ast.Import):
            found += [each.name for each in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) + 1 - node.level] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            found += [base, *(f"{base}.{each.name}" for each in node.names)]
    for each in found:
        parts = each.split(".")
        yield from (".".join(parts[: count + 1]) for count in range(len(parts)) if parts[0])
