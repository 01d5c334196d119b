"""The URLs that curl and wget are given."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

NO_TLS = "the embedded cluster does not simulate TLS; a kind cluster is the place to try it"
TRANSFER_S = 0.004


@dataclass
class Url:
    scheme: str
    host: str
    port: int
    target: str


def parse_url(text: str) -> Url | None:
    if "://" not in text:
        text = f"http://{text}"
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return None
    if not parts.hostname:
        return None
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Url(parts.scheme.lower(), parts.hostname, port or (443 if parts.scheme == "https" else 80), target)
