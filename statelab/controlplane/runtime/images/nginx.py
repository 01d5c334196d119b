"""nginx and nginx-slim: serves its document root, logs each request, goes at once when told to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from urllib.parse import urlsplit

from statelab.controlplane.runtime.applets.resolver import address_of, text_of
from statelab.controlplane.runtime.http import HttpRequest, HttpResponse, Respond, request, serve
from statelab.controlplane.runtime.images.image import Image, numbered
from statelab.controlplane.runtime.images.nginx_config import (
    Config,
    ConfigError,
    Location,
    first,
    location_for,
    read_config,
    server_for,
)
from statelab.controlplane.runtime.images.nginx_values import Values
from statelab.controlplane.runtime.images.web import content_type, entity_tag, find, http_date
from statelab.controlplane.runtime.network import Connection, NetworkError
from statelab.controlplane.runtime.paths import join
from statelab.controlplane.runtime.programs import Task

_NOT_PASSED_ON = ("content-length", "connection", "server", "date", "transfer-encoding")
_STOPS_AFTER_S = 0.05
_WELCOME = """<!DOCTYPE html>
<html>
<head><title>Welcome to nginx!</title></head>
<body>
<h1>Welcome to nginx!</h1>
<p>This page is served by StateLab's stand-in for nginx, out of /usr/share/nginx/html.</p>
</body>
</html>
"""
_CONFIG = """server {
    listen       80;
    listen  [::]:80;
    server_name  localhost;

    location / {
        root   /usr/share/nginx/html;
        index  index.html index.htm;
    }

    error_page   500 502 503 504  /50x.html;
    location = /50x.html {
        root   /usr/share/nginx/html;
    }
}
"""


_ROOT_WRITES_TO = ("/var/cache/nginx/client_temp", "/run/nginx.pid")
# By the user that an image is made for: nginx-unprivileged's, bitnami's.
_WRITES_TO = {
    101: ("/tmp/client_temp", "/tmp/nginx.pid"),
    1001: ("/opt/bitnami/nginx/tmp/client_temp", "/opt/bitnami/nginx/tmp/nginx.pid"),
}


def nginx(task: Task) -> None:
    """The server in the foreground, or `-t`, `-v`, `-s stop` and the like."""
    arguments = task.argv
    if "-v" in arguments or "-V" in arguments:
        task.error(f"nginx version: nginx/{_version(task)}\n")
        task.finish(0)
    elif "-t" in arguments:
        try:
            configuration(task)
        except (ConfigError, OSError) as error:
            task.error(f"nginx: [emerg] {error}\nnginx: configuration file /etc/nginx/nginx.conf test failed\n")
            task.finish(1)
            return
        task.error("nginx: the configuration file /etc/nginx/nginx.conf syntax is ok\n")
        task.error("nginx: configuration file /etc/nginx/nginx.conf test is successful\n")
        task.finish(0)
    elif "-s" in arguments:
        what = arguments[arguments.index("-s") + 1 :][:1]
        if what in (["stop"], ["quit"]):
            task.container.signal("TERM")
        task.finish(0)
    else:
        _Server(task).start()


def _version(task: Task) -> str:
    return task.env.get("NGINX_VERSION", "1.27.5")


class _Server:
    def __init__(self, task: Task) -> None:
        self.task = task
        self.version = _version(task)
        self.config = Config([], {})
        self.ports: list[int] = []

    def start(self) -> None:
        task = self.task
        for path in _WRITES_TO.get(task.container.image.user, _ROOT_WRITES_TO):
            problem = _cannot_write(task, path)
            if problem:
                what = "mkdir()" if path.endswith("temp") else "open()"
                self.fail(f'{what} "{path}" failed ({problem})')
                return
        if not task.files.is_directory("/var/log/nginx") and _logs_into_its_folder(task):
            # Somebody's volume lies over /var/log, and the image's folder is below it.
            problem = 'open() "/var/log/nginx/error.log" failed (2: No such file or directory)'
            task.error(f"nginx: [alert] could not open error log file: {problem}\n")
            self.fail(problem)
            return
        try:
            self.config = configuration(task)
        except (ConfigError, OSError) as error:
            self.fail(str(error))
            return
        ports = list(dict.fromkeys(port for server in self.config.servers for port in server.ports))
        for port in ports:
            try:
                task.network.listen(task.ip, port, partial(self.accept, port))
            except OSError:
                for _ in range(5):
                    self.notice(f"bind() to 0.0.0.0:{port} failed (98: Address already in use)", "emerg")
                self.fail("still could not bind()")
                for each in ports[: ports.index(port)]:
                    task.network.unlisten(task.ip, each)
                return
        self.ports = ports
        task.on_end = self.close
        task.on_signal = self.signal
        self.notice('using the "epoll" event method')
        self.notice(f"nginx/{self.version}")
        self.notice("start worker processes")
        self.notice("start worker process 29")

    def close(self) -> None:
        for port in self.ports:
            self.task.network.unlisten(self.task.ip, port)

    def accept(self, port: int, connection: Connection) -> None:
        serve(connection, lambda request, respond: self.answer(port, request, respond))

    def fail(self, text: str) -> None:
        self.notice(text, "emerg")
        self.task.finish(1)

    def signal(self, name: str) -> None:
        if name in ("TERM", "INT", "QUIT"):
            number = {"TERM": "15 (SIGTERM)", "INT": "2 (SIGINT)", "QUIT": "3 (SIGQUIT)"}[name]
            self.notice(f"signal {number} received, {'gracefully shutting down' if name == 'QUIT' else 'exiting'}")

            def stop() -> None:
                self.notice("exit")
                self.task.finish(0)

            self.task.after(_STOPS_AFTER_S, stop)
        elif name == "HUP":
            self.notice("signal 1 (SIGHUP) received, reconfiguring")

    def notice(self, text: str, level: str = "notice") -> None:
        moment = datetime.fromtimestamp(self.task.loop.now_s, UTC).strftime("%Y/%m/%d %H:%M:%S")
        self.task.error(f"{moment} [{level}] 1#1: {text}\n")

    def answer(self, port: int, request: HttpRequest, respond: Respond) -> None:
        def done(response: HttpResponse) -> None:
            self.log(request, response)
            respond(response)

        server = server_for(self.config, port, request.headers.get("host", ""))
        location = location_for(server, request.path) if server is not None else Location("", "/")
        values = Values(self.task, request, port)
        if (returned := first(location.directives, "return")) is not None:
            done(self.returned(returned.arguments, values, location))
        elif (passed := first(location.directives, "proxy_pass")) is not None:
            self.passed_on(passed.arguments[0], request, location, values, done)
        else:
            done(self.file(request, location))

    def returned(self, arguments: tuple[str, ...], values: Values, location: Location) -> HttpResponse:
        status = int(arguments[0]) if arguments and arguments[0].isdigit() else 302
        text = values.fill(arguments[-1]) if len(arguments) > 1 or not arguments[0].isdigit() else ""
        if 300 <= status < 400:
            return HttpResponse(status, headers={**self.headers(), "Location": text})
        if not text and status >= 400:
            return self.page(status)
        default = first(location.directives, "default_type")
        kind = default.arguments[0] if default is not None else "text/plain"
        return HttpResponse(status, text.encode(), {**self.headers(), "Content-Type": kind})

    def passed_on(
        self,
        target: str,
        incoming: HttpRequest,
        location: Location,
        values: Values,
        done: Callable[[HttpResponse], None],
    ) -> None:
        parts = urlsplit(values.fill(target))
        servers = self.config.upstreams.get(parts.netloc) or [parts.netloc]
        host, _, port = servers[values.turn(len(servers))].partition(":")
        address = address_of(self.task, host)
        if address is None:
            self.failed(incoming, f"{host} could not be resolved (3: Host not found)")
            done(self.page(502))
            return
        path = incoming.target
        if parts.path:  # the part of the path that the location names is replaced
            path = parts.path + path[len(location.path) :]
        headers = {name: value for name, value in incoming.headers.items() if name not in ("host", "connection")}
        for each in location.directives:
            if each.name == "proxy_set_header" and len(each.arguments) == 2:
                headers[each.arguments[0].lower()] = values.fill(each.arguments[1])
        headers.setdefault("host", parts.netloc)

        def answered(outcome: HttpResponse | NetworkError) -> None:
            if isinstance(outcome, NetworkError):
                late = outcome.reason == "timed out"
                words = (
                    "upstream timed out (110: Operation timed out)"
                    if late
                    else (f"connect() failed (111: {outcome.reason.capitalize()})")
                )
                self.failed(incoming, f"{words} while connecting to upstream")
                done(self.page(504 if late else 502))
            else:
                kept = {name: value for name, value in outcome.headers.items() if name not in _NOT_PASSED_ON}
                done(HttpResponse(outcome.status, outcome.body, {**self.headers(), **kept}))

        request(
            self.task.network, self.task.ip, address, int(port) if port.isdigit() else 80, path, answered,
            method=incoming.method, headers=headers, body=incoming.body, timeout_s=60.0,
        )  # fmt: skip

    def file(self, request: HttpRequest, location: Location) -> HttpResponse:
        if request.method not in ("GET", "HEAD"):
            return self.page(405)
        root_is, index_is = first(location.directives, "root"), first(location.directives, "index")
        root = root_is.arguments[0] if root_is is not None else "/etc/nginx/html"
        index = index_is.arguments if index_is is not None else ("index.html",)
        path = request.path
        if (alias := first(location.directives, "alias")) is not None:
            root, path = alias.arguments[0], "/" + path[len(location.path) :]
        found = find(self.task.files, root, path, index)
        if (tried := first(location.directives, "try_files")) is not None and found in (None, ""):
            found = self.tried(tried.arguments, root, path, index, found)
            if found is not None and found.startswith("="):
                return self.page(int(found[1:]) if found[1:].isdigit() else 500)
        if found is None:
            self.failed(request, f'open() "{root}{path}" failed (2: No such file or directory)')
            return self.page(404)
        if found == "":
            if not request.path.endswith("/"):
                return HttpResponse(301, headers={**self.headers(), "Location": f"{request.path}/"})
            listed = first(location.directives, "autoindex")
            if listed is not None and listed.arguments == ("on",):
                return self.listing(request.path, f"{root}/{path}")
            self.failed(request, f'directory index of "{root}{path}" is forbidden')
            return self.page(403)
        try:
            content = self.task.files.read(found)
            entry = self.task.files.stat(found)
        except OSError:
            return self.page(403)
        tag = entity_tag(content, entry.modified_s)
        headers = {
            **self.headers(),
            "Content-Type": content_type(found),
            "Last-Modified": http_date(entry.modified_s),
            "ETag": tag,
            "Accept-Ranges": "bytes",
        }
        if request.headers.get("if-none-match") == tag:
            return HttpResponse(304, headers=headers)
        return HttpResponse(200, content, headers)

    def tried(
        self, candidates: tuple[str, ...], root: str, path: str, index: tuple[str, ...], found: str | None
    ) -> str | None:
        for each in candidates:
            if each.startswith("="):
                return each
            there = find(self.task.files, root, each.replace("$uri", path), index)
            if there:
                return there
        return found

    def listing(self, path: str, folder: str) -> HttpResponse:
        names = "".join(f'<a href="{name}">{name}</a>\r\n' for name in self.task.files.names(join("/", folder)))
        title = f"Index of {path}"
        head = f"<html>\r\n<head><title>{title}</title></head>\r\n"
        text = f"{head}<body>\r\n<h1>{title}</h1><hr><pre>{names}</pre></body>\r\n</html>\r\n"
        return HttpResponse(200, text.encode(), {**self.headers(), "Content-Type": "text/html"})

    def page(self, status: int) -> HttpResponse:
        reason = f"{status} {HttpResponse(status).reason}"
        text = (
            f"<html>\r\n<head><title>{reason}</title></head>\r\n<body>\r\n<center><h1>{reason}</h1></center>\r\n"
            f"<hr><center>nginx/{self.version}</center>\r\n</body>\r\n</html>\r\n"
        )
        return HttpResponse(status, text.encode(), {**self.headers(), "Content-Type": "text/html"})

    def headers(self) -> dict[str, str]:
        return {"Server": f"nginx/{self.version}", "Date": http_date(self.task.loop.now_s)}

    def log(self, request: HttpRequest, response: HttpResponse) -> None:
        moment = datetime.fromtimestamp(self.task.loop.now_s, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000")
        agent, referer = request.headers.get("user-agent", "-"), request.headers.get("referer", "-")
        self.task.write(
            f'{request.source[0]} - - [{moment}] "{request.method} {request.target} {request.version}" '
            f'{response.status} {len(response.body)} "{referer}" "{agent}" "-"\n'
        )

    def failed(self, request: HttpRequest, text: str) -> None:
        self.notice(
            f'{text}, client: {request.source[0]}, server: localhost, request: "{request.method} {request.target} '
            f'{request.version}", host: "{request.headers.get("host", "")}"',
            "error",
        )


def _cannot_write(task: Task, path: str) -> str:
    """Why nginx cannot write where it must, or "". Its image's own folders belong to root."""
    if not task.files.is_writable(path):
        return "30: Read-only file system"
    own = task.container.image.user != 0  # made for somebody else, whose folders they are
    if task.container.user and not own and not task.files.is_on_a_volume(path):
        return "13: Permission denied"
    return ""


def _logs_into_its_folder(task: Task) -> bool:
    """Whether one of the two logs lies where they lie unless something else is said."""
    text = text_of(task.files, "/etc/nginx/nginx.conf")
    return "/var/log/nginx" in text or "error_log" not in text or "access_log" not in text


def configuration(task: Task) -> Config:
    """Raises ConfigError, also for an upstream whose name cannot be resolved, and OSError."""
    path = "/etc/nginx/nginx.conf"
    if "-c" in task.argv:
        path = task.path(task.argv[task.argv.index("-c") + 1])
    if not task.files.exists(path):
        raise ConfigError(f'open() "{path}" failed (2: No such file or directory)')
    config = read_config(
        lambda file: task.files.read(file).decode(errors="replace"),
        lambda folder: task.files.names(folder) if task.files.is_directory(folder) else [],
        path,
    )
    for server in config.servers:
        for location in server.locations:
            passed = first(location.directives, "proxy_pass")
            if passed is None or not passed.arguments or "$" in passed.arguments[0]:
                continue
            host = urlsplit(passed.arguments[0]).netloc
            for each in config.upstreams.get(host) or [host]:
                if address_of(task, each.partition(":")[0]) is None:
                    raise ConfigError(f'host not found in upstream "{each}" in {passed.where}')
    return config


def _files_unprivileged(tag: str) -> Mapping[str, str | bytes]:
    """It cannot have port 80, which only root may listen on."""
    return {**_files(tag), "/etc/nginx/conf.d/default.conf": _CONFIG.replace("80;", "8080;")}


def _files_bitnami(tag: str) -> Mapping[str, str | bytes]:
    """It runs as nobody special, at 8080, out of /app."""
    config = _CONFIG.replace("80;", "8080;").replace("/usr/share/nginx/html", "/app")
    return {**_files(tag), "/app/index.html": _WELCOME, "/etc/nginx/conf.d/default.conf": config}


def _files(tag: str) -> Mapping[str, str | bytes]:
    return {
        "/usr/share/nginx/html/index.html": _WELCOME,
        "/usr/share/nginx/html/50x.html": "<h1>An error occurred.</h1>\n",
        "/etc/nginx/conf.d/default.conf": _CONFIG,
        "/etc/nginx/nginx.conf": "user  nginx;\n\nhttp {\n    include /etc/nginx/conf.d/*.conf;\n}\n",
    }


IMAGE = Image(
    command=("nginx", "-g", "daemon off;"),
    env={"NGINX_VERSION": "1.27.5", "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
    files=_files,
    directories=("/run", "/var/log/nginx", "/var/cache/nginx"),
    programs={"nginx": nginx},
    tag_exists=numbered(
        "0", "1", words="alpine alpine-slim alpine-perl mainline stable stable-alpine perl bookworm bullseye"
    ),
    size_bytes=72_404_038,
)
UNPRIVILEGED = replace(
    IMAGE,
    files=_files_unprivileged,
    user=101,
)
BITNAMI = replace(IMAGE, files=_files_bitnami, user=1001, working_dir="/app")
