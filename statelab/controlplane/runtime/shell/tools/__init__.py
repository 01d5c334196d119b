"""Commands of images that need nothing but files and text: cat, grep, sed, awk … `TOOLS` maps names to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from statelab.controlplane.runtime.shell.proc import Proc
from statelab.controlplane.runtime.shell.streams import Steps
from statelab.controlplane.runtime.shell.tools import (
    awk,
    columns,
    commands,
    files,
    find,
    grep,
    listing,
    sed,
    sums,
    text,
)

TOOLS: Mapping[str, Callable[[Proc, list[str]], Steps[int]]] = {
    **files.TOOLS,
    **listing.TOOLS,
    **find.TOOLS,
    **text.TOOLS,
    **columns.TOOLS,
    **grep.TOOLS,
    **sed.TOOLS,
    **awk.TOOLS,
    **sums.TOOLS,
    **commands.TOOLS,
}
