"""The ES modules of the widgets: shared drawing code is written once and put before each."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

_STATIC = Path(__file__).parent / "static"


@cache
def module(name: str) -> str:
    """The whole ES module of a widget: anywidget loads one file, so what it imports from us is put in front."""
    shared = (_STATIC / "drawing.js").read_text().replace("export function", "function")
    own = re.sub(r'^import .* from "\./drawing\.js";\n', "", (_STATIC / f"{name}.js").read_text(), flags=re.MULTILINE)
    return f"{shared}\n{own}"


@cache
def css() -> str:
    return (_STATIC / "pictures.css").read_text()
