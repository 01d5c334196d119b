"""What an image is. How it is named stands in image_names.py."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from statelab.controlplane.image_names import Reference
from statelab.controlplane.runtime.programs import Program

# Words that somebody writes into a tag that is meant not to exist.
_IMPOSSIBLE = re.compile(
    r"no-?such|not-?exist|non-?exist|does-?not|doesn-?t|invalid|broken|typo|wrong|missing|unknown|fake|bogus|nope|bad-?tag|"
    r"^bad$|^404$|imaginary|fail|error|xxx",
    re.IGNORECASE,
)


def numbered(*majors: str, words: str = "") -> Callable[[str], bool]:
    """Tags that exist: latest, versions that start with one of `majors`, and the `words` (separated by spaces) alone
    or after.
    """
    named = set(words.split())

    def exists(tag: str) -> bool:
        if tag == "latest" or tag in named:
            return True
        head, _, rest = tag.partition("-")
        numbers = head.removeprefix("v").split(".")
        plausible = all(each.isdigit() for each in numbers) and len(numbers) <= 4
        return plausible and numbers[0] in majors and all(part[:1].isalnum() for part in rest.split("-") if rest)

    return exists


def plausible(tag: str) -> bool:
    """Whether a tag of an image we do not know may exist: anything that does not say that it does not."""
    return _IMPOSSIBLE.search(tag) is None


@dataclass(frozen=True)
class Image:
    """`files`: the image's own files by path, given the tag. `programs`: servers of it, by the name they are called by.
    `tag_exists`: whether a tag can be pulled. `simulated`: it is a stand-in and says so; `runs_arguments`: it is
    known to have no entrypoint, so that a Pod's `args` alone are what it runs.
    """

    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    working_dir: str = "/"
    user: int = 0
    files: Callable[[str], Mapping[str, str | bytes]] = lambda tag: {}
    directories: tuple[str, ...] = ()
    programs: Mapping[str, Program] = field(default_factory=dict)
    commands: frozenset[str] | None = None  # of the common applets, those it has; None: all
    tag_exists: Callable[[str], bool] = plausible
    size_bytes: int = 0
    simulated: bool = False
    runs_arguments: bool = False


def image_id(reference: Reference) -> str:
    return reference.digest or "sha256:" + hashlib.sha256(reference.full.encode()).hexdigest()
