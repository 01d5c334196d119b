"""Moments as commands are told them and print them: `date`, `touch`, `stat`, `find`. All of them are UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_DIRECTIVE = re.compile(r"%([-_0^#]?)([a-zA-Z%])")
_OF_FIGURES = re.compile(r"(\d{2}|\d{4})?(\d{2})(\d{2})(\d{2})(\d{2})(?:\.(\d{2}))?")


def given(text: str, now: datetime) -> datetime | None:
    """What `date -d` and `touch -d` are told: `@1767225600`, `2 hours ago`, `2026-01-01 10:00`; None for no date."""
    if text.startswith("@"):
        try:
            return datetime.fromtimestamp(float(text[1:]), UTC)
        except (ValueError, OverflowError, OSError):
            return None
    match = re.fullmatch(r"([+-]?\d+)\s*(second|sec|minute|min|hour|day|week)s?(\s+ago)?", text.strip())
    if match:
        unit_s = {"second": 1, "sec": 1, "minute": 60, "min": 60, "hour": 3600, "day": 86400, "week": 604800}[match[2]]
        return now + timedelta(seconds=int(match[1]) * unit_s * (-1 if match[3] else 1))
    if text in ("now", "today", ""):
        return now
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00").replace(" UTC", "+00:00"))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def format_date(form: str, moment: datetime) -> str:
    """As `date +FORM` prints it."""

    def one(match: re.Match[str]) -> str:
        flag, letter = match[1], match[2]
        own = {
            "s": str(int(moment.timestamp())),
            "N": f"{moment.microsecond * 1000:09d}",
            "e": f"{moment.day:2d}",
            "k": f"{moment.hour:2d}",
            "l": f"{moment.hour % 12 or 12:2d}",
            "F": moment.strftime("%Y-%m-%d"),
            "T": moment.strftime("%H:%M:%S"),
            "R": moment.strftime("%H:%M"),
            "D": moment.strftime("%m/%d/%y"),
            "h": moment.strftime("%b"),
            "Z": "UTC",
            "z": "+0000",
            "n": "\n",
            "t": "\t",
            "%": "%",
            "P": moment.strftime("%p").lower(),
        }
        text = own[letter] if letter in own else moment.strftime(f"%{letter}")
        if flag == "-":
            text = text.lstrip("0 ") or "0"
        return text.upper() if flag == "^" else text

    return _DIRECTIVE.sub(one, form)


def of_figures(text: str, now: datetime) -> datetime | None:
    """What `touch -t` is told: `[[CC]YY]MMDDhhmm[.ss]`; None for no date."""
    found = _OF_FIGURES.fullmatch(text)
    if found is None:
        return None
    year = now.year if found[1] is None else int(found[1]) + (2000 if len(found[1]) == 2 else 0)
    try:
        month, day, hour, minute, second = (int(each) for each in found.groups("0")[1:])
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None


def full(at_s: float) -> str:
    """As `stat` and `ls --full-time` show it."""
    return f"{datetime.fromtimestamp(int(at_s), UTC):%Y-%m-%d %H:%M:%S}.{nanoseconds(at_s)} +0000"


def nanoseconds(at_s: float) -> str:
    """Of a moment's second, nine digits; clocks here know microseconds."""
    return f"{int(round(at_s % 1, 6) * 1e9):09d}"
