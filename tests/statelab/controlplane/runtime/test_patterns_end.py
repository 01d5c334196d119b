"""Patterns of strangers: none of them keeps Python's matcher for longer than a line is worth."""

from __future__ import annotations

import pytest

from statelab.controlplane.runtime.shell.bounded import Bounded, PatternProblem
from statelab.controlplane.runtime.shell.patterns import glob, regex


@pytest.mark.parametrize(
    "pattern", ["((a+))+", "(a|a)*", "(a|ab)*", "(x(a|a)y)*", "(a?a?)*", "(a|a){30}", "(|a)+", "(.|a)*", "([a-z]*,)*"]
)
def test_a_pattern_over_which_the_matcher_would_not_end_is_refused(pattern):
    with pytest.raises(PatternProblem, match="repetition of a repetition"):
        regex(pattern, extended=True)


@pytest.mark.parametrize(
    "pattern", ["(foo|bar)+", "([0-9]+\\.){3}[0-9]+", "((a|b)c)*", "[(]a+[)]+", "a(b|c)?d+", "(a*)(b*)", "a|(b)+|c|"]
)
def test_a_pattern_that_ends_soon_is_none_of_them(pattern):
    assert regex(pattern, extended=True)


@pytest.mark.parametrize(
    ("pattern", "line"),
    [
        ("a*a*a*a*b", "a" * 100),
        ("[a-z]*[a-z]*[a-z]*1", "abc" * 200),
        (".*b", "a" * 100_000),
        (".*x.*y.*z", "xy" * 1_000),
        ("(ab)*(ab)*(ab)*c", "ab" * 1_000),
        ("a{1,50}a{1,50}a{1,50}b", "a" * 3_000),
        ("a?" * 28 + "a" * 28, "a" * 28),
    ],
)
def test_a_line_over_which_a_pattern_would_not_end_is_refused(pattern, line):
    with pytest.raises(PatternProblem, match="so many repetitions, and a line so long"):
        Bounded(pattern).search(line)


LOG = '10.244.1.5 - - [01/Jan/2026:00:00:00 +0000] "GET /index.html HTTP/1.1" 200 612 "-" "curl/8.5.0" '


@pytest.mark.parametrize(
    ("pattern", "line", "is_found"),
    [
        (r"^[0-9.]+ - .* \[.*\] \".*\" [0-9]+", LOG * 3, True),
        (r"[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+", LOG * 30, True),
        (r'"[^"]*" [0-9]+ [0-9]+ "([^"]*)" "([^"]*)"$', LOG * 10, False),
        (r'"ready": *true', '{"ready": true}' * 1_000, True),
        (".*b", "a" * 5_000, False),
        ("s*/.*: *", "a: b " * 400, False),
    ],
)
def test_lines_as_they_are_written_are_matched(pattern, line, is_found):
    assert (Bounded(pattern).search(line) is not None) is is_found


def test_stars_of_the_shell_over_a_long_value():
    assert glob("*foo*bar*").match("x" * 3_000 + "foo" + "y" * 3_000 + "bar")
    with pytest.raises(PatternProblem):
        glob("*a*a*a*a*b").match("a" * 1_000)
