"""`python -m benchmarks [NAME ...] [--json]`."""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import asdict

from benchmarks import containers, controlplane, pictures, watchers
from benchmarks.figure import Benchmark, Figure

BENCHMARKS: dict[str, Benchmark] = {
    "containers": containers.containers,
    "pictures": pictures.pictures,
    "rates": controlplane.rates,
    "rest": controlplane.rest,
    "scale": controlplane.scale,
    "watchers": watchers.watchers,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    known = "; ".join(f"{name}: {(run.__doc__ or '').strip()}" for name, run in BENCHMARKS.items())
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"which to run (all). {known}")
    parser.add_argument("--json", action="store_true", help="one JSON object a line, for a program to read")
    arguments = parser.parse_args()
    for name in arguments.names:
        if name not in BENCHMARKS:
            parser.error(f"there is no benchmark {name!r}; there are {', '.join(BENCHMARKS)}")
    if not arguments.json:
        print(f"{'':46} {'StateLab':>12} {'Kubernetes':>12} {'aim':>14}")
    missed = 0
    for name in arguments.names or BENCHMARKS:
        if not arguments.json:
            print(f"\n{name}: {(BENCHMARKS[name].__doc__ or '').strip()}")
        for figure in BENCHMARKS[name]():
            missed += figure.meets_aim is False
            print(_json(name, figure) if arguments.json else _row(figure), flush=True)
    busy = os.getloadavg()[0] / (os.cpu_count() or 1) if hasattr(os, "getloadavg") else 0.0
    if busy > 1.2 and not arguments.json:
        print(f"\nThe machine was busy with other things (load {busy:.1f} for each core): these are no measurements.")
    if missed:
        print(f"\n{missed} short of its aim" if missed == 1 else f"\n{missed} short of their aims", file=sys.stderr)


def _json(name: str, figure: Figure) -> str:
    return json.dumps({"benchmark": name, **asdict(figure), "meets_aim": figure.meets_aim})


def _row(figure: Figure) -> str:
    def number(value: float | None) -> str:
        return "" if value is None else f"{value:,.0f}" if value >= 100 else f"{value:.3g}"

    sign = "≥" if figure.better == "higher" else "≤"
    aim = "" if figure.aim is None else f"{sign} {number(figure.aim)} {'✓' if figure.meets_aim else '✗'}"
    value = f"{number(figure.value)} {figure.unit}"
    return f"  {figure.what:44} {value:>14} {number(figure.real):>10} {aim:>14}"


if __name__ == "__main__":
    main()
