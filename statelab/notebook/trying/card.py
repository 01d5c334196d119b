"""try_it(): a task for the empty cell below it, and what has come of it so far, told as it happens.

The card needs no widget: it is HTML that is replaced when something has changed. So it works wherever a notebook does,
and a saved one keeps how it ended.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any
from uuid import uuid4

from IPython import get_ipython
from IPython.display import display, update_display

from statelab.cluster import Cluster, Problem, RequestRefused
from statelab.notebook.pictures.drawing import escaped
from statelab.notebook.pictures.live import mirror_of
from statelab.notebook.strings import say
from statelab.notebook.telling import progress
from statelab.notebook.trying.goals import Goal, Look, Seen, look, reader_of

_open: dict[str, Card] = {}  # by key, those that wait for something
# What a thread says belongs to no cell: a notebook that runs without a page drops it. It is said again after the cell.
_say_again: list[Card] = []


class Card:
    """One task. It looks after each cell and at each change of its namespace, until all goals are met at once."""

    def __init__(self, task: str, wants: Mapping[str, Goal], key: str, hint: str, cluster: Cluster) -> None:
        self._task, self._key, self._hint = task, key, hint
        self._looks: dict[str, Look] = {sentence: reader_of(goal, cluster) for sentence, goal in wants.items()}
        self._seen: dict[str, Seen] = {}
        self._shown_as = f"try-{uuid4().hex}"
        # The kernel's thread and that which follows the cluster; in a tab they are one, and a look may tell of news.
        self._lock = threading.RLock()
        self.is_done = False
        mirror = mirror_of(cluster)
        self._cluster = mirror.cluster
        self._stop: Callable[[], None] = mirror.listen(self.look)
        self.look()

    def look(self) -> None:
        """Look at the cluster now, and say what has changed on the card."""
        with self._lock:
            if self.is_done:
                return
            before, self._seen = self._seen, {each: look(reader, self._cluster) for each, reader in self._looks.items()}
            self.is_done = all(each.is_so for each in self._seen.values())
        if self.is_done:
            progress.record("tried", self._key, True)
            self.close()
        if before and before != self._seen:
            self.tell()
            if threading.current_thread() is not threading.main_thread():
                _say_again.append(self)

    def tell(self) -> None:
        """Show on the card what was seen last."""
        update_display(self._bundle(), raw=True, display_id=self._shown_as)

    def close(self) -> None:
        """Look no more."""
        self._stop()
        if _open.get(self._key) is self:
            del _open[self._key]

    def is_about(self, cluster: Cluster) -> bool:
        """Whether that is where its task is to be done."""
        here = self._cluster
        return (here.connection.url, here.namespace) == (cluster.connection.url, cluster.namespace)

    def _ipython_display_(self, **_: Any) -> None:
        display(self._bundle(), raw=True, display_id=self._shown_as)

    def __repr__(self) -> str:
        return self._words()

    def _bundle(self) -> dict[str, Any]:
        return {"text/plain": self._words(), "text/html": self._html()}

    def _words(self) -> str:
        lines = [f"{say('your_turn')}: {self._task}"]
        for sentence, seen in self._seen.items():
            instead = f" ({seen.instead})" if seen.instead else ""
            lines.append(f"  {'✓' if seen.is_so else '○'} {sentence}{instead}")
        return "\n".join([*lines, *([say("try_done")] if self.is_done else [])])

    def _html(self) -> str:
        rows = []
        for sentence, seen in self._seen.items():
            mark, word = ("✓", say("so_it_is")) if seen.is_so else ("○", say("not_so_yet"))
            colour = "var(--jp-success-color1, #1a7f37)" if seen.is_so else "inherit"
            instead = f" <em style='opacity:.8'>{escaped(seen.instead)}</em>" if seen.instead else ""
            rows.append(
                f"<li><span role='img' aria-label='{escaped(word)}' style='color:{colour};display:inline-block;"
                f"width:1.4em;font-weight:bold'>{mark}</span>{escaped(sentence)}{instead}</li>"
            )
        hint = f"<details><summary>{say('try_hint')}</summary><p>{escaped(self._hint)}</p></details>"
        last = f"<p><strong>{say('try_done')}</strong></p>" if self.is_done else (hint if self._hint else "")
        return (
            "<div role='group' style='border-left:4px solid var(--jp-brand-color1, #1976d2);padding:2px 12px'>"
            f"<p><strong>{say('your_turn')}.</strong> {escaped(self._task)}</p>"
            f"<ul style='list-style:none;padding-left:0'>{''.join(rows)}</ul>{last}</div>"
        )


class _Following:
    """What hears, once in a kernel, that a cell has run."""

    _shell: Any = None

    def begin(self) -> None:
        shell = get_ipython()
        if shell is not None and shell is not self._shell:
            shell.events.register("post_run_cell", self._after)
            self._shell = shell

    def _after(self, _result: Any) -> None:
        from statelab.notebook import connected

        cluster = connected()
        for card in list(_open.values()):
            if cluster is None or not card.is_about(cluster):
                card.close()  # the notebook has gone on to another lesson
                continue
            with suppress(Problem, RequestRefused):
                card.look()
        while _say_again:
            _say_again.pop().tell()


_following = _Following()


def try_it(task: str, *, wants: Mapping[str, Goal], key: str, hint: str = "") -> Card:
    """A task for the empty cell below, and beside each thing it is to bring about whether that is so by now.

    `wants`: for each sentence what it means (see statelab.notebook.trying.goals): {"web has five": "sts/web
    spec.replicas=5"}. `key`: "04-try-five"; done is written into the learner's progress under it. `hint`: to be opened.
    Raises Problem for a goal that says nothing.
    """
    from statelab.notebook import current

    if key in _open:
        _open[key].close()
    card = Card(task, wants, key, hint, current())
    if not card.is_done:
        _open[key] = card
        _following.begin()
    return card
