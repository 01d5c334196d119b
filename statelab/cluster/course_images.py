"""Which container images the course runs: read out of its manifests, lessons and tasks."""

from __future__ import annotations

import re

from statelab.cluster.paths import Home

_NAME = r"[a-z0-9][a-z0-9./_-]*(?::v?\d[\w.-]*)?"  # a tag that is no version is there to fail: nginx:no-such-tag
# A line of a manifest, or of one in a notebook's JSON; `--image=nginx` and `set image deploy/web web=nginx:1` there.
_IN_MANIFEST = re.compile(rf"""^[\s"#:-]*image:\s*["']?({_NAME})["']?\s*(?:#.*)?(?:\\n)?"?,?$""", re.MULTILINE)
_IN_LINE = re.compile(rf"""%kubectl [^\n]*(?:--image[= ]|\bset image \S+ [\w-]+=)({_NAME})(?=[\s"\\]|$)""")
_FOLDERS = ("course", "exercises", "solutions")
_SUFFIXES = (".yaml", ".yml", ".ipynb")
_WORDS = {"yes", "no", "true", "false", "null"}  # in a lesson on YAML
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
    return {*_IN_MANIFEST.findall(text), *_IN_LINE.findall(text)} - _WORDS
