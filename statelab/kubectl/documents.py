"""The documents of a text, YAML or JSON, read within bounds; what cannot be read in kubectl's words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from statelab.reader import ManifestError, read


def documents(text: str, source: str) -> Iterator[Any]:
    """The value of each document; an Exception, and the end, where one cannot be read."""
    from statelab.kubectl.problems import Fail

    try:
        found = read(text, source).documents
    except ManifestError as error:
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
        problem = str(found.problem)
        return (f"line {line}: " if line else "") + _IN_GO.get(problem, problem)
    except yaml.YAMLError:
        pass
    return (f"line {error.place.line}: " if error.place else "") + error.problem


def value_of(text: str) -> Any:
    """The one value that a text holds, as JSON or YAML. Raises ValueError with the reader's words."""
    try:
        found = read(text, "the text").documents
    except ManifestError as error:
        raise ValueError(error.problem) from None
    return found[0].value if found else None
