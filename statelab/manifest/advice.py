"""Everything that can be said about a manifest before a cluster sees it, in the order of its lines."""

from __future__ import annotations

from itertools import islice

from statelab.manifest.fields import object_findings
from statelab.manifest.relations import RELATIONS
from statelab.reader import Manifest, read
from statelab.reader.errors import Finding, ManifestError

_MOST = 50


def advise(manifest: Manifest) -> list[Finding]:
    """Findings, each with its line and what to do. None of them is a verdict: the API server has the last word.

    Raises ManifestError where a document is no object at all.
    """
    items = manifest.items
    found = [finding for item in items for finding in islice(object_findings(item), _MOST)]
    found += [finding for item in items for relation in RELATIONS for finding in relation(item, items)]
    found.sort(key=lambda each: (each.place.line, each.place.column) if each.place else (0, 0))
    return found[:_MOST]


def advise_text(text: str | bytes, source: str = "manifest") -> list[str]:
    """The same, ready to be shown, for text that need not even be YAML."""
    try:
        manifest = read(text, source)
        return [finding.shown(source, manifest.text) for finding in advise(manifest)]
    except ManifestError as error:
        return [str(error)]
