"""Manifests as people write them: read safely, with places, and with advice that names the line."""

from statelab.manifest.advice import advise, advise_text
from statelab.manifest.errors import Finding, ManifestError, Place
from statelab.manifest.reader import Document, Item, Manifest, read, read_file

__all__ = [
    "Document",
    "Finding",
    "Item",
    "Manifest",
    "ManifestError",
    "Place",
    "advise",
    "advise_text",
    "read",
    "read_file",
]
