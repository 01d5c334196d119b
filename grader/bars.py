"""What somebody who waits at a terminal sees of how far it is; to nobody else anything is said."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_BAR_AFTER_S = 2.0


@contextmanager
def bar_after_a_while(quiet: bool) -> Iterator[Callable[[int, int, str], None]]:
    """A bar of the checks for what takes longer than two seconds: which one is asked, and since when."""
    if quiet or not sys.stderr.isatty():
        yield lambda done, total, title: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    bar = Progress(*columns, console=Console(stderr=True), transient=True)
    checks = bar.add_task("", total=None)
    late = threading.Timer(_BAR_AFTER_S, bar.start)
    late.daemon = True
    late.start()
    try:
        yield lambda done, total, title: bar.update(checks, completed=done, total=total, description=title)
    finally:
        late.cancel()
        late.join()
        bar.stop()


@contextmanager
def bar(quiet: bool) -> Iterator[Callable[[int, int, str], None]]:
    """A bar with the time left, where somebody looks at it."""
    if quiet or not sys.stderr.isatty():
        yield lambda done, total, who: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=Console(stderr=True)) as shown:
        task = shown.add_task("", total=None)

        def told(done: int, total: int, who: str) -> None:
            shown.update(task, completed=done, total=total, description=who)

        yield told
