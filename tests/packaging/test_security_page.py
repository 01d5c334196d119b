"""SECURITY.md says what the code does: its numbers, and the files it names."""

from __future__ import annotations

import re
from pathlib import Path

from grader.batch.pool import _MEMORY_BYTES
from grader.batch.run import LIMIT_S
from grader.limits import Limits
from grader.lines import MAX_LINES
from grader.nbgrader.reading import MAX_BYTES as NOTEBOOK_BYTES
from grader.sandbox import Confinement
from statelab import reader
from statelab.controlplane.apiserver.serving.handler import _PUBLIC
from statelab.controlplane.runtime.spec import Limits as ContainerLimits

ROOT = Path(__file__).resolve().parents[2]
TEXT = " ".join((ROOT / "SECURITY.md").read_text().split())
MIB, GIB = 1024**2, 1024**3


def test_the_bounds_it_names_are_those_of_the_code():
    trial, container, cell = Limits(), ContainerLimits(), Confinement()
    said = [
        f"at most {NOTEBOOK_BYTES / 1e6:.0f} MB",
        f"a manifest {reader.MAX_BYTES / 1e6:.0f} MB, {reader.MAX_DEPTH} levels, {reader.MAX_VALUES:,} values",
        f"{MAX_LINES} kubectl lines",
        f"{trial.cpu_s:.0f} s of computing, {trial.hung_s:.0f} s of waiting in which nothing moves, "
        f"{trial.cluster_s / 3600:.0f} hours",
        f"{trial.events:,} events, {trial.objects} objects",
        f"ends at {container.busy_s:.0f} s of computing",
        f"its files at {container.files_bytes // MIB} MiB, its output at {container.output_bytes // MIB} MiB",
        f"{_MEMORY_BYTES // GIB} GiB of address space (Linux) that is ended after {LIMIT_S:.0f} s",
        f"{cell.cpu_s} s of CPU, {cell.memory_bytes // GIB} GiB, {cell.processes} processes (not counted for root), "
        f"{cell.wall_s:.0f} s",
    ]
    assert [each for each in said if each not in TEXT] == []


def test_what_needs_no_token_is_named():
    assert all(f"`{path}`" in TEXT for path in _PUBLIC)


def test_the_files_it_names_are_there():
    named = [each for each in re.findall(r"`([\w.-]+/[\w./-]*)`", TEXT) if not each.startswith(".statelab")]
    assert len(named) >= 6
    assert [each for each in named if not (ROOT / each).exists()] == []
