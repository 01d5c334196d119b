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
from nbgrader.utils import ignore_patterns

from grader.nbgrader.submissions import STATE, copy_own, without_state


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
    """As nbgrader's, from folders that learners can still write to: a link in them is not followed, what somebody else
    handed in under a learner's name does not stand in the way of what they handed in, and a learner's cluster is left.
    """

    def _sort_by_timestamp(self, records: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """A learner's hand-ins, newest first: only those that are theirs, where there are any."""
        found: list[dict[str, Any]] = super()._sort_by_timestamp(records)
        if not self.check_owner:
            return found
        own = [each for each in found if _owner(Path(self.inbound_path, each["filename"])) == each["username"]]
        for each in found:
            if own and each not in own:
                self.log.warning("%s was not handed in by %s: it was left", each["filename"], each["username"])
        return own or found

    def do_copy(self, src: str, dest: str, log: object = None) -> None:
        student = os.path.basename(src).split("+")[0]
        try:
            with _whole_or_not_at_all(self, Path(dest), f"What {student} handed in could not be collected"):
                self._copy(src, dest)
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

    def _copy(self, src: str, dest: str) -> None:
        """As nbgrader's do_copy, but for links and devices. Raises RuntimeError for what is too large, OSError."""
        size, most = self.get_size(src), 1000 * self.coursedir.max_dir_size
        if size > most:
            raise RuntimeError(f"it has {size} bytes, and at most {most} are taken")
        ignored = ignore_patterns(self.coursedir.ignore, self.coursedir.include, self.coursedir.max_file_size, self.log)
        for left in copy_own(Path(src), Path(dest), ignored):
            self.log.warning("left out of what was handed in: %s is no file of its own", left)
        if self.coursedir.groupshared:  # as nbgrader's own
            for path in (Path(dest), *Path(dest).rglob("*")):
                path.chmod(path.stat().st_mode & 0o7777 | (0o2770 if path.is_dir() else 0o660))


def _owner(path: Path) -> str:
    import pwd

    try:
        return pwd.getpwuid(path.stat().st_uid).pw_name
    except (KeyError, OSError):
        return ""


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
