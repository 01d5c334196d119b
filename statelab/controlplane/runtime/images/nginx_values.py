"""The variables of nginx's configuration: $hostname, $host, $remote_addr …"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from statelab.controlplane.clock import timestamp
from statelab.controlplane.runtime.http import HttpRequest
from statelab.controlplane.runtime.programs import Task


class Values:
    """nginx's variables for one request."""

    def __init__(self, task: Task, request: HttpRequest, port: int) -> None:
        host = request.headers.get("host", task.ip)
        self._task = task
        self._request = request
        self._values = {
            "hostname": task.container.spec.hostname, "host": host.partition(":")[0], "http_host": host,
            "uri": request.path, "request_uri": request.target, "request_method": request.method, "scheme": "http",
            "remote_addr": request.source[0], "remote_port": str(request.source[1]), "server_addr": task.ip,
            "server_port": str(port), "proxy_add_x_forwarded_for": request.source[0],
            "args": urlsplit(request.target).query, "nginx_version": task.env.get("NGINX_VERSION", ""),
            "server_name": "localhost", "proxy_host": host,
            "is_args": "", "request": f"{request.method} {request.target} {request.version}",
            "time_iso8601": timestamp(task.loop.now_s),
        }  # fmt: skip

    def fill(self, text: str) -> str:
        return re.sub(r"\$(?:\{(\w+)\}|(\w+))", lambda match: self._value(match[1] or match[2]), text)

    def turn(self, count: int) -> int:
        """Which of several servers this request goes to: by chance, as round robin looks from one request."""
        return self._task.container.runtime.random.randrange(count) if count > 1 else 0

    def _value(self, name: str) -> str:
        if name.startswith("http_"):
            return self._request.headers.get(name[5:].replace("_", "-"), "")
        if name.startswith("arg_"):
            return self._request.query.get(name[4:], [""])[0]
        return self._values.get(name, "")
