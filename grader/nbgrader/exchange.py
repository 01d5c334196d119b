"""nbgrader's exchange, with what a class needs besides: what is collected, who reads feedback, where one submits."""

from __future__ import annotations

import glob
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nbgrader.exchange.default import ExchangeCollect, ExchangeFetchAssignment, ExchangeReleaseFeedback, ExchangeSubmit

from grader.nbgrader.submissions import STATE, without_state


@contextmanager
def _whole_or_not_at_all(exchange: Any, folder: Path, what: str) -> Iterator[None]:
    """What was begun and could not be ended (a full disk) goes again: half a hand-in would count as the newest one."""
    was_there = folder.exists()
    try:
        yield
    except OSError as error:  # shutil.Error is one
        if not was_there:
            shutil.rmtree(folder, ignore_errors=True)
        reason = error.strerror or str(error.args[0][0][2] if error.args and error.args[0] else error)
        exchange.fail(f"{what}: {reason}. Nothing that was there before has changed.")


_READABLE = stat.S_IRUSR | stat.S_IWUSR | stat.S_IRGRP | stat.S_IROTH


class Collect(ExchangeCollect):
    """As nbgrader's; a submission that brings a learner's cluster comes without it."""

    def do_copy(self, src: str, dest: str, log: object = None) -> None:
        student = os.path.basename(src).split("+")[0]
        try:
            with _whole_or_not_at_all(self, Path(dest), f"What {student} handed in could not be collected"):
                super().do_copy(src, dest, log)
        except RuntimeError as error:  # too large: nobody else has to wait for it
            self.log.error("What %s handed in was not collected: %s", student, error)
            return
        without_state(Path(dest))  # where the course's own configuration does not ignore it
        if any(STATE in folders for _, folders, _ in os.walk(src)):
            self.log.warning(
                "%s brought a cluster with its token (%s): it was not collected. Delete it in the exchange: rm -r %s",
                student,
                STATE,
                os.path.join(src, STATE),
            )


class ReleaseFeedback(ExchangeReleaseFeedback):
    """As nbgrader's; whatever the instructor's umask, a learner can read their page. Its name keeps it secret.

    Who handed in by other ways has no receipt and gets nothing this way, which nbgrader ends at. It is told instead.
    """

    def copy_files(self) -> None:
        excluded = set(filter(None, self.coursedir.student_id_exclude.split(",")))
        for folder in sorted(map(Path, glob.glob(self.src_path))):
            if any(not (folder / each).is_file() for each in ("timestamp.txt", "submission_secret.txt")):
                student = folder.parent.name
                excluded.add(student)
                self.log.warning("%s did not hand in through the exchange: send them the pages in %s", student, folder)
        self.coursedir.student_id_exclude = ",".join(sorted(excluded))
        super().copy_files()
        for page in Path(self.dest_path).glob("*.html"):
            if page.stat().st_uid == os.getuid():
                page.chmod(_READABLE)


class FetchAssignment(ExchangeFetchAssignment):
    """As nbgrader's; what a learner fetches is theirs alone. The release is everybody's, and a home often is open."""

    def copy_files(self) -> None:
        with _whole_or_not_at_all(self, Path(self.dest_path), "Nothing was fetched"):
            super().copy_files()
            Path(self.dest_path).chmod(stat.S_IRWXU)


class Submit(ExchangeSubmit):
    """As nbgrader's; who stands in the assignment's own folder is told where to stand."""

    def init_src(self) -> None:
        here, name = Path(self.assignment_dir).resolve(), str(self.coursedir.assignment_id)
        if here.name == name and not (here / name).is_dir() and any(here.glob("*.ipynb")):
            self.fail(
                f"You are in {name} itself. Go one folder up, and submit from there: cd .. && nbgrader submit {name}"
            )
        super().init_src()

    def copy_files(self) -> None:
        inbound = Path(self.inbound_path, self.assignment_filename)
        with _whole_or_not_at_all(self, inbound, "Nothing was handed in"):
            super().copy_files()
