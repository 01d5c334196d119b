"""What a shell says when it may not write, as the shell of the image says it: each of ours has words of its own.

Source: Debian's busybox (ash), dash and bash, asked on a file system that was mounted read-only.
"""

from __future__ import annotations

import re

_REDIRECTED = re.compile(
    rb"^(?:bash: line (?P<line>\d+)|\S+): (?P<path>/?[^\s:]+): (?:filesystem is read-only|Read-only file system)$",
    re.MULTILINE,
)
_TOOLS = (b"touch:", b"mkdir:", b"cp:", b"mv:", b"rm:", b"rmdir:", b"ln:", b"tee:", b"sed:", b"chmod:")


def read_only(said: bytes, called: str, *, is_busybox: bool) -> bytes:
    """The same with the words of the shell that was `called` (`/bin/sh`); what tools say keeps their form."""
    if b"ead-only" not in said:
        return said

    def as_shell(match: re.Match[bytes]) -> bytes:
        if match[0].startswith(_TOOLS):
            return match[0]
        name, line, path = called.encode(), match["line"] or b"1", match["path"]
        if called.rpartition("/")[2] == "bash":
            return b"%s: line %s: %s: Read-only file system" % (name, line, path)
        if is_busybox:
            return b"%s: can't create %s: Read-only file system" % (name, path)
        return b"%s: %s: cannot create %s: Read-only file system" % (name, line, path)

    return _REDIRECTED.sub(as_shell, said).replace(b"filesystem is read-only", b"Read-only file system")
