"""predict(): the learner commits to an answer before running; it is graded nowhere and kept for the end."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import traitlets
from IPython.display import display, update_display

from statelab.cluster.problem import Problem
from statelab.notebook.pictures.drawing import escaped
from statelab.notebook.pictures.modules import answering, css, lasting, module
from statelab.notebook.pictures.widget import Widget
from statelab.notebook.strings import ENGLISH, say
from statelab.notebook.telling import progress

_asked: dict[str, Prediction] = {}  # by key, the card shown last


class Prediction(Widget):
    """One question. `kind`: "one" or "many" of the items, "order" them, or "fill" in a word."""

    _esm = module("predict")
    _css = css()
    question = traitlets.Unicode().tag(sync=True)
    kind = traitlets.Unicode().tag(sync=True)
    items = traitlets.List(traitlets.Unicode()).tag(sync=True)
    answer = traitlets.List(traitlets.Unicode()).tag(sync=True)
    said = traitlets.Unicode("").tag(sync=True)
    truth = traitlets.List(traitlets.Unicode()).tag(sync=True)
    verdict = traitlets.Unicode("").tag(sync=True)
    look = traitlets.Unicode("").tag(sync=True)
    text = traitlets.Dict(ENGLISH).tag(sync=True)

    def __init__(self, question: str, kind: str, items: Sequence[str], key: str) -> None:
        kept = progress.get("predictions", key) or []
        super().__init__(question=question, kind=kind, items=list(items), answer=[str(each) for each in kept])
        self._key = key
        self._shown_as: str | None = None
        if kept:
            self.said = say("said", answer=", ".join(self.answer))
        self._moment = 0
        self.observe(self._on_answer, names="answer")
        self.on_msg(answering(self._on_message))
        _asked[key] = self

    def judge(self, truth: Sequence[str], look: str) -> None:
        """The truth has come: say so on the card, and where it is to be seen."""
        from statelab.notebook.pictures.stage_view import moment_now

        self._moment = moment_now()
        with self.hold_sync():
            self.truth, self.look = list(truth), look
            self.verdict = verdict_on(self.answer, truth, is_ordered=self.kind == "order")
        self._keep()

    def _on_message(self, message: dict[str, Any]) -> None:
        from statelab.notebook.pictures.stage_view import look_back

        if "look" in message and self.look:
            look_back(self.look, self._moment)

    def _on_answer(self, change: Any) -> None:
        if not change["new"]:
            self.said = say("not_answered")
            return
        progress.record("predictions", self._key, list(change["new"]))
        self.said = say("said", answer=", ".join(change["new"]))
        self._keep()

    def _keep(self) -> None:
        """What is saved says what was answered, and what came of it."""
        if self._shown_as is not None:
            update_display(self._bundle(), raw=True, display_id=self._shown_as)

    def _ipython_display_(self, **_: Any) -> None:
        self._shown_as = f"prediction-{uuid4().hex}"
        display(self._bundle(), raw=True, display_id=self._shown_as)

    def _bundle(self) -> dict[str, Any]:
        bundle = self._repr_mimebundle_()
        return dict(bundle[0] if isinstance(bundle, tuple) else bundle)

    def _repr_mimebundle_(self, **more: Any) -> Any:
        head = f"{say('predict')}: {self.question}"
        said = self.verdict or (self.said if self.answer else say("not_answered_yet"))
        words = "\n".join([head, *(f"  · {item}" for item in self.items), said])
        items = "".join(f"<li>{escaped(item)}</li>" for item in self.items)
        html = f"<p><strong>{escaped(head)}</strong></p><ul>{items}</ul><p><em>{escaped(said)}</em></p>"
        return lasting(super()._repr_mimebundle_(**more), words, html=html)


def predict(
    question: str,
    *,
    choices: Sequence[str] | None = None,
    one: Sequence[str] | None = None,
    order: Sequence[str] | None = None,
    key: str,
) -> Prediction:
    """Ask for a prediction: any of `choices`, just `one` of them, an `order`, or (with none of these) a word.

    `key` names the answer in the learner's progress, so that it can be shown beside what happened: predicted(key).
    Raises Problem when more than one of them is given.
    """
    given = [(kind, items) for kind, items in (("many", choices), ("one", one), ("order", order)) if items is not None]
    if len(given) > 1:
        raise Problem(
            "predict() asks in one way.", "Give it one of choices=[…], one=[…] and order=[…], or none for a word."
        )
    kind, items = given[0] if given else ("fill", ())
    shuffled = list(items)
    if kind == "order":
        random.Random(key).shuffle(shuffled)  # the same for everyone
        if shuffled == list(items):
            shuffled.reverse()  # the order given is often the answer
    return Prediction(question, kind, shuffled, key)


@dataclass(frozen=True)
class Judged:
    """What was predicted beside what came: `is_same` is None where nothing was predicted."""

    words: str
    is_same: bool | None

    def __repr__(self) -> str:
        return self.words


def truth(key: str, answer: str | Iterable[Any], *, look: str = "") -> Judged:
    """What really happened, for the prediction of that key: its card says so, beside what the learner thought.

    `answer`: what is so, in the words of the choices; in order, where an order was asked for. `look`: an object, such
    as "pod/web-1"; the card then has a button that shows it on the stage as it was now.
    Raises ValueError for an answer that is none of the choices.
    """
    so = [answer] if isinstance(answer, str) else [str(each) for each in answer]
    card = _asked.get(key)
    if card is not None:
        unknown = [each for each in so if card.items and each not in card.items]
        if unknown:
            raise ValueError(f"{unknown[0]!r} is none of the choices of {key!r}: {', '.join(card.items)}")
        card.judge(so, look)
    said = [str(each) for each in progress.get("predictions", key) or []]
    is_ordered = card is not None and card.kind == "order"
    is_same = same(said, so, is_ordered=is_ordered) if said else None
    if is_same is not None:
        progress.record("judged", key, is_same)
    return Judged(verdict_on(said, so, is_ordered=is_ordered), is_same)


def same(said: Sequence[str], so: Sequence[str], *, is_ordered: bool) -> bool:
    """Whether two answers say the same; upper and lower case, and order where none was asked for, do not count."""
    one, two = ([" ".join(each.split()).casefold() for each in answer] for answer in (said, so))
    return one == two if is_ordered else sorted(one) == sorted(two)


def verdict_on(said: Sequence[str], so: Sequence[str], *, is_ordered: bool) -> str:
    """What was thought beside what is so. Nobody is praised and nobody scolded: it is a fact to look at."""
    was = ", ".join(so) or say("nothing")
    if not said:
        return say("judged_unsaid", was=was)
    if same(said, so, is_ordered=is_ordered):
        return say("judged_same", was=was)
    return say("judged_other", said=", ".join(said), was=was)


def predicted(key: str) -> str:
    """What the learner predicted under that key, in words; "nothing yet" when they have not."""
    kept = progress.get("predictions", key)
    return ", ".join(kept) if kept else "nothing yet"
