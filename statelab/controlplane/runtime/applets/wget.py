"""wget, as busybox has it, in its own words."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from statelab.controlplane.runtime.applets.resolver import address_of
from statelab.controlplane.runtime.applets.system import duration_s
from statelab.controlplane.runtime.applets.urls import NO_TLS, TRANSFER_S, parse_url
from statelab.controlplane.runtime.http import HttpResponse, request
from statelab.controlplane.runtime.network import NetworkError
from statelab.controlplane.runtime.programs import Program, Task


def wget(task: Task) -> None:
    """busybox's wget: `-q`, `-O FILE`, `-T SECONDS`, `--spider`, `-S`, `--header`, `--post-data`."""
    quiet = spider = show = False
    output: str | None = None
    timeout_s: float | None = 900.0
    headers = {"User-Agent": "Wget"}
    body = b""
    urls: list[str] = []
    waiting = list(task.argv)
    while waiting:
        word = waiting.pop(0)
        name, equals, value = word.partition("=")
        if word in ("--quiet", "--spider", "--server-response", "--no-check-certificate", "--continue"):
            quiet, spider, show = (
                quiet or word == "--quiet",
                spider or word == "--spider",
                show or word == "--server-response",
            )
        elif name in ("--output-document", "--timeout", "--header", "--post-data", "--tries", "--user-agent"):
            value = value if equals else (waiting.pop(0) if waiting else "")
            if name == "--output-document":
                output = value
            elif name == "--timeout":
                timeout_s = duration_s(value)
            elif name == "--post-data":
                body = value.encode()
            elif name in ("--header", "--user-agent"):
                key, _, rest = (value if name == "--header" else f"User-Agent:{value}").partition(":")
                headers[key.strip()] = rest.strip()
        elif word.startswith("-") and len(word) > 1:
            for at, letter in enumerate(word[1:], 1):
                if letter in "OTtPUYo":
                    value = word[at + 1 :] or (waiting.pop(0) if waiting else "")
                    if letter == "O":
                        output = value
                    elif letter == "T":
                        timeout_s = duration_s(value)
                    break
                quiet, show = quiet or letter == "q", show or letter == "S"
        else:
            urls.append(word)
    if not urls:
        task.fail("BusyBox v1.36.1 multi-call binary.\n\nUsage: wget [-cqS] [--spider] [-O FILE] [-T SEC] URL...\n")
        return
    _fetch(task, urls[0], quiet, spider, show, output, timeout_s, headers, body, 0)


def _fetch(
    task: Task, text: str, quiet: bool, spider: bool, show: bool, output: str | None, timeout_s: float | None,
    headers: dict[str, str], body: bytes, redirects: int,
) -> None:  # fmt: skip
    url = parse_url(text)
    if url is None or url.scheme not in ("http", "https"):
        task.fail(f"wget: not an http or ftp url: {text}\n")
        return
    address = address_of(task, url.host)
    if address is None:
        task.fail(f"wget: bad address '{url.host}'\n")
        return
    shown = url.host if url.port == (443 if url.scheme == "https" else 80) else f"{url.host}:{url.port}"
    if not quiet:
        task.error(f"Connecting to {shown} ({address}:{url.port})\n")
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
        if location and 300 <= response.status < 400 and redirects < 20:
            following = location if "://" in location else f"{url.scheme}://{shown}{location}"
            _fetch(task, following, quiet, spider, show, output, timeout_s, headers, body, redirects + 1)
            return
        if show:
            task.error(f"  HTTP/1.1 {response.status} {response.reason}\n")
            task.error("".join(f"  {name.title()}: {value}\n" for name, value in response.headers.items()))
        if response.status >= 400:
            task.fail(f"wget: server returned error: HTTP/1.1 {response.status} {response.reason}\n")
            return
        if spider:
            if not quiet:
                task.error("remote file exists\n")
        elif output == "-":
            if not quiet:
                task.error("writing to stdout\n")
            task.write(response.body)
            if not quiet:
                task.error(f"{'-':<21}100% |{'*' * 32}| {len(response.body):5d}  0:00:00 ETA\nwritten to stdout\n")
        else:
            path = output or (url.target.partition("?")[0].rpartition("/")[2] or "index.html")
            if not quiet:
                task.error(f"saving to '{path}'\n")
            if path != "/dev/null":
                task.files.write(task.path(path), response.body)
            if not quiet:
                task.error(f"{path[:20]:<21}100% |{'*' * 32}| {len(response.body):5d}  0:00:00 ETA\n'{path}' saved\n")
        task.finish(0)

    headers = {**headers, "Host": shown}
    if body:
        headers.setdefault("Content-Type", "application/x-www-form-urlencoded")
    method = "POST" if body else "HEAD" if spider else "GET"
    request(
        task.network, task.ip, address, url.port, url.target, done,
        method=method, headers=headers, body=body, timeout_s=timeout_s, tls=url.scheme == "https",
    )  # fmt: skip


APPLETS: Mapping[str, Program] = {"wget": wget}
