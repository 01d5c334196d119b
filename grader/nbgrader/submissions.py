"""Folders of submissions, before nbgrader copies them."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Sequence
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
