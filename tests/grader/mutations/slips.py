"""One slip each, made in a model answer: a field dropped, renamed, retyped, swapped; a line misindented, lost."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import yaml

Write = Callable[[], str]


def slips(text: str) -> dict[str, Write]:
    """Name of the slip → what writes the text with it: of thousands, a few are wanted."""
    return lines_slips(text) if text.lstrip().startswith("kubectl") else manifest_slips(text)


def manifest_slips(text: str) -> dict[str, Write]:
    found: dict[str, Write] = {}
    documents = list(yaml.safe_load_all(text))
    for number, document in enumerate(documents):
        for path, _, key in places(document):
            for what, change in (("drop", drop), ("rename", rename), ("retype", retype), ("swap", swap)):
                mutant = copy.deepcopy(documents)
                holder = at(mutant[number], path)
                if change(holder, key):
                    name = f"{what} {number}:{'.'.join(map(str, (*path, key)))}"
                    found[name] = partial(yaml.safe_dump_all, mutant, sort_keys=False)
    lines = text.splitlines(keepends=True)
    for number, line in enumerate(lines):
        for what, shifted in (("right", "  " + line), ("left", line[2:] if line.startswith("  ") else line)):
            if shifted != line:
                changed = [*lines[:number], shifted, *lines[number + 1 :]]
                found[f"misindent {what} {number + 1}"] = partial("".join, changed)
    return found


def lines_slips(text: str) -> dict[str, Write]:
    """Of kubectl lines: one is lost, exchanged with the next or typed twice; a word is lost or a number is another."""
    found: dict[str, Write] = {}
    lines = [each for each in text.splitlines() if each.strip() and not each.startswith("#")]

    def keep(name: str, changed: list[str]) -> None:
        found[name] = partial("\n".join, [*changed, ""])

    for number, line in enumerate(lines):
        before, after = lines[:number], lines[number + 1 :]
        keep(f"drop line {number + 1}", [*before, *after])
        keep(f"twice line {number + 1}", [*before, line, *lines[number:]])
        if after:
            keep(f"swap line {number + 1}", [*before, after[0], line, *after[1:]])
        words = line.split(" ")
        for place, word in enumerate(words[1:], 1):
            left, right = words[:place], words[place + 1 :]
            keep(f"drop word {number + 1}:{place}", [*before, " ".join([*left, *right]), *after])
            keep(f"misspell {number + 1}:{place}", [*before, " ".join([*left, f"{word}s", *right]), *after])
        for hit in re.finditer(r"\d+", line):
            for other in (int(hit[0]) + 1, int(hit[0]) - 1):
                if other >= 0:
                    mistyped = f"{line[: hit.start()]}{other}{line[hit.end() :]}"
                    keep(f"number {number + 1}:{hit.start()} {other}", [*before, mistyped, *after])
    return found


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Any, str | int]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in items:
        yield path, value, key
        yield from places(child, (*path, key))


def at(value: Any, path: tuple[str | int, ...]) -> Any:
    for step in path:
        value = value[step]
    return value


def drop(holder: Any, key: Any) -> bool:
    del holder[key]
    return True


def rename(holder: Any, key: Any) -> bool:
    if not isinstance(holder, dict):
        return False
    items = [(f"{name}s" if name == key else name, value) for name, value in holder.items()]
    holder.clear()
    holder.update(items)
    return True


def retype(holder: Any, key: Any) -> bool:
    value = holder[key]
    holder[key] = [value] if isinstance(value, str) else str(value)
    return True


def swap(holder: Any, key: Any) -> bool:
    if isinstance(holder, list):
        return False
    keys = list(holder)
    other = keys[(keys.index(key) + 1) % len(keys)]
    if other == key or type(holder[other]) is not type(holder[key]):
        return False
    holder[key], holder[other] = holder[other], holder[key]
    return True
