"""wget, as busybox has it, in its own words."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from statelab.controlplane.runtime.applets.resolver import address_of
from statelab.controlplane.runtime.applets.system import duration_s
from statelab.controlplane.runtime.applets.urls import NO_TLS, TRANSFER_S, parse_url
from statelab.controlplane.runtime.http import HttpResponse, request
from statelab.controlplane.runtime.network import NetworkError
from statelab.controlplane.runtime.programs import Program, Task
from statelab.controlplane.runtime.shell.tools.common import Options

_USAGE = """\
BusyBox v1.36.1 multi-call binary.

Usage: wget [-cqS] [--spider] [-O FILE] [-o LOGFILE] [--header STR]
\t[--post-data STR | --post-file FILE] [-Y on/off]
\t[--no-check-certificate] [-P DIR] [-U AGENT] [-T SEC] URL...

Retrieve files via HTTP or FTP
"""
_SPIDER, _UNCHECKED, _HEADER, _POST, _POST_FILE = "12345"  # long options without a letter of their own
_LONG = {
    "quiet": "q", "server-response": "S", "continue": "c", "spider": _SPIDER, "no-check-certificate": _UNCHECKED,
    "output-document": "O", "output-file": "o", "directory-prefix": "P", "user-agent": "U", "timeout": "T",
    "tries": "t", "proxy": "Y", "header": _HEADER, "post-data": _POST, "post-file": _POST_FILE,
}  # fmt: skip
_REDIRECTS = 20


@dataclass(slots=True)
class _Wish:
    """The line of one wget. `output`: -O, `log`: -o, where the words go that are not the answer."""

    urls: list[str]
    quiet: bool
    spider: bool
    show: bool
    output: str
    log: str
    folder: str
    timeout_s: float | None
    headers: dict[str, str]
    body: bytes


def wget(task: Task) -> None:
    """busybox's wget: `-q`, `-O FILE`, `-P DIR`, `-o LOG`, `-T SECONDS`, `--spider`, `-S`, `--header` …"""
    try:
        given = Options(list(task.argv), f"cqS{_SPIDER}{_UNCHECKED}", f"OoPUTtY{_HEADER}{_POST}{_POST_FILE}", _LONG)
    except ValueError as problem:
        task.fail(f"wget: {problem}\n{_USAGE}")
        return
    if not given.operands:
        task.fail(_USAGE)
        return
    body = given.value(_POST).encode()
    if file := given.value(_POST_FILE):
        try:
            body = task.files.read(task.path(file))
        except OSError as error:
            task.fail(f"wget: can't open '{file}': {error.strerror}\n")
            return
    headers = {"User-Agent": given.value("U") or "Wget"}
    for each in given.values.get(_HEADER, []):
        key, _, value = each.partition(":")
        headers[key.strip()] = value.strip()
    if body:
        headers.setdefault("Content-Type", "application/x-www-form-urlencoded")
    wish = _Wish(
        given.operands, "q" in given, _SPIDER in given, "S" in given, given.value("O"), given.value("o"),
        given.value("P"), duration_s(given.value("T")) if given.value("T") else 900.0, headers, body,
    )  # fmt: skip
    _fetch(task, wish, wish.urls.pop(0))


def _say(task: Task, wish: _Wish, text: str) -> None:
    if wish.quiet:
        return
    if wish.log:
        where = task.path(wish.log)
        try:
            before = task.files.read(where)
        except OSError:
            before = b""
        task.files.write(where, before + text.encode())
    else:
        task.error(text)


def _save(task: Task, wish: _Wish, target: str, data: bytes) -> str:
    """The name under which it lies now. Raises OSError."""
    if wish.output:
        _put(task, wish.output, data)
        return wish.output
    name = target.partition("?")[0].rpartition("/")[2] or "index.html"
    path = f"{wish.folder.rstrip('/')}/{name}" if wish.folder else name
    if task.files.exists(task.path(path)):
        raise FileExistsError(errno.EEXIST, "File exists", path)
    _put(task, path, data)
    return path


def _put(task: Task, path: str, data: bytes) -> None:
    where = task.path(path)
    if not task.files.is_directory(where.rpartition("/")[0] or "/"):
        raise FileNotFoundError(errno.ENOENT, "No such file or directory", path)
    if where != "/dev/null":
        task.files.write(where, data)


def _fetch(task: Task, wish: _Wish, text: str, redirects: int = 0) -> None:
    url = parse_url(text)
    if url is None or url.scheme not in ("http", "https"):
        task.fail(f"wget: not an http or ftp url: {text}\n")
        return
    address = address_of(task, url.host)
    if address is None:
        task.fail(f"wget: bad address '{url.host}'\n")
        return
    shown = url.host if url.port == (443 if url.scheme == "https" else 80) else f"{url.host}:{url.port}"
    if not redirects:
        _say(task, wish, f"Connecting to {shown} ({address}:{url.port})\n")
    if url.scheme == "https":
        with suppress(NetworkError):  # connecting tells why
            if task.network.secured(task.ip, address, url.port) is None:
                task.fail(f"wget: {NO_TLS}\n")
                return
        task.error("wget: note: TLS certificate validation not implemented\n")

    def done(outcome: HttpResponse | NetworkError) -> None:
        if isinstance(outcome, NetworkError):
            if outcome.reason == "timed out":
                task.fail("wget: download timed out\n")
            elif outcome.reason in ("connection reset by peer", "malformed HTTP response"):
                task.fail("wget: error getting response: Connection reset by peer\n")
            else:
                words = {"connection refused": "Connection refused", "no route to host": "No route to host"}
                task.fail(
                    f"wget: can't connect to remote host ({address}): {words.get(outcome.reason, outcome.reason)}\n"
                )
            return
        task.after(TRANSFER_S, lambda: finish(outcome))

    def finish(response: HttpResponse) -> None:
        location = response.headers.get("location")
        if location and 300 <= response.status < 400 and redirects < _REDIRECTS:
            following = location if "://" in location else f"{url.scheme}://{shown}{location}"
            _fetch(task, wish, following, redirects + 1)
            return
        if wish.show:
            lines = (f"HTTP/1.1 {response.status} {response.reason}", *map(": ".join, _titled(response)), "")
            task.error("".join(f"  {each}\n" for each in lines))
        if response.status >= 400:
            task.fail(f"wget: server returned error: HTTP/1.1 {response.status} {response.reason}\n")
            return
        if wish.spider:
            _say(task, wish, "remote file exists\n")
        elif wish.output == "-":
            _say(task, wish, "writing to stdout\n")
            task.write(response.body)
            _say(task, wish, f"{_bar('-', response)}written to stdout\n")
        else:
            try:
                path = _save(task, wish, url.target, response.body)
            except OSError as error:
                name = wish.output or error.filename
                task.fail(f"wget: can't open '{name}': {error.strerror}\n")
                return
            _say(task, wish, f"saving to '{path}'\n{_bar(path, response)}'{path}' saved\n")
        if wish.urls:
            _fetch(task, wish, wish.urls.pop(0))
        else:
            task.finish(0)

    method = "POST" if wish.body else "HEAD" if wish.spider else "GET"
    request(
        task.network, task.ip, address, url.port, url.target, done, method=method, body=wish.body,
        headers={**wish.headers, "Host": shown}, timeout_s=wish.timeout_s, tls=url.scheme == "https",
    )  # fmt: skip


def _titled(response: HttpResponse) -> list[tuple[str, str]]:
    return [(name.title(), value) for name, value in response.headers.items()]


def _bar(name: str, response: HttpResponse) -> str:
    return f"{name.rpartition('/')[2][:20]:<21}100% |{'*' * 32}| {len(response.body):5d}  0:00:00 ETA\n"


APPLETS: Mapping[str, Program] = {"wget": wget}
