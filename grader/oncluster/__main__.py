"""The program of a grader's Pod: `python -m grader.oncluster --folder /work --index 3 --of 20`.

It grades its share of the submissions and writes each result when it is there. Run again, it skips what it finds.
Ends with 0 when every submission of the share has a result, 2 when the folder is of no use.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from grader.batch.course import CourseError
from grader.batch.pool import Lost, Pool
from grader.batch.submission import Job, Outcome, failed, grade_submission
from grader.nbgrader.grade import Results
from grader.oncluster.bundle import Bundle, Released, load

LIMIT_S = 120.0  # of wall time, for one submission


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m grader.oncluster", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="the volume: what `grader run --on-cluster` sent")
    index = os.environ.get("JOB_COMPLETION_INDEX", "0")
    parser.add_argument("--index", type=int, default=int(index), help="which share; Kubernetes sets it")
    parser.add_argument("--of", type=int, default=1, help="how many shares there are")
    parser.add_argument("--limit", type=float, default=LIMIT_S, help="seconds for one submission")
    chosen = parser.parse_args(arguments)
    if not 0 <= chosen.index < chosen.of:
        parser.error(f"there is no share {chosen.index} of {chosen.of}")
    try:
        bundle = load(chosen.folder)
    except CourseError as error:
        print(f"grader: {error}", file=sys.stderr)
        return 2
    share = bundle.share(chosen.index, chosen.of)
    todo = [bundle.job(student) for student in share if bundle.result(student) is None]
    print(f"share {chosen.index} of {chosen.of}: {len(share)} submissions, {len(share) - len(todo)} graded", flush=True)
    # A process of its own, though there is one worker: a submission that hangs or eats memory costs only itself.
    pool: Pool[Job, Outcome] = Pool(partial(_work, bundle.released), 1, chosen.limit)
    try:
        for job, outcome in pool.run(todo):
            _write(bundle, failed(job, bundle.released, outcome.why) if isinstance(outcome, Lost) else outcome)
    finally:
        pool.close()
    return 0


def _work(released: Released) -> Callable[[Job], Outcome]:
    results = Results()
    return lambda job: grade_submission(job, released, results)


def _write(bundle: Bundle, outcome: Outcome) -> None:
    bundle.write_result(outcome)
    print(f"{outcome.student}: {outcome.error or 'graded'}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
