"""What an image is, and how it is named. Source of the names: github.com/distribution/reference."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from statelab.controlplane.runtime.programs import Program

_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_DOMAIN = r"(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*(?::[0-9]+)?"
_REFERENCE = re.compile(
    rf"^(?P<name>(?:{_DOMAIN}/)?{_COMPONENT}(?:/{_COMPONENT})*)"
    r"(?::(?P<tag>[\w][\w.-]{0,127}))?(?:@(?P<digest>[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}))?$"
)
# Words that somebody writes into a tag that is meant not to exist.
_IMPOSSIBLE = re.compile(
    r"no-?such|not-?exist|non-?exist|does-?not|doesn-?t|invalid|broken|typo|wrong|missing|unknown|fake|bogus|nope|bad-?tag|"
    r"^bad$|^404$|imaginary|fail|error|xxx",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Reference:
    """An image's name in full: `nginx` is registry docker.io, path library/nginx, tag latest."""

    registry: str
    path: str
    tag: str
    digest: str = ""

    @property
    def repository(self) -> str:
        return f"{self.registry}/{self.path}"

    @property
    def full(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        return f"{self.repository}{tag}" + (f"@{self.digest}" if self.digest else "")


def parse_reference(text: str) -> Reference:
    """Raises ValueError("invalid reference format") for what is no image name."""
    match = _REFERENCE.match(text)
    if match is None or len(match["name"]) > 255:
        raise ValueError("invalid reference format")
    first, slash, rest = match["name"].partition("/")
    if slash and ("." in first or ":" in first or first == "localhost" or first != first.lower()):
        registry, path = first, rest
    else:
        registry, path = "docker.io", match["name"]
    if registry == "index.docker.io":
        registry = "docker.io"
    if registry == "docker.io" and "/" not in path:
        path = f"library/{path}"
    if path != path.lower():
        raise ValueError("invalid reference format")
    digest = match["digest"] or ""
    return Reference(registry, path, match["tag"] or ("" if digest else "latest"), digest)


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
    """`repositories`: full names ("docker.io/library/nginx"). `also`: last parts of other names that are the same
    thing.

    `files`: the image's own files by path, given the tag. `programs`: servers of it, by the name they are called by.
    `tag_exists`: whether a tag can be pulled. `simulated`: it is a stand-in and says so.
    """

    repositories: tuple[str, ...]
    also: tuple[str, ...] = ()
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


def image_id(reference: Reference) -> str:
    return reference.digest or "sha256:" + hashlib.sha256(reference.full.encode()).hexdigest()
