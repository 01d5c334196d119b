"""YAML of strangers: anything at all goes in; objects with places come out, or a ManifestError.

Below the control plane, whose API server takes YAML too. `statelab.manifest` adds advice, from Kubernetes' schemas.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from statelab.reader.errors import Finding, ManifestError, Place
    from statelab.reader.nodes import Document, Item, Manifest, Node, Path_
    from statelab.reader.parse import MAX_BYTES, MAX_DEPTH, MAX_VALUES, read, read_file

_HOMES = {
    "errors": ("Finding", "ManifestError", "Place"),
    "nodes": ("Document", "Item", "Manifest", "Node", "Path_"),
    "parse": ("MAX_BYTES", "MAX_DEPTH", "MAX_VALUES", "read", "read_file"),
}


def __getattr__(name: str) -> Any:
    # On demand: the server's start needs this package's JSON and no YAML.
    home = next((home for home, names in _HOMES.items() if name in names), None)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{home}"), name)


__all__ = [
    "MAX_BYTES",
    "MAX_DEPTH",
    "MAX_VALUES",
    "Document",
    "Finding",
    "Item",
    "Manifest",
    "ManifestError",
    "Node",
    "Path_",
    "Place",
    "read",
    "read_file",
]
