"""predict(): the learner commits to an answer before running; it is graded nowhere and kept for the end."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import anywidget
import traitlets
from IPython.display import display, update_display

from statelab.cluster.problem import Problem
from statelab.notebook.pictures.drawing import escaped
from statelab.notebook.pictures.modules import css, lasting, module
from statelab.notebook.strings import ENGLISH, say
from statelab.notebook.telling import progress


class Prediction(anywidget.AnyWidget):
    """One question. `kind`: "one" or "many" of the items, "order" them, or "fill" in a word."""

    _esm = module("predict")
    _css = css()
    question = traitlets.Unicode().tag(sync=True)
    kind = traitlets.Unicode().tag(sync=True)
    items = traitlets.List(traitlets.Unicode()).tag(sync=True)
    answer = traitlets.List(traitlets.Unicode()).tag(sync=True)
    said = traitlets.Unicode("").tag(sync=True)
    text = traitlets.Dict(ENGLISH).tag(sync=True)

    def __init__(self, question: str, kind: str, items: Sequence[str], key: str) -> None:
        kept = progress.get("predictions", key) or []
        super().__init__(question=question, kind=kind, items=list(items), answer=[str(each) for each in kept])
        self._key = key
        self._shown_as: str | None = None
        if kept:
            self.said = say("said", answer=", ".join(self.answer))
        self.observe(self._on_answer, names="answer")

    def _on_answer(self, change: Any) -> None:
        if not change["new"]:
            self.said = say("not_answered")
            return
        progress.record("predictions", self._key, list(change["new"]))
        self.said = say("said", answer=", ".join(change["new"]))
        if self._shown_as is not None:  # what is saved says what was answered
            update_display(self._bundle(), raw=True, display_id=self._shown_as)

    def _ipython_display_(self, **_: Any) -> None:
        self._shown_as = f"prediction-{uuid4().hex}"
        display(self._bundle(), raw=True, display_id=self._shown_as)

    def _bundle(self) -> dict[str, Any]:
        bundle = self._repr_mimebundle_()
        return dict(bundle[0] if isinstance(bundle, tuple) else bundle)

    def _repr_mimebundle_(self, **more: Any) -> Any:
        head = f"{say('predict')}: {self.question}"
        said = self.said if self.answer else say("not_answered_yet")
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


def predicted(key: str) -> str:
    """What the learner predicted under that key, in words; "nothing yet" when they have not."""
    kept = progress.get("predictions", key)
    return ", ".join(kept) if kept else "nothing yet"
