"""Judges what a learner hands in: by what it does on a cluster of its own, never by comparing text.

In a notebook: `%load_ext grader`, then `%%answer ps3.identity` above an answer and `check("ps3.identity")` below it.
From a shell: `grader check ps3.identity web.yaml`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from grader.notebook import check, hint

__all__ = ["check", "hint"]


def __getattr__(name: str) -> Any:
    # The command line and nbgrader import this package too: the cluster is loaded when it is asked for.
    if name in __all__:
        from grader import notebook

        return getattr(notebook, name)
    raise AttributeError(f"module 'grader' has no attribute {name!r}")


def load_ipython_extension(shell: Any) -> None:
    from grader.notebook import load

    load(shell)
