"""Quantities read and written as resource.Quantity does. The pairs are facts of apimachinery's quantity_test.go."""

from __future__ import annotations

import pytest

from statelab.controlplane import quantity


@pytest.mark.parametrize(
    ("written", "answered"),
    [
        ("1024Mi", "1Gi"),
        ("1Gi", "1Gi"),
        ("1.5Gi", "1536Mi"),
        ("0.5", "500m"),
        ("1.5", "1500m"),
        ("1000", "1k"),
        ("1000m", "1"),
        ("1e3", "1e3"),
        (".001Ki", "1024m"),
        ("0.1Gi", "107374182400m"),
        ("0", "0"),
        ("0Mi", "0"),
        ("-1Gi", "-1Gi"),
        ("0.0000000001", "1n"),
        ("12345678901234567890", "9223372036854775807"),
    ],
)
def test_a_quantity_is_answered_in_its_canonical_form(written: str, answered: str) -> None:
    assert quantity.canonical(written) == answered


def test_equal_amounts_are_equal_whatever_their_suffix() -> None:
    assert quantity.compare("1024Mi", "1Gi") == 0
    assert quantity.compare("1", "1001m") == -1
    assert quantity.compare("1Gi", "1G") == 1


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("", quantity.FORMAT_WRONG),
        ("1gi", quantity.FORMAT_WRONG),
        ("much", quantity.FORMAT_WRONG),
        ("1 Gi", quantity.FORMAT_WRONG),
        ("1iK", quantity.SUFFIX_WRONG),
        ("1e", quantity.SUFFIX_WRONG),
    ],
)
def test_what_is_no_quantity_is_refused_in_upstreams_words(written: str, problem: str) -> None:
    with pytest.raises(ValueError, match="quantit") as refusal:
        quantity.parse(written)
    assert str(refusal.value) == problem


def test_an_exponent_without_end_costs_nothing() -> None:
    assert quantity.parse("1e999999999").nanos == (2**63 - 1) * quantity.NANO
    assert quantity.parse("1e-999999999").nanos == 1
    assert quantity.parse("9" * 100_000).text == "9223372036854775807"
