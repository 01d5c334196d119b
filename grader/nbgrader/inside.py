"""Runs inside the sandbox: a notebook on stdin, what its cells put out on stdout. Nothing it says is trusted.

The notebook comes by stdin and is never a file in there, so that code of an early cell cannot read a later one.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

CELL_S = 30


def main() -> None:
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.from_dict(json.load(sys.stdin))
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    # What the kernel prints goes elsewhere: stdout is for the result.
    result = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    client = NotebookClient(notebook, timeout=CELL_S, kernel_name="python3", allow_errors=True)
    try:
        client.execute()
    except Exception as error:  # a kernel that died, a cell that never ended: what was executed before still counts
        print(f"{type(error).__name__}: {error}"[:500], file=sys.stderr)
    found: dict[str, Any] = {}
    for cell in notebook.cells:
        name = cell.metadata.get("nbgrader", {}).get("grade_id")
        if name and cell.cell_type == "code":
            found[name] = {"executed": cell.execution_count is not None, "outputs": cell.outputs}
    json.dump(found, result)
    result.close()


if __name__ == "__main__":
    main()
