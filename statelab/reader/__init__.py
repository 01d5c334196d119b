"""YAML of strangers: anything at all goes in; objects with places come out, or a ManifestError.

Below the control plane, whose API server takes YAML too. `statelab.manifest` adds advice, from Kubernetes' schemas.
"""

from statelab.reader.errors import Finding, ManifestError, Place
from statelab.reader.nodes import Document, Item, Manifest, Node, Path_
from statelab.reader.parse import MAX_BYTES, MAX_DEPTH, MAX_VALUES, read, read_file

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
