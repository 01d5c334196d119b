"""Schedules of CronJobs, by the rules (and in the words) of the library that Kubernetes uses, robfig/cron.

Libraries for Python read other dialects: day 7, `L`, `#`, six fields. This one has five fields and `@daily`, a step
over a range, names of months and days, `?` for `*`; and where both days are said, either will do.
Source: github.com/robfig/cron/v3 parser.go, spec.go.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_DESCRIPTORS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_EVERY = "@every "
_YEARS = 5  # a schedule that has no moment within five years has none (30 February)
_LONGEST = 1024
_DURATION = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h)")
_UNITS_S = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True, slots=True)
class _Bounds:
    least: int
    most: int
    names: dict[str, int]


_MINUTE, _HOUR, _DAY = _Bounds(0, 59, {}), _Bounds(0, 23, {}), _Bounds(1, 31, {})
_MONTH = _Bounds(1, 12, {name: number for number, name in enumerate(_MONTHS, 1)})
_WEEKDAY = _Bounds(0, 6, {name: number for number, name in enumerate(_DAYS)})


@dataclass(frozen=True, slots=True)
class Schedule:
    """When something is due. `every_s` is set for `@every`, everything else for the rest."""

    minutes: frozenset[int] = frozenset()
    hours: frozenset[int] = frozenset()
    days: frozenset[int] = frozenset()
    months: frozenset[int] = frozenset()
    weekdays: frozenset[int] = frozenset()
    any_day: bool = True  # the day of the month was `*`
    any_weekday: bool = True
    every_s: float = 0.0

    def after(self, at_s: float, zone: tzinfo = UTC) -> float | None:
        """The first moment after `at_s` (both seconds since the Unix epoch); None where none comes in five years."""
        if self.every_s:
            return float(int(at_s)) + self.every_s
        moment = datetime.fromtimestamp(int(at_s) // 60 * 60 + 60, UTC)
        last_year = moment.astimezone(zone).year + _YEARS
        while True:
            local = moment.astimezone(zone)
            if local.year > last_year:
                return None
            if local.month not in self.months:
                following = datetime(local.year + local.month // 12, local.month % 12 + 1, 1)
                moment = _instant(following, zone, moment)
            elif not self._is_day(local):
                moment = _instant(datetime(local.year, local.month, local.day) + timedelta(days=1), zone, moment)
            elif local.hour not in self.hours:
                moment += timedelta(minutes=60 - local.minute)
            elif local.minute not in self.minutes:
                moment += timedelta(minutes=1)
            else:
                return moment.timestamp()

    def _is_day(self, local: datetime) -> bool:
        by_month, by_week = local.day in self.days, local.isoweekday() % 7 in self.weekdays
        return by_month and by_week if self.any_day or self.any_weekday else by_month or by_week


def _instant(local: datetime, zone: tzinfo, after: datetime) -> datetime:
    """That local time as an instant; always later than `after`, whatever the clocks do that night."""
    found = local.replace(tzinfo=zone).astimezone(UTC)
    return found if found > after else after + timedelta(minutes=1)


@lru_cache(maxsize=1024)
def parse(text: str) -> Schedule:
    """Read a schedule. Raises ValueError in the words of the real one."""
    if not text:
        raise ValueError("empty spec string")
    if len(text) > _LONGEST:
        raise ValueError(f"a schedule may have at most {_LONGEST} characters")
    if text.startswith(("TZ=", "CRON_TZ=")):
        name, _, text = text.partition("=")[2].partition(" ")
        if zone(name) is None:
            raise ValueError(f"provided bad location {name}: unknown time zone {name}")
        text = text.strip()
    if text.startswith("@"):
        if text.startswith(_EVERY):
            return Schedule(every_s=_every_s(text.removeprefix(_EVERY)))
        if text not in _DESCRIPTORS:
            raise ValueError(f"unrecognized descriptor: {text}")
        text = _DESCRIPTORS[text]
    fields = text.split()
    if len(fields) != 5:
        raise ValueError(f"expected exactly 5 fields, found {len(fields)}: [{' '.join(fields)}]")
    minutes, hours, days, months, weekdays = (
        _field(field, bounds) for field, bounds in zip(fields, (_MINUTE, _HOUR, _DAY, _MONTH, _WEEKDAY), strict=True)
    )
    return Schedule(minutes[0], hours[0], days[0], months[0], weekdays[0], any_day=days[1], any_weekday=weekdays[1])


def _field(text: str, bounds: _Bounds) -> tuple[frozenset[int], bool]:
    """The values of one field, and whether it was `*` (or `?`), which a step does not change."""
    values: set[int] = set()
    any_value = False
    for part in filter(None, text.split(",")):
        found, star = _range(part, bounds)
        values.update(found)
        any_value = any_value or star
    return frozenset(values), any_value


def _range(text: str, bounds: _Bounds) -> tuple[range, bool]:
    limits, *steps = text.split("/")
    ends = limits.split("-")
    star = False
    if ends[0] in ("*", "?"):
        first, last, star = bounds.least, bounds.most, True
    else:
        first = _value(ends[0], bounds)
        last = _value(ends[1], bounds) if len(ends) == 2 else first
        if len(ends) > 2:
            raise ValueError(f"too many hyphens: {text}")
    step = 1
    if len(steps) == 1:
        step = _integer(steps[0])
        if len(ends) == 1:
            last = bounds.most  # "N/step" is from N on
        if step > 1:
            star = False
    elif len(steps) > 1:
        raise ValueError(f"too many slashes: {text}")
    if first < bounds.least:
        raise ValueError(f"beginning of range ({first}) below minimum ({bounds.least}): {text}")
    if last > bounds.most:
        raise ValueError(f"end of range ({last}) above maximum ({bounds.most}): {text}")
    if first > last:
        raise ValueError(f"beginning of range ({first}) beyond end of range ({last}): {text}")
    if step == 0:
        raise ValueError(f"step of range should be a positive number: {text}")
    return range(first, last + 1, step), star


def _value(text: str, bounds: _Bounds) -> int:
    known = bounds.names.get(text.lower())
    return known if known is not None else _integer(text)


def _integer(text: str) -> int:
    digits = text.removeprefix("-").removeprefix("+") if text[:1] in "+-" else text
    if not digits.isascii() or not digits.isdigit():
        raise ValueError(f'failed to parse int from {text}: strconv.Atoi: parsing "{text}": invalid syntax')
    if len(digits.lstrip("0")) > 18:
        raise ValueError(f'failed to parse int from {text}: strconv.Atoi: parsing "{text}": value out of range')
    if text.startswith("-"):
        raise ValueError(f"negative number (-{int(digits)}) not allowed: {text}")
    return int(digits)


def _every_s(text: str) -> float:
    """A Go duration in whole seconds, one at least."""
    parts = _DURATION.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text.removeprefix("+"):
        why = f'time: invalid duration "{text}"'
        raise ValueError(f"failed to parse duration {_EVERY}{text}: {why}")
    return float(max(1, int(sum(float(number) * _UNITS_S[unit] for number, unit in parts))))


@lru_cache(maxsize=256)
def zone(name: str) -> ZoneInfo | None:
    """The time zone of that name; None where the tz database has none."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None
