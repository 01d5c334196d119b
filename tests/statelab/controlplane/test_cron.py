"""Schedules, as robfig/cron reads them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from statelab.controlplane import cron


def after(schedule: str, at: str, zone: str = "UTC") -> str:
    found = cron.parse(schedule).after(
        datetime.fromisoformat(at).replace(tzinfo=ZoneInfo(zone)).timestamp(), ZoneInfo(zone)
    )
    assert found is not None
    return datetime.fromtimestamp(found, ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M")


@pytest.mark.parametrize(
    ("schedule", "at", "following"),
    [
        ("* * * * *", "2026-01-01 00:00:30", "2026-01-01 00:01"),
        ("*/15 * * * *", "2026-01-01 00:15", "2026-01-01 00:30"),
        ("5/20 * * * *", "2026-01-01 00:00", "2026-01-01 00:05"),
        ("@hourly", "2026-01-01 00:00", "2026-01-01 01:00"),
        ("@weekly", "2026-01-01 00:00", "2026-01-04 00:00"),
        ("0 9 * * mon-fri", "2026-01-02 10:00", "2026-01-05 09:00"),
        ("0 0 13 * 5", "2026-01-01 00:00", "2026-01-02 00:00"),  # a Friday or a 13th
        ("0 0 ? * SUN", "2026-01-01 00:00", "2026-01-04 00:00"),
        ("30 2 29 2 *", "2026-01-01 00:00", "2028-02-29 02:30"),
        ("0 0 1 jan,jul *", "2026-02-01 00:00", "2026-07-01 00:00"),
    ],
)
def test_the_next_moment(schedule: str, at: str, following: str) -> None:
    assert after(schedule, at) == following


def test_times_are_those_of_the_time_zone_through_the_changes_of_the_clocks() -> None:
    assert after("0 3 * * *", "2026-03-28 12:00", "Europe/Berlin") == "2026-03-29 03:00"
    assert (
        after("30 2 * * *", "2026-03-28 12:00", "Europe/Berlin") == "2026-03-30 02:30"
    )  # there is no 02:30 on the 29th
    berlin = cron.parse("0 9 * * *").after(datetime(2026, 7, 1, tzinfo=UTC).timestamp(), ZoneInfo("Europe/Berlin"))
    assert berlin == datetime(2026, 7, 1, 7, tzinfo=UTC).timestamp()


def test_a_moment_that_never_comes_is_none_and_is_found_out_at_once() -> None:
    assert cron.parse("0 0 30 2 *").after(0.0) is None


@pytest.mark.parametrize(
    ("schedule", "problem"),
    [
        ("60 * * * *", "end of range (60) above maximum (59): 60"),
        ("0 0 0 * *", "beginning of range (0) below minimum (1): 0"),
        ("0 0 * * 7", "end of range (7) above maximum (6): 7"),
        ("5-1 * * * *", "beginning of range (5) beyond end of range (1): 5-1"),
        ("1-2-3 * * * *", "too many hyphens: 1-2-3"),
        ("*/2/3 * * * *", "too many slashes: */2/3"),
        ("*/0 * * * *", "step of range should be a positive number: */0"),
        ("a * * * *", 'failed to parse int from a: strconv.Atoi: parsing "a": invalid syntax'),
        ("-1 * * * *", 'failed to parse int from : strconv.Atoi: parsing "": invalid syntax'),
        ("@never", "unrecognized descriptor: @never"),
        ("@every x", 'failed to parse duration @every x: time: invalid duration "x"'),
        ("", "empty spec string"),
    ],
)
def test_what_is_no_schedule_is_refused_in_the_words_of_the_real_one(schedule: str, problem: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(problem)}$"):
        cron.parse(schedule)


def test_every_is_a_pause_of_whole_seconds() -> None:
    assert cron.parse("@every 1h30m").after(100.0) == 100.0 + 5400
    assert cron.parse("@every 10ms").after(100.5) == 101.0
