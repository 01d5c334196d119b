"""How large a site is, by part; and what is left out of it because nobody would load it."""

from __future__ import annotations

import shutil
from pathlib import Path

_PARTS = {"static/pyodide": "pyodide", "build": "jupyterlite", "extensions": "extensions", "files": "notebooks"}
_UNUSED = ("*.map", "*.d.ts", "*.LICENSE.txt")


def prune(site: Path) -> None:
    """Remove what no page of the site asks for."""
    for pattern in _UNUSED:
        for path in site.rglob(pattern):
            path.unlink()
    shutil.rmtree(site / "static" / "pyodide" / "tests", ignore_errors=True)


def of(site: Path) -> dict[str, int]:
    """Bytes by part, and "total"."""
    found = dict.fromkeys([*_PARTS.values(), "other"], 0)
    for path in site.rglob("*"):
        if path.is_file():
            inside = path.relative_to(site).as_posix()
            part = next((name for prefix, name in _PARTS.items() if inside.startswith(f"{prefix}/")), "other")
            found[part] += path.stat().st_size
    return {**found, "total": sum(found.values())}
