"""What other people with an account on this machine can read: a class's answers, grades and hidden checks should not be
among it."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Sequence
from pathlib import Path

SECRETS = ("solutions", "gradebook.db", "submitted", "autograded", "feedback", "reports", "downloaded", ".statelab")
_FIRST_PERSON, _NOBODY = (501, 65534) if sys.platform == "darwin" else (1000, 65534)  # login.defs' UID_MIN
_NO_LOGIN = ("nologin", "false", "sync", "shutdown", "halt")


def readable(root: Path, names: Sequence[str] = SECRETS) -> list[str]:
    """Those of these files and folders in `root` that others can read: by their own modes and by every folder above."""
    if sys.platform == "win32" or not all(_is_open(folder, stat.S_IXOTH) for folder in (root, *root.parents)):
        return []
    found = [name for name in names if (root / name).exists()]
    wanted = {name: stat.S_IXOTH if (root / name).is_dir() else stat.S_IROTH for name in found}
    return [name for name in found if _is_open(root / name, wanted[name])]


def are_here() -> bool:
    """Whether somebody else can log in to this machine: another person's account, or a JupyterHub that starts us."""
    if sys.platform == "win32":
        return False
    if os.environ.get("JUPYTERHUB_API_URL"):
        return True
    import pwd

    return any(
        _FIRST_PERSON <= each.pw_uid < _NOBODY
        and each.pw_uid != os.getuid()
        and os.path.basename(each.pw_shell) not in _NO_LOGIN
        for each in pwd.getpwall()
    )


def _is_open(path: Path, bit: int) -> bool:
    """Whether others have this right (one of the three for others), themselves or through a group that is not ours."""
    try:
        about = path.stat()
    except OSError:
        return False
    through_group = about.st_mode & bit << 3 and not _is_private(about.st_gid, about.st_uid)
    return bool(about.st_mode & bit or through_group)


def _is_private(group: int, owner: int) -> bool:
    """Whether a group has nobody in it but the owner, as Debian makes one for every user."""
    import grp
    import pwd

    try:
        name = pwd.getpwuid(owner).pw_name
        found = grp.getgrgid(group)
    except KeyError:
        return True  # a group that nobody was put into
    return found.gr_name == name and set(found.gr_mem) <= {name}
