"""How Sphinx makes the site. `docs/build.py` runs it; `make docs` runs that.

The sources are the pages as they stand in the repository, so that a link that works on a code host works here.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(Path(__file__).parent))

import lessons  # noqa: E402  # beside this file

from statelab.version import VERSION  # noqa: E402

project = "StateLab"
author = "The StateLab authors"
version = release = VERSION
language = "en"
root_doc = "docs/index"
extensions = ["myst_nb", "sphinx.ext.autodoc"]

PAGES = {"docs", "course", "benchmarks", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"}
exclude_patterns = [each.name for each in ROOT.iterdir() if each.name not in PAGES]
exclude_patterns += ["**/.ipynb_checkpoints", "**/.statelab"]

myst_heading_anchors = 4  # the anchors a code host makes, too
nb_execution_mode = "off"  # docs/lessons.py has run them, each on a cluster of its own
suppress_warnings = ["mystnb.unknown_mime_type"]

autodoc_typehints = "signature"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True
maximum_signature_line_length = 120

html_theme = "furo"
html_title = f"StateLab {VERSION}"
html_static_path = ["site"]
html_css_files = ["statelab.css"]
html_copy_source = False
html_show_copyright = False

linkcheck_anchors = False  # a code host makes its anchors in the browser
linkcheck_timeout = 15

_CODE = re.compile(r"(``?[^`]+``?)")
_NAMED = re.compile(r"`[^`]+`(, `[^`]+`)*: ")


def as_restructured_text(app: object, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """Our docstrings are plain prose with `code` in backticks and a line for each argument: autodoc reads otherwise."""
    made: list[str] = []
    in_list = False
    for line in lines:
        if _NAMED.match(line):
            if made and made[-1] and not in_list:
                made.append("")
            in_list = True
            line = f"* {_escaped(line)}"
        elif not line.strip() or line.startswith("Raises "):
            if in_list and line.strip():
                made.append("")
            in_list = False
            line = _escaped(line)
        elif line.startswith("    "):
            if made and not made[-1].strip() and not in_list and (len(made) < 2 or not made[-2].startswith("    ")):
                made += ["::", ""]
        else:
            line = ("  " if in_list else "") + _escaped(line)
        made.append(line)
    lines[:] = made


def _escaped(line: str) -> str:
    parts = _CODE.split(line)
    return "".join(
        f"``{part.strip('`')}``" if at % 2 else re.sub(r"([*|_\\])", r"\\\1", part) for at, part in enumerate(parts)
    )


def with_outputs(app: object, page: str, source: list[str]) -> None:
    """A lesson is shown as it ran; in git it has no outputs."""
    if page.startswith("course/") and (ROOT / f"{page}.ipynb").is_file():
        source[0] = lessons.for_the_site(lessons.kept(ROOT / f"{page}.ipynb").read_text())


def setup(app: object) -> None:
    app.connect("autodoc-process-docstring", as_restructured_text)  # type: ignore[attr-defined]
    app.connect("source-read", with_outputs)  # type: ignore[attr-defined]
