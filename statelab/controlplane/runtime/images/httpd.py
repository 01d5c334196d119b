"""Apache's httpd: serves /usr/local/apache2/htdocs."""

from __future__ import annotations

from datetime import UTC, datetime

from statelab.controlplane.runtime.http import HttpRequest, HttpResponse, Respond, serve
from statelab.controlplane.runtime.images.image import Image, numbered
from statelab.controlplane.runtime.images.web import content_type, entity_tag, find, http_date
from statelab.controlplane.runtime.programs import Task

_ROOT = "/usr/local/apache2/htdocs"
_SERVER = "Apache/2.4.66 (Unix)"
_STOPS_AFTER_S = 0.05


def httpd(task: Task) -> None:
    """`httpd-foreground`, `httpd -D FOREGROUND`; `httpd -v`."""
    if "-v" in task.argv:
        task.write(f"Server version: {_SERVER}\n")
        task.finish(0)
        return

    def notice(text: str) -> None:
        moment = datetime.fromtimestamp(task.loop.now_s, UTC).strftime("%a %b %d %H:%M:%S.%f %Y")
        task.error(f"[{moment}] [mpm_event:notice] [pid 1:tid 1] {text}\n")

    def answer(request: HttpRequest, respond: Respond) -> None:
        response = _response(task, request)
        moment = datetime.fromtimestamp(task.loop.now_s, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000")
        task.write(
            f'{request.source[0]} - - [{moment}] "{request.method} {request.target} {request.version}" '
            f"{response.status} {len(response.body) or '-'}\n"
        )
        respond(response)

    def signal(name: str) -> None:
        if name in ("TERM", "INT", "WINCH"):
            notice(
                "AH00491: caught SIGTERM, shutting down"
                if name != "WINCH"
                else "AH00492: caught SIGWINCH, shutting down gracefully"
            )
            task.after(_STOPS_AFTER_S, lambda: task.finish(0))

    try:
        task.network.listen(task.ip, 80, lambda connection: serve(connection, answer))
    except OSError:
        task.fail("(98)Address already in use: AH00072: make_sock: could not bind to address 0.0.0.0:80\n")
        return
    task.on_end = lambda: task.network.unlisten(task.ip, 80)
    task.on_signal = signal
    notice(f"AH00489: {_SERVER} configured -- resuming normal operations")
    notice("AH00094: Command line: 'httpd -D FOREGROUND'")


def _response(task: Task, request: HttpRequest) -> HttpResponse:
    common = {"Date": http_date(task.loop.now_s), "Server": _SERVER}
    if request.method not in ("GET", "HEAD", "POST"):
        return _page(405, common)
    found = find(task.files, _ROOT, request.path, ("index.html",))
    if found is None:
        return _page(404, common)
    if found == "":
        names = task.files.names(f"{_ROOT}/{request.path}")
        items = "".join(f'<li><a href="{name}"> {name}</a></li>\n' for name in names)
        title = f"Index of {request.path}"
        text = f"<html><head><title>{title}</title></head><body><h1>{title}</h1><ul>{items}</ul></body></html>\n"
        return HttpResponse(200, text.encode(), {**common, "Content-Type": "text/html;charset=ISO-8859-1"})
    content = task.files.read(found)
    modified_s = task.files.stat(found).modified_s
    headers = {
        "Last-Modified": http_date(modified_s),
        "ETag": entity_tag(content, modified_s),
        "Accept-Ranges": "bytes",
    }
    return HttpResponse(200, content, {**common, **headers, "Content-Type": content_type(found)})


def _page(status: int, common: dict[str, str]) -> HttpResponse:
    reason = {404: "Not Found", 405: "Method Not Allowed"}.get(status, HttpResponse(status).reason)
    text = f"<html><head>\n<title>{status} {reason}</title>\n</head><body>\n<h1>{reason}</h1>\n</body></html>\n"
    return HttpResponse(status, text.encode(), {**common, "Content-Type": "text/html; charset=iso-8859-1"})


IMAGE = Image(
    command=("httpd-foreground",),
    env={
        "HTTPD_PREFIX": "/usr/local/apache2",
        "PATH": "/usr/local/apache2/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    },
    working_dir="/usr/local/apache2",
    files=lambda tag: {f"{_ROOT}/index.html": "<html><body><h1>It works!</h1></body></html>\n"},
    directories=("/usr/local/apache2/logs",),
    programs={"httpd-foreground": httpd, "httpd": httpd},
    tag_exists=numbered("2", words="alpine bookworm"),
    size_bytes=62_000_000,
)
