"""Predictions: what was thought beside what came, said without praise or blame, and kept."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from statelab.notebook.pictures.predicting import predict, same, truth, verdict_on
from statelab.notebook.telling import progress
from statelab.notebook.telling.standing import how_far

LESSON = """{"cells": [{"source": ["# 04 · Names\\n"]}, {"source": "predict(\\"?\\", key=\\"04-kill\\")"}]}"""


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STATELAB_HOME", str(tmp_path))
    (tmp_path / "course").mkdir()
    (tmp_path / "course" / "04-names.ipynb").write_text(LESSON)
    return tmp_path


def test_the_card_says_what_was_thought_and_what_was_so_and_where_to_look() -> None:
    card = predict("Which comes back?", one=["web-0", "web-1"], key="04-kill")
    card.answer = ["web-0"]
    judged = truth("04-kill", "web-1", look="pod/web-1")
    assert judged.is_same is False
    assert str(judged) == card.verdict == "You thought: web-0. What came: web-1."
    assert (card.truth, card.look) == (["web-1"], "pod/web-1")
    assert "What came: web-1." in card._repr_mimebundle_()[0]["text/html"]


def test_nobody_is_praised_or_scolded() -> None:
    words = " ".join(verdict_on(said, ["b"], is_ordered=False) for said in ([], ["a"], ["b"])).lower()
    assert not {"wrong", "right", "correct", "mistake", "well", "sorry"} & set(words.replace(".", "").split())


def test_an_order_is_compared_in_order_and_a_choice_of_many_is_not() -> None:
    assert same(["b", "a"], ["a", "b"], is_ordered=False)
    assert not same(["b", "a"], ["a", "b"], is_ordered=True)


@given(st.lists(st.text(max_size=8), max_size=4))
def test_an_answer_is_the_same_as_itself_however_it_is_spaced_or_spelt_large(words: list[str]) -> None:
    assert same([f"  {each} " for each in words], words, is_ordered=True)
    assert same(list(reversed(words)), words, is_ordered=False)


def test_a_truth_that_is_none_of_the_choices_is_a_mistake_of_the_lesson() -> None:
    predict("Which?", one=["web-0", "web-1"], key="04-kill")
    with pytest.raises(ValueError, match="none of the choices"):
        truth("04-kill", "web-7")


def test_a_truth_without_a_prediction_is_told_and_counts_for_nothing() -> None:
    assert truth("04-none", "web-1").is_same is None
    assert progress.get("judged", "04-none") is None


def test_how_far_knows_how_many_predictions_said_what_then_happened() -> None:
    progress.record("predictions", "04-kill", ["web-1"])
    truth("04-kill", ["web-1"])
    [lesson] = how_far().lessons
    assert (lesson.judged, lesson.as_it_was) == (1, 1)
    assert "1 of 1" in str(how_far())
