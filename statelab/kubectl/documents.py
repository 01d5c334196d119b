"""The documents of a text, YAML or JSON, read within bounds; what cannot be read in kubectl's words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml

from statelab.reader import ManifestError, read
from statelab.reader.parse import NOTHING


def documents(text: str, source: str) -> Iterator[Any]:
    """The value of each document; an Exception, and the end, where one cannot be read."""
    from statelab.kubectl.problems import Fail

    try:
        found = read(text, source, last_wins=True).documents
    except ManifestError as error:
        if error.problem == NOTHING:
            return
        yield Fail(f"error parsing {source}: error converting YAML to JSON: yaml: {_in_go(text, error)}")
        return
    for document in found:
        yield document.value


# Where PyYAML's own parser says it otherwise than libyaml and go-yaml do.
_IN_GO = {"mapping values are not allowed here": "mapping values are not allowed in this context"}


def _in_go(text: str, error: ManifestError) -> str:
    """What is wrong with YAML, as go-yaml says it: its words and its line."""
    try:
        for _ in yaml.parse(text, Loader=yaml.SafeLoader):
            pass
    except yaml.MarkedYAMLError as found:
        mark = found.problem_mark
        line = mark.line + (1 if isinstance(found, yaml.scanner.ScannerError) else 0) if mark is not None else 0
        return (f"line {line}: " if line else "") + _problem_in_go(text, found)
    except yaml.YAMLError:
        pass
    return (f"line {error.place.line}: " if error.place else "") + error.problem


def _problem_in_go(text: str, found: yaml.MarkedYAMLError) -> str:
    problem, context, mark = str(found.problem), str(found.context), found.problem_mark
    if problem.startswith("expected <block end>"):
        return "did not find expected '-' indicator" if "collection" in context else "did not find expected key"
    if problem.startswith("found character '\\t'") and mark is not None:
        before = text.split("\n")[mark.line][: mark.column]
        above = text.split("\n")[: mark.line]
        is_behind_a_word = bool(above) and bool(_ENDS_IN_A_WORD.search(above[-1])) and not before.strip() and before
        return "found a tab character that violates indentation" if is_behind_a_word else _NO_TOKEN
    return _NO_TOKEN if problem.endswith("that cannot start any token") else _IN_GO.get(problem, problem)


_NO_TOKEN = "found character that cannot start any token"
_ENDS_IN_A_WORD = re.compile(r"(?:^|[:-] )\s*[^\s#'\"{\[|>&*!][^#]*[^\s:]$")  # which might go on in the next line


def value_of(text: str) -> Any:
    """The one value that a text holds, as JSON or YAML. Raises ValueError with the reader's words."""
    try:
        found = read(text, "the text").documents
    except ManifestError as error:
        raise ValueError(error.problem) from None
    return found[0].value if found else None
