"""What nginx, httpd and agnhost's test-webserver share: files of a container, served as a web server does."""

from __future__ import annotations

import hashlib
import mimetypes
from email.utils import formatdate
from typing import TYPE_CHECKING

from statelab.controlplane.runtime.paths import join

if TYPE_CHECKING:
    from statelab.controlplane.runtime.mounted import MountedFiles


def content_type(path: str) -> str:
    kind = mimetypes.guess_type(path, strict=False)[0]
    return {"text/javascript": "application/javascript"}.get(kind or "", kind or "application/octet-stream")


def http_date(at_s: float) -> str:
    return formatdate(at_s, usegmt=True)


def entity_tag(content: bytes, modified_s: float) -> str:
    return f'"{int(modified_s):x}-{hashlib.blake2b(content, digest_size=3).hexdigest()}"'


def find(files: MountedFiles, root: str, path: str, index: tuple[str, ...]) -> str | None:
    """The file a request's path means, "" for a directory without an index, None for nothing there."""
    full = join("/", f"{root}/{join('/', path)}")
    if files.is_directory(full):
        for name in index:
            candidate = f"{full.rstrip('/')}/{name}"
            if files.exists(candidate) and not files.is_directory(candidate):
                return candidate
        return ""
    return full if files.exists(full) else None
