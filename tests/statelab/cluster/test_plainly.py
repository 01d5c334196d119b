"""A call that is wrong is told with how it is called, before anything happens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from statelab.cluster.plainly import plain_methods, plainly
from statelab.cluster.problem import Problem


@plainly
def ask(what: str, *more: str, times: int | None = None, pause_s: float = 1.0, tell: Callable[[], Any] = print) -> str:
    return f"{what} {more} {times}"


@plain_methods("cluster")
class Cluster:
    def list(self, plurals: Sequence[str], labels: str = "") -> int:
        return len(plurals)

    def _own(self, number: int) -> int:
        return number


@pytest.mark.parametrize(
    ("arguments", "named", "said"),
    [
        ((), {}, "ask() was called wrongly: missing a required argument: 'what'."),
        (("a",), {"tmies": 3}, "ask() was called wrongly: got an unexpected keyword argument 'tmies'."),
        ((3,), {}, "ask() takes what as text; 3 is a whole number."),
        (("a", "b", None), {}, "ask() takes more as text; ('b', None) is"),
        (("a",), {"times": "three"}, "ask() takes times as a whole number; 'three' is text."),
        (("a",), {"pause_s": "1"}, "ask() takes pause_s as a number; '1' is text."),
        (("a",), {"tell": 3}, "ask() takes tell as a function; 3 is a whole number."),
    ],
)
def test_the_slip_is_named(arguments: tuple[Any, ...], named: dict[str, Any], said: str) -> None:
    with pytest.raises(Problem) as told:
        ask(*arguments, **named)
    assert told.value.what.startswith(said)
    assert told.value.next_step.startswith("It is called so: ask(what, *more, times=None, pause_s=1.0,")


def test_what_is_right_is_done() -> None:
    assert ask("a", "b", times=None, pause_s=2) == "a ('b',) None"
    assert ask("a", times=3) == "a () 3"


def test_a_word_is_no_list_of_words_and_self_is_nobody_s_argument() -> None:
    cluster = Cluster()
    assert cluster.list(["pods", "nodes"]) == 2
    with pytest.raises(Problem, match=r"cluster.list\(\) takes plurals as a list of text; 'pods' is text") as told:
        cluster.list("pods")
    assert "cluster.list(plurals, labels='')" in told.value.next_step
    assert cluster._own("what is ours is not looked at") == "what is ours is not looked at"  # type: ignore[arg-type,comparison-overlap]


def test_a_mistake_inside_is_not_taken_for_the_caller_s() -> None:
    @plainly
    def broken(what: str) -> None:
        raise TypeError("ours")

    with pytest.raises(TypeError, match="ours"):
        broken("a")
