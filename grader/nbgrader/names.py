"""Whose is this file? A learning platform names what it hands out in its own way; a class list says who there is.

No learner is made up: a file that belongs to nobody of the class list, or could be two people's, is told and left.
Known: `anna_ps4`, also with points, dashes and ` (1)`; a folder for each learner; Moodle's and Canvas's downloads.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import PurePath

# "Mary Jane Watson_4711_assignsubmission_file_ps4.ipynb", or a folder of that name with the file in it. The number is
# the submission's, so the name is all there is.
_MOODLE = re.compile(r"(?P<name>.+?)_\d+_assignsubmission_[a-z]+_?")
# "watsonmaryjane_LATE_4711_815_ps4-1.ipynb": last name before first name, the user's and the file's number.
_CANVAS = re.compile(r"(?P<name>[^_]+)(?:_LATE)?_(?P<user>\d+)_\d+")
_COPY = r"(?:[ _-]*\((?P<copy>\d{1,3})\)|-(?P<again>\d{1,3}))?"
_ID = re.compile(r"[\w.@+-]+")


@dataclass(frozen=True, slots=True)
class Learner:
    """A row of the class list, as nbgrader's gradebook has it."""

    id: str
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    lms_user_id: str = ""


@dataclass(frozen=True, slots=True)
class Whose:
    """A file of `learner`: their `copy`-th of that notebook (a browser and Canvas count up from 1; 0 is the first)."""

    learner: str
    notebook: str
    copy: int


class Nobodys(Exception):
    """Why a file was not given to anybody; `str()` is for the instructor."""


def whose(path: PurePath, notebooks: Collection[str], class_list: Sequence[Learner]) -> Whose:
    """`path`: below the folder of what was unpacked. `notebooks`: names of the released ones. Raises Nobodys."""
    notebook, before, copy = _notebook(path.stem, notebooks)
    said = before
    if not said and path.parent != path.parent.parent:
        said = path.parent.name  # a folder for each learner, or what was in a zip that is called as a file would be
        with suppress(Nobodys):
            said = _notebook(said, notebooks)[1] or said
    if not said:
        raise Nobodys("its name does not say whose it is: call it ID_" + path.name)
    return Whose(_learner(said, class_list), notebook, copy)


def _notebook(stem: str, notebooks: Collection[str]) -> tuple[str, str, int]:
    """The notebook, what stands before it, and which copy it is."""
    for each in sorted(notebooks, key=len, reverse=True):
        found = re.fullmatch(rf"(?P<before>.*?)[ _-]*(?<![^\W_]){re.escape(each)}{_COPY}", stem, re.IGNORECASE)
        if found is not None:
            return each, found["before"], int(found["copy"] or found["again"] or 0)
    raise Nobodys(f"it is none of the released notebooks: {', '.join(sorted(notebooks))}")


def _learner(said: str, class_list: Sequence[Learner]) -> str:
    if found := _MOODLE.fullmatch(said):
        name = _letters(found["name"])
        return _one(said, class_list, lambda each: name in _names(each))
    if found := _CANVAS.fullmatch(said):
        by_number = [each for each in class_list if each.lms_user_id and each.lms_user_id == found["user"]]
        name = _letters(found["name"])
        return _one(said, by_number or class_list, lambda each: bool(by_number) or name in _names(each))
    if not class_list:
        if _ID.fullmatch(said) is None:
            raise Nobodys(f"{said!r} is no id, and there is no class list: nbgrader db student import students.csv")
        return said
    exact = [each.id for each in class_list if each.id == said]
    if exact:
        return exact[0]
    wanted = said.casefold()
    return _one(
        said, class_list, lambda each: wanted in (each.id.casefold(), each.email.casefold()) or said == each.lms_user_id
    )


def _one(said: str, class_list: Sequence[Learner], is_meant: Callable[[Learner], bool]) -> str:
    found = [each.id for each in class_list if is_meant(each)]
    if len(found) == 1:
        return found[0]
    if found:
        raise Nobodys(f"{said!r} may be {' or '.join(found)}: rename it to one of ID_NOTEBOOK.ipynb")
    where = "your class list" if class_list else "the class list, for there is none (nbgrader db student import)"
    raise Nobodys(f"{said!r} is nobody in {where}")


def _names(learner: Learner) -> set[str]:
    """First name first, and last name first."""
    first, last = _letters(learner.first_name), _letters(learner.last_name)
    return {first + last, last + first} if first or last else set()


def _letters(name: str) -> str:
    """Only letters and digits, without accents: platforms leave out the rest, each in its way."""
    plain = unicodedata.normalize("NFKD", name.casefold())
    return "".join(each for each in plain if each.isalnum())
