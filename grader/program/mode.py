"""How an answer that is a program may be run."""

from __future__ import annotations

from typing import Literal

# As of grader.sandbox.Mode; "own": somebody's own program on their own machine, in the sandbox where there is one.
Execute = Literal["sandbox", "never", "unprotected", "own"]
