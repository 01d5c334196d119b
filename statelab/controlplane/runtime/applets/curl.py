"""curl, in its own words."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from statelab.controlplane.runtime.applets.resolver import address_of
from statelab.controlplane.runtime.applets.urls import NO_TLS, TRANSFER_S, Url, parse_url
from statelab.controlplane.runtime.http import HttpResponse, request
from statelab.controlplane.runtime.network import NetworkError
from statelab.controlplane.runtime.programs import Program, Task

_FLAGS = {
    "s": "silent", "S": "show-error", "f": "fail", "I": "head", "i": "include", "L": "location", "k": "insecure",
    "v": "verbose", "G": "get", "4": "ipv4", "6": "ipv6", "O": "remote-name", "N": "no-buffer", "q": "disable",
    "g": "globoff", "#": "progress-bar",
}  # fmt: skip
_VALUED = {
    "o": "output", "w": "write-out", "X": "request", "d": "data", "H": "header", "m": "max-time", "u": "user",
    "A": "user-agent", "e": "referer", "T": "upload-file", "F": "form", "b": "cookie", "c": "cookie-jar", "x": "proxy",
}  # fmt: skip
_LONG_VALUED = {
    *_VALUED.values(), "connect-timeout", "retry", "retry-delay", "retry-max-time", "data-raw", "data-binary",
    "data-urlencode", "resolve", "max-redirs", "cacert", "cert", "key", "interface", "url", "limit-rate", "dns-servers",
}  # fmt: skip

_UNKNOWN_ISSUER = (
    "SSL certificate problem: unable to get local issuer certificate\n"
    "More details here: https://curl.se/docs/sslcerts.html\n\n"
    "curl failed to verify the legitimacy of the server and therefore could not\n"
    "establish a secure connection to it. To learn more about this situation and\n"
    "how to fix it, please visit the web page mentioned above."
)


@dataclass
class _CurlOptions:
    flags: set[str] = field(default_factory=set)
    values: dict[str, list[str]] = field(default_factory=dict)
    urls: list[str] = field(default_factory=list)
    error: str = ""

    def last(self, name: str) -> str | None:
        return self.values[name][-1] if name in self.values else None

    def number(self, *names: str) -> float | None:
        for name in names:
            text = self.last(name)
            if text is not None:
                try:
                    return float(text)
                except ValueError:
                    self.error = f"curl: option --{name}: expected a proper numerical parameter\n"
        return None


def _curl_options(argv: list[str]) -> _CurlOptions:
    options = _CurlOptions()
    waiting = list(argv)
    while waiting:
        word = waiting.pop(0)
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            if name in _LONG_VALUED:
                if not equals and not waiting:
                    options.error = f"curl: option {word}: requires parameter\n"
                    break
                options.values.setdefault(name, []).append(value if equals else waiting.pop(0))
            else:
                options.flags.add(name)
        elif word.startswith("-") and len(word) > 1:
            for at, letter in enumerate(word[1:], 1):
                if letter in _VALUED:
                    value = word[at + 1 :]
                    if not value and not waiting:
                        options.error = f"curl: option {word}: requires parameter\n"
                        break
                    options.values.setdefault(_VALUED[letter], []).append(value or waiting.pop(0))
                    break
                if letter not in _FLAGS:
                    options.error = f"curl: option {word}: is unknown\n"
                    break
                options.flags.add(_FLAGS[letter])
        else:
            options.urls.append(word)
    options.urls += options.values.get("url", [])
    return options


def curl(task: Task) -> None:
    options = _curl_options(task.argv)
    if "version" in options.flags or task.argv[:1] == ["-V"]:
        task.write("curl 7.88.1 (statelab)\nProtocols: http\n")
        task.finish(0)
    elif options.error:
        task.fail(options.error + "curl: try 'curl --help' for more information\n", 2)
    elif not options.urls:
        task.fail("curl: (2) no URL specified\n", 2)
    else:
        _Curl(task, options).start()


class _Curl:
    def __init__(self, task: Task, options: _CurlOptions) -> None:
        self.task = task
        self.options = options
        self.waiting = list(options.urls)
        self.code = 0
        self.redirects = 0
        self.retries = int(options.number("retry") or 0)
        self.started_s = task.loop.now_s
        self.streamed = 0  # bytes of the answer that were written as they came

    def start(self) -> None:
        if not self.waiting:
            self.task.finish(self.code)
            return
        self.retries = int(self.options.number("retry") or 0)
        self.redirects = 0
        self.fetch(self.waiting.pop(0))

    def fetch(self, text: str) -> None:
        self.started_s = self.task.loop.now_s
        url = parse_url(text)
        if url is None:
            self.failed(3, "URL using bad/illegal format or missing URL", text)
        elif url.scheme not in ("http", "https"):
            self.failed(1, f'Protocol "{url.scheme}" not supported or disabled in libcurl', text)
        else:
            address = self.resolved(url) or address_of(self.task, url.host)
            if address is None:
                self.failed(6, f"Could not resolve host: {url.host}", text)
            elif (problem := self.untrusted(url, address)) is not None:
                self.failed(*problem, text)
            else:
                self.connect(text, url, address)

    def untrusted(self, url: Url, address: str) -> tuple[int, str] | None:
        """What curl finds wrong with a server's certificate before it sends anything: its exit code and words."""
        if url.scheme != "https":
            return None
        authority = self.options.last("cacert")
        trusted = b""
        if authority is not None and "insecure" not in self.options.flags:
            try:
                trusted = self.task.files.read(self.task.path(authority))
            except OSError:
                return 77, f"error setting certificate file: {authority}"
        try:
            secured = self.task.network.secured(self.task.ip, address, url.port)
        except NetworkError:
            return None  # connecting tells why
        if secured is None:
            return 35, NO_TLS
        if "insecure" in self.options.flags:
            return None
        if secured.authority.strip().encode() not in trusted:
            return 60, _UNKNOWN_ISSUER
        if url.host not in secured.names:
            return 60, f"SSL: no alternative certificate subject name matches target host name '{url.host}'"
        return None

    def resolved(self, url: Url) -> str | None:
        for each in self.options.values.get("resolve", []):
            host, _, rest = each.partition(":")
            port, _, address = rest.partition(":")
            if host == url.host and port == str(url.port):
                return address
        return None

    def connect(self, text: str, url: Url, address: str) -> None:
        options = self.options
        headers = {"User-Agent": options.last("user-agent") or "curl/7.88.1", "Accept": "*/*"}
        for line in options.values.get("header", []):
            name, _, value = line.partition(":")
            headers[name.strip()] = value.strip()
        body, method = self.body_and_method(url, headers)
        if (user := options.last("user")) is not None:
            headers["Authorization"] = "Basic " + base64.b64encode(user.encode()).decode()
        usual = 443 if url.scheme == "https" else 80
        headers.setdefault("Host", url.host if url.port == usual else f"{url.host}:{url.port}")
        if "verbose" in options.flags:
            self.task.error(
                f"*   Trying {address}:{url.port}...\n* Connected to {url.host} ({address}) port {url.port} (#0)\n"
            )
            self.task.error(
                f"> {method} {url.target} HTTP/1.1\n" + "".join(f"> {k}: {v}\n" for k, v in headers.items()) + ">\n"
            )
        total_s, connect_s = options.number("max-time"), options.number("connect-timeout")
        if options.error:
            self.task.fail(options.error, 2)
            return

        def done(outcome: HttpResponse | NetworkError) -> None:
            if isinstance(outcome, NetworkError):
                self.network_failed(text, url, outcome, connect_s if total_s is None else total_s)
            else:
                self.task.after(TRANSFER_S, lambda: self.answered(text, url, outcome))

        timeout_s = min((each for each in (total_s, connect_s) if each), default=None)
        if total_s is None and connect_s is not None:
            # Only the connection may not take longer: a server that is there answers in its own time.
            try:
                self.task.network.connect(self.task.ip, address, url.port).close()
                timeout_s = None
            except NetworkError:
                pass
        self.streamed = 0
        is_shown = not {"include", "head", "remote-name"} & options.flags and options.last("output") in (None, "-")
        self.task.on_end = request(
            self.task.network, self.task.ip, address, url.port, url.target, done,
            method=method, headers=headers, body=body, timeout_s=timeout_s, tls=url.scheme == "https",
            on_part=self.part if is_shown else None,
        )  # fmt: skip

    def part(self, data: bytes) -> None:
        """A piece of an answer that comes in pieces: a watch, a log that is followed."""
        self.streamed += len(data)
        self.task.write(data)

    def body_and_method(self, url: Url, headers: dict[str, str]) -> tuple[bytes, str]:
        options = self.options
        parts = []
        for name in ("data", "data-raw", "data-binary", "data-urlencode"):
            for text in options.values.get(name, []):
                if text.startswith("@") and name != "data-raw":
                    data = self.task.stdin if text == "@-" else self.task.files.read(self.task.path(text[1:]))
                    parts.append(data if name == "data-binary" else data.replace(b"\n", b""))
                elif name == "data-urlencode":
                    key, equals, value = text.partition("=")
                    parts.append((f"{key}={quote(value)}" if equals else quote(text)).encode())
                else:
                    parts.append(text.encode())
        body = b"&".join(parts)
        if parts and "get" in options.flags:
            url.target += ("&" if "?" in url.target else "?") + body.decode(errors="replace")
            body, parts = b"", []
        if parts:
            headers.setdefault("Content-Type", "application/x-www-form-urlencoded")
        method = "HEAD" if "head" in options.flags else "POST" if parts else "GET"
        return body, options.last("request") or method

    def answered(self, text: str, url: Url, response: HttpResponse) -> None:
        options, task = self.options, self.task
        location = response.headers.get("location")
        if "location" in options.flags and location and 300 <= response.status < 400 and self.redirects < 50:
            self.redirects += 1
            base = f"{url.scheme}://{url.host}" + (f":{url.port}" if url.port != 80 else "")
            self.fetch(location if "://" in location else base + location)
            return
        head = f"HTTP/1.1 {response.status} {response.reason}\r\n"
        head += "".join(f"{name.title()}: {value}\r\n" for name, value in response.headers.items()) + "\r\n"
        if "verbose" in options.flags:
            task.error("".join(f"< {line}\n" for line in head.split("\r\n")[:-1]))
        if response.status >= 400 and ({"fail", "fail-with-body"} & options.flags):
            if response.status in (408, 429, 500, 502, 503, 504) and self.retry(text):
                return
            if "fail" in options.flags:
                self.written(text, response, url)
                self.failed(22, f"The requested URL returned error: {response.status}", text)
                return
        output = head.encode() if {"include", "head"} & options.flags else b""
        output += b"" if "head" in options.flags else response.body
        path = options.last("output")
        if "remote-name" in options.flags:
            path = url.target.partition("?")[0].rpartition("/")[2] or "index.html"
        if path == "/dev/null":
            pass
        elif path and path != "-":
            try:
                self.save(path, output)
            except OSError:
                self.failed(23, "Failure writing output to destination", text)
                return
        else:
            task.write(output)
        self.written(text, response, url)
        self.start()

    def save(self, path: str, content: bytes) -> None:
        self.task.files.write(self.task.path(path), content)

    def written(self, text: str, response: HttpResponse | None, url: Url) -> None:
        form = self.options.last("write-out")
        if form is None:
            return
        size = len(response.body) if response else 0
        kind = response.headers.get("content-type", "") if response else ""
        seconds = f"{self.task.loop.now_s - self.started_s:.6f}"
        status = response.status if response else 0
        for name, value in (
            ("http_code", f"{status:03d}"), ("response_code", f"{status:03d}"), ("time_total", seconds),
            ("time_connect", seconds), ("size_download", str(size)), ("url_effective", text),
            ("remote_port", str(url.port)), ("content_type", kind),
            ("exitcode", str(self.code)), ("method", "GET"), ("time_starttransfer", seconds),
        ):  # fmt: skip
            form = form.replace(f"%{{{name}}}", value)
        self.task.write(form.replace("\\n", "\n").replace("\\t", "\t").replace("\\r", "\r"))

    def network_failed(self, text: str, url: Url, error: NetworkError, timeout_s: float | None) -> None:
        waited_ms = round((self.task.loop.now_s - self.started_s) * 1000)
        if error.reason == "timed out" and self.streamed:
            told = f"Operation timed out after {waited_ms} milliseconds with {self.streamed} bytes received"
            self.failed(28, told, text)
        elif error.reason == "timed out" and timeout_s is not None and waited_ms >= int(timeout_s * 1000) - 1:
            self.failed(28, f"Connection timed out after {waited_ms + 1} milliseconds", text)
        elif error.reason == "timed out":
            self.failed(
                28, f"Failed to connect to {url.host} port {url.port} after {waited_ms} ms: Connection timed out", text
            )
        elif error.reason == "connection reset by peer":
            self.failed(52, "Empty reply from server", text)
        elif error.reason == "malformed HTTP response":
            self.failed(1, "Received HTTP/0.9 when not allowed", text)
        else:
            words = f"Failed to connect to {url.host} port {url.port} after {waited_ms} ms: Couldn't connect to server"
            self.failed(7, words, text)

    def retry(self, text: str) -> bool:
        if self.retries <= 0:
            return False
        self.retries -= 1
        self.task.after(self.options.number("retry-delay") or 1.0, lambda: self.fetch(text))
        return True

    def failed(self, code: int, words: str, text: str) -> None:
        flags = self.options.flags
        retried = code in (28, 52) or (code == 7 and {"retry-connrefused", "retry-all-errors"} & flags)
        if (retried or "retry-all-errors" in flags) and self.retry(text):
            return
        if "silent" not in flags or "show-error" in flags:
            self.task.error(f"curl: ({code}) {words}\n")
        self.code = code
        if code != 22:
            url = parse_url(text)
            if url is not None:
                self.written(text, None, url)
        self.start()


APPLETS: Mapping[str, Program] = {"curl": curl}
