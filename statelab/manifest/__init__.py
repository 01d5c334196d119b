"""Manifests as people write them: read safely, with places, and with advice that names the line."""

from statelab.manifest.advice import advise, advise_text
from statelab.reader import Document, Item, Manifest, read, read_file
from statelab.reader.errors import Finding, ManifestError, Place

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
