"""Folders of submissions that try to break, delay or deceive the grader. None is worth a point.

Not a test module: test_hostile.py hands each of them in. Each function is given the release and the folder to fill.
"""

# ruff: noqa: E501  (one attack, one line)

from __future__ import annotations

import copy
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

Release = dict[str, Any]
Fill = Callable[[Release, Path], None]
SCRIPT = "<script>alert(1)</script><img src=x onerror=alert(2)><svg onload=alert(3)>"


def save(folder: Path, notebook: Any) -> None:
    (folder / "ps3.ipynb").write_text(json.dumps(notebook), encoding="utf-8")


def _cells(release: Release) -> list[tuple[str, dict[str, Any]]]:
    return [(each["metadata"].get("nbgrader", {}).get("grade_id", ""), each) for each in release["cells"]]


def _changed(change: Callable[[str, dict[str, Any]], None]) -> Fill:
    def fill(release: Release, folder: Path) -> None:
        mine = copy.deepcopy(release)
        for name, cell in _cells(mine):
            change(name, cell)
        save(folder, mine)

    return fill


def _output(kind: str, text: str) -> dict[str, Any]:
    if kind == "stream":
        return {"output_type": "stream", "name": "stdout", "text": text}
    return {
        "output_type": kind,
        "data": {"text/plain": text, "text/html": SCRIPT},
        "metadata": {},
        "execution_count": 1,
    }


def _fake_outputs(name: str, cell: dict[str, Any]) -> None:
    if cell["cell_type"] == "code":
        cell["outputs"] = [_output("execute_result", "30.0")]


def _fake_stream(name: str, cell: dict[str, Any]) -> None:
    if cell["cell_type"] == "code":
        cell["outputs"] = [_output("stream", "✓ 30/30")]


def _nbgrader(**forged: Any) -> Fill:
    def change(name: str, cell: dict[str, Any]) -> None:
        if name:
            cell["metadata"]["nbgrader"].update(forged)

    return _changed(change)


def _source(text: str) -> Fill:
    def change(name: str, cell: dict[str, Any]) -> None:
        if name.startswith("ps3-") and not name.endswith("-answer"):
            cell["source"] = text

    return _changed(change)


def _added(cell: dict[str, Any], times: int = 1) -> Fill:
    def fill(release: Release, folder: Path) -> None:
        save(folder, {**release, "cells": [*([cell] * times), *release["cells"]]})

    return fill


def _copies(release: Release, folder: Path) -> None:
    graded = [cell for name, cell in _cells(release) if name.startswith("ps3-")]
    save(folder, {**release, "cells": release["cells"] + graded * 20})


def _raw(content: bytes | str) -> Fill:
    raw = content.encode() if isinstance(content, str) else content
    return lambda release, folder: (folder / "ps3.ipynb").write_bytes(raw) and None


def _link(to: str) -> Fill:
    return lambda release, folder: (folder / "ps3.ipynb").symlink_to(to)


def _pipe(release: Release, folder: Path) -> None:
    os.mkfifo(folder / "ps3.ipynb")


def _folder(release: Release, folder: Path) -> None:
    (folder / "ps3.ipynb").mkdir()


def _enormous(release: Release, folder: Path) -> None:
    with (folder / "ps3.ipynb").open("wb") as file:
        file.truncate(200_000_000)


def _many_files(release: Release, folder: Path) -> None:
    save(folder, release)
    for number in range(50):
        (folder / f"{number}.ipynb").write_text("{", encoding="utf-8")
    (folder / "gradebook.db").write_bytes(b"SQLite format 3\0")
    (folder / "nbgrader_config.py").write_text("raise SystemExit", encoding="utf-8")


def _bad_timestamp(release: Release, folder: Path) -> None:
    save(folder, release)
    (folder / "timestamp.txt").write_text("9" * 1_000_000, encoding="utf-8")


def _named(release: Release, folder: Path) -> None:
    metadata = {
        "kernelspec": {"name": "../../../bin/sh", "display_name": SCRIPT},
        "widgets": {SCRIPT: SCRIPT},
        "title": SCRIPT,
    }
    save(folder, {**release, "metadata": metadata})


def code(source: str, **metadata: Any) -> dict[str, Any]:
    return {"cell_type": "code", "source": source, "metadata": metadata, "outputs": [], "execution_count": None}


FOLDERS: dict[str, Fill] = {
    "outputs that say 30": _changed(_fake_outputs),
    "outputs that look like feedback": _changed(_fake_stream),
    "scores in the metadata": _nbgrader(score=30, auto_score=30, points=30),
    "points without end": _nbgrader(points=1e308),
    "points that are text": _nbgrader(points="all"),
    "points below zero": _nbgrader(points=-100),
    "nothing is graded": _nbgrader(grade=False),
    "everything is a solution": _nbgrader(solution=True, grade=True),
    "everything is a task": _nbgrader(task=True, grade=False, locked=False),
    "forged checksums": _nbgrader(checksum="00000000000000000000000000000000"),
    "an old schema": _nbgrader(schema_version=0),
    "a schema of the future": _nbgrader(schema_version=99),
    "every cell has the same name": _nbgrader(grade_id="ps3-identity"),
    "names that are no names": _nbgrader(grade_id={"x": [1]}),
    "checks replaced by a number": _source("30.0"),
    "checks replaced by nothing": _source(""),
    "checks of another task": _source('check("ps3.order")'),
    "checks that run commands": _source("import os; os.system('touch /tmp/owned')\n30.0"),
    "copies of every cell": _copies,
    "script in Markdown": _added({"cell_type": "markdown", "metadata": {}, "source": SCRIPT}),
    "links that run": _added({"cell_type": "markdown", "metadata": {}, "source": "[x](javascript:alert(1)) ![x](x:y)"}),
    "script in a raw cell": _added({"cell_type": "raw", "metadata": {"raw_mimetype": "text/html"}, "source": SCRIPT}),
    "an attachment": _added(
        {"cell_type": "markdown", "metadata": {}, "source": "![](attachment:a)", "attachments": {"a": {"text/html": SCRIPT}}}
    ),
    "templates": _added({"cell_type": "markdown", "metadata": {}, "source": "{{ 7 * 7 }} {% include '/etc/passwd' %}"}),
    "hidden tests of one's own": _added(code("### BEGIN HIDDEN TESTS\ncheck = lambda *a: 30.0\n### END HIDDEN TESTS")),
    "magics": _added(code("%%bash\ntouch /tmp/owned\n!touch /tmp/owned")),
    "an answer that names another file": _added(code("%%answer ../../../etc/passwd\nkind: x")),
    "an answer to no task": _added(code("%%answer ps3.\u202e\nkind: x")),
    "5,000 cells": _added(code("%%answer ps3.identity\nkind: x"), 5_000),
    "a cell of eight megabytes": _added(code("x" * 8_000_000)),
    "not JSON": _raw("this is { not json"),
    "cut off": _raw('{"cells": [{"cell_type": "code", "sou'),
    "empty file": _raw(""),
    "a number": _raw("30.0"),
    "a list": _raw("[[], {}, null]"),
    "binary": _raw(bytes(range(256)) * 100),
    "JSON, 100,000 deep": _raw("[" * 100_000 + "]" * 100_000),
    "cells, 50,000 deep": _raw('{"cells": ' + '{"a":' * 50_000 + "1" + "}" * 50_000 + "}"),
    "UTF-16": _raw('{"cells": []}'.encode("utf-16")),
    "lone surrogates": _raw('{"cells": [{"cell_type": "code", "source": "\\ud800", "metadata": {}}]}'),
    "numbers without end": _raw('{"cells": [], "nbformat": 1e999, "x": ' + "9" * 5_000 + "}"),
    "cells that are none": _raw('{"cells": [1, null, [], {"cell_type": {}}, {"source": {}, "metadata": []}]}'),
    "an old format": _raw('{"worksheets": [{"cells": [{"cell_type": "code", "input": "30.0"}]}], "nbformat": 3}'),
    "200 MB": _enormous,
    "a link to a file of the system": _link("/etc/passwd"),
    "a link to itself": _link("ps3.ipynb"),
    "a link to zeros": _link("/dev/zero"),
    "a pipe": _pipe,
    "a folder of that name": _folder,
    "many other files": _many_files,
    "a time that is none": _bad_timestamp,
    "metadata with script": _named,
    "nothing": lambda release, folder: None,
}  # fmt: skip
