"""Folders of submissions, before nbgrader copies them."""

from __future__ import annotations

import errno
import logging
import os
import shutil
import stat
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

STATE = ".statelab"  # a learner's own cluster, its token in it: earlier versions of the course kept it in the folder
_log = logging.getLogger(__name__)


def without_strange_files(*, notebooks: Sequence[str] = (), **_: Any) -> None:
    """Remove from the folders of these notebooks what nbgrader should not copy: links, devices, a cluster's state.

    nbgrader calls this before it grades a submission (`pre_convert_hook`).
    """
    for folder in {os.path.dirname(each) for each in notebooks}:
        without_state(Path(folder))
        for parent, folders, files in os.walk(folder):
            for name in [*folders, *files]:
                path = os.path.join(parent, name)
                if os.path.islink(path) or not (os.path.isfile(path) or os.path.isdir(path)):
                    _log.warning("removed from a submission: %s is no file of its own", path)
                    os.unlink(path)


def copy_own(src: Path, dest: Path, ignored: Callable[[str, list[str]], list[str]]) -> list[str]:
    """Copy a folder that somebody may change meanwhile; what was left out: links, and what is neither file nor folder.

    Each name is opened in the folder that was opened before it, and a link is not followed, so nothing outside is read
    whatever is put in the way. `ignored`: as for shutil.copytree.
    """
    left = []
    for here, folders, files, opened in os.fwalk(src, follow_symlinks=False):
        to = dest / os.path.relpath(here, src)
        to.mkdir(parents=True, exist_ok=True)
        out = set(ignored(here, [*folders, *files]))
        left += [os.path.join(here, each) for each in folders if os.path.islink(os.path.join(here, each))]
        folders[:] = [each for each in folders if each not in out]
        for name in files:
            if name in out:
                continue
            try:
                file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=opened)
            except OSError as error:
                if error.errno not in (errno.ELOOP, errno.ENXIO):
                    raise
                left.append(os.path.join(here, name))
                continue
            with os.fdopen(file, "rb") as source:
                if not stat.S_ISREG(os.fstat(file).st_mode):
                    left.append(os.path.join(here, name))
                    continue
                with open(to / name, "xb") as copy:
                    shutil.copyfileobj(source, copy)
    return left


def without_state(folder: Path) -> int:
    """Remove a learner's cluster from what they handed in, wherever it lies in it; how many there were."""
    found = [Path(here, STATE) for here, folders, _ in os.walk(folder) if STATE in folders]
    for path in found:
        _log.warning("removed from a submission: %s is the learner's own cluster, with its token", path)
        if path.is_symlink():
            path.unlink()
        else:
            shutil.rmtree(path)
    return len(found)
