"""Watches that are ended from another thread, whenever that is."""

from __future__ import annotations

import threading

from statelab.cluster.watching import Ends


def test_a_watch_that_begins_while_all_are_ended_ends_too():
    ended: list[str] = []
    ends = Ends(threading.Event())
    ends.add(lambda: ended.append("the first"))
    ends.close()
    ends.add(lambda: ended.append("one that was just connecting"))
    assert ended == ["the first", "one that was just connecting"]
