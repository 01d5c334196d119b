"""Caddy: serves a folder or a text, as its Caddyfile or its command line says. Source: caddyserver.com/docs.

What is read of a Caddyfile: an address, `root`, `file_server`, `respond`, `encode` and `log`; another directive is
refused, as an unknown one is by the real Caddy.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from statelab.controlplane.runtime.http import HttpRequest, HttpResponse, Respond, serve
from statelab.controlplane.runtime.images.file_server import Folder, page
from statelab.controlplane.runtime.images.image import Image, numbered
from statelab.controlplane.runtime.programs import Task

_CADDYFILE = "/etc/caddy/Caddyfile"
_DEFAULT = """# The Caddyfile is an easy way to configure your Caddy web server.
:80 {
\troot * /usr/share/caddy
\tfile_server
}
"""
_WELCOME = (
    "<!DOCTYPE html>\n<html>\n<head><title>Caddy works!</title></head>\n<body><h1>Caddy works!</h1></body></html>\n"
)
_STOPS_AFTER_S = 0.05


@dataclass(slots=True)
class _Site:
    """What is answered at `port`: a text with its status, or the files below `root`."""

    port: int = 80
    root: str = "/srv"
    text: str | None = None
    status: int = 200
    has_files: bool = False


class _Refused(Exception):
    """A configuration that Caddy would not start with; its text says where and why."""


def caddy(task: Task) -> None:
    """`caddy run --config FILE`, `caddy file-server`, `caddy respond`, `caddy version`."""
    verb, words = (task.argv[0], task.argv[1:]) if task.argv else ("", ())
    if verb in ("version", "--version", "-v"):
        task.write("v2.10.2\n")
        task.finish(0)
        return
    try:
        if verb in ("run", "start"):
            config = task.path(_option(words, "-c", "--config") or _CADDYFILE)
            if not task.files.exists(config):
                raise _Refused(f"reading config from file: open {config}: no such file or directory")
            site = _read(task.files.read(config).decode("utf-8", "replace"))
        elif verb == "file-server":
            site = _Site(has_files=True, root=_option(words, "-r", "--root") or task.cwd)
            site.port = _port(_option(words, "-l", "--listen") or ":80")
        elif verb == "respond":
            site = _Site(text=_option(words, "-b", "--body") or next((each for each in words if " " in each), ""))
            site.port = _port(_option(words, "-l", "--listen") or ":80")
            site.status = int(_option(words, "-s", "--status") or 200)
        else:
            raise _Refused(f'unknown command "{verb}" for "caddy"')
    except (_Refused, ValueError) as error:
        task.fail(f"Error: {error}\n")
        return
    _serve(task, site)


def _serve(task: Task, site: _Site) -> None:
    folder = Folder(task.path(site.root), site.port, lists=False, server="Caddy")

    def answer(request: HttpRequest, respond: Respond) -> None:
        if site.text is not None:
            respond(HttpResponse(site.status, site.text.encode(), {"Server": "Caddy"}))
        else:
            respond(page(task, folder, request) if site.has_files else HttpResponse(200, b"", {"Server": "Caddy"}))

    def signal(name: str) -> None:
        if name in ("TERM", "INT"):
            task.after(_STOPS_AFTER_S, lambda: task.finish(0))

    try:
        task.network.listen(task.ip, site.port, lambda connection: serve(connection, answer))
    except OSError:
        task.fail(f"Error: loading initial config: listening on :{site.port}: bind: address already in use\n")
        return
    task.on_end = lambda: task.network.unlisten(task.ip, site.port)
    task.on_signal = signal
    task.error(f'{{"level":"info","msg":"serving initial configuration","port":{site.port}}}\n')


def _read(text: str) -> _Site:
    """One site of a Caddyfile. Raises _Refused."""
    site, depth, has_address = _Site(), 0, False
    for number, line in enumerate(text[:100_000].splitlines(), 1):
        try:
            words = shlex.split(line, comments=True)
        except ValueError:
            raise _Refused(f"Caddyfile:{number}: a quote is opened and not closed") from None
        opens = words[-1:] == ["{"]
        words = words[: len(words) - opens]
        if words == ["}"]:
            depth -= 1
        elif words and not has_address:
            site.port, has_address = _port(words[0].rstrip(",")), True
        elif words and depth <= 1:
            _directive(site, words, number)
        depth += opens
    return site


def _directive(site: _Site, words: Sequence[str], number: int) -> None:
    name, values = words[0], [each for each in words[1:] if each != "*" and not each.startswith("/*")]
    if name == "root" and values:
        site.root = values[-1]
    elif name == "file_server":
        site.has_files = True
    elif name == "respond" and values:
        is_status = len(values) == 1 and values[0].isdigit()
        site.text = "" if is_status else values[0]
        site.status = int(values[-1]) if values[-1].isdigit() else 200
    elif name not in ("encode", "log"):
        raise _Refused(f"adapting config using caddyfile: Caddyfile:{number}: unrecognized directive: {name}")


def _port(address: str) -> int:
    """Raises _Refused for what is no address."""
    port = address.rstrip("/").rpartition(":")[2]
    if address.startswith("http://") and not port.isdigit():
        return 80
    if not port.isdigit():
        raise _Refused(f"{address}: only addresses with a port, such as :80, are served here")
    return int(port)


def _option(words: Sequence[str], *names: str) -> str:
    for number, word in enumerate(words):
        name, equals, value = word.partition("=")
        if name in names:
            return value if equals else "".join(words[number + 1 : number + 2])
    return ""


IMAGE = Image(
    command=("caddy", "run", "--config", _CADDYFILE, "--adapter", "caddyfile"),
    working_dir="/srv",
    files=lambda tag: {_CADDYFILE: _DEFAULT, "/usr/share/caddy/index.html": _WELCOME},
    directories=("/srv", "/data", "/config"),
    programs={"caddy": caddy},
    tag_exists=numbered("2", words="alpine builder"),
    size_bytes=52_000_000,
)
