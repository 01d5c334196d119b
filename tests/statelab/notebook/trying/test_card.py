"""A task and what has come of it: looked at after each cell, told when it has changed, done once and for all."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest

from statelab.notebook.telling import progress
from statelab.notebook.trying import card as cards


@pytest.fixture
def told(monkeypatch, tmp_path):
    """A card of two goals; what it shows anew; and how things stand, to be changed."""
    monkeypatch.setenv("STATELAB_HOME", str(tmp_path))
    listeners, shown, stands = [], [], {"one": False, "two": "there is nothing"}
    cluster = SimpleNamespace(connection=SimpleNamespace(url="http://x"), namespace="lesson-04")

    def listen(listener):
        listeners.append(listener)
        return lambda: listeners.remove(listener) if listener in listeners else None

    mirror = SimpleNamespace(cluster=cluster, listen=listen)
    monkeypatch.setattr(cards, "mirror_of", lambda _: mirror)
    monkeypatch.setattr(cards, "update_display", lambda bundle, **_: shown.append(bundle["text/plain"]))
    monkeypatch.setattr("statelab.notebook._Current.cluster", cluster)
    wants = {"One is so": lambda: stands["one"], "Two <is> so": lambda: stands["two"]}
    card = cards.try_it("Do both.", wants=wants, key="04-try-both", hint="First one, then two.")
    yield SimpleNamespace(card=card, shown=shown, stands=stands, listeners=listeners, cluster=cluster)
    card.close()


def test_a_card_says_what_is_wanted_and_what_is_so_instead(told):
    assert repr(told.card).splitlines() == [
        "Your turn: Do both.",
        "  ○ One is so",
        "  ○ Two <is> so (there is nothing)",
    ]
    html = told.card._bundle()["text/html"]
    assert "Two &lt;is&gt; so" in html
    assert "<details><summary>A hint</summary><p>First one, then two.</p>" in html
    assert html.count("aria-label='not so yet'") == 2


def test_a_change_of_the_cluster_is_told_once_and_nothing_else(told):
    told.listeners[0]()
    assert told.shown == []
    told.stands["one"] = True
    told.listeners[0]()
    told.listeners[0]()
    assert len(told.shown) == 1
    assert "✓ One is so" in told.shown[0]


def test_when_all_is_so_it_is_done_written_down_and_looks_no_more(told):
    told.stands |= {"one": True, "two": ""}
    cards._following._after(None)
    assert told.shown[-1].endswith("Done. So it is.")
    assert progress.get("tried", "04-try-both") is True
    assert told.listeners == []
    told.stands["one"] = False
    told.card.look()
    assert told.card.is_done


def test_what_a_thread_has_told_is_told_once_more_after_the_cell(told):
    """nbconvert and the like drop what comes under no cell of theirs."""
    told.stands |= {"one": True, "two": ""}
    thread = threading.Thread(target=told.listeners[0])
    thread.start()
    thread.join()
    assert len(told.shown) == 1
    cards._following._after(None)
    cards._following._after(None)
    assert len(told.shown) == 2
    assert told.shown[1].endswith("Done. So it is.")


def test_a_card_of_another_lesson_looks_no_more(told, monkeypatch):
    elsewhere = SimpleNamespace(connection=told.cluster.connection, namespace="lesson-05")
    monkeypatch.setattr("statelab.notebook._Current.cluster", elsewhere)
    cards._following._after(None)
    assert told.listeners == []
    assert not told.card.is_done


def test_the_same_card_run_again_takes_the_place_of_the_first(told):
    again = cards.try_it("Do both.", wants={"One is so": lambda: told.stands["one"]}, key="04-try-both")
    assert len(told.listeners) == 1
    again.close()
    assert told.listeners == []
