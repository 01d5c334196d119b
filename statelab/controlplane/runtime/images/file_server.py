"""Two small web servers that hand out a folder: busybox's `httpd`, and Python's `-m http.server`."""

from __future__ import annotations

import html
from dataclasses import dataclass

from statelab.controlplane.runtime.http import HttpRequest, HttpResponse, Respond, serve
from statelab.controlplane.runtime.images.web import content_type, find, http_date
from statelab.controlplane.runtime.programs import Task


@dataclass(frozen=True, slots=True)
class Folder:
    """What is handed out: `root`, at `port`. `lists`: a folder without an index is answered with its names."""

    root: str
    port: int
    lists: bool
    server: str


def busybox_httpd(task: Task) -> None:
    """`httpd -f -p 8080 -h /www`; without -f it goes on in the background, and the command is over."""
    options = {"-p": "80", "-h": "."}
    waiting = list(task.argv)
    foreground = False
    while waiting:
        word = waiting.pop(0)
        foreground = foreground or (
            word[:1] == "-" and word[1:2] != "-" and "f" in word[1:] and word[:2] not in options
        )
        if word[:2] in options:
            options[word[:2]] = word[2:] or (waiting.pop(0) if waiting else "")
        elif word in ("-c", "-u", "-r") and waiting:
            waiting.pop(0)
    if not foreground:
        task.container.exec([task.name, "-f", *task.argv], on_output=lambda *_: None, on_exit=lambda _: None)
        task.finish(0)
        return
    port = options["-p"].rpartition(":")[2]
    root = task.path(options["-h"])
    if not port.isdigit() or not task.files.is_directory(root):
        task.fail("httpd: bad address\n" if not port.isdigit() else f"httpd: can't change directory to '{root}'\n")
        return
    _hand_out(task, Folder(root, int(port), lists=False, server="httpd"))


def is_python_server(task: Task) -> bool:
    """`python3 -m http.server 8000 --directory /www`: run it; False for whatever else Python may be asked to do."""
    words = list(task.argv)
    while words and words[0].startswith("-") and words[0] != "-m":
        words.pop(0)
    if words[:2] != ["-m", "http.server"]:
        return False
    port, root, rest = "8000", task.cwd, words[2:]
    while rest:
        name, equals, value = rest.pop(0).partition("=")
        if name in ("-d", "--directory", "-b", "--bind", "-p", "--protocol"):
            value = value if equals else (rest.pop(0) if rest else "")
            root = task.path(value) if name in ("-d", "--directory") else root
        elif name.isdigit():
            port = name
    task.write(f"Serving HTTP on 0.0.0.0 port {port} (http://0.0.0.0:{port}/) ...\n")
    _hand_out(task, Folder(root, int(port), lists=True, server="SimpleHTTP/0.6 Python/3.13.9"))
    return True


def _hand_out(task: Task, folder: Folder) -> None:
    def answer(request: HttpRequest, respond: Respond) -> None:
        respond(page(task, folder, request))

    try:
        task.network.listen(task.ip, folder.port, lambda connection: serve(connection, answer))
    except OSError:
        task.fail(f"{task.name}: bind: Address already in use\n")
        return
    task.on_end = lambda: task.network.unlisten(task.ip, folder.port)
    # The first process of a container has no handler of its own: only KILL ends it.
    if task.process is None or not task.process.is_main:
        task.on_signal = lambda name: task.finish(143) if name in ("TERM", "INT") else None


def page(task: Task, folder: Folder, request: HttpRequest) -> HttpResponse:
    """What a request for a file of the folder is answered."""
    common = {"Date": http_date(task.loop.now_s), "Server": folder.server}
    found = find(task.files, folder.root, request.path, ("index.html", "index.htm"))
    if found == "" and folder.lists:
        names = task.files.names(f"{folder.root}/{request.path}")
        items = "".join(f'<li><a href="{html.escape(each)}">{html.escape(each)}</a></li>\n' for each in names)
        text = f"<html><body><h1>Directory listing for {html.escape(request.path)}</h1><ul>{items}</ul></body></html>\n"
        return HttpResponse(200, text.encode(), {**common, "Content-Type": "text/html; charset=utf-8"})
    if not found:
        text = "<html><head><title>404 Not Found</title></head><body>The requested URL was not found</body></html>\n"
        return HttpResponse(404, text.encode(), {**common, "Content-Type": "text/html"})
    return HttpResponse(200, task.files.read(found), {**common, "Content-Type": content_type(found)})
