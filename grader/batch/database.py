"""The database behind a gradebook: an SQLite file, or what SQLAlchemy knows by its URL, as nbgrader does.

SQLite goes without SQLAlchemy, which takes longer to import than a small class to grade. Queries are SQL that both
SQLite and PostgreSQL know, with `?` for what is filled in.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from grader.batch.course import CourseError

_SQLITE = "sqlite:///"


class Database:
    """A connection. Outside of `transaction()` each statement counts by itself. Raises CourseError for its troubles."""

    def __init__(self, url: str) -> None:
        self.is_sqlite = url.startswith(_SQLITE)
        self.name, self._connection, self._errors = _sqlite(url) if self.is_sqlite else _by_url(url)

    def execute(self, query: str, values: Sequence[Any] = ()) -> Any:
        """A cursor: fetchone(), fetchall(), or a loop over the rows."""
        try:
            cursor = self._connection.cursor()
            cursor.execute(query if self.is_sqlite else query.replace("?", "%s"), tuple(values))
            return cursor
        except self._errors as error:
            raise CourseError(_told(self.name, error)) from None

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of it or nothing of it."""
        self.execute("begin immediate" if self.is_sqlite else "begin")  # it waits for who writes, before it has read
        try:
            yield
        except BaseException:
            with suppress(CourseError):
                self.execute("rollback")
            raise
        self.execute("commit")

    def columns(self, table: str) -> set[str]:
        """The names of a table's columns; none where there is no such table."""
        if self.is_sqlite:
            return {row[1] for row in self.execute(f"pragma table_info({table})")}
        query = "select column_name from information_schema.columns where table_name = ?"
        return {row[0] for row in self.execute(query, (table,))}

    def close(self) -> None:
        with suppress(*self._errors):
            self._connection.close()


def _sqlite(url: str) -> tuple[str, Any, tuple[type[Exception], ...]]:
    path = Path(url.removeprefix(_SQLITE))
    if not path.is_file():
        raise CourseError(f"there is no gradebook {path}: run `nbgrader generate_assignment …` first")
    try:
        connection = sqlite3.connect(path, timeout=60.0, isolation_level=None)
        connection.execute("pragma synchronous = normal")
    except sqlite3.Error as error:
        raise CourseError(_told(str(path), error)) from None
    return str(path), connection, (sqlite3.Error,)


def _by_url(url: str) -> tuple[str, Any, tuple[type[Exception], ...]]:
    from sqlalchemy import create_engine
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError

    try:
        engine = create_engine(url, isolation_level="AUTOCOMMIT")
        name = engine.url.render_as_string(hide_password=True)
        if engine.dialect.name != "postgresql":
            raise CourseError(
                f"the gradebook is in {engine.dialect.name}: grade with `nbgrader autograde`, which knows your database"
            )
    except (ArgumentError, NoSuchModuleError) as error:
        raise CourseError(f"CourseDirectory.db_url of nbgrader_config.py: {error}") from None
    except ModuleNotFoundError as error:
        raise CourseError(f"{error.name} is missing: pip install 'statelab[postgresql]'") from None
    driver: Any = engine.dialect.dbapi
    try:
        return name, engine.raw_connection(), (driver.Error,)
    except driver.Error as error:
        raise CourseError(_told(name, error)) from None


def _told(name: str, error: BaseException) -> str:
    said = str(error).strip().split("\n")[0]
    more = "; somebody else writes to it: try again, with --resume" if "locked" in said else ""
    return f"the gradebook {name} cannot be used: {said}{more}"
