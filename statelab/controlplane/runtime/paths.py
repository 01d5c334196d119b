"""Paths inside of containers: always with /, whatever the machine's are like."""

from __future__ import annotations


def join(base: str, path: str) -> str:
    """An absolute path without ".", ".." and doubled slashes."""
    if path.startswith("/") and "/." not in path and "//" not in path and not path.endswith("/"):
        return path  # as most are
    parts: list[str] = []
    for part in (path if path.startswith("/") else f"{base}/{path}").split("/"):
        if part == "..":
            del parts[-1:]
        elif part and part != ".":
            parts.append(part)
    return "/" + "/".join(parts)
