"""nginx's configuration, as far as the stand-in follows it: servers, locations, files, `return`, `proxy_pass`.

Source: nginx.org, "Core functionality" and ngx_http_core_module. What it does not know is read and left aside.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache

_TOKEN = re.compile(
    r"""\s+|\#[^\n]*|(?P<brace>[{};])|(?P<quoted>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')|(?P<word>(?:\$\{\w+\}|[^\s;{}"'])+)"""
)
_INCLUDES_AT_MOST = 20


class ConfigError(Exception):
    """What `nginx -t` would say, without its level."""


@dataclass(frozen=True)
class Directive:
    """`name arguments;` or `name arguments { block }`, with the place it stands in."""

    name: str
    arguments: tuple[str, ...]
    block: tuple[Directive, ...]
    where: str


@dataclass
class Location:
    """`modifier` is "", "=", "^~", "~" or "~*"; the first of `directives` of a name counts."""

    modifier: str
    path: str
    directives: tuple[Directive, ...] = ()


@dataclass
class ServerBlock:
    ports: tuple[int, ...]
    names: tuple[str, ...]
    directives: tuple[Directive, ...]
    locations: list[Location] = field(default_factory=list)


@dataclass
class Config:
    servers: list[ServerBlock]
    upstreams: dict[str, list[str]]  # name → host:port


def first(directives: tuple[Directive, ...], name: str) -> Directive | None:
    return next((each for each in directives if each.name == name), None)


def read_config(read: Callable[[str], str], names: Callable[[str], list[str]], path: str) -> Config:
    """The configuration in a file and those it includes. `names` lists a directory. Raises ConfigError, OSError."""
    directives = tuple(_expanded(_parse(read(path), path), read, names, 0))
    http = first(directives, "http")
    inside = http.block if http is not None else directives
    upstreams = {
        each.arguments[0]: [
            server.arguments[0] for server in each.block if server.name == "server" and server.arguments
        ]
        for each in inside
        if each.name == "upstream" and each.arguments
    }
    outer = tuple(each for each in inside if each.name in ("root", "index", "autoindex"))
    return Config([_server(each, outer) for each in inside if each.name == "server" and each.block], upstreams)


def _server(directive: Directive, outer: tuple[Directive, ...]) -> ServerBlock:
    block = directive.block
    ports = tuple(dict.fromkeys(_port(each) for each in block if each.name == "listen" and each.arguments))
    names = tuple(name for each in block if each.name == "server_name" for name in each.arguments)
    own = tuple(each for each in block if each.name != "location")
    locations = []
    for each in block:
        if each.name == "location" and each.arguments:
            modifier, path = each.arguments if len(each.arguments) == 2 else ("", each.arguments[0])
            locations.append(Location(modifier, path, (*each.block, *own, *outer)))
    return ServerBlock(ports or (80,), names, (*own, *outer), locations)


def _port(directive: Directive) -> int:
    text = directive.arguments[0].rpartition(":")[2]
    if text.isdigit() and 0 < int(text) < 65536:
        return int(text)
    if ":" not in directive.arguments[0] and not text.isdigit():
        return 80  # an address alone
    raise ConfigError(f'invalid port in "{directive.arguments[0]}" of the "listen" directive in {directive.where}')


def _expanded(
    directives: tuple[Directive, ...], read: Callable[[str], str], names: Callable[[str], list[str]], depth: int
) -> Iterator[Directive]:
    if depth > _INCLUDES_AT_MOST:
        raise ConfigError("too many includes")
    for each in directives:
        if each.name == "include" and each.arguments:
            for path in _matching(each.arguments[0], names):
                yield from _expanded(_parse(read(path), path), read, names, depth + 1)
        elif not each.block:
            yield each
        else:
            block = tuple(_expanded(each.block, read, names, depth))
            yield each if block == each.block else Directive(each.name, each.arguments, block, each.where)


def _matching(pattern: str, names: Callable[[str], list[str]]) -> list[str]:
    path = pattern if pattern.startswith("/") else f"/etc/nginx/{pattern}"
    folder, _, last = path.rpartition("/")
    if not any(each in last for each in "*?["):
        return [] if last == "mime.types" else [path]
    return [f"{folder}/{name}" for name in sorted(names(folder)) if fnmatch.fnmatchcase(name, last)]


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", lambda match: {"n": "\n", "r": "\r", "t": "\t"}.get(match[1], match[1]), text)


@lru_cache(maxsize=32)  # a hundred Pods share the file of their image, and what was understood of it
def _parse(text: str, path: str) -> tuple[Directive, ...]:
    """Raises ConfigError in nginx's words."""
    blocks: list[tuple[list[Directive], tuple[list[str], int] | None]] = [([], None)]
    words: list[str] = []
    line = started = 1
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise ConfigError(f'unexpected end of file, expecting ";" or "}}" in {path}:{line}')
        if brace := match["brace"]:
            if brace == "}":
                if words:
                    raise ConfigError(f'unexpected "}}" in {path}:{line}')
                if blocks[-1][1] is None:
                    raise ConfigError(f'unexpected "}}" in {path}:{line}')
                inner, opened = blocks.pop()
                assert opened is not None
                (name, *arguments), opened_at = opened
                blocks[-1][0].append(Directive(name, tuple(arguments), tuple(inner), f"{path}:{opened_at}"))
            elif not words:
                raise ConfigError(f'unexpected "{brace}" in {path}:{line}')
            elif brace == "{":
                blocks.append(([], (words, started)))
                words = []
            else:
                blocks[-1][0].append(Directive(words[0], tuple(words[1:]), (), f"{path}:{started}"))
                words = []
        elif match["quoted"] or match["word"]:
            if not words:
                started = line
            quoted = match["quoted"]
            words.append(_unescaped(quoted[1:-1]) if quoted else match["word"])
        line += text.count("\n", at, match.end())
        at = match.end()
    if words:
        raise ConfigError(f'unexpected end of file, expecting ";" or "}}" in {path}:{line}')
    if len(blocks) > 1:
        raise ConfigError(f'unexpected end of file, expecting "}}" in {path}:{line}')
    return tuple(blocks[0][0])


def server_for(config: Config, port: int, host: str) -> ServerBlock | None:
    """By port, then by name; the first one is the default."""
    listening = [each for each in config.servers if port in each.ports]
    wanted = host.rpartition(":")[0] or host
    return next((each for each in listening if wanted in each.names), listening[0] if listening else None)


def location_for(server: ServerBlock, path: str) -> Location:
    """nginx's order: exact, longest prefix if `^~`, the first expression that matches, longest prefix."""
    longest = Location("", "", server.directives)
    for each in server.locations:
        if each.modifier == "=" and each.path == path:
            return each
        if each.modifier in ("", "^~") and path.startswith(each.path) and len(each.path) > len(longest.path):
            longest = each
    if longest.modifier != "^~":
        for each in server.locations:
            if each.modifier in ("~", "~*"):
                try:
                    found = re.search(each.path, path, re.IGNORECASE if each.modifier == "~*" else 0)
                except re.error:
                    continue
                if found:
                    return each
    return longest
