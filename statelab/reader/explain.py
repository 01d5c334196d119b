"""YAML's own errors, in plain words."""

from __future__ import annotations

import yaml

from statelab.reader.errors import ManifestError, Place

_EXPLANATIONS = (
    (
        "could not find expected ':'",
        "this line has no colon where one has to be",
        'is a ":" missing, or a space after it?',
    ),
    (
        "mapping values are not allowed",
        "a key cannot stand here",
        "look at the indentation of this line and of the one above",
    ),
    (
        "did not find expected '-' indicator",
        "a list item is expected here",
        "is this line indented as its neighbours are?",
    ),
    ("did not find expected key", "a key is expected here", "is this line indented as its neighbours are?"),
    ("expected <block end>", "a key is expected here", "is this line indented as its neighbours are?"),
    ("found unexpected end of stream", "a quote is opened and never closed", ""),
    ("did not find expected ',' or", "a comma or a closing bracket is expected here", ""),
    ("expected ',' or", "a comma or a closing bracket is expected here", ""),
    ("did not find expected node content", "a value is expected here", ""),
    ("found duplicate anchor", "an anchor of that name is there already", ""),
    ("block sequence entries are not allowed", "a list item cannot stand here", "begin the list on a line of its own"),
    ("found unknown escape character", "no such escape in double quotes", "use single quotes, or write \\\\"),
)


def explained(error: yaml.YAMLError, source: str, text: str) -> ManifestError:
    """What the parser found, said of the line that has to be mended."""
    problem = str(getattr(error, "problem", None) or getattr(error, "reason", None) or "cannot be read")
    # What was begun and never ended is to be mended where it began.
    begun = "could not find expected ':'" in problem or "end of stream" in problem
    mark = getattr(error, "context_mark" if begun else "problem_mark", None) or getattr(error, "problem_mark", None)
    if mark is None:
        return ManifestError(f"not YAML: {problem[:200]}", source=source, text=text)
    lines = text.split("\n")
    place = Place(mark.line + 1, mark.column + 1)
    if mark.line >= len(lines) or (mark.line == len(lines) - 1 and not lines[-1]):
        place = Place(len(lines), len(lines[-1]) + 1)
    here = lines[place.line - 1][place.column - 1 : place.column]
    indentation = lines[place.line - 1][: len(lines[place.line - 1]) - len(lines[place.line - 1].lstrip())]
    if here == "\t" or ("\t" in indentation and "token" in problem):
        return ManifestError("a tab", place, "YAML is indented with spaces, never with tabs", source=source, text=text)
    if "cannot start any token" in problem and here:
        return ManifestError(
            f"a value cannot begin with {here}", place, f'put it in quotes: "{here}…"', source=source, text=text
        )
    for words, plainly, advice in _EXPLANATIONS:
        if words in problem:
            return ManifestError(f"not YAML: {plainly}", place, advice, source=source, text=text)
    return ManifestError(f"not YAML: {problem[:200]}", place, source=source, text=text)
