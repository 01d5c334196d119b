"""A talk as a file: what is said, and the lines that are run, step by step; read whole and checked before it begins."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from statelab.cluster import Cluster, Problem
from statelab.cluster.names import parse
from statelab.reader import ManifestError, read_file

_KNOWN = {"say", "run", "look"}
_MOST_STEPS, _MOST_LINES = 200, 20


@dataclass(frozen=True)
class Step:
    """`say`: a sentence for the audience; `run`: lines; `look`: an object to select ("pod/web-1"), or ""."""

    say: str
    run: tuple[str, ...]
    look: str


@dataclass(frozen=True)
class Script:
    title: str
    namespace: str
    steps: tuple[Step, ...]


def read_script(path: str | Path) -> Script:
    """The script in a file such as demo.yaml. Raises Problem, with the line, for what is none."""
    try:
        documents = read_file(path).documents
    except ManifestError as error:
        raise Problem(str(error)) from None
    body: Any = documents[0].value if documents else None
    if not isinstance(body, dict) or not isinstance(body.get("steps"), list):
        raise Problem(f"{path} is no script.", 'It begins with "namespace: demo" and "steps:", a list.')
    steps = tuple(_step(each, number, path) for number, each in enumerate(body["steps"][:_MOST_STEPS], 1))
    return Script(str(body.get("title", Path(path).stem)), str(body.get("namespace", "demo")), steps)


def _step(found: Any, number: int, path: str | Path) -> Step:
    if not isinstance(found, dict) or set(found) - _KNOWN:
        raise Problem(f"{path}, step {number}: a step has say, run and look, and nothing else.")
    run = found.get("run") or []
    lines = [run] if isinstance(run, str) else run
    if not isinstance(lines, list) or len(lines) > _MOST_LINES or not all(isinstance(each, str) for each in lines):
        raise Problem(f"{path}, step {number}: run is a line, or a list of lines.")
    for line in lines:
        if _words(line)[:1] != ["kubectl"] and _words(line)[:2] != ["statelab", "node"]:
            raise Problem(f"{path}, step {number}: {line!r} is no kubectl line.", 'Others: "statelab node stop NAME".')
    look = str(found.get("look") or "")
    if look:
        parse(look)
    return Step(str(found.get("say") or ""), tuple(line.strip() for line in lines), look)


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError as error:
        raise Problem(f"The line {line!r} cannot be read: {error}.", "Check its quotes.") from None


def run_line(line: str, cluster: Cluster) -> str:
    """Run a line of a script; what it said. Raises Problem or RequestRefused as the cluster does."""
    words = _words(line)
    if words[0] == "kubectl":
        return str(cluster.kubectl(words[1:], timeout_s=60.0)).strip()
    if len(words) != 4 or words[2] not in ("stop", "start"):
        raise Problem(f"{line!r} cannot be run.", "Write: statelab node stop NAME, or start.")
    (cluster.stop_node if words[2] == "stop" else cluster.start_node)(words[3])
    return f"{words[3]}: {words[2]}"
