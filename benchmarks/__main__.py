"""Measure what is fast: one table, each figure beside its aim and beside what you would use instead."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks import authorization, browser, classroom, containers, controlplane, notebooks, pictures, watchers
from benchmarks.figure import Benchmark, Figure, Missing
from statelab.version import VERSION

BENCHMARKS: dict[str, Benchmark] = {
    "start": controlplane.start,
    "memory": controlplane.memory,
    "requests": controlplane.requests,
    "authorization": authorization.authorization,
    "watchers": watchers.watchers,
    "containers": containers.containers,
    "rollouts": controlplane.rollouts,
    "jobs": controlplane.jobs,
    "grading": classroom.grading,
    "notebooks": notebooks.notebooks,
    "learner": notebooks.learner,
    "widgets": pictures.widgets,
    "browser": browser.browser,
}
_RESULTS = Path(__file__).parent / "results.json"
_STOPPED = 130


def main() -> int:
    arguments = _arguments()
    rows: list[dict[str, Any]] = []
    code = 0
    print(f"{'':46} {'StateLab':>14} {'beside':>12} {'aim':>12}")
    try:
        for name in arguments.only or BENCHMARKS:
            _measure(name, rows)
    except KeyboardInterrupt:
        _progress("")
        print(f"\nStopped; what was measured is in {arguments.json}.")
        code = _STOPPED
    _save(arguments.json, rows)
    if (busy := _load()) > 1.2:
        print(f"\nThe machine was busy with other things (load {busy:.1f} for each core): these are no measurements.")
    if missed := sum(row["meets_aim"] is False for row in rows):
        print(f"\n{missed} short of {'its aim' if missed == 1 else 'their aims'}")
    return code


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        epilog="; ".join(f"{name}: {_about(name)}" for name in BENCHMARKS),
    )
    parser.add_argument(
        "--only", action="append", choices=BENCHMARKS, metavar="NAME", help="only this one; may be repeated"
    )
    parser.add_argument(
        "--json", type=Path, default=_RESULTS, metavar="FILE", help="where the figures go (benchmarks/results.json)"
    )
    return parser.parse_args()


def _measure(name: str, rows: list[dict[str, Any]]) -> None:
    """Print a benchmark's rows as they come, and keep them."""
    print(f"\n{name}: {_about(name)}")
    _progress("measuring …")
    try:
        # Closed when we are interrupted: that ends the servers and kernels it started.
        with closing(BENCHMARKS[name]()) as figures:
            for figure in figures:
                _progress("")
                print(_row(figure), flush=True)
                rows.append({"benchmark": name, **asdict(figure), "meets_aim": figure.meets_aim})
                _progress("measuring …")
    except Missing as missing:
        _progress("")
        print(f"  not measured: there is no {missing}")
    _progress("")


def _about(name: str) -> str:
    return " ".join((BENCHMARKS[name].__doc__ or "").split())


def _progress(text: str) -> None:
    """What goes on, on one line that the next thing replaces, where somebody looks at it."""
    if sys.stderr.isatty():
        print(f"\r\033[K  {text}" if text else "\r\033[K", end="", file=sys.stderr, flush=True)


def _row(figure: Figure) -> str:
    def number(value: float | None) -> str:
        return "" if value is None else f"{value:,.0f}" if value >= 100 else f"{value:.3g}"

    sign = "≥" if figure.better == "higher" else "≤"
    aim = "" if figure.aim is None else f"{sign} {number(figure.aim)} {'✓' if figure.meets_aim else '✗'}"
    beside = "" if figure.beside is None else figure.beside_what
    value = f"{number(figure.value)} {figure.unit}"
    return f"  {figure.name:44} {value:>14} {number(figure.beside):>12} {aim:>12}  {beside}".rstrip()


def _load() -> float:
    return os.getloadavg()[0] / (os.cpu_count() or 1) if hasattr(os, "getloadavg") else 0.0


def _save(path: Path, rows: list[dict[str, Any]]) -> None:
    machine = {"system": platform.platform(), "processor": platform.machine(), "cores": os.cpu_count(), "load": _load()}
    about = {"statelab": VERSION, "python": platform.python_version(), "machine": machine, "figures": rows}
    path.write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
