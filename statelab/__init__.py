"""StateLab: stateful Kubernetes, taught on a cluster that is always at hand.

In a notebook: `%load_ext statelab`, then `cluster = statelab.connect()`.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from statelab.version import VERSION as __version__

if TYPE_CHECKING:
    from statelab.notebook import connect

if sys.platform == "emscripten":  # not all is there at a tab's start
    from statelab import later

    later.begin()

__all__ = ["__version__", "connect", "load_ipython_extension"]


def __getattr__(name: str) -> Any:
    # On demand: the server imports this package too, and must be ready in the blink of an eye.
    if name == "connect":
        from statelab.notebook import connect

        return connect
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def load_ipython_extension(shell: Any) -> None:
    """What `%load_ext statelab` calls."""
    from statelab.notebook import load

    load(shell)
