"""What `nbgrader zip_collect` asks whose a file is (names.py), with the class list of the gradebook at hand."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

from nbgrader.api import Gradebook
from nbgrader.plugins import FileNameCollectorPlugin

from grader.nbgrader.names import Learner, Nobodys, Whose, whose


class ByClassList(FileNameCollectorPlugin):
    """In the place of a regular expression; with one of your own (`named_regexp`), it is nbgrader's plugin."""

    def collect(self, submitted_file: str) -> Any:
        """nbgrader's question: a dict with student_id and file_id, or None for what is to be left."""
        if self.named_regexp:
            return super().collect(submitted_file)
        path = Path(submitted_file)
        if path.suffix not in self.valid_ext:
            return None
        try:
            found = self._whose(path)
        except Nobodys as error:
            self.log.warning("Nobody got %s: %s.", path.name, error)
            return None
        newest = self._newest[found.learner, found.notebook]
        if newest != path:
            self.log.warning(
                "%s handed in again: of %s and %s the latter counts.", found.learner, path.name, newest.name
            )
            return None
        return {"student_id": found.learner, "file_id": found.notebook}

    def _whose(self, path: Path) -> Whose:
        return whose(path.relative_to(self._folder), self._notebooks, self._class_list)

    @cached_property
    def _folder(self) -> Path:
        return Path(self.parent._format_collect_path(self.parent.extracted_directory))

    @cached_property
    def _notebooks(self) -> list[str]:
        directory = self.parent.coursedir
        release = Path(directory.format_path(directory.release_directory, ".", directory.assignment_id))
        return [each.stem for each in release.glob("*.ipynb")] or [directory.assignment_id]

    @cached_property
    def _class_list(self) -> list[Learner]:
        with Gradebook(self.parent.coursedir.db_url) as gradebook:
            rows = [(s.id, s.first_name, s.last_name, s.email, s.lms_user_id) for s in gradebook.students]
        return [Learner(*(each or "" for each in row)) for row in rows]

    @cached_property
    def _newest(self) -> dict[tuple[str, str], Path]:
        """Of a learner's copies of one notebook, the one with the highest number."""
        found: dict[tuple[str, str], tuple[int, Path]] = {}
        for path in sorted(self._folder.rglob("*")):
            if path.suffix not in self.valid_ext:
                continue
            try:
                each = self._whose(path)
            except Nobodys:
                continue
            key = (each.learner, each.notebook)
            found[key] = max(found.get(key, (-1, path)), (each.copy, path))
        return {key: path for key, (_, path) in found.items()}
