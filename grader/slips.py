"""One slip of the pen that costs everything: found, mended, and the rest of the answer tried without it.

`kind: StatefulSte` or a label with two letters swapped keeps every check from having anything to look at. Where an
answer would get nothing, each word of it that is nearly one of the task's words is taken for a slip of that word, and
the answer is tried once more with it mended. Where something holds as it is, only a word counts for a slip that the API
server refuses wherever it stands. A check that holds only without the slip counts half: points fall with what is wrong.
"""

from __future__ import annotations

import copy
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from grader.answer import Answer
from grader.tasks import Task
from statelab.controlplane.kinds import KINDS
from statelab.manifest import Item, ManifestError
from statelab.reader import Path_
from statelab.reader.errors import Finding
from statelab.reader.spelling import nearest

_MOST_TRIED = 4
_MOST_NEAR = 3
_MOST_LEAVES = 400
_WORD = re.compile(r"[/A-Za-z0-9][A-Za-z0-9./:_-]*[A-Za-z0-9]")
# Of another object that is not there: the API server takes what names it, and what follows from it is looked at.
_MISSING = re.compile(r"there is no (?!kind\b)")
_MEANT = re.compile(r'has "(\w+)"\. Did you mean that|Did you mean (?:apiVersion: )?([\w./]+)\?')
# What manifests say in tasks of all kinds, and no task's words have to say.
_ALWAYS = (
    *("None", "Retain", "Delete", "Parallel", "OrderedReady", "RollingUpdate", "OnDelete", "WaitForFirstConsumer"),
    *("Forbid", "Allow", "Replace", "Never", "OnFailure", "Always", "AlwaysAllow", "IfHealthyBudget", "Namespaced"),
    *("metadata.name", "metadata.namespace", "metadata.uid", "status.podIP"),
    *("ReadWriteOnce", "ReadWriteMany", "ReadOnlyMany", "ReadWriteOncePod", "ClusterIP", "TCP", "In", "1Gi", "5Gi"),
    *("registry.k8s.io/nginx-slim:0.24", "nginx:1.27", "redis:7", "busybox:1.36", "sh", "redis-cli", "ping"),
    *("rancher.io/local-path", "kubernetes.io/hostname", "kind-worker", "kind-worker2"),
)


@dataclass(frozen=True, slots=True)
class Slip:
    """A word of an answer that is nearly another: where it stands, and what it was meant to be."""

    item: int
    path: Path_
    written: str
    meant: str
    line: int | None
    is_key: bool = False
    is_refused: bool = False  # the API server knows no such word, here or anywhere else in the answer


def slips(task: Task, answer: Answer, findings: Iterable[Finding], *, only_refused: bool = False) -> list[Slip]:
    """The words that may be slips, the likeliest first: each but once. Empty for what is no manifest.

    `only_refused`: only those that the API server refuses. What the task itself gave to be repaired is no slip.
    """
    try:
        items = answer.items
    except ManifestError:
        return []
    given = set(_WORD.findall(task.start))
    told = [each for each in _misspelt_fields(items, findings) if each.written not in given]
    found = list({(each.written, each.meant, each.is_key): each for each in reversed(told)}.values())[::-1]
    if only_refused:
        return [each for each in found if each.is_refused][:_MOST_TRIED]
    leaves = [(number, path, value) for number, item in enumerate(items) for path, value in _strings(item.object)]
    if len(leaves) > _MOST_LEAVES:
        return []
    often = Counter(value for _, _, value in leaves)
    known = _words_of(task) | {value for value, times in often.items() if times > 1}
    names = {value for _, path, value in leaves if path[-1] == "name"}
    for words in (known, names):  # a mount and its volume are called as the learner likes, and both alike
        for number, path, value in leaves:
            if value in known or (words is names and path[-1] != "name"):
                continue
            for meant in _near(value, words - {value}):
                found.append(Slip(number, path, value, meant, items[number].place(path).line))
    return found[:_MOST_TRIED]


def _near(word: str, words: set[str]) -> list[str]:
    """The nearest, and those that are as near: `ordesr` is order, or orders; `catalosg` Catalog, catalog, catalogs."""
    found: list[str] = []
    for _ in range(_MOST_NEAR):
        first = nearest(word, sorted(words.difference(found)))
        if first is None:
            break
        found.append(first)
    return found


def mended(answer: Answer, slip: Slip) -> Answer:
    """The same answer with this one word as it was meant; its other lines stand where they stood."""
    items = list(answer.items)
    for number, item in enumerate(items):
        is_alike = slip.is_refused and (slip.path[-1] != "apiVersion" or item.kind == items[slip.item].kind)
        if number != slip.item and not is_alike:
            continue
        obj = copy.deepcopy(item.object)
        if slip.is_refused:
            _mend_all(obj, slip)
        else:
            holder: Any = obj
            for each in slip.path[:-1]:
                holder = holder[each]
            holder[slip.path[-1]] = slip.meant
        items[number] = Item(obj, item.document, item.path)
    other = Answer(answer.texts, answer.sources)
    other.__dict__["items"] = tuple(items)
    return other


def _mend_all(value: Any, slip: Slip) -> None:
    """Wherever the same word stands for the same thing, it was meant alike."""
    for each in list(value.values()) if isinstance(value, dict) else value:
        if isinstance(each, (dict, list)):
            _mend_all(each, slip)
    if not isinstance(value, dict):
        return
    if slip.is_key and slip.written in value and slip.meant not in value:
        value[slip.meant] = value.pop(slip.written)
    elif not slip.is_key and value.get(str(slip.path[-1])) == slip.written:
        value[str(slip.path[-1])] = slip.meant


def _misspelt_fields(items: tuple[Item, ...], findings: Iterable[Finding]) -> Iterator[Slip]:
    for finding in findings:
        meant = _MEANT.search(finding.advice)
        if meant is None or not finding.path or not isinstance(finding.path[-1], str):
            continue
        word = meant[1] or meant[2]
        for number, item in enumerate(items):
            holder: Any = item.object
            for each in finding.path[:-1]:
                holder = holder[each] if _has(holder, each) else None
            at_line = finding.place.line if finding.place else None
            if not isinstance(holder, dict) or finding.path[-1] not in holder:
                continue
            if item.place(finding.path).line != at_line:
                continue
            written = holder[finding.path[-1]]
            named = (f'"{written}"', f"{written} has no kind")
            if isinstance(written, str) and any(each in finding.problem for each in named):
                is_refused = not _MISSING.match(finding.problem)
                yield Slip(number, finding.path, written, word, at_line, is_refused=is_refused)
            elif word not in holder:
                yield Slip(number, finding.path, finding.path[-1], word, at_line, is_key=True, is_refused=True)


def _has(holder: Any, key: str | int) -> bool:
    if isinstance(holder, dict):
        return key in holder
    return isinstance(holder, list) and isinstance(key, int) and key < len(holder)


def _strings(value: Any, path: Path_ = ()) -> Iterator[tuple[Path_, str]]:
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _strings(each, (*path, str(key)))
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from _strings(each, (*path, number))
    elif isinstance(value, str) and 1 < len(value) <= 80:
        yield path, value


def _words_of(task: Task) -> set[str]:
    """What the task itself says: in its sentences and hints, in what is given and in what the cell held."""
    said = [task.about, task.given, task.start, *task.hints]
    said += [text for check in task.checks if not check.hidden for text in (check.title, *check.hints)]
    words = {word for text in said for word in _WORD.findall(text)}
    words |= {part for word in words for part in re.split(r"[:.]", word) if len(part) > 1}
    words |= {each.name for each in KINDS.values()} | {each.api_version for each in KINDS.values()}
    return words | set(_ALWAYS)
