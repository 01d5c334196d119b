"""What one judgement costs: every answer of the corpora, visible and hidden checks, in this process.

    python -m benchmarks.judging                 # all of them: some minutes
    python -m benchmarks.judging --every 7       # each seventh
    python -m benchmarks.judging --task final.probes
    python -m benchmarks.judging --visible       # as `check("…")` in a notebook asks, without the hidden ones

The processor's time of this process is measured, not the wall's: other work on the machine counts less.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

from grader.answer import Answer
from grader.judge import judge
from grader.registry import task

CORPUS = Path(__file__).parent.parent / "tests" / "grader" / "corpus"


def measure(paths: Sequence[Path], *, visible_only: bool = False) -> list[tuple[float, Path]]:
    """Seconds of CPU for each answer, the shortest first."""
    found = []
    for path in paths:
        answer, chosen = Answer.of_files([path]), task(path.parent.parent.name)
        began_s = time.process_time()
        judge(chosen, answer, visible_only=visible_only)
        found.append((time.process_time() - began_s, path))
    return sorted(found)


def as_text(found: Sequence[tuple[float, Path]]) -> str:
    """The median, the tail, and the slowest by name."""
    times = [seconds for seconds, _ in found]

    def at(share: float) -> float:
        return times[min(len(times) - 1, int(share * len(times)))]

    lines = [f"{len(times)} answers, CPU of one judgement in this process", ""]
    for name, share in (("median", 0.5), ("90th percentile", 0.9), ("99th percentile", 0.99), ("slowest", 1.0)):
        lines.append(f"{name:<16} {at(share) * 1000:>7.0f} ms")
    lines += ["", "the slowest:"]
    lines += [f"  {seconds * 1000:>6.0f} ms  {path.parent.parent.name}/{path.stem}" for seconds, path in found[-8:]]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--every", type=int, default=1, help="judge each N-th answer only")
    parser.add_argument("--task", default="*", help="of this task only")
    parser.add_argument("--visible", action="store_true", help="the visible checks alone")
    options = parser.parse_args()
    paths = sorted(CORPUS.glob(f"{options.task}/*/*.yaml"))[:: max(1, options.every)]
    if not paths:
        raise SystemExit(f"no answers in {CORPUS} for {options.task}")
    print(as_text(measure(paths, visible_only=options.visible)))


if __name__ == "__main__":
    main()
