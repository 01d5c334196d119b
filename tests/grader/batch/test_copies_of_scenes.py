"""How many submissions one process of `grader run` takes."""

from __future__ import annotations

from math import inf

import pytest

from grader.batch.run import at_once_of


@pytest.mark.parametrize("submissions", [1, 12, 100, 400])
def test_no_other_number_of_copies_would_cost_less(submissions: int) -> None:
    def cost(copies: int) -> float:
        """In processes started; making one copy of every scene ready costs as much as nine of them."""
        return 9 * copies + submissions / copies if copies else inf

    chosen = at_once_of(submissions)
    assert cost(chosen) <= min(cost(chosen - 1), cost(chosen + 1))


def test_memory_is_the_same_for_a_class_of_any_size() -> None:
    assert at_once_of(2_000) == at_once_of(200_000) == 10
