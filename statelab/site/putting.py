"""Files and folders that are there whole or not at all, whenever somebody presses Ctrl-C."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory


@contextmanager
def beside(target: Path) -> Iterator[Path]:
    """A folder on the same disk as `target`, for what is to become it; it is gone afterwards."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent, ignore_cleanup_errors=True) as name:
        yield Path(name)


def put(made: Path, target: Path, aside: Path) -> None:
    """`made` becomes `target`, in the place of what is there: two renames, and what was there comes back if the second
    fails. `aside`: a folder of `beside(target)`.
    """
    before = aside / "before"
    if target.exists():
        target.replace(before)
    try:
        made.replace(target)
    except BaseException:
        if before.exists() and not target.exists():
            before.replace(target)
        raise
    if before.is_dir():
        shutil.rmtree(before, ignore_errors=True)
