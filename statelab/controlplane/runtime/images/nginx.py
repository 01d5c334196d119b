"""nginx and nginx-slim: serves its document root, logs each request, goes at once when told to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime

from statelab.controlplane.runtime.http import HttpRequest, HttpResponse, Respond, serve
from statelab.controlplane.runtime.images.image import Image, numbered
from statelab.controlplane.runtime.images.web import content_type, entity_tag, find, http_date
from statelab.controlplane.runtime.programs import Task

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


def nginx(task: Task) -> None:
    """The server in the foreground, or `-t`, `-v`, `-s stop` and the like."""
    arguments = task.argv
    if "-v" in arguments or "-V" in arguments:
        task.error(f"nginx version: nginx/{_version(task)}\n")
        task.finish(0)
    elif "-t" in arguments:
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
        self.port, self.root, self.index = _configuration(task)

    def start(self) -> None:
        task = self.task
        for path in ("/var/cache/nginx/client_temp", "/run/nginx.pid"):
            problem = _cannot_write(task, path)
            if problem:
                what = "mkdir()" if path.endswith("temp") else "open()"
                self.notice(f'{what} "{path}" failed ({problem})', "emerg")
                task.finish(1)
                return
        try:
            task.network.listen(task.ip, self.port, lambda connection: serve(connection, self.answer))
        except OSError:
            for _ in range(5):
                self.notice(f"bind() to 0.0.0.0:{self.port} failed (98: Address already in use)", "emerg")
            self.notice("still could not bind()", "emerg")
            task.finish(1)
            return
        task.on_end = lambda: task.network.unlisten(task.ip, self.port)
        task.on_signal = self.signal
        self.notice('using the "epoll" event method')
        self.notice(f"nginx/{self.version}")
        self.notice("start worker processes")
        self.notice("start worker process 29")

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

    def answer(self, request: HttpRequest, respond: Respond) -> None:
        response = self.response(request)
        self.log(request, response)
        respond(response)

    def response(self, request: HttpRequest) -> HttpResponse:
        if request.method not in ("GET", "HEAD"):
            return self.page(405)
        found = find(self.task.files, self.root, request.path, self.index)
        if found is None:
            self.failed(request, f'open() "{self.root}{request.path}" failed (2: No such file or directory)')
            return self.page(404)
        if found == "":
            if not request.path.endswith("/"):
                return HttpResponse(301, headers={**self.headers(), "Location": f"{request.path}/"})
            self.failed(request, f'directory index of "{self.root}{request.path}" is forbidden')
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
    own = "unprivileged" in task.container.spec.image
    if task.container.user and not own and not task.files.is_on_a_volume(path):
        return "13: Permission denied"
    return ""


def _configuration(task: Task) -> tuple[int, str, tuple[str, ...]]:
    """Port, root and index files, as far as a short look into /etc/nginx tells."""
    text = ""
    directory = "/etc/nginx/conf.d"
    if task.files.is_directory(directory):
        for name in task.files.names(directory):
            if name.endswith(".conf"):
                text += task.files.read(f"{directory}/{name}").decode(errors="replace")
    if "listen" not in text and task.files.exists("/etc/nginx/nginx.conf"):
        text += task.files.read("/etc/nginx/nginx.conf").decode(errors="replace")
    text = re.sub(r"#.*", "", text)
    port = re.search(r"\blisten\s+(?:[\w.*]+:)?(\d+)", text)
    root = re.search(r"\broot\s+([^;\s]+)", text)
    index = re.search(r"\bindex\s+([^;]+);", text)
    return (
        int(port[1]) if port else 80,
        root[1].strip("\"'") if root else "/usr/share/nginx/html",
        tuple(index[1].split()) if index else ("index.html", "index.htm"),
    )


def _files(tag: str) -> Mapping[str, str | bytes]:
    return {
        "/usr/share/nginx/html/index.html": _WELCOME,
        "/usr/share/nginx/html/50x.html": "<h1>An error occurred.</h1>\n",
        "/etc/nginx/conf.d/default.conf": _CONFIG,
        "/etc/nginx/nginx.conf": "user  nginx;\n\nhttp {\n    include /etc/nginx/conf.d/*.conf;\n}\n",
    }


IMAGE = Image(
    repositories=(
        "docker.io/library/nginx",
        "registry.k8s.io/nginx-slim",
        "registry.k8s.io/e2e-test-images/nginx",
        "k8s.gcr.io/nginx-slim",
        "docker.io/nginxinc/nginx-unprivileged",
    ),
    also=("nginx", "nginx-slim"),
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
