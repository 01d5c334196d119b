"""Folders of submissions, before nbgrader copies them."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from typing import Any

_log = logging.getLogger(__name__)


def without_links(*, notebooks: Sequence[str] = (), **_: Any) -> None:
    """Remove symbolic links and devices from the folders of these notebooks: nbgrader would copy what they point to.

    nbgrader calls this before it grades a submission (`pre_convert_hook`).
    """
    for folder in {os.path.dirname(each) for each in notebooks}:
        for parent, folders, files in os.walk(folder):
            for name in [*folders, *files]:
                path = os.path.join(parent, name)
                if os.path.islink(path) or not (os.path.isfile(path) or os.path.isdir(path)):
                    _log.warning("removed from a submission: %s is no file of its own", path)
                    os.unlink(path)
