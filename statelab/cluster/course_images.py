"""Which container images the course runs: read out of its manifests, lessons and tasks."""

from __future__ import annotations

import re

from statelab.cluster.paths import Home
from statelab.controlplane.runtime.images import IMAGES, parse_reference

# `image: nginx` in a manifest; `--image=nginx` and `set image deploy/web web=nginx:1` in a lesson.
_NAMED = re.compile(r"""\bimage:\s*["']?([\w./:@-]+)|--image[= ]([\w./:@-]+)|\bset image \S+ [\w-]+=([\w./:@-]+)""")
_FOLDERS = ("course", "exercises", "solutions")
_SUFFIXES = (".yaml", ".yml", ".ipynb")
_OLD = "notes"  # manifests of years ago, there to be mended


def course_images(home: Home) -> list[str]:
    """Every image that a lesson or a task runs, sorted; without those that are named because they do not exist."""
    found: set[str] = set()
    for folder in _FOLDERS:
        root = home.root / folder
        for path in sorted(root.rglob("*")) if root.is_dir() else ():
            inside = path.relative_to(root).parts
            if path.suffix in _SUFFIXES and _OLD not in inside and not any(part.startswith(".") for part in inside):
                found |= images_in(path.read_text(encoding="utf-8", errors="replace"))
    return sorted(found)


def images_in(text: str) -> set[str]:
    """The images a manifest or a notebook names, those that can be pulled."""
    named = {next(filter(None, groups)).rstrip(".:") for groups in _NAMED.findall(text)}
    return {image for image in named if _exists(image)}


def _exists(image: str) -> bool:
    """The embedded cluster knows which of the course's images have which tags, and what it knows is all there is."""
    try:
        reference = parse_reference(image)
    except ValueError:
        return False
    return any(reference.repository in each.repositories and each.tag_exists(reference.tag) for each in IMAGES)
